"""Cars, buses, trucks, trains and boats."""

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import LOOKS, darker, pick, usual
from vspwlib.data.synthetic.materials import Colour, Field, Material, Pattern, windows
from vspwlib.data.synthetic.shapes import Part, limb, polygon, rectangle
from vspwlib.data.synthetic.surfaces import Block, Cut, Figure, Quad, box, still

_GLASS: Colour = (0.16, 0.2, 0.24)
_TYRE: Colour = (0.08, 0.08, 0.08)


def _paint(kind: str, colour: Colour, accent: Colour | None = None, pattern: Pattern | None = None) -> Material:
    return Material(kind, colour, accent, pattern, gain=0.03, stains=0.05, period=2.0)


def _disc(radius: float) -> Cut:
    return lambda u, v: (u - radius) ** 2 + (v - radius) ** 2 <= radius**2


def _trapezoid(width: float, height: float, rake_left: float, rake_right: float) -> Cut:
    """Keep a trapezoid inside a rectangle: the top is shorter by the rakes."""
    return lambda u, v: (u >= rake_left * v / height) & (u <= width - rake_right * v / height)


def _wheels(kind: str, half_width: float, axles: tuple[float, ...], radius: float) -> list[Quad]:
    tyre = Material(kind, _TYRE, (0.55, 0.55, 0.57), _hub(radius), gain=0.02, stains=0.0)
    size = 2 * radius
    quads = []
    for z in axles:
        quads.append(
            Quad((-half_width - 0.02, 0.0, z + radius), (0.0, 0.0, -size), (0.0, size, 0.0), tyre, _disc(radius))
        )
        quads.append(
            Quad((half_width + 0.02, 0.0, z - radius), (0.0, 0.0, size), (0.0, size, 0.0), tyre, _disc(radius))
        )
    return quads


def _hub(radius: float) -> Pattern:
    return lambda u, v: ((u - radius) ** 2 + (v - radius) ** 2 < (0.55 * radius) ** 2).astype(np.float32)


def _lights(width: float, height: float) -> Pattern:
    """Two lamps at the outer ends of a front or back, and a dark plate between."""

    def weight(u: Field, v: Field) -> Field:
        lamp = (np.minimum(u, width - u) < 0.2 * width) & (np.abs(v - 0.62 * height) < 0.16 * height)
        plate = (np.abs(u - width / 2) < 0.2 * width) & (np.abs(v - 0.4 * height) < 0.14 * height)
        return np.where(lamp, np.float32(1), np.where(plate, np.float32(0.4), np.float32(0)))

    return weight


def car(rng: np.random.Generator, kind: str = "car") -> tuple[Quad, ...]:
    """Return a car 4 m long that looks along +z; 1.8 m wide."""
    colour = usual(rng, "car")
    half, length, sill, belt, roof = 0.9, rng.uniform(3.8, 4.6), 0.28, 0.85, rng.uniform(1.35, 1.65)
    back, front = -length / 2, length / 2
    body = _paint(kind, colour)
    glass = Material(kind, _GLASS, darker(colour, 0.9), _pillars(1.1), gain=0.02, stains=0.1)
    nose = _paint(kind, colour, (0.95, 0.92, 0.8), _lights(1.8, belt - sill))
    tail = _paint(kind, colour, (0.7, 0.1, 0.08), _lights(1.8, belt - sill))
    quads = list(box((0, sill, 0), (1.8, belt - sill, length), Block(None, body, body)))
    quads.append(Quad((-half, sill, back), (1.8, 0, 0), (0, belt - sill, 0), tail))
    quads.append(Quad((half, sill, front), (-1.8, 0, 0), (0, belt - sill, 0), nose))
    cabin, rake, shut = 0.62 * length, 0.55, 0.12
    low, high = back + (0.1 if rng.random() < 0.5 else 0.5), roof - belt
    top = 1.8 - 2 * shut
    # The sides lean inwards by ``shut``; windscreen and rear window lean by ``rake``.
    sides = _trapezoid(cabin, high, 0.6 * rake, rake), _trapezoid(cabin, high, rake, 0.6 * rake)
    quads.append(Quad((half, belt, low), (0, 0, cabin), (-shut, high, 0), glass, sides[0]))
    quads.append(Quad((-half, belt, low + cabin), (0, 0, -cabin), (shut, high, 0), glass, sides[1]))
    screen = Material(kind, darker(_GLASS, 1.2), gain=0.02, stains=0.15)
    quads.append(Quad((-half + shut, belt, low), (top, 0, 0), (0, high, 0.6 * rake), screen))
    quads.append(Quad((half - shut, belt, low + cabin), (-top, 0, 0), (0, high, -rake), screen))
    quads.append(Quad((-half + shut, roof, low + 0.6 * rake), (top, 0, 0), (0, 0, cabin - 1.6 * rake), body))
    quads += _wheels(kind, half, (back + 0.75, front - 0.75), 0.33)
    return tuple(quads)


def _pillars(every: float) -> Pattern:
    return lambda u, v: ((u / every) % 1 < 0.12).astype(np.float32) + 0 * v


def bus(rng: np.random.Generator) -> tuple[Quad, ...]:
    """Return a bus 10 m long that looks along +z."""
    colour = usual(rng, "bus")
    return _coach("bus", colour, (2.5, 2.9, 10.0), _bus_band(1.4))


def train(rng: np.random.Generator) -> tuple[Quad, ...]:
    """Return a railway carriage 22 m long that looks along +z."""
    colour = usual(rng, "train")
    return _coach("train", colour, (2.9, 3.4, 22.0), _bus_band(1.8))


def _coach(kind: str, colour: Colour, size: tuple[float, float, float], band: Pattern) -> tuple[Quad, ...]:
    side = _paint(kind, colour, _GLASS, band)
    front = _paint(kind, colour, darker(_GLASS, 1.1), _windscreen(size[0], size[1]))
    quads = box((0, 0.35, 0), (size[0], size[1], size[2]), Block(front, side, _paint(kind, darker(colour, 0.9))))
    axle = size[2] / 2 - 1.8
    return (*quads, *_wheels(kind, size[0] / 2, (-axle, axle), 0.45))


def _bus_band(pane: float) -> Pattern:
    def weight(u: Field, v: Field) -> Field:
        window = (v > 1.2) & (v < 2.3) & ((u / pane) % 1 > 0.1)
        stripe = (v > 0.75) & (v < 0.9)
        return np.where(window, np.float32(1), np.where(stripe, np.float32(0.35), np.float32(0)))

    return weight


def _windscreen(width: float, height: float) -> Pattern:
    def weight(u: Field, v: Field) -> Field:
        return ((np.abs(u - width / 2) < 0.42 * width) & (v > 0.42 * height) & (v < 0.86 * height)).astype(np.float32)

    return weight


def truck(rng: np.random.Generator) -> tuple[Quad, ...]:
    """Return a truck with a cab and a cargo box, 8 m long, that looks along +z."""
    cab_colour, cargo_colour = (
        usual(rng, "truck"),
        pick(rng, colours.WHITES, LOOKS["truck"]),
    )
    cab = Block(
        _paint("truck", cab_colour, _GLASS, _windscreen(2.4, 2.1)),
        _paint("truck", cab_colour, _GLASS, windows(1.7, 2.1, 0.55)),
    )
    cargo = _paint("truck", cargo_colour, darker(cargo_colour, 0.7), _pillars(0.8))
    quads = box((0, 0.5, 2.9), (2.3, 2.0, 1.8), cab) + box((0, 0.7, -0.9), (2.5, 2.6, 5.6), cargo)
    bed = box((0, 0.45, 0), (2.2, 0.3, 7.6), _paint("truck", (0.15, 0.15, 0.16)))
    return (*quads, *bed, *_wheels("truck", 1.2, (-2.9, -1.8, 2.8), 0.48))


def boat(rng: np.random.Generator, form: str | None = None) -> Figure:
    """Return a boat seen from the side: a ``sail`` boat, a ``motor`` boat or a ``ship``."""
    form = form or str(rng.choice(["sail", "motor", "ship"]))
    hull = usual(rng, "hull")
    deck, cloth = pick(rng, colours.WHITES, colours.BROWNS), pick(rng, colours.WHITES, colours.WHITES, colours.VIVIDS)
    length = {"sail": 8.0, "motor": 6.5, "ship": 26.0}[form] * rng.uniform(0.85, 1.2)
    tall = 0.12 * length
    flip = 1.0 if rng.random() < 0.5 else -1.0
    points = [(-0.48, tall), (0.52, 1.25 * tall), (0.36, -0.1), (-0.42, -0.1)]
    parts = [
        Part(polygon(*((x * length, y) for x, y in points)), hull, "boat"),
        Part(
            polygon(
                *((x * length, y) for x, y in ((-0.48, tall), (0.52, 1.25 * tall), (0.5, tall), (-0.47, 0.75 * tall)))
            ),
            deck,
            "boat",
        ),
    ]
    if form == "sail":
        parts.append(Part(limb((0, tall), (0, 1.35 * length), 0.16, 0.1), (0.45, 0.4, 0.35), "boat"))
        parts.append(
            Part(polygon((0.15, 1.3 * length), (0.15, 0.24 * length), (-0.42 * length, 0.24 * length)), cloth, "boat")
        )
        parts.append(
            Part(
                polygon((0.3, 1.15 * length), (0.3, 0.22 * length), (0.42 * length, 0.2 * length)),
                darker(cloth, 0.9),
                "boat",
            )
        )
    else:
        floors = 1 if form == "motor" else 3
        for floor in range(floors):
            low = tall * (1 + 0.9 * floor)
            left, right = (-0.38 + 0.05 * floor) * length, (0.12 - 0.06 * floor) * length
            parts.append(Part(rectangle(left, low, right, low + 0.9 * tall), darker(deck, 0.95), "boat"))
            parts.append(
                Part(
                    rectangle(left + 0.02 * length, low + 0.35 * tall, right - 0.02 * length, low + 0.65 * tall),
                    _GLASS,
                    "boat",
                )
            )
        if form == "ship":
            parts.append(
                Part(
                    rectangle(-0.2 * length, 3.6 * tall, -0.12 * length, 4.8 * tall), pick(rng, colours.VIVIDS), "boat"
                )
            )
    return still(Part(part.points * (flip, 1.0), part.colour, part.kind) for part in parts)
