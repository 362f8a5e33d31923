"""A park: benches, flower beds, dogs, a kite or a flying disc in the air."""

import numpy as np

from vspwlib.data.synthetic import animals, colours, outdoor_things, people, plants, regions
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import pick, usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Material, patches
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.shapes import Part, ellipse, limb, polygon
from vspwlib.data.synthetic.surfaces import Actor, Figure, Plane, Region, Scene, Track, standing, still
from vspwlib.data.synthetic.take import Style, Take, film


def park(rng: np.random.Generator, style: Style) -> Take:
    """Draw a park: benches, dogs, a kite or a flying disc in the air."""
    weather = str(rng.choice(style.weather))
    lawn = Material(
        "grass", usual(rng, "grass"), pick(rng, colours.TANS), patches(9, 1.2), "strokes", period=2.0, gain=0.22
    )
    gravel = Material("path", usual(rng, "path"), gain=0.14)
    left = rng.uniform(-4, 1)
    areas = (Region(gravel, regions.strip(left, left + 2.4, bend=rng.normal(0, 10))),)
    actors = []
    for _ in range(rng.integers(1, 4)):
        place = Track((rng.uniform(-4, 4), 0.0, rng.uniform(4, 10)), heading=rng.uniform(-0.6, 0.6))
        actors.append(Actor(place, outdoor_things.bench(rng), shadow=(0.9, 0.4)))
    for _ in range(rng.integers(2, 6)):
        way = float(rng.choice([-1.2, 1.2]))
        track = Track((rng.uniform(-6, 6), 0.0, rng.uniform(4, 14)), (way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng), shadow=(0.4, 0.25)))
    for _ in range(rng.integers(0, 3) if style.rare else 0):
        facing = float(rng.choice([-1.0, 1.0]))
        dog = animals.four_legged(rng, "dog", facing=facing)
        actors.append(standing(dog, rng.uniform(-2.5, 2.5), rng.uniform(3, 7), (0.4, 0.2)))
    for _ in range(rng.integers(4, 9)):
        height = rng.uniform(4, 8)
        actors.append(standing(plants.tree(rng, height), rng.uniform(-14, 14), rng.uniform(8, 30), (2, 1.4)))
    spots = rng.uniform((-5, 4), (5, 10), (int(rng.integers(1, 4)), 2)).tolist()
    actors += [standing(plants.flowers(rng, 1.6, 0.5), x, z, (0.8, 0.4)) for x, z in spots]
    actors.append(standing(_flyer(rng), rng.uniform(-3, 3), rng.uniform(6, 10), y=rng.uniform(2, 4)))
    scene = Scene(
        (Plane(0.0, lawn, areas),), tuple(actors), (skies.wood(rng, 0.1, 120.0),), skies.sky_for(rng, weather)
    )
    camera = CameraPath(
        (0.0, 1.6, 0.0),
        (0.0, 0.0, 0.8),
        pan=rng.uniform(-0.12, 0.12),
        yaw=rng.uniform(-0.2, 0.2),
        focal=rng.uniform(0.9, 1.5),
        horizon=0.42,
    )
    return film(rng, style, scene, daylight(rng, weather), camera)


def _flyer(rng: np.random.Generator) -> Figure:
    colour, other = pick(rng, colours.VIVIDS), pick(rng, colours.VIVIDS, colours.WHITES)
    if rng.random() < 0.5:
        return still(
            [Part(ellipse(0, 0, 0.22, 0.07), colour, "frisbee"), Part(ellipse(0, 0.01, 0.15, 0.04), other, "frisbee")]
        )
    tail = [Part(limb((0, -0.6), (0.3, -1.5), 0.05, 0.03), other, "kite")]
    return still(
        [
            *tail,
            Part(polygon((0, 0.7), (0.45, 0), (0, -0.6), (-0.45, 0)), colour, "kite"),
            Part(polygon((0, 0.7), (0.45, 0), (0, -0.6)), other, "kite"),
        ]
    )
