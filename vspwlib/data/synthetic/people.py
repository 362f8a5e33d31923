"""People, cut from shapes: they walk, run, stand and ride."""

import numpy as np

from vspwlib.data.synthetic import colours
from vspwlib.data.synthetic.colours import darker, pick, usual
from vspwlib.data.synthetic.shapes import Part, ellipse, limb, polygon, rectangle
from vspwlib.data.synthetic.surfaces import Figure

_SHOULDER = 0.82  # height of the shoulders, as a share of the person's


def walker(rng: np.random.Generator, *, pace: float = 1.8, swing: float = 0.5, height: float | None = None) -> Figure:
    """Return a person who walks (``swing`` 0.5), runs (0.9) or stands (below 0.1).

    Args:
        rng: Source of randomness: build, clothes, skin, hair, a bag.
        pace: Steps a second.
        swing: Greatest angle of a leg, radians.
        height: Metres; drawn when None.
    """
    tall = height if height is not None else rng.normal(1.7, 0.09)
    build = rng.uniform(0.9, 1.25)
    skin, hair = pick(rng, colours.SKINS), pick(rng, colours.HAIRS)
    shirt, trousers = usual(rng, "shirt"), usual(rng, "trousers")
    skirt, bag = rng.random() < 0.25, rng.random() < 0.25
    bag_colour = pick(rng, colours.BROWNS, colours.VIVIDS, colours.DARKS)
    side, start = (1.0 if rng.random() < 0.5 else -1.0), rng.uniform(0, 6)

    def figure(time: float) -> list[Part]:
        angle = swing * float(np.sin(start + np.pi * pace * time))
        hip, shoulder = 0.5 * tall, _SHOULDER * tall
        wide = 0.13 * tall * build
        parts = _arm(-angle, wide, tall, darker(shirt, 0.8), skin)
        for lean in (-angle, angle):
            parts += _leg(lean, hip, tall, build, darker(trousers, 0.8 if lean < 0 else 1.0))
        torso = polygon((-wide, shoulder), (wide, shoulder), (0.75 * wide, hip), (-0.75 * wide, hip))
        parts += [
            Part(torso, shirt, "person"),
            Part(ellipse(0, shoulder, wide, 0.03 * tall), shirt, "person"),
            Part(limb((0, shoulder), (0, 0.87 * tall), 0.05 * tall, 0.05 * tall), skin, "person"),
            Part(ellipse(0, 0.925 * tall, 0.055 * tall, 0.07 * tall), skin, "person"),
            Part(ellipse(-0.015 * tall * side, 0.96 * tall, 0.058 * tall, 0.045 * tall), hair, "person"),
        ]
        if skirt:
            hem = polygon((-0.8 * wide, hip), (0.8 * wide, hip), (1.25 * wide, 0.3 * tall), (-1.25 * wide, 0.3 * tall))
            parts.append(Part(hem, trousers, "person"))
        parts += _arm(angle, -0.6 * wide, tall, shirt, skin)
        if bag:
            place = 1.1 * wide * side
            parts.append(Part(rectangle(place - 0.13, hip - 0.12, place + 0.13, hip + 0.18), bag_colour, "bag"))
        return parts

    return figure


def _leg(lean: float, hip: float, tall: float, build: float, cloth: colours.Colour) -> list[Part]:
    knee = (np.sin(lean) * hip / 2, hip - np.cos(lean) * hip / 2)
    bend = lean - 0.6 * max(0.0, -lean)
    foot = (knee[0] + np.sin(bend) * hip / 2, max(knee[1] - np.cos(bend) * hip / 2, 0.03))
    return [
        Part(limb((0.0, hip + 0.03), knee, 0.1 * tall * build, 0.07 * tall * build), cloth, "person"),
        Part(limb(knee, foot, 0.07 * tall * build, 0.045 * tall), cloth, "person"),
        Part(ellipse(foot[0] + 0.04, foot[1] - 0.005, 0.11, 0.04), (0.15, 0.13, 0.12), "person"),
    ]


def _arm(lean: float, x: float, tall: float, cloth: colours.Colour, skin: colours.Colour) -> list[Part]:
    shoulder = _SHOULDER * tall
    elbow = (x + 0.18 * tall * np.sin(lean), shoulder - 0.18 * tall * np.cos(lean))
    hand = (elbow[0] + 0.17 * tall * np.sin(lean + 0.35), elbow[1] - 0.17 * tall * np.cos(lean + 0.35))
    return [
        Part(limb((x, shoulder), elbow, 0.06 * tall, 0.05 * tall), cloth, "person"),
        Part(limb(elbow, hand, 0.045 * tall, 0.035 * tall), skin, "person"),
    ]


def sitter(rng: np.random.Generator, seat: float = 0.45) -> Figure:
    """Return a person who sits facing the camera and moves a little."""
    tall = rng.normal(1.7, 0.08)
    skin, hair = pick(rng, colours.SKINS), pick(rng, colours.HAIRS)
    shirt, trousers = usual(rng, "shirt"), usual(rng, "trousers")
    start = rng.uniform(0, 6)

    def figure(time: float) -> list[Part]:
        sway = 0.03 * float(np.sin(start + 2.0 * time))
        top = seat + 0.33 * tall
        parts = [
            Part(limb((x, seat + 0.05), (1.2 * x, 0.05), 0.17, 0.11), darker(trousers, 0.9), "person")
            for x in (-0.14, 0.14)
        ]
        parts += [
            Part(ellipse(0, seat + 0.06, 0.26, 0.13), trousers, "person"),
            Part(polygon((-0.24 + sway, top), (0.24 + sway, top), (0.19, seat), (-0.19, seat)), shirt, "person"),
            Part(limb((-0.24 + sway, top - 0.03), (-0.2, seat + 0.12), 0.11, 0.08), darker(shirt, 0.85), "person"),
            Part(limb((0.24 + sway, top - 0.03), (0.2, seat + 0.12), 0.11, 0.08), darker(shirt, 0.85), "person"),
            Part(limb((sway, top), (1.3 * sway, top + 0.1), 0.1, 0.09), skin, "person"),
            Part(ellipse(1.5 * sway, top + 0.17, 0.095, 0.125), skin, "person"),
            Part(ellipse(1.5 * sway, top + 0.235, 0.105, 0.075), hair, "person"),
        ]
        return parts

    return figure


def cyclist(rng: np.random.Generator, facing: float = 1.0) -> Figure:
    """Return a person on a bicycle seen from the side, riding towards ``facing`` (+1 right, -1 left)."""
    frame = pick(rng, colours.VIVIDS, colours.DARKS)
    skin, hair = pick(rng, colours.SKINS), pick(rng, colours.HAIRS)
    shirt, trousers = usual(rng, "shirt"), usual(rng, "trousers")
    start = rng.uniform(0, 6)

    def figure(time: float) -> list[Part]:
        turn = start + 7.0 * time
        parts = [part for x in (-0.5, 0.52) for part in _wheel(x, turn)]
        joints = [((-0.5, 0.34), (0.0, 0.3)), ((0.0, 0.3), (0.4, 0.8)), ((-0.15, 0.85), (0.4, 0.8))]
        joints += [((-0.5, 0.34), (-0.15, 0.85)), ((0.0, 0.3), (-0.17, 0.95)), ((0.52, 0.34), (0.38, 1.02))]
        parts += [Part(limb(a, b, 0.05, 0.05), frame, "bicycle") for a, b in joints]
        for phase in (0.0, np.pi):
            pedal = (0.17 * np.cos(turn + phase), 0.3 + 0.17 * np.sin(turn + phase))
            knee = (0.25 + 0.4 * (pedal[0]), 0.62 + 0.3 * (pedal[1] - 0.3))
            parts.append(Part(limb((-0.15, 0.98), knee, 0.17, 0.12), trousers, "person"))
            parts.append(Part(limb(knee, pedal, 0.12, 0.08), trousers, "person"))
        parts += [
            Part(limb((-0.15, 0.95), (0.15, 1.45), 0.26, 0.3), shirt, "person"),
            Part(limb((0.13, 1.4), (0.4, 1.05), 0.1, 0.07), darker(shirt, 0.85), "person"),
            Part(ellipse(0.24, 1.62, 0.095, 0.12), skin, "person"),
            Part(ellipse(0.22, 1.69, 0.11, 0.08), hair, "person"),
        ]
        return [Part(part.points * (facing, 1.0), part.colour, part.kind) for part in parts]

    return figure


def _wheel(x: float, turn: float) -> list[Part]:
    spokes = [
        Part(
            limb((x, 0.34), (x + 0.3 * np.cos(turn + k), 0.34 + 0.3 * np.sin(turn + k)), 0.02, 0.02),
            (0.5, 0.5, 0.5),
            "bicycle",
        )
        for k in (0.0, 2.1, 4.2)
    ]
    rim = ellipse(x, 0.34, 0.33, 0.33, corners=18)
    hub = ellipse(x, 0.34, 0.27, 0.27, corners=18)
    ring = np.concatenate([rim, rim[:1], hub[:1], hub[::-1]])
    return [Part(ring, (0.12, 0.12, 0.12), "bicycle"), *spokes]
