"""Flat shapes in metres, from which figures are cut: x right, y up, (0, 0) where the figure touches the ground."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic.materials import Colour

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One filled polygon of a figure.

    Attributes:
        points: (N, 2) metres.
        colour: RGB, 0..1.
        kind: Label of the part.
    """

    points: Points
    colour: Colour
    kind: str


def ellipse(x: float, y: float, rx: float, ry: float, *, corners: int = 14) -> Points:
    """Return an ellipse as a polygon."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], axis=1)


def blob(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, *, ragged: float = 0.2) -> Points:
    """Return an ellipse with a ragged edge, as foliage has."""
    angle = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    radius = 1 + ragged * rng.standard_normal(18).clip(-2, 2)
    return np.stack([x + rx * radius * np.cos(angle), y + ry * radius * np.sin(angle)], axis=1)


def rectangle(left: float, bottom: float, right: float, top: float) -> Points:
    """Return an upright rectangle."""
    return np.array([[left, bottom], [right, bottom], [right, top], [left, top]])


def limb(start: tuple[float, float], end: tuple[float, float], thick: float, thin: float) -> Points:
    """Return a tapering bar between two joints: arms, legs, trunks, masts."""
    a, b = np.asarray(start), np.asarray(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
    across = np.array([-along[1], along[0]])
    return np.array([a + across * thick / 2, b + across * thin / 2, b - across * thin / 2, a - across * thick / 2])


def polygon(*points: tuple[float, float]) -> Points:
    """Return a polygon from its corners."""
    return np.array(points)


def mirrored(parts: list[Part]) -> list[Part]:
    """Make a figure look the other way."""
    return [Part(part.points * (-1, 1), part.colour, part.kind) for part in parts]
