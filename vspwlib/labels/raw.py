"""Raw values of VSPW's mask files and the ids that networks and metrics use.

Raw masks hold 0 for "others", 1..124 for the classes, 255 for void; stray values such as 252 occur. The recipe on the
data set's page (subtract one, 254 becomes 255) would leave a stray 252 as class 251. Here everything outside 1..124 is
void.
"""

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import require
from vspwlib.labels.classes import NUM_CLASSES, VOID

_RAW_TO_ID = np.full(256, VOID, np.uint8)
_RAW_TO_ID[1 : NUM_CLASSES + 1] = np.arange(NUM_CLASSES)

# Only read after the check that no value stands between the classes and void.
_ID_TO_RAW = np.full(256, VOID, np.uint8)
_ID_TO_RAW[:NUM_CLASSES] = np.arange(1, NUM_CLASSES + 1)


def raw_to_id(raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn raw mask values into class ids.

    Args:
        raw: uint8 array of any shape, as read from a VSPW mask file.

    Returns:
        uint8 array of the same shape: 0..123 for raw 1..124, 255 (void) for every other value.

    Raises:
        InputError: when the array is not uint8.

    >>> raw_to_id(np.array([[0, 1], [124, 252]], np.uint8)).tolist()
    [[255, 0], [123, 255]]
    """
    _check_bytes("raw mask", raw)
    return _RAW_TO_ID.take(raw)  # half the time of indexing


def id_to_raw(ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn class ids into the values VSPW's mask files hold.

    Args:
        ids: uint8 array of any shape, values 0..123 or 255 (void).

    Returns:
        uint8 array of the same shape: 1..124, or 255 for void.

    Raises:
        InputError: when the array is not uint8 or holds a value that is neither a class nor void.

    >>> id_to_raw(np.array([0, 123, 255], np.uint8)).tolist()
    [1, 124, 255]
    """
    _check_bytes("class ids", ids)
    stray = (ids >= NUM_CLASSES) & (ids != VOID)
    if stray.any():
        values = np.unique(ids[stray]).tolist()
        require(
            False, "class ids", expected="0..123 or 255 (void)", got=values, fix="convert raw masks with raw_to_id."
        )
    return _ID_TO_RAW.take(ids)


def _check_bytes(what: str, values: NDArray[np.uint8]) -> None:
    require(
        values.dtype == np.uint8, what, expected="dtype uint8", got=values.dtype, fix="cast after checking the range."
    )
