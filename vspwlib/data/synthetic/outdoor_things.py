"""Things that stand outdoors: buildings, houses, fences, poles, signs, goals, grandstands, parasols, stones."""

from itertools import pairwise

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import LOOKS, darker, pick, usual
from vspwlib.data.synthetic.materials import Field, Material, bricks, confetti, panels, planks, stripes, windows
from vspwlib.data.synthetic.shapes import Part, blob, ellipse, limb, polygon, rectangle
from vspwlib.data.synthetic.surfaces import Block, Cut, Figure, Quad, box, still


def building(rng: np.random.Generator, size: tuple[float, float, float], *, lit: float = 0.0) -> tuple[Quad, ...]:
    """Return a block of flats or offices of that width, height and depth; ``lit`` of its windows shine."""
    colour = usual(rng, "building")
    glass = pick(rng, colours.DARKS, spread=0.2)
    panes = windows(
        rng.uniform(1.8, 3.6),
        rng.uniform(2.7, 3.6),
        rng.uniform(0.4, 0.85),
        int(rng.integers(1 << 20)),
        lit,
    )
    wall = Material("building", colour, glass, panes, gain=0.07, stains=0.12, period=2.5)
    roof = Material("building", darker(colour, 0.7), gain=0.1)
    quads = box((0, 0, 0), size, Block(wall, wall, roof))
    if rng.random() < 0.5:  # shops at street level
        front = darker(pick(rng, colours.DARKS, colours.GREYS, colours.BRICKS), 0.85)
        shop = Material("building", front, pick(rng, colours.DARKS), windows(2.2, 3.2, 0.7, 5), gain=0.08, period=1.5)
        quads = quads + box((0, 0, 0), (size[0] + 0.1, 2.9, size[2] + 0.1), Block(shop, shop, roof))
    return quads


def house(rng: np.random.Generator, width: float, height: float, depth: float) -> tuple[Quad, ...]:
    """Return a house with a gable roof whose ridge runs along x."""
    colour = usual(rng, "house")
    texture = planks(0.3) if rng.random() < 0.4 else bricks()
    wall = Material("house", colour, darker(colour, 0.8), texture, gain=0.07)
    tile = Material(
        "house",
        usual(rng, "roof"),
        (0.1, 0.09, 0.09),
        stripes(0.4, 0.2, "v"),
        gain=0.12,
    )
    quads = list(box((0, 0, 0), (width, height, depth), Block(wall, wall, wall)))
    rise, out = 0.45 * depth, 0.35
    half = depth / 2 + out
    slope = rise + out * rise / (depth / 2)
    quads.append(Quad((-width / 2 - out, height - out * 0.6, -half), (width + 2 * out, 0, 0), (0, slope, half), tile))
    quads.append(Quad((width / 2 + out, height - out * 0.6, half), (-width - 2 * out, 0, 0), (0, slope, -half), tile))
    for x, along in ((-width / 2, -depth), (width / 2, depth)):
        start = depth / 2 if along < 0 else -depth / 2
        quads.append(Quad((x, height, start), (0, 0, along), (0, rise, 0), wall, _gable(depth, rise)))
    glass = Material("house", (0.18, 0.2, 0.24), (0.85, 0.84, 0.8), panels(0.6, 0.8, 0.06), gain=0.03)
    door = Material("house", pick(rng, colours.BROWNS, colours.VIVIDS), (0.2, 0.15, 0.1), panels(0.5, 1.0), gain=0.05)
    front = -depth / 2 - 0.03
    for x in np.arange(-width / 2 + 0.8, width / 2 - 1.4, 2.3):
        quads.append(Quad((float(x), 0.35 * height, front), (1.1, 0, 0), (0, 1.1, 0), glass))
        quads.append(Quad((-width / 2 - 0.03, 0.35 * height, 0.6), (0, 0, -1.1), (0, 1.1, 0), glass))
        quads.append(Quad((width / 2 + 0.03, 0.35 * height, -0.6), (0, 0, 1.1), (0, 1.1, 0), glass))
    quads.append(Quad((width / 2 - 1.3, 0, front), (0.95, 0, 0), (0, 2.0, 0), door))
    return tuple(quads)


def _gable(width: float, height: float) -> Cut:
    return lambda u, v: v / height <= 1 - np.abs(2 * u / width - 1)


def fence(rng: np.random.Generator, length: float, height: float = 1.1) -> tuple[Quad, ...]:
    """Return a fence along x, seen from both sides: pointed boards side by side, or posts with rails."""
    colour = usual(rng, "fence")
    look = Material("fence", colour, darker(colour, 0.6), planks(0.3), gain=0.1)
    boards = rng.random() < 0.55

    def kept(u: Field, v: Field) -> np.ndarray:
        if boards:
            return v < height * (1.0 - 0.6 * np.abs(u / 0.3 % 1 - 0.5))
        post = u % 2.0 < 0.2
        return post | (np.abs(v - 0.9 * height) < 0.1) | (np.abs(v - 0.45 * height) < 0.1)

    left = length / 2
    return (
        Quad((-left, 0, 0), (length, 0, 0), (0, height, 0), look, kept),
        Quad((left, 0, 0), (-length, 0, 0), (0, height, 0), look, kept),
    )


def street_lamp(rng: np.random.Generator, height: float, arm: float) -> Figure:
    """Return a lamp post (``pole``) with its lamp on an arm; ``arm`` may be negative."""
    colour = usual(rng, "pole")
    return still(
        [
            Part(limb((0, 0), (0, height), 0.28, 0.18), colour, "pole"),
            Part(limb((0, height), (arm, height + 0.15), 0.1, 0.08), colour, "pole"),
            Part(ellipse(arm, height + 0.08, 0.42, 0.14), (0.9, 0.88, 0.75), "pole"),
        ]
    )


def traffic_light(rng: np.random.Generator, height: float = 3.4) -> Figure:
    """Return traffic lights on a pole; the light changes after some seconds."""
    colour, start = usual(rng, "pole"), rng.uniform(0, 6)
    shades = ((0.95, 0.15, 0.1), (0.95, 0.7, 0.1), (0.15, 0.85, 0.4))

    def figure(time: float) -> list[Part]:
        on = int((start + time) // 1.5) % 3
        parts = [
            Part(limb((0, 0), (0, height), 0.24, 0.2), colour, "pole"),
            Part(rectangle(-0.36, height - 0.5, 0.36, height + 1.0), (0.1, 0.1, 0.1), "traffic_light"),
        ]
        for place in range(3):
            shade = shades[place] if place == on else darker(shades[place], 0.3)
            parts.append(Part(ellipse(0, height + 0.72 - 0.47 * place, 0.2, 0.2), shade, "traffic_light"))
        return parts

    return figure


def sign(rng: np.random.Generator, width: float, height: float, foot: float) -> tuple[Quad, ...]:
    """Return a billboard with lines of writing on two posts, facing -z."""
    ground = usual(rng, "billboard")
    ink = pick(rng, colours.DARKS, colours.WHITES, colours.VIVIDS)
    seed = int(rng.integers(1 << 20))

    def writing(u: Field, v: Field) -> Field:
        row = v / (0.28 * height)
        inside = (np.abs(u - width / 2) < 0.42 * width) & (np.abs(v - height / 2) < 0.4 * height)
        return (inside & (row % 1 > 0.45) & (confetti(0.12 * height, seed)(u, row // 1) > 0.35)).astype(np.float32)

    face = Material("billboard", ground, ink, writing, gain=0.03)
    post = Material("pole", (0.35, 0.35, 0.36), gain=0.05)
    quads = list(box((0, foot, 0), (width, height, 0.25), Block(face, Material("billboard", darker(ground, 0.6)))))
    for x in (-0.3 * width, 0.3 * width):
        quads += box((x, 0, 0.1), (0.18, foot, 0.18), post)
    return tuple(quads)


def grandstand(rng: np.random.Generator, length: float, rows: int) -> tuple[Quad, ...]:
    """Return rows of seats with spectators along x, rising away from -z."""
    seat, crowd = usual(rng, "grandstand"), pick(rng, colours.SKINS, colours.DARKS)
    people = confetti(rng.uniform(0.4, 0.55), int(rng.integers(1 << 20)))
    quads: list[Quad] = []
    for step in range(rows):
        y, z = 1.0 + 0.55 * step, 0.8 * step
        riser = Material("grandstand", darker(seat, 0.9 + 0.2 * (step % 2)), crowd, people, gain=0.15)
        quads.append(Quad((-length / 2, y - 0.55, z), (length, 0, 0), (0, 0.62, 0), riser))
        quads.append(Quad((-length / 2, y, z), (length, 0, 0), (0, 0, 0.8), riser))
    back = Material("grandstand", (0.4, 0.4, 0.42), (0.25, 0.25, 0.27), stripes(2.5, 0.1), gain=0.05)
    quads.append(Quad((-length / 2, 0.4 + 0.55 * rows, 0.8 * rows), (length, 0, 0), (0, 2.2, 0), back))
    return tuple(quads)


def goal(rng: np.random.Generator) -> tuple[Quad, ...]:
    """Return a football goal with its net, facing -z."""
    white = Material("goal", pick(rng, colours.WHITES), gain=0.02)
    net = Material("goal", (0.8, 0.8, 0.8), gain=0.05)
    frame = [*box((-3.66, 0, 0), (0.14, 2.44, 0.14), white), *box((3.66, 0, 0), (0.14, 2.44, 0.14), white)]
    frame += box((0, 2.4, 0), (7.4, 0.14, 0.14), white)
    mesh = _mesh(0.4)
    frame.append(Quad((-3.66, 0, 1.8), (7.32, 0, 0), (0, 2.4, -1.0), net, mesh))
    for x, along in ((-3.66, -1.8), (3.66, 1.8)):
        frame.append(Quad((x, 0, 1.8 if along < 0 else 0.0), (0, 0, along), (0, 2.4, 0), net, mesh))
    return tuple(frame)


def _mesh(side: float) -> Cut:
    return lambda u, v: (u % side < 0.13) | (v % side < 0.13)


def parasol(rng: np.random.Generator) -> Figure:
    """Return a beach parasol with two-coloured panels."""
    one, two = usual(rng, "parasol"), pick(rng, colours.WHITES, LOOKS["parasol"])
    lean = rng.uniform(-0.25, 0.25)
    parts = [Part(limb((0, 0), (lean, 2.3), 0.1, 0.08), (0.8, 0.78, 0.72), "parasol")]
    edges = np.linspace(-1.9, 1.9, 7)
    for number, (left, right) in enumerate(pairwise(edges.tolist())):
        points = polygon(
            (left + lean, 1.75),
            (right + lean, 1.75),
            (0.55 * right + lean, 2.5),
            (lean, 2.9),
            (0.55 * left + lean, 2.5),
        )
        parts.append(Part(points, one if number % 2 else two, "parasol"))
    return still(parts)


def rock(rng: np.random.Generator, width: float) -> Figure:
    """Return a boulder."""
    colour = usual(rng, "stone")
    tall = 0.5 * width
    return still(
        [
            Part(blob(rng, 0, 0.42 * tall, 0.5 * width, 0.5 * tall, ragged=0.1), darker(colour, 0.75), "stone"),
            Part(blob(rng, -0.08 * width, 0.55 * tall, 0.36 * width, 0.35 * tall, ragged=0.12), colour, "stone"),
            Part(
                blob(rng, -0.12 * width, 0.66 * tall, 0.2 * width, 0.18 * tall, ragged=0.12),
                darker(colour, 1.15),
                "stone",
            ),
        ]
    )


def bench(rng: np.random.Generator) -> tuple[Quad, ...]:
    """Return a park bench facing -z."""
    wood = pick(rng, colours.BROWNS, colours.GREENS)
    look = Material("bench", wood, darker(wood, 0.6), planks(0.14), gain=0.1)
    leg = Material("bench", (0.2, 0.2, 0.2), gain=0.05)
    quads = box((0, 0.42, 0), (1.7, 0.07, 0.5), look) + box((0, 0.6, 0.27), (1.7, 0.35, 0.06), look)
    return quads + box((-0.7, 0, 0), (0.1, 0.45, 0.45), leg) + box((0.7, 0, 0), (0.1, 0.45, 0.45), leg)


def oddity(rng: np.random.Generator) -> Figure:
    """Return a balloon: a thing outside the label list."""
    colour = pick(rng, colours.VIVIDS)
    parts = [
        Part(limb((0, 0), (0.05, 1.2), 0.02, 0.02), (0.8, 0.8, 0.8), "oddity"),
        Part(ellipse(0.05, 1.6, 0.36, 0.45), colour, "oddity"),
        Part(ellipse(-0.06, 1.72, 0.12, 0.16), darker(colour, 1.4), "oddity"),
    ]
    return still(parts)
