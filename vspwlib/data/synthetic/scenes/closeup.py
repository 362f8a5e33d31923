"""A laid table from near, on a surface that has no name in VSPW. For photographs."""

import numpy as np

from vspwlib.data.synthetic import colours, furniture
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, pick
from vspwlib.data.synthetic.light import lamplight
from vspwlib.data.synthetic.materials import Material, confetti, patches, planks, tiles
from vspwlib.data.synthetic.shapes import Part, ellipse
from vspwlib.data.synthetic.surfaces import Actor, Figure, Plane, Quad, Scene, Track, standing, still
from vspwlib.data.synthetic.take import Style, Take, film


def closeup(rng: np.random.Generator, style: Style) -> Take:
    """Draw a few things from near on a surface that has no name in VSPW."""
    kind = str(rng.choice(style.nameless))
    ground = pick(rng, colours.GREYS, colours.BROWNS, colours.DARKS, colours.PAINTS)
    pattern = [None, planks(0.2), tiles(0.15), patches(0.8, 0.5), confetti(0.05)][rng.integers(5)]
    top = Material(kind, ground, darker(ground, 0.7), pattern, gain=0.12, period=0.6, stains=0.1)
    back = Material("wall" if rng.random() < 0.4 else kind, pick(rng, colours.PAINTS, colours.DARKS), gain=0.06)
    actors = [Actor(Track((0.0, 0.0, 0.0)), (Quad((-4, 0, 2.2), (8, 0, 0), (0, 3, 0), back),))]
    for _ in range(rng.integers(1, 6)):
        x, z = rng.uniform(-0.5, 0.5), rng.uniform(0.9, 1.7)
        made = [_pizza, furniture.fruit_bowl, furniture.bottle][rng.integers(3)](rng)
        actors.append(standing(made, x, z, (0.2, 0.2)))
    camera = CameraPath(
        (0.0, rng.uniform(0.35, 0.7), 0.0),
        focal=rng.uniform(0.9, 1.3),
        horizon=rng.uniform(0.0, 0.25),
    )
    light = lamplight(rng, str(rng.choice(style.moods)))
    return film(rng, style, Scene((Plane(0.0, top),), tuple(actors)), light, camera)


def _pizza(rng: np.random.Generator) -> Figure:
    crust, sauce = (0.78, 0.58, 0.32), pick(rng, colours.BRICKS, colours.VIVIDS)
    spots = [
        Part(ellipse(float(x), 0.09 + float(y), 0.025, 0.014), pick(rng, colours.VIVIDS, colours.LEAVES), "pizza")
        for x, y in zip(rng.uniform(-0.13, 0.13, 8), rng.uniform(-0.04, 0.04, 8), strict=True)
    ]
    return still(
        [
            Part(ellipse(0, 0.08, 0.27, 0.11), (0.86, 0.86, 0.84), "plate"),
            Part(ellipse(0, 0.09, 0.21, 0.085), crust, "pizza"),
            Part(ellipse(0, 0.095, 0.18, 0.07), darker(sauce, 0.9), "pizza"),
            *spots,
        ]
    )
