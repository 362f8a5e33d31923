"""The seaside: sand, waves, boats, parasols, bathers, palms, gulls."""

import numpy as np

from vspwlib.data.synthetic import animals, outdoor_things, people, plants, regions, vehicles
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Material, patches
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.surfaces import Actor, Plane, Region, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def beach(rng: np.random.Generator, style: Style) -> Take:
    """Draw a beach with the sea behind it."""
    weather = str(rng.choice(style.weather))
    start, slant = rng.uniform(8, 13), rng.normal(0, 0.25)
    sand = usual(rng, "sand")
    base = Material("sand", sand, darker(sand, 0.85), patches(3.0, 0.7), "rough", period=2.0, gain=0.12, stains=0.08)
    wet = Material("sand", darker(sand, 0.72), gain=0.06, stains=0.05)
    water = usual(rng, "sea")
    sea = Material("sea", water, (0.88, 0.91, 0.92), patches(9.0, 1.25), "waves", period=7.0, gain=0.2, stains=0.08)
    foam = Material("sea", (0.9, 0.92, 0.93), darker(water, 1.3), patches(2.0, 0.3), gain=0.1)
    areas = (
        Region(wet, regions.shore(start - 1.6, slant, 0.1)),
        Region(foam, regions.shore(start, slant)),
        Region(sea, regions.shore(start + 0.9, slant)),
    )
    actors = [*_crowd(rng, style), *_boats(rng, start), *_edge(rng, start)]
    ridges = [skies.mountains(rng, rng.uniform(0.03, 0.12), 1500.0)] if rng.random() < 0.45 else []
    scene = Scene((Plane(0.0, base, areas),), tuple(actors), tuple(ridges), skies.sky_for(rng, weather))
    camera = CameraPath(
        (0.0, rng.uniform(1.7, 3.5), 0.0),
        (rng.uniform(-0.9, 0.9), 0.0, 0.0),
        yaw=rng.uniform(-0.3, 0.3),
        pan=rng.uniform(-0.15, 0.15),
        focal=rng.uniform(0.9, 1.4),
        zoom=rng.uniform(-0.04, 0.1),
        horizon=rng.uniform(0.3, 0.5),
    )
    return film(rng, style, scene, daylight(rng, weather), camera)


def _crowd(rng: np.random.Generator, style: Style) -> list[Actor]:
    actors = []
    for _ in range(rng.integers(2, 7)):
        x, z = rng.uniform(-6, 6), rng.uniform(3.5, 8)
        way = float(rng.choice([-1.2, 0.0, 1.2]))
        figure = people.walker(rng, swing=0.45 if way else 0.04)
        actors.append(Actor(Track((x, 0.0, z), (way, 0.0, 0.0)), figure=figure, shadow=(0.45, 0.25)))
    for _ in range(rng.integers(1, 4)):
        x, z = rng.uniform(-4.5, 4.5), rng.uniform(4.5, 8)
        actors.append(standing(outdoor_things.parasol(rng), x, z, (1.3, 0.9)))
    if rng.random() < style.rare:
        facing = float(rng.choice([-1.0, 1.0]))
        track = Track((-1.2 * facing, 0.0, rng.uniform(3, 4.5)), (1.2 * facing, 0.0, 0.0))
        actors.append(Actor(track, figure=animals.four_legged(rng, "dog", facing=facing), shadow=(0.4, 0.2)))
    for _ in range(rng.integers(1, 5)):
        place = (rng.uniform(-6, 6), rng.uniform(2.8, 5), rng.uniform(7, 12))
        track = Track(place, (rng.uniform(-4, 4), rng.uniform(-0.4, 0.4), 0.0), bob=0.2)
        actors.append(Actor(track, figure=animals.bird(rng)))
    if rng.random() < 0.25:
        actors.append(standing(outdoor_things.oddity(rng), rng.uniform(-3, 3), rng.uniform(6, 9), y=0.6))
    return actors


def _boats(rng: np.random.Generator, start: float) -> list[Actor]:
    actors = []
    for _ in range(rng.integers(1, 5)):
        z = start + rng.uniform(10, 60)
        x = rng.uniform(-0.6, 0.6) * z
        track = Track((x, 0.0, z), (rng.uniform(-3, 3), 0.0, 0.0), bob=0.15)
        form = "ship" if z > 40 and rng.random() < 0.5 else str(rng.choice(["sail", "motor"]))
        actors.append(Actor(track, figure=vehicles.boat(rng, form)))
    return actors


def _edge(rng: np.random.Generator, start: float) -> list[Actor]:
    actors = []
    for _ in range(rng.integers(0, 4)):
        side = float(rng.choice([-1.0, 1.0]))
        figure = plants.tree(rng, rng.uniform(4, 7), "palm")
        actors.append(standing(figure, side * rng.uniform(3, 8), rng.uniform(6, start), (1.2, 0.8)))
    for _ in range(rng.integers(0, 4)):
        figure = outdoor_things.rock(rng, rng.uniform(1.5, 4.0))
        actors.append(standing(figure, rng.uniform(-8, 8), rng.uniform(5, start + 4), (0.9, 0.4)))
    for _ in range(rng.integers(0, 3)):
        figure = plants.bush(rng, rng.uniform(1.5, 3), 1.0)
        actors.append(standing(figure, rng.uniform(-7, 7), rng.uniform(4, 8), (0.8, 0.4)))
    return actors
