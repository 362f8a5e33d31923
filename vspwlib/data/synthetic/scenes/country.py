"""The countryside: meadows or snow, mountains, a lake, trees, a house, animals behind a fence."""

import numpy as np

from vspwlib.data.synthetic import animals, outdoor_things, people, plants, regions
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Material, patches
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.surfaces import Actor, Plane, Region, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film


def country(rng: np.random.Generator, style: Style) -> Take:
    """Draw a landscape with a herd."""
    weather = str(rng.choice(style.weather))
    winter = rng.random() < 0.22
    lake = rng.random() < 0.5
    plane, water_from = _ground(rng, winter, lake)
    actors = [
        *_growth(rng, winter, water_from),
        *_herd(rng, style, winter),
        *_farm(rng, water_from),
    ]
    ridges = []
    if rng.random() < 0.8:
        ridges.append(skies.mountains(rng, rng.uniform(0.16, 0.34), 900.0, snow=winter or rng.random() < 0.3))
    if rng.random() < 0.7 or not ridges:
        ridges.append(skies.wood(rng, rng.uniform(0.03, 0.08), 160.0))
    scene = Scene((plane,), tuple(actors), tuple(ridges), skies.sky_for(rng, weather))
    camera = CameraPath(
        (0.0, rng.uniform(1.5, 2.8), 0.0),
        (rng.uniform(-1.2, 1.2), 0.0, rng.uniform(0, 0.8)),
        yaw=rng.uniform(-0.15, 0.15),
        pan=rng.uniform(-0.16, 0.16),
        focal=rng.uniform(0.9, 1.5),
        zoom=rng.uniform(-0.05, 0.1),
        horizon=rng.uniform(0.35, 0.52),
    )
    return film(rng, style, scene, daylight(rng, weather), camera)


def _ground(rng: np.random.Generator, winter: bool, lake: bool) -> tuple[Plane, float]:
    if winter:
        base = Material("snow", (0.88, 0.9, 0.94), (0.72, 0.76, 0.84), patches(9.0, 0.8), gain=0.05, period=4.0)
    else:
        green = usual(rng, "grass")
        dry = usual(rng, "grass")
        base = Material("grass", green, dry, patches(14.0, 0.9), "strokes", period=2.5, gain=0.25, stains=0.1)
    areas = []
    if rng.random() < 0.6:
        kind = "path" if rng.random() < 0.6 else "ground"
        dirt = Material(kind, usual(rng, kind), gain=0.15, period=2.5)
        left = rng.uniform(-4, 2)
        areas.append(
            Region(dirt, regions.strip(left, left + rng.uniform(2.0, 3.5), bend=rng.normal(0, 14), ragged=0.15))
        )
    if rng.random() < 0.4:
        earth = Material("ground", usual(rng, "ground"), gain=0.2)
        areas.append(Region(earth, regions.pond(rng.uniform(-6, 6), rng.uniform(8, 16), 3.0, 3.0)))
    start = rng.uniform(11, 18) if lake else 400.0
    if lake:
        water = Material(
            "lake",
            usual(rng, "lake"),
            (0.75, 0.8, 0.85),
            patches(16.0, 1.1),
            "waves",
            period=6.0,
            gain=0.14,
        )
        x, wide, deep = rng.uniform(-20, 20), rng.uniform(30, 60), rng.uniform(15, 40)
        areas.append(Region(water, regions.pond(x, start + deep, wide, deep)))
    return Plane(0.0, base, tuple(areas)), start


def _growth(rng: np.random.Generator, winter: bool, far: float) -> list[Actor]:
    actors = []
    limit = min(far, 60.0)
    for _ in range(rng.integers(4, 12)):
        x, z = rng.uniform(-25, 25), rng.uniform(9, limit)
        form = str(rng.choice(["fir", "bare"])) if winter else None
        height = rng.uniform(4, 9)
        actors.append(standing(plants.tree(rng, height, form), x * z / 25, z, (0.35 * height, 0.25 * height)))
    for _ in range(rng.integers(2, 7)):
        x, z = rng.uniform(-6, 6), rng.uniform(4, 12)
        roll = rng.random()
        if roll < 0.35:
            actors.append(standing(outdoor_things.rock(rng, rng.uniform(1.2, 3.4)), x, z, (1.0, 0.5)))
        elif roll < 0.75 or winter:
            actors.append(standing(plants.bush(rng, rng.uniform(1.5, 3.2), rng.uniform(0.8, 1.6)), x, z, (0.9, 0.5)))
        else:
            actors.append(standing(plants.flowers(rng, rng.uniform(0.8, 1.8), rng.uniform(0.4, 0.7)), x, z, (0.7, 0.4)))
    return actors


def _herd(rng: np.random.Generator, style: Style, winter: bool) -> list[Actor]:
    roll = rng.random()
    kind = "sheep" if roll < 0.5 * style.rare else "horse" if roll < 0.5 else "cattle"
    actors = []
    for _ in range(int(rng.integers(2, 6)) - 2 * winter + 1):
        facing, walking = float(rng.choice([-1.0, 1.0])), rng.random() < 0.6
        track = Track(
            (rng.uniform(-4, 4), 0.0, rng.uniform(4.5, 9)),
            (facing * rng.uniform(0.7, 1.6) * walking, 0.0, 0.0),
        )
        figure = animals.four_legged(rng, kind, facing=facing, walking=walking)
        actors.append(Actor(track, figure=figure, shadow=(1.0, 0.4)))
    if rng.random() < style.rare:
        facing = float(rng.choice([-1.0, 1.0]))
        track = Track((-1.2 * facing, 0.0, rng.uniform(3, 4.5)), (1.2 * facing, 0.0, 0.0))
        actors.append(Actor(track, figure=animals.four_legged(rng, "dog", facing=facing), shadow=(0.4, 0.2)))
    for _ in range(rng.integers(0, 3)):
        way = float(rng.choice([-1.0, 1.0]))
        track = Track((rng.uniform(-5, 5), 0.0, rng.uniform(5, 14)), (1.2 * way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng), shadow=(0.4, 0.25)))
    for _ in range(rng.integers(0, 3)):
        track = Track((rng.uniform(-8, 8), rng.uniform(4, 8), 20.0), (rng.uniform(-4, 4), 0.3, 0.0))
        actors.append(Actor(track, figure=animals.bird(rng)))
    return actors


def _farm(rng: np.random.Generator, far: float) -> list[Actor]:
    actors = []
    if rng.random() < 0.65:
        for _ in range(rng.integers(1, 3)):
            solids = outdoor_things.house(rng, rng.uniform(7, 12), rng.uniform(2.8, 4.5), rng.uniform(6, 8))
            place = (rng.uniform(-16, 16), 0.0, rng.uniform(18, 36) if far > 100 else rng.uniform(0.8, 0.95) * far)
            actors.append(Actor(Track(place, heading=rng.uniform(-0.7, 0.7)), solids))
    if rng.random() < 0.6:
        z = rng.uniform(5, 10)
        solids = outdoor_things.fence(rng, 60.0, rng.uniform(1.1, 1.6))
        actors.append(Actor(Track((0.0, 0.0, z), heading=rng.uniform(-0.15, 0.15)), solids))
    return actors
