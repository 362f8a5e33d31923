"""Colours for label maps.

``glasbey`` keeps 124 classes as far apart as a palette of that size can (smallest distance in CAM02-UCS 11.7; the
bit-shift palette of PASCAL VOC reaches 0.6). ``dataset`` is what VSPW papers print; in it Playground_slide and car
share one colour. ``baseline`` is what the official baseline writes into its prediction files; past 22 classes it is
grey, so it is for files rather than for eyes.

Source: glasbey (Glasbey et al. 2007, package ``glasbey`` 0.4.0); mmsegmentation's ADE20K colours;
VSPW-dataset/VSPW_baseline ``test.py``.
"""

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_choice, require
from vspwlib.labels.classes import NUM_CLASSES
from vspwlib.labels.table import label_rows

PaletteName = Literal["glasbey", "dataset", "baseline"]
PALETTES: tuple[PaletteName, ...] = ("glasbey", "dataset", "baseline")

_VOID_COLOUR = (0, 0, 0)
_BASELINE_HEAD = (
    "000000 800000 008000 808000 000080 800080 008080 808080 400000 bf0000 408000 "
    "bf8000 400080 bf0080 408080 bf8080 004000 804000 00bf00 80bf00 004080 804080"
)


@cache
def palette(name: PaletteName = "glasbey") -> NDArray[np.uint8]:
    """Return one colour for each value a label map can hold.

    Args:
        name: ``glasbey`` (default), ``dataset`` or ``baseline``.

    Returns:
        Read-only (256, 3) uint8 RGB; rows 0..123 are the classes and row 255 is void. The rows between have no
        meaning: they hold the void colour, or in ``baseline`` what the official files hold there.

    Raises:
        InputError: for an unknown name.

    >>> palette("dataset")[0].tolist(), palette()[255].tolist()
    ([120, 120, 120], [0, 0, 0])
    """
    check_choice("palette", name, PALETTES)
    if name == "baseline":
        colours = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
        head = [_rgb(code) for code in _BASELINE_HEAD.split()]
        colours[: len(head)] = head
    else:
        colours = np.full((256, 3), _VOID_COLOUR, np.uint8)
        colours[:NUM_CLASSES] = [_rgb(row[name].removeprefix("#")) for row in label_rows()]
    colours.flags.writeable = False
    return colours


def colourise(ids: NDArray[np.uint8], name: PaletteName = "glasbey") -> NDArray[np.uint8]:
    """Paint a label map.

    Args:
        ids: uint8 array of any shape, usually (H, W): 0..123, 255 = void.
        name: Palette to use.

    Returns:
        uint8 RGB of shape ``ids.shape + (3,)``.

    Raises:
        InputError: when the array is not uint8, or for an unknown palette.

    >>> colourise(np.array([[0, 255]], np.uint8), "dataset").tolist()
    [[[120, 120, 120], [0, 0, 0]]]
    """
    require(
        ids.dtype == np.uint8, "label map", expected="dtype uint8", got=ids.dtype, fix="cast after checking the range."
    )
    return palette(name)[ids]


def _rgb(code: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(code))
