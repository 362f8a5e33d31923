"""A sports ground: a lined pitch, players in two colours, a goal, hoardings and a grandstand."""

import numpy as np

from vspwlib.data.synthetic import colours, outdoor_things, people, regions
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.light import daylight
from vspwlib.data.synthetic.materials import Field, Material
from vspwlib.data.synthetic.scenes import sky as skies
from vspwlib.data.synthetic.shapes import Part, ellipse
from vspwlib.data.synthetic.surfaces import Actor, Plane, Region, Scene, Track, standing, still
from vspwlib.data.synthetic.take import Style, Take, film


def field(rng: np.random.Generator, style: Style) -> Take:
    """Draw a match seen from the side line."""
    weather = str(rng.choice(style.weather))
    far = rng.uniform(17, 26)
    actors = [*_players(rng), *_border(rng, far)]
    ridge = skies.wood if rng.random() < 0.6 else skies.skyline
    ridges = (ridge(rng, rng.uniform(0.08, 0.16), 150.0),)
    scene = Scene((_pitch(rng, far),), tuple(actors), ridges, skies.sky_for(rng, weather))
    camera = CameraPath(
        (0.0, rng.uniform(2.0, 4.5), 0.0),
        yaw=rng.uniform(-0.3, 0.3),
        pan=rng.uniform(-0.15, 0.15),
        focal=rng.uniform(1.0, 1.7),
        zoom=rng.uniform(-0.05, 0.08),
        horizon=rng.uniform(0.25, 0.42),
    )
    return film(rng, style, scene, daylight(rng, weather), camera)


def _pitch(rng: np.random.Generator, far: float) -> Plane:
    turf = usual(rng, "field")
    near = rng.uniform(2.5, 5.0)

    def lines(x: Field, z: Field) -> Field:
        circle = np.abs(np.hypot(x, z - (near + far) / 2) - 6.0) < 0.14
        line = (np.abs(x) < 0.1) | (np.abs(z - near - 0.6) < 0.1) | (np.abs(z - far + 0.6) < 0.16)
        box = (np.abs(np.abs(x) - 16.0) < 0.12) & (np.abs(z - (near + far) / 2) < 9)
        return np.where(circle | line | box, np.float32(1), np.float32(0.1) * (x % 8.0 < 4.0))

    pitch = Material("field", turf, (0.9, 0.92, 0.88), lines, "strokes", period=2.0, gain=0.12)
    outside = (
        Material("grass", usual(rng, "grass"), grain="strokes", period=2.5, gain=0.25)
        if rng.random() < 0.6
        else Material("ground", usual(rng, "ground"), gain=0.1)
    )
    return Plane(0.0, outside, (Region(pitch, regions.rectangle(-45, 45, near, far)),))


def _players(rng: np.random.Generator) -> list[Actor]:
    actors = []
    for _ in range(rng.integers(6, 13)):
        way = rng.normal(0, 3.0)
        running = abs(way) > 1.0
        figure = people.walker(rng, pace=2.6 if running else 1.5, swing=0.85 if running else 0.15)
        track = Track((rng.uniform(-8, 8), 0.0, rng.uniform(5, 13)), (way, 0.0, rng.normal(0, 0.8)))
        actors.append(Actor(track, figure=figure, shadow=(0.5, 0.3)))
    shade = pick(rng, colours.WHITES, colours.VIVIDS)
    ball = [
        Part(ellipse(0, 0.2, 0.2, 0.2), shade, "ball"),
        Part(ellipse(0.03, 0.22, 0.08, 0.08), darker(shade, 0.4), "ball"),
    ]
    place = (rng.uniform(-3, 3), 0.1, rng.uniform(6, 11))
    actors.append(Actor(Track(place, (rng.uniform(-3, 3), 0.0, 0.4), bob=0.4), figure=still(ball), shadow=(0.25, 0.2)))
    return actors


def _border(rng: np.random.Generator, far: float) -> list[Actor]:
    actors = []
    if rng.random() < 0.8:
        x = rng.uniform(-9, 9)
        actors.append(
            Actor(
                Track((x, 0.0, rng.uniform(9, 13)), heading=rng.uniform(-0.6, 0.6)),
                outdoor_things.goal(rng),
            )
        )
    if rng.random() < 0.7:
        for x in np.arange(-36, 37, 6.2):
            solids = outdoor_things.sign(rng, 6.0, 1.5, 0.05)
            actors.append(Actor(Track((float(x), 0.0, far + 1.2)), solids))
    if rng.random() < 0.85:
        actors.append(
            Actor(Track((0.0, 0.0, far + 4.0)), outdoor_things.grandstand(rng, 80.0, int(rng.integers(7, 13))))
        )
    else:
        actors.append(Actor(Track((0.0, 0.0, far + 3.0)), outdoor_things.fence(rng, 90.0, 1.4)))
    masts = [standing(outdoor_things.street_lamp(rng, 9.0, 1.0), x, far + 3.0) for x in (-18.0, 18.0)]
    return actors + masts
