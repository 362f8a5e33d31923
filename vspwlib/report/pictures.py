"""Pictures of label maps: overlays, error maps, and which classes are in view. NumPy only."""

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, check_shape
from vspwlib.labels import VOID, PaletteName, colourise
from vspwlib.report.figures import BLUE, ORANGE

Ids = NDArray[np.uint8]
Picture = NDArray[np.uint8]

BOTH_WRONG = "#8f959e"
_STAIN = 0.8  # how much of an error map's colour covers the frame
_DIM = 0.45  # how bright the frame is left where nothing is wrong


def overlay(image: Picture, ids: Ids, *, opacity: float = 0.6, palette: PaletteName = "glasbey") -> Picture:
    """Lay the colours of a label map over its frame; void leaves the frame as it is.

    Args:
        image: (H, W, 3) uint8 RGB.
        ids: (H, W) uint8, 0..123 or 255 for void.
        opacity: Share of the colour, 0 (frame alone) to 1 (colour alone).
        palette: Palette of the colours.

    Returns:
        (H, W, 3) uint8.

    Raises:
        InputError: the sizes differ, or the opacity is outside 0..1.
    """
    _check_frame(image, ids)
    check_range("opacity", opacity, 0, 1)
    share = np.where(ids == VOID, 0.0, opacity).astype(np.float32)[..., None]
    return (image * (1 - share) + colourise(ids, palette) * share + 0.5).astype(np.uint8)


def error_map(image: Picture, truth: Ids, first: Ids, second: Ids | None = None) -> Picture:
    """Show where predictions are wrong, on the frame in dim grey.

    Args:
        image: (H, W, 3) uint8 RGB.
        truth: (H, W) uint8, 255 for void; void pixels are never wrong.
        first: (H, W) uint8, prediction of the first run.
        second: (H, W) uint8, prediction of a second run.

    Returns:
        (H, W, 3) uint8. One run: orange where it is wrong. Two runs: blue where only the first is right, orange where
        only the second is, light grey where both are wrong.

    Raises:
        InputError: the sizes differ.
    """
    for ids in (truth, first, *([] if second is None else [second])):
        _check_frame(image, ids)
    grey = image.mean(axis=2, keepdims=True) * _DIM
    base = np.repeat(grey, 3, axis=2)
    valid = truth != VOID
    wrong = valid & (first != truth)
    other_wrong = np.zeros_like(wrong) if second is None else valid & (second != truth)
    for colour, where in (
        (ORANGE, wrong & ~other_wrong),
        (BLUE, other_wrong & ~wrong),
        (BOTH_WRONG, wrong & other_wrong),
    ):
        base[where] = base[where] * (1 - _STAIN) + np.array(_rgb(colour)) * _STAIN
    return (base + 0.5).astype(np.uint8)


def enlarge(picture: Picture, width: int) -> Picture:
    """Repeat the pixels of a small picture so often that it is at least ``width`` wide; larger ones stay as they are.

    >>> enlarge(np.zeros((2, 3, 3), np.uint8), 8).shape
    (6, 9, 3)
    """
    times = -(-width // picture.shape[1])
    return picture.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else picture


def _check_frame(image: Picture, ids: Ids) -> None:
    check_shape("frame", image.shape, ("H", "W", 3))
    check_shape("label map", ids.shape, image.shape[:2])


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))
