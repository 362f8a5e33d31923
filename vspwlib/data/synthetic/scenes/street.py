"""A street: road and pavements between buildings, traffic, people, lamps and traffic lights."""

import numpy as np

from vspwlib.data.synthetic import outdoor_things, people, plants, regions, vehicles
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Field, Material, stripes, tiles
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.surfaces import Actor, Plane, Region, Scene, Track, standing
from vspwlib.data.synthetic.take import Style, Take, film

# Builder and half the length with some room; cars are three of five.
_VEHICLES = (
    (vehicles.car, 2.6),
    (vehicles.bus, 5.5),
    (vehicles.car, 2.6),
    (vehicles.truck, 5.0),
    (vehicles.car, 2.6),
)


def street(rng: np.random.Generator, style: Style) -> Take:
    """Draw a street that runs away from the camera."""
    weather = str(rng.choice(style.weather))
    half, walk = rng.uniform(3.2, 4.4), rng.uniform(2.6, 4.0)
    cross = rng.uniform(9, 13) if rng.random() < 0.5 else None
    actors = [
        *_houses(rng, half + walk, lit=0.3 if weather == "dusk" else 0.0, gap=cross),
        *_kerb(rng, half, walk, cross),
        *_traffic(rng, style, half),
        *_people(rng, half, walk, cross),
    ]
    backdrop = [skies.skyline, skies.wood, skies.mountains][rng.integers(3)]
    ridges = (backdrop(rng, rng.uniform(0.06, 0.14), 220.0),)
    scene = Scene((_ground(rng, half, walk, cross),), tuple(actors), ridges, skies.sky_for(rng, weather))
    return film(rng, style, scene, daylight(rng, weather), _camera(rng, half, walk))


def _ground(rng: np.random.Generator, half: float, walk: float, cross: float | None) -> Plane:
    asphalt = usual(rng, "road")

    def marks(x: Field, z: Field) -> Field:
        centre = (np.abs(x) < 0.09) & (z % 6.0 < 3.0)
        edge = np.abs(np.abs(x) - half + 0.35) < 0.06
        return (centre | edge).astype(np.float32)

    road = Material("road", asphalt, (0.85, 0.84, 0.8), marks, "grain", period=2.0, gain=0.12, stains=0.12)
    slab = usual(rng, "path")
    pavement = Material("path", slab, darker(slab, 0.75), tiles(rng.uniform(0.5, 1.2)), gain=0.09, period=3.0)
    green = rng.random() < 0.5
    verge = (
        Material("grass", usual(rng, "grass"), grain="strokes", period=2.0, gain=0.22)
        if green
        else Material("ground", usual(rng, "ground"), gain=0.16)
    )
    areas = [Region(pavement, regions.strip(-half - walk, half + walk)), Region(road, regions.strip(-half, half))]
    if cross is not None:
        plain = Material("road", asphalt, grain="grain", period=2.0, gain=0.12, stains=0.12)
        zebra = Material("crosswalk", (0.84, 0.83, 0.8), asphalt, stripes(1.0, 0.5), "grain", period=2.0, gain=0.08)
        areas.append(Region(plain, regions.crossing(cross, cross + 7.0)))
        areas.append(Region(zebra, regions.crossing(cross - 4.8, cross - 0.6, half)))
    return Plane(0.0, verge, tuple(areas))


def _houses(rng: np.random.Generator, edge: float, lit: float, gap: float | None) -> list[Actor]:
    actors = []
    suburb = rng.random() < 0.35
    for side in (-1.0, 1.0):
        z = rng.uniform(-2, 3)
        while z < 95:
            width, deep = rng.uniform(8, 18), rng.uniform(9, 16)
            set_back = rng.uniform(2.0, 5.0) if suburb else rng.uniform(0.2, 1.2)
            middle = z + width / 2
            if gap is not None and z < gap + 8 and z + width > gap - 2:  # the side street stays open
                z = gap + 8
                continue
            place = (side * (edge + set_back + deep / 2), 0.0, middle)
            if suburb and rng.random() < 0.75:
                solids = outdoor_things.house(rng, width * 0.7, rng.uniform(3.0, 5.5), 8.0)
                actors.append(Actor(Track(place, heading=float(np.pi / 2 * side)), solids))
            else:
                size = (deep, rng.uniform(7, 26), width)
                actors.append(Actor(Track(place), outdoor_things.building(rng, size, lit=lit)))
            z += width + float(rng.choice([0.0, 0.3, 4.0], p=[0.55, 0.25, 0.2]))
    return actors


def _kerb(rng: np.random.Generator, half: float, walk: float, cross: float | None) -> list[Actor]:
    actors = []
    for side in (-1.0, 1.0):
        trees, lamps = rng.random() < 0.6, rng.random() < 0.7
        for z in np.arange(rng.uniform(5, 12), 70, rng.uniform(9, 16)):
            if trees and rng.random() < 0.75:
                figure = plants.tree(rng, rng.uniform(4.5, 8.0))
                actors.append(standing(figure, side * (half + 0.8), float(z), (2.2, 1.6)))
            if lamps:
                figure = outdoor_things.street_lamp(rng, rng.uniform(4.5, 6.5), -1.3 * side)
                actors.append(standing(figure, side * (half + 0.5), float(z) + 4.0, (0.2, 0.2)))
        if cross is not None:
            figure = outdoor_things.traffic_light(rng, rng.uniform(2.8, 3.8))
            actors.append(standing(figure, side * (half + 0.45), cross - 4.8, (0.3, 0.2)))
        if rng.random() < 0.3:
            actors.append(
                Actor(
                    Track((side * (half + walk - 0.6), 0.0, rng.uniform(8, 20))),
                    outdoor_things.sign(rng, rng.uniform(2.0, 3.5), rng.uniform(1.2, 2.2), 1.8),
                )
            )
        if rng.random() < 0.35:
            figure = plants.bush(rng, rng.uniform(1.4, 2.4), rng.uniform(0.9, 1.5))
            actors.append(standing(figure, side * (half + walk - 0.3), rng.uniform(5, 16), (0.8, 0.5)))
    return actors


def _traffic(rng: np.random.Generator, style: Style, half: float) -> list[Actor]:
    actors = []
    for lane, away in ((1.0, True), (-1.0, False)):  # traffic drives on the right
        z = rng.uniform(3.5, 7.5)
        for _ in range(rng.integers(1, 4)):
            speed = rng.uniform(3, 11)
            heading = 0.0 if away else float(np.pi)
            build, reach = _VEHICLES[rng.integers(len(_VEHICLES))]
            track = Track((lane * half / 2, 0.0, z + reach), (0.0, 0.0, speed if away else -speed), heading)
            actors.append(Actor(track, build(rng), shadow=(1.5, reach)))
            z += rng.uniform(11, 22)
        if rng.random() < 0.55:  # parked at the kerb
            for z in np.arange(rng.uniform(6, 14), 60, 6.2):
                if rng.random() < 0.6:
                    spot = Track((lane * (half + 0.2), 0.0, float(z)), heading=0.0 if away else float(np.pi))
                    actors.append(Actor(spot, vehicles.car(rng), shadow=(1.3, 2.4)))
    if rng.random() < style.rare:
        facing = float(rng.choice([-1.0, 1.0]))
        track = Track((-4.0 * facing, 0.0, rng.uniform(7, 12)), (3.6 * facing, 0.0, 0.0))
        actors.append(Actor(track, figure=people.cyclist(rng, facing), shadow=(0.9, 0.3)))
    return actors


def _people(rng: np.random.Generator, half: float, walk: float, cross: float | None) -> list[Actor]:
    actors = []
    for _ in range(rng.integers(3, 9)):
        side = float(rng.choice([-1.0, 1.0]))
        pace = float(rng.choice([-1.3, 1.3, 0.0]))
        track = Track((side * (half + rng.uniform(0.6, walk)), 0.0, rng.uniform(4, 30)), (0.0, 0.0, pace))
        figure = people.walker(rng, swing=0.3 if pace else 0.03)
        actors.append(Actor(track, figure=figure, shadow=(0.4, 0.25)))
    for _ in range(rng.integers(0, 3)):
        z = cross - 2.5 if cross is not None else rng.uniform(9, 18)
        way = float(rng.choice([-1.0, 1.0]))
        track = Track((-way * rng.uniform(0, half), 0.0, z + rng.uniform(-1, 1)), (1.4 * way, 0.0, 0.0))
        actors.append(Actor(track, figure=people.walker(rng), shadow=(0.45, 0.25)))
    if rng.random() < 0.2:
        figure = outdoor_things.oddity(rng)
        actors.append(standing(figure, rng.uniform(-half, half), rng.uniform(8, 14), y=1.2))
    return actors


def _camera(rng: np.random.Generator, half: float, walk: float) -> CameraPath:
    mode = str(rng.choice(["drive", "walk", "pan", "stand"]))
    lens = rng.uniform(0.8, 1.2)
    level = rng.uniform(0.4, 0.56)
    if mode == "drive":
        return CameraPath((half / 2, 1.4, 0.0), (0.0, 0.0, rng.uniform(2, 5)), focal=lens, horizon=level)
    side = float(rng.choice([-1.0, 1.0]))
    eye = (side * (half + rng.uniform(0.2, walk * 0.7)), rng.uniform(1.5, 2.4), 0.0)
    yaw = -side * rng.uniform(0.0, 0.4)
    if mode == "walk":
        return CameraPath(eye, (0.1, 0.0, 1.3), yaw, 0.04, lens, horizon=level)
    if mode == "pan":
        return CameraPath(
            eye, yaw=yaw, pan=float(rng.choice([-1, 1])) * rng.uniform(0.06, 0.15), focal=lens, horizon=level
        )
    return CameraPath((0.0, rng.uniform(2.5, 5), -2.0), yaw=yaw * 0.3, focal=1.2 * lens, zoom=0.08, horizon=0.35)
