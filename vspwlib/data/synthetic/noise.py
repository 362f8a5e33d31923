"""Tileable noise: the grain of every surface.

Each tile is white noise shaped in the Fourier domain, so it repeats without a seam and can be read at any
coordinate.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZE = 256
"""Texels along each side of a tile."""

# name: (fall-off of the spectrum, lowest frequency kept, stretch along u, stretch along v)
_SPECTRA = {
    "soft": (1.7, 1, 1.0, 1.0),
    "cloud": (2.1, 1, 1.0, 1.6),
    "rough": (1.0, 2, 1.0, 1.0),
    "grain": (0.2, 8, 1.0, 1.0),
    "strokes": (0.9, 4, 2.5, 0.5),
    "waves": (1.2, 3, 0.3, 2.2),
    "blobs": (1.6, 12, 1.0, 1.0),
}

_NAMES = tuple(_SPECTRA)


@cache
def tile(name: str, bank: int = 0) -> NDArray[np.float32]:
    """Return one tile with mean 0 and unit deviation.

    Args:
        name: ``soft``, ``cloud``, ``rough``, ``grain``, ``strokes``, ``waves`` or ``blobs``.
        bank: Another bank has other tiles with a flatter spectrum, so that a data set can differ in texture statistics.

    Returns:
        (SIZE, SIZE) float32 within ±2.5.
    """
    fall_off, low, stretch_u, stretch_v = _SPECTRA[name]
    rng = np.random.default_rng([7919, bank, _NAMES.index(name)])
    frequency = np.fft.fftfreq(SIZE) * SIZE
    radius = np.hypot(frequency[:, None] * stretch_v, frequency[None, :] * stretch_u)
    radius[0, 0] = 1.0
    shape = radius ** -(fall_off - 0.25 * bank) * (radius >= low)
    shape[0, 0] = 0.0
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIZE, SIZE))) * shape).real
    return np.clip((field - field.mean()) / field.std(), -2.5, 2.5).astype(np.float32)


def read(
    name: str, u: NDArray[np.floating[Any]], v: NDArray[np.floating[Any]], period: float, bank: int = 0
) -> NDArray[np.float32]:
    """Read a tile at surface coordinates.

    Args:
        name: Tile, see :func:`tile`.
        u: Coordinates along the surface, metres.
        v: Coordinates across it, metres, same shape.
        period: Metres after which the tile repeats.
        bank: See :func:`tile`.

    Returns:
        float32 of the shape of ``u``.
    """
    scale = SIZE / period
    column = np.floor(u * scale).astype(np.int32) & (SIZE - 1)
    row = np.floor(v * scale).astype(np.int32) & (SIZE - 1)
    return tile(name, bank).ravel()[(row << 8) | column]
