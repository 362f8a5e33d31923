"""A train at a platform."""

import numpy as np

from vspwlib.data.synthetic import colours, outdoor_things, people, plants, regions, vehicles
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Material, tiles
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.surfaces import Actor, Plane, Region, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def railway(rng: np.random.Generator, style: Style) -> Take:
    """Draw a train at a platform."""
    weather = str(rng.choice(style.weather))
    gravel = Material("ground", usual(rng, "ground"), gain=0.25, period=1.5)
    stone = pick(rng, colours.GREYS, colours.TANS)
    platform = Material("structure", stone, darker(stone, 0.8), tiles(0.8), gain=0.08)
    steel = Material("metal", (0.5, 0.5, 0.52), gain=0.05)
    side = float(rng.choice([-1.0, 1.0]))
    edge = sorted((side * 1.9, side * 9.0))
    areas = (
        Region(platform, regions.strip(edge[0], edge[1])),
        Region(steel, regions.strip(-0.85, -0.7)),
        Region(steel, regions.strip(0.7, 0.85)),
    )
    coach = rng.uniform(16, 22)
    arriving = (0.0, 0.0, -rng.uniform(0.5, 2.5))
    actors = [
        Actor(Track((0.0, 0.0, coach + 22.6 * place), arriving), vehicles.train(rng), shadow=(1.8, 11.0))
        for place in range(2)
    ]
    for _ in range(rng.integers(2, 7)):
        x, z = side * rng.uniform(2.6, 6), rng.uniform(4, 16)
        actors.append(standing(people.walker(rng, swing=0.04), x, z, (0.4, 0.25)))
    actors += [standing(outdoor_things.street_lamp(rng, 5.0, -side), side * 7, 6.0 + 9.0 * k) for k in range(6)]
    actors.append(Actor(Track((-side * 7, 0.0, 30.0)), outdoor_things.building(rng, (8.0, 9.0, 40.0))))
    for _ in range(3):
        x = -side * rng.uniform(3, 6)
        actors.append(standing(plants.bush(rng, 1.6, 0.8), x, rng.uniform(5, 15), (0.8, 0.4)))
    sign = outdoor_things.sign(rng, 2.4, 0.8, 2.2)
    actors.append(Actor(Track((side * 5.0, 0.0, 14.0)), sign))
    scene = Scene(
        (Plane(0.0, gravel, areas),), tuple(actors), (skies.wood(rng, 0.08, 200.0),), skies.sky_for(rng, weather)
    )
    camera = CameraPath(
        (side * 3.4, 1.7, 0.0),
        yaw=-side * rng.uniform(0.05, 0.3),
        focal=rng.uniform(0.9, 1.4),
        horizon=0.45,
    )
    return film(rng, style, scene, daylight(rng, weather), camera)
