"""Furniture and things indoors, built from boxes; each faces -z and stands on its middle."""

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.materials import Colour, Material, Pattern, confetti, panels, patches, planks, stripes
from vspwlib.data.synthetic.shapes import Part, ellipse, limb, polygon, rectangle
from vspwlib.data.synthetic.surfaces import Block, Figure, Quad, Solids, Vector, box, still


def _wood(kind: str, colour: Colour) -> Material:
    return Material(kind, colour, darker(colour, 0.75), planks(0.3), grain="strokes", gain=0.08, period=1.5)


def _cloth(kind: str, colour: Colour) -> Material:
    return Material(kind, colour, grain="rough", gain=0.08, stains=0.06, period=0.8)


def sofa(rng: np.random.Generator, width: float = 2.0) -> Solids:
    """Return a sofa with cushions for seats."""
    colour = usual(rng, "sofa")
    look, seat = _cloth("sofa", colour), _cloth("sofa", darker(colour, 1.12))
    quads = box((0, 0.06, 0), (width, 0.32, 0.9), look) + box((0, 0.06, 0.36), (width, 0.8, 0.22), look)
    for side in (-1, 1):
        quads += box((side * (width / 2 - 0.1), 0.06, 0), (0.2, 0.55, 0.92), look)
        quads += box((side * (width / 4 - 0.05), 0.38, -0.05), (width / 2 - 0.24, 0.14, 0.7), seat)
    return quads


def armchair(rng: np.random.Generator) -> Solids:
    """Return a chair with a seat, a back and four legs."""
    colour = usual(rng, "chair")
    look = _wood("chair", colour) if rng.random() < 0.5 else _cloth("chair", colour)
    quads = box((0, 0.43, 0), (0.54, 0.09, 0.52), look) + box((0, 0.52, 0.24), (0.52, 0.55, 0.06), look)
    return quads + _legs(look, 0.46, 0.44, 0.43)


def _legs(look: Material, width: float, depth: float, height: float, thick: float = 0.05) -> Solids:
    return tuple(
        quad
        for x in (-width / 2, width / 2)
        for z in (-depth / 2, depth / 2)
        for quad in box((x, 0, z), (thick, height, thick), look)
    )


def table(rng: np.random.Generator, width: float = 1.6, depth: float = 0.8, height: float = 0.74) -> Solids:
    """Return a table."""
    look = _wood("table", usual(rng, "table"))
    return box((0, height - 0.05, 0), (width, 0.05, depth), look) + _legs(
        look, width - 0.15, depth - 0.12, height - 0.05, 0.07
    )


def cupboard(rng: np.random.Generator, width: float, height: float, depth: float = 0.5, y: float = 0.0) -> Solids:
    """Return a cupboard with panelled doors, its foot at height ``y``."""
    colour = usual(rng, "cupboard")
    door = Material(
        "cupboard", colour, darker(colour, 0.55), panels(0.5, min(height, 0.9), 0.07), gain=0.05, period=1.5
    )
    return box((0, y, 0), (width, height, depth), Block(door, _wood("cupboard", colour), _wood("cupboard", colour)))


def bookcase(rng: np.random.Generator, width: float = 1.0, height: float = 1.9) -> Solids:
    """Return an open case (``cupboard``) with rows of books (``book``)."""
    look = _wood("cupboard", usual(rng, "cupboard"))
    quads = box((0, 0, 0.03), (width, height, 0.3), look)
    step = 0.36
    for level in np.arange(0.06, height - step, step):
        spines = Material(
            "book",
            pick(rng, colours.VIVIDS, colours.BRICKS),
            pick(rng, colours.DARKS, colours.WHITES),
            _spines(rng),
            gain=0.05,
        )
        used = rng.uniform(0.55, 0.92) * width
        quads += (Quad((-width / 2 + 0.05, float(level), -0.14), (used - 0.05, 0, 0), (0, 0.26, 0), spines),)
    return quads


def _spines(rng: np.random.Generator) -> Pattern:
    tone = confetti(0.06, int(rng.integers(1 << 20)))
    return lambda u, v: tone(u, 0 * v)


def bed(rng: np.random.Generator, width: float = 1.6) -> Solids:
    """Return a bed with pillows, its head at +z."""
    frame = _wood("bed", pick(rng, colours.BROWNS, colours.WHITES))
    cover = pick(rng, colours.PAINTS, colours.VIVIDS, colours.BLUES)
    quilt = Material(
        "bed", cover, darker(cover, 0.7), stripes(0.4, 0.3) if rng.random() < 0.5 else patches(2.0, 0.6), gain=0.06
    )
    quads = box((0, 0.1, 0), (width, 0.45, 2.0), quilt) + box((0, 0, 1.02), (width + 0.1, 1.05, 0.08), frame)
    soft = _cloth("pillow", pick(rng, colours.WHITES, colours.PAINTS))
    for side in (-1, 1):
        quads += box((side * width / 4, 0.55, 0.7), (0.6, 0.14, 0.4), soft)
    return quads


def refrigerator(rng: np.random.Generator) -> Solids:
    """Return a refrigerator with two doors and handles."""
    colour = usual(rng, "refrigerator")
    door = Material("refrigerator", colour, darker(colour, 0.5), _fridge_lines, gain=0.02, stains=0.08)
    return box((0, 0, 0), (0.85, 1.85, 0.7), Block(door, Material("refrigerator", darker(colour, 0.9), gain=0.02)))


def _fridge_lines(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    seam = np.abs(v - 1.2) < 0.015
    handle = (np.abs(u - 0.6) < 0.02) & (np.abs(v - 1.2) > 0.1) & (np.abs(v - 1.2) < 0.45)
    return (seam | handle).astype(np.float32)


def television(rng: np.random.Generator, width: float = 1.1, y: float = 0.5) -> Solids:
    """Return a television with a picture on it."""
    height = 0.58 * width
    shown = Material(
        "screen",
        pick(rng, colours.BLUES, colours.DARKS),
        pick(rng, colours.VIVIDS, colours.WHITES),
        patches(3.0, 0.5, int(rng.integers(99))),
        gain=0.02,
        glow=float(rng.choice([0.0, 0.9])),
    )
    frame = Material("screen", (0.06, 0.06, 0.07), gain=0.02, stains=0.02)
    quads = box((0, y, 0), (width, height, 0.08), frame) + box((0, y - 0.08, 0), (0.3 * width, 0.1, 0.15), frame)
    return (*quads, Quad((-0.47 * width, y + 0.03, -0.045), (0.94 * width, 0, 0), (0, height - 0.06, 0), shown))


def window(rng: np.random.Generator, corner: Vector, along: Vector, height: float, brightness: float) -> Solids:
    """Return a window in a wall: daylight behind panes and a frame."""
    outside = darker(pick(rng, colours.BLUES, colours.WHITES, colours.WHITES), brightness)
    width = float(np.linalg.norm(along))
    bars = Material(
        "window",
        outside,
        pick(rng, colours.WHITES, colours.BROWNS),
        panels(width / 2, height, 0.03),
        gain=0.04,
        stains=0.3,
        glow=0.8,
    )
    return (Quad(corner, along, (0, height, 0), bars),)


def curtain(rng: np.random.Generator, corner: Vector, along: Vector, height: float) -> Solids:
    """Return one curtain with folds."""
    colour = usual(rng, "curtain")
    folds = Material("curtain", colour, darker(colour, 0.6), stripes(rng.uniform(0.1, 0.18), soft=True), gain=0.04)
    return (Quad(corner, along, (0, height, 0), folds),)


def painting(rng: np.random.Generator, corner: Vector, along: Vector, height: float) -> Solids:
    """Return a framed picture."""
    width = float(np.linalg.norm(along))
    shown = Material(
        "painting",
        pick(rng, colours.TANS, colours.BLUES, colours.WHITES),
        pick(rng, colours.VIVIDS, colours.LEAVES, colours.DARKS),
        patches(2.2, 0.1, int(rng.integers(99))),
        gain=0.1,
    )
    frame = Material("painting", pick(rng, colours.DARKS, colours.BROWNS), gain=0.05)
    inner = tuple(c + 0.07 * a / width for c, a in zip(corner, along, strict=True))
    x, y, z = inner[0], inner[1] + 0.07, inner[2]
    normal = (along[2] / width, 0.0, -along[0] / width)
    lifted = (x + 0.01 * normal[0], y, z + 0.01 * normal[2])
    edge = tuple(a * (1 - 0.14 / width) for a in along)
    return (
        Quad(corner, along, (0, height, 0), frame),
        Quad(lifted, (edge[0], edge[1], edge[2]), (0, height - 0.14, 0), shown),
    )


def floor_lamp(rng: np.random.Generator, height: float = 1.6) -> Figure:
    """Return a lamp with a shade on a thin stand."""
    shade = pick(rng, colours.WHITES, colours.TANS, colours.VIVIDS)
    top = height
    wide = 0.12 * height + 0.06
    return still(
        [
            Part(ellipse(0, 0.03, 0.16, 0.04), (0.2, 0.18, 0.16), "lamp"),
            Part(limb((0, 0), (0, top - 0.25), 0.045, 0.035), (0.25, 0.22, 0.2), "lamp"),
            Part(
                polygon((-wide, top - 0.3), (wide, top - 0.3), (0.55 * wide, top), (-0.55 * wide, top)),
                darker(shade, 1.25),
                "lamp",
            ),
        ]
    )


def bottle(rng: np.random.Generator, height: float = 0.3) -> Figure:
    """Return a bottle or a cup."""
    colour = pick(rng, colours.VIVIDS, colours.WHITES, colours.LEAVES)
    wide = 0.14 * height
    if rng.random() < 0.4:
        low = 0.4 * height
        handle = Part(ellipse(1.9 * wide, 0.5 * low, 0.7 * wide, 0.3 * low), darker(colour, 0.8), "bottle")
        return still(
            [
                handle,
                Part(
                    polygon((-1.6 * wide, low), (1.6 * wide, low), (1.3 * wide, 0), (-1.3 * wide, 0)), colour, "bottle"
                ),
            ]
        )
    neck = [Part(rectangle(-0.4 * wide, 0.6 * height, 0.4 * wide, height), darker(colour, 0.8), "bottle")]
    body = Part(
        polygon(
            (-wide, 0),
            (wide, 0),
            (wide, 0.55 * height),
            (0.4 * wide, 0.72 * height),
            (-0.4 * wide, 0.72 * height),
            (-wide, 0.55 * height),
        ),
        colour,
        "bottle",
    )
    label = Part(
        rectangle(-wide, 0.18 * height, wide, 0.4 * height), pick(rng, colours.WHITES, colours.VIVIDS), "bottle"
    )
    return still([*neck, body, label])


def fruit_bowl(rng: np.random.Generator) -> Figure:
    """Return fruit on a plate."""
    fruits = [
        Part(ellipse(x, y, 0.05, 0.05, corners=10), pick(rng, colours.VIVIDS, colours.LEAVES), "fruit")
        for x, y in ((-0.1, 0.07), (0.0, 0.07), (0.1, 0.07), (-0.05, 0.13), (0.05, 0.13))
    ]
    return still([Part(ellipse(0, 0.03, 0.2, 0.045), (0.88, 0.87, 0.84), "plate"), *fruits])
