"""Materials: colour as a function of metres along a surface, with a label kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic import noise

Colour = tuple[float, float, float]
Field = NDArray[np.floating[Any]]
Pattern = Callable[[Field, Field], Field]


@dataclass(frozen=True)
class Material:
    """A surface's look.

    Attributes:
        kind: What it is, see :mod:`vspwlib.data.synthetic.kinds`.
        colour: RGB, 0..1.
        accent: Second colour, mixed in where ``pattern`` says so.
        pattern: Weight 0..1 of the accent at (u, v) in metres.
        grain: Noise tile of the fine structure.
        period: Metres after which the fine structure repeats.
        gain: Strength of the fine structure.
        stains: Strength of slow brightness changes.
        glow: Light the surface gives off by itself, 0..1 (windows, screens, lamps).
    """

    kind: str
    colour: Colour
    accent: Colour | None = None
    pattern: Pattern | None = None
    grain: str = "rough"
    period: float = 3.0
    gain: float = 0.1
    stains: float = 0.08
    glow: float = 0.0

    def paint(self, u: Field, v: Field, texel: Field, bank: int = 0) -> Field:
        """Return unlit colours.

        Args:
            u: (N,) metres along the surface.
            v: (N,) metres across it.
            texel: (N,) metres one pixel covers there; fine structure smaller than a pixel fades instead of flickering.
            bank: Noise bank, see :func:`vspwlib.data.synthetic.noise.tile`.

        Returns:
            (N, 3) float32.
        """
        fade = self.gain / (1.0 + texel * (0.25 * noise.SIZE / self.period))
        tone = 1.0 + fade * noise.read(self.grain, u, v, self.period, bank)
        if self.stains:
            tone += self.stains * noise.read("soft", u, v, 9.0 * self.period + 5.0, bank)
        colour = np.asarray(self.colour, np.float32)
        if self.pattern is None or self.accent is None:
            return tone[:, None] * colour
        mix = self.pattern(u, v)[:, None]
        return tone[:, None] * (colour + mix * (np.asarray(self.accent, np.float32) - colour))


def _cells(u: Field, v: Field, seed: int) -> Field:
    """One random number in 0..1 for each integer cell."""
    table = np.random.default_rng(seed).random(1024, np.float32)
    return table[(np.floor(u).astype(np.int32) * 31 + np.floor(v).astype(np.int32) * 17) & 1023]


def bricks(length: float = 0.5, height: float = 0.2, joint: float = 0.12) -> Pattern:
    """Courses of bricks; the accent is the mortar."""

    def weight(u: Field, v: Field) -> Field:
        course = v / height
        along = u / length + 0.5 * (np.floor(course) % 2)
        return ((along % 1 < joint) | (course % 1 < 2 * joint)).astype(np.float32)

    return weight


def planks(width: float = 0.25, seed: int = 1, length: float = 3.0) -> Pattern:
    """Boards along v; each has its own tone and a dark joint."""

    def weight(u: Field, v: Field) -> Field:
        board = u / width
        tone = 0.6 * _cells(board, v / length, seed)
        return np.where(board % 1 < 0.08, np.float32(1), tone)

    return weight


def tiles(side: float = 0.6, joint: float = 0.06) -> Pattern:
    """Square tiles; the accent is the joint."""

    def weight(u: Field, v: Field) -> Field:
        return ((u / side % 1 < joint) | (v / side % 1 < joint)).astype(np.float32)

    return weight


def checks(side: float) -> Pattern:
    """A chequered surface."""

    def weight(u: Field, v: Field) -> Field:
        return ((np.floor(u / side) + np.floor(v / side)) % 2).astype(np.float32)

    return weight


def stripes(period: float, duty: float = 0.5, along: str = "u", soft: bool = False) -> Pattern:
    """Bands across ``along``; ``soft`` makes them folds."""

    def weight(u: Field, v: Field) -> Field:
        phase = (u if along == "u" else v) / period
        if soft:
            return 0.5 + 0.5 * np.sin(2 * np.pi * phase)
        return (phase % 1 < duty).astype(np.float32)

    return weight


def windows(width: float, height: float, share: float = 0.5, seed: int = 1, lit: float = 0.0) -> Pattern:
    """A grid of panes, each darker or brighter than the next; ``lit`` of them shine."""

    def weight(u: Field, v: Field) -> Field:
        column, row = u / width, v / height
        pane = (np.abs(column % 1 - 0.5) < share / 2) & (np.abs(row % 1 - 0.55) < share * 0.62)
        chance = _cells(column, row, seed)
        return np.where(pane, np.where(chance < lit, np.float32(-1.2), 0.6 + 0.4 * chance), np.float32(0))

    return weight


def panels(width: float, height: float, rim: float = 0.12) -> Pattern:
    """Inset panels, as on doors and cupboards; the accent is the groove."""

    def weight(u: Field, v: Field) -> Field:
        column, row = u / width % 1, v / height % 1
        edge = np.minimum(np.minimum(column, 1 - column) * width, np.minimum(row, 1 - row) * height)
        return (np.abs(edge - rim) < 0.025 + 0.1 * rim).astype(np.float32)

    return weight


def patches(period: float, cover: float, seed: int = 0) -> Pattern:
    """Irregular patches: coats of cattle, crowds on a grandstand, pictures."""

    def weight(u: Field, v: Field) -> Field:
        return (noise.read("blobs", u + seed * 1.7, v + seed * 0.9, period) > cover).astype(np.float32)

    return weight


def confetti(side: float, seed: int = 1) -> Pattern:
    """Every small square has a tone of its own: a crowd, rows of books, a mosaic."""

    def weight(u: Field, v: Field) -> Field:
        return _cells(u / side, v / side, seed)

    return weight
