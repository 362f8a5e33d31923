"""Walls, floor and ceiling, shared by all indoor templates."""

from dataclasses import dataclass

import numpy as np

from vspwlib.data.synthetic import colours, furniture, regions
from vspwlib.data.synthetic.camera import CameraPath
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.materials import Material, bricks, checks, panels, planks, stripes, tiles
from vspwlib.data.synthetic.surfaces import Actor, Plane, Quad, Region, Solids, Track


@dataclass(frozen=True)
class Room:
    """A room: x from -width/2 to width/2, z up to depth.

    Attributes:
        width: Metres from wall to wall.
        depth: Metres to the back wall.
        height: Metres to the ceiling.
        planes: Floor and ceiling.
        walls: The walls with all that hangs on them, as one actor.
    """

    width: float
    depth: float
    height: float
    planes: tuple[Plane, ...]
    walls: Actor


def room(rng: np.random.Generator, *, hung: str, rug: bool = False, door: float = 0.5) -> Room:
    """Draw a room.

    Args:
        rng: Source of randomness.
        hung: What the walls carry: ``pictures`` or ``nothing``.
        rug: Whether a carpet lies on the floor.
        door: Chance of a door.
    """
    width, depth, height = rng.uniform(4.2, 6.5), rng.uniform(4.0, 6.0), rng.uniform(2.4, 3.0)
    solids = list(_walls(rng, width, depth, height))
    solids += _openings(rng, width, depth, height, door)
    if hung == "pictures":
        solids += _pictures(rng, width, depth)
    return Room(width, depth, height, _planes(rng, depth, height, rug), Actor(Track((0.0, 0.0, 0.0)), tuple(solids)))


def _walls(rng: np.random.Generator, width: float, depth: float, height: float) -> Solids:
    colour = usual(rng, "wall")
    pattern = [None, None, stripes(0.4, 0.5), bricks(0.4, 0.15), panels(1.2, height)][rng.integers(5)]
    look = Material("wall", colour, darker(colour, 0.86), pattern, gain=0.04, stains=0.06)
    left = width / 2
    skirting = Material("wall", pick(rng, colours.WHITES), gain=0.02)
    quads = []
    for material, low, high, inset in ((look, 0.0, height, 0.0), (skirting, 0.0, 0.1, 0.02)):
        x, z = left - inset, depth - inset
        quads.append(Quad((-x, low, z), (2 * x, 0, 0), (0, high - low, 0), material))
        quads.append(Quad((-x, low, -3.0), (0, 0, z + 3.0), (0, high - low, 0), material))
        quads.append(Quad((x, low, z), (0, 0, -z - 3.0), (0, high - low, 0), material))
    return tuple(quads)


def _openings(rng: np.random.Generator, width: float, depth: float, height: float, door: float) -> Solids:
    quads: Solids = ()
    brightness = rng.uniform(0.8, 1.5)
    if rng.random() < 0.75:  # a window in the back wall, often with curtains
        wide, tall, sill = rng.uniform(1.0, 2.0), rng.uniform(1.0, 1.5), rng.uniform(0.7, 1.0)
        x, z = rng.uniform(-0.3, 0.25) * width - wide / 2, depth - 0.03
        quads += furniture.window(rng, (x, sill, z), (wide, 0, 0), tall, brightness)
        if rng.random() < 0.65:
            cloth, low = rng.uniform(0.3, 0.6), float(rng.choice([0.08, sill - 0.15]))
            state = rng.bit_generator.state
            for start in (x - 0.6 * cloth, x + wide - 0.4 * cloth):
                rng.bit_generator.state = state  # both curtains are of one cloth
                quads += furniture.curtain(rng, (start, low, z - 0.04), (cloth, 0, 0), sill + tall + 0.12 - low)
    if rng.random() < 0.5:
        z, wide = rng.uniform(1.2, depth - 1.8), rng.uniform(0.9, 1.5)
        quads += furniture.window(rng, (-width / 2 + 0.03, 0.85, z), (0, 0, wide), 1.2, brightness)
    if rng.random() < door:
        colour = usual(rng, "door")
        look = Material("door", colour, darker(colour, 0.6), panels(0.45, 0.95, 0.08), gain=0.04)
        z = rng.uniform(1.8, depth - 0.3)
        quads += (Quad((width / 2 - 0.04, 0, z), (0, 0, -0.9), (0, min(2.05, height - 0.2), 0), look),)
    return quads


def _pictures(rng: np.random.Generator, width: float, depth: float) -> Solids:
    quads: Solids = ()
    for _ in range(rng.integers(1, 4)):
        wide, tall = rng.uniform(0.7, 1.3), rng.uniform(0.5, 0.9)
        low = rng.uniform(1.2, 1.6)
        if rng.random() < 0.6:
            x = rng.uniform(-0.45, 0.45) * (width - wide) - wide / 2
            quads += furniture.painting(rng, (x, low, depth - 0.05), (wide, 0, 0), tall)
        else:
            z = rng.uniform(1.5, depth - 1)
            quads += furniture.painting(rng, (-width / 2 + 0.05, low, z), (0, 0, wide), tall)
    return quads


def _planes(rng: np.random.Generator, depth: float, height: float, rug: bool) -> tuple[Plane, ...]:
    colour = usual(rng, "floor")
    pattern = [planks(0.18), planks(0.3), tiles(0.5), checks(0.4), None][rng.integers(5)]
    floor = Material("floor", colour, darker(colour, 0.72), pattern, "strokes", gain=0.06, period=2.0)
    areas: tuple[Region, ...] = ()
    if rug:
        cloth = usual(rng, "rug")
        look = Material(
            "rug",
            cloth,
            pick(rng, colours.TANS, colours.DARKS),
            [checks(0.35), stripes(0.3)][rng.integers(2)],
            gain=0.12,
        )
        middle, wide = rng.uniform(-0.6, 0.6), rng.uniform(1.1, 1.7)
        areas = (Region(look, regions.rectangle(middle - wide, middle + wide, 0.5 * depth - 0.8, 0.5 * depth + 1.0)),)
    top = usual(rng, "ceiling")
    ceiling = Material(
        "ceiling", top, darker(top, 0.9), tiles(0.6) if rng.random() < 0.4 else None, gain=0.03, stains=0.05
    )
    return Plane(0.0, floor, areas), Plane(height, ceiling)


def hand_camera(rng: np.random.Generator, depth: float) -> CameraPath:
    """Return a camera held in a room: it pans, drifts or walks in."""
    return CameraPath(
        (
            rng.uniform(-0.9, 0.9),
            rng.uniform(1.25, 1.7),
            rng.uniform(-1.2, 0.1) + 0.15 * (depth - 5),
        ),
        (rng.uniform(-0.35, 0.35), 0.0, rng.uniform(-0.1, 0.4)),
        yaw=rng.uniform(-0.3, 0.3),
        pan=rng.uniform(-0.15, 0.15),
        focal=rng.uniform(0.95, 1.4),
        zoom=rng.uniform(-0.05, 0.08),
        horizon=rng.uniform(0.3, 0.46),
    )
