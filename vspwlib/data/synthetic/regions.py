"""Outlines on the ground: roads, shores, lakes, pitches."""

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic import noise
from vspwlib.data.synthetic.materials import Field
from vspwlib.data.synthetic.surfaces import Inside

Mask = NDArray[np.bool_]


def _wobble(along: Field, size: float, period: float) -> Field:
    return size * noise.read("soft", along, np.zeros_like(along), period) if size else np.zeros_like(along)


def strip(low: float, high: float, *, bend: float = 0.0, ragged: float = 0.0) -> Inside:
    """A band along z between two x; ``bend`` curves it (metres at z = 50), ``ragged`` frays its edges (metres)."""

    def inside(x: Field, z: Field, _time: float) -> Mask:
        shifted = x - bend * (z / 50.0) ** 2 + _wobble(z, ragged, 40.0)
        return (shifted > low) & (shifted < high)

    return inside


def crossing(near: float, far: float, half: float = np.inf) -> Inside:
    """A band along x between two z, at most ``half`` metres to each side."""
    return lambda x, z, _time: (z > near) & (z < far) & (np.abs(x) < half)


def rectangle(left: float, right: float, near: float, far: float) -> Inside:
    """A rectangle."""
    return lambda x, z, _time: (x > left) & (x < right) & (z > near) & (z < far)


def pond(x0: float, z0: float, wide: float, deep: float, ragged: float = 0.15) -> Inside:
    """An ellipse with a ragged edge: a lake, a flower bed, a patch of bare earth."""

    def inside(x: Field, z: Field, _time: float) -> Mask:
        across, down = (x - x0) / wide, (z - z0) / deep
        return across**2 + down**2 < 1 + ragged * noise.read("soft", x, z, 3.0 * wide)

    return inside


def shore(start: float, slant: float, swash: float = 0.5) -> Inside:
    """Everything beyond a shoreline whose waves run up and back; ``slant`` turns it (metres of z a metre of x)."""

    def inside(x: Field, z: Field, time: float) -> Mask:
        edge = start + slant * x + 0.8 * noise.read("soft", x, np.full_like(x, 2.0), 30.0)
        return z > edge + swash * np.sin(1.7 * time + 0.4 * x)

    return inside
