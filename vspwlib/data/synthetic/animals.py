"""Animals, cut from shapes: four legs that walk, wings that beat."""

from dataclasses import dataclass

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.materials import Colour
from vspwlib.data.synthetic.shapes import Part, blob, ellipse, limb, mirrored, polygon
from vspwlib.data.synthetic.surfaces import Figure


@dataclass(frozen=True)
class _Build:
    """Proportions of a four-legged animal, metres."""

    length: float
    leg: float
    depth: float
    neck: float
    rise: float
    head: float
    tail: float


_BUILDS = {
    "horse": _Build(1.5, 0.85, 0.55, 0.75, 1.0, 0.5, 0.75),
    "cattle": _Build(1.6, 0.65, 0.7, 0.4, 0.35, 0.42, 0.7),
    "sheep": _Build(0.85, 0.32, 0.45, 0.25, 0.45, 0.24, 0.1),
    "dog": _Build(0.62, 0.34, 0.24, 0.22, 0.75, 0.22, 0.35),
    "cat": _Build(0.4, 0.16, 0.16, 0.12, 0.7, 0.14, 0.32),
}


def four_legged(rng: np.random.Generator, kind: str, *, facing: float = 1.0, walking: bool = True) -> Figure:
    """Return a horse, cow (``cattle``), sheep, dog or cat seen from the side.

    Args:
        rng: Source of randomness.
        kind: One of those five.
        facing: +1 looks right, -1 left.
        walking: Whether the legs swing; a grazing animal lowers its head instead.
    """
    size = rng.uniform(0.88, 1.12) * (1.15 if kind in {"dog", "cat"} else 1.0)
    b = _Build(*(value * (1 if name == "rise" else size) for name, value in vars(_BUILDS[kind]).items()))
    colour, start = usual(rng, kind), rng.uniform(0, 6)
    spots = _spots(rng, b, colour) if kind == "cattle" else []
    fleece = [
        blob(rng, x * b.length, b.leg + 0.55 * b.depth, 0.25, 0.28, ragged=0.12) for x in (-0.35, -0.1, 0.15, 0.35)
    ]
    grazing = not walking and kind in {"horse", "cattle", "sheep"} and rng.random() < 0.6

    def figure(time: float) -> list[Part]:
        swing = (0.42 if walking else 0.03) * np.sin(start + 6.0 * time)
        parts = _legs(b, colour, kind, float(swing))
        parts.append(_tail(b, darker(colour, 0.7), kind, start + time))
        belly = b.leg + 0.5 * b.depth
        parts += [
            Part(ellipse(-0.32 * b.length, belly + 0.03 * b.depth, 0.3 * b.length, 0.53 * b.depth), colour, kind),
            Part(ellipse(0.28 * b.length, belly, 0.3 * b.length, 0.52 * b.depth), colour, kind),
            Part(ellipse(0.0, belly, 0.45 * b.length, 0.47 * b.depth), colour, kind),
            *spots,
        ]
        if kind == "sheep":
            parts += [Part(points, colour, kind) for points in fleece]
        nod = 0.06 * float(np.sin(start + 3.0 * time))
        parts += _head(b, colour, kind, -0.9 if grazing else b.rise + nod)
        return parts if facing > 0 else mirrored(parts)

    return figure


def _legs(b: _Build, colour: Colour, kind: str, swing: float) -> list[Part]:
    parts = []
    for x, lean, shade in ((-0.42, swing, 0.65), (0.38, -swing, 0.65), (-0.36, -swing, 0.9), (0.44, swing, 0.9)):
        hip = (x * b.length, b.leg + 0.25 * b.depth)
        knee = (hip[0] + 0.5 * b.leg * np.sin(lean), 0.5 * b.leg)
        foot = (knee[0] + 0.4 * b.leg * np.sin(lean - 0.4 * abs(swing)), 0.02)
        thick = 0.3 * b.depth
        parts += [Part(limb(hip, knee, thick, 0.55 * thick), darker(colour, shade), kind)]
        parts += [Part(limb(knee, foot, 0.55 * thick, 0.45 * thick), darker(colour, shade), kind)]
    return parts


def _tail(b: _Build, colour: Colour, kind: str, phase: float) -> Part:
    root = (-0.58 * b.length, b.leg + 0.8 * b.depth)
    lift = {"dog": 0.9, "cat": 1.1}.get(kind, -1.2)
    angle = lift + 0.15 * float(np.sin(4 * phase))
    end = (root[0] - b.tail * np.cos(angle), root[1] + b.tail * np.sin(angle))
    return Part(limb(root, end, 0.14 * b.depth, 0.2 * b.depth if kind == "horse" else 0.1 * b.depth), colour, kind)


def _head(b: _Build, colour: Colour, kind: str, angle: float) -> list[Part]:
    base = (0.5 * b.length, b.leg + 0.72 * b.depth)
    poll = (base[0] + b.neck * np.cos(angle), base[1] + b.neck * np.sin(angle))
    down = -0.55 if kind in {"horse", "cattle", "sheep"} else -0.1
    nose = (poll[0] + b.head * np.cos(down), poll[1] + b.head * np.sin(down))
    face = darker(colour, 0.45) if kind == "sheep" else colour
    parts = [
        Part(limb(base, poll, 0.55 * b.depth, 0.36 * b.depth), colour, kind),
        Part(limb(poll, nose, 0.62 * b.head, 0.4 * b.head), face, kind),
        Part(ellipse(nose[0], nose[1], 0.2 * b.head, 0.2 * b.head), darker(face, 0.8), kind),
        Part(ellipse(poll[0], poll[1], 0.36 * b.head, 0.34 * b.head), face, kind),
    ]
    ear = 0.35 * b.head
    tip = (poll[0] - 0.3 * ear, poll[1] + 1.9 * ear)
    parts.append(Part(polygon((poll[0] - ear, poll[1]), tip, (poll[0] + 0.5 * ear, poll[1])), darker(face, 0.7), kind))
    if kind == "horse":
        parts.append(
            Part(
                limb((poll[0] - 0.1, poll[1] + 0.1), (base[0] - 0.2, base[1] + 0.1), 0.12, 0.2), (0.1, 0.08, 0.07), kind
            )
        )
    if kind == "cattle":
        parts.append(Part(limb(poll, (poll[0] + 0.05, poll[1] + 0.4), 0.09, 0.02), (0.8, 0.77, 0.68), kind))
    return parts


def _spots(rng: np.random.Generator, b: _Build, colour: Colour) -> list[Part]:
    if rng.random() < 0.4:
        return []
    other = (0.9, 0.89, 0.86) if sum(colour) < 1.5 else (0.16, 0.14, 0.13)
    places = [(rng.uniform(-0.45, 0.4) * b.length, b.leg + rng.uniform(0.3, 0.8) * b.depth) for _ in range(5)]
    return [Part(blob(rng, x, y, 0.16 * b.length, 0.2 * b.depth), other, "cattle") for x, y in places]


def bird(rng: np.random.Generator) -> Figure:
    """Return a bird in flight; its wings beat."""
    colour = pick(rng, colours.WHITES, colours.DARKS, colours.GREYS)
    start, span = rng.uniform(0, 6), rng.uniform(0.5, 0.8)

    def figure(time: float) -> list[Part]:
        beat = 0.55 * float(np.sin(start + 9.0 * time))
        wings = [
            Part(
                polygon(
                    (0.12, 0),
                    (-0.14, 0),
                    (side * span - 0.1, beat * span),
                    (side * span * 0.5, beat * span * 0.9 + 0.08),
                ),
                darker(colour, shade),
                "bird",
            )
            for side, shade in ((-1.0, 0.8), (1.0, 0.95))
        ]
        return [
            *wings,
            Part(ellipse(0.0, 0.0, 0.3, 0.09), colour, "bird"),
            Part(ellipse(0.3, 0.04, 0.08, 0.06), colour, "bird"),
        ]

    return figure
