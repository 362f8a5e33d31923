"""Where the windows of a sliding-window prediction stand.

Source: ``slide_inference`` of mmsegmentation's ``EncoderDecoder``, whose last window in each direction is moved back
inside the image instead of being cut.
"""

from typing import NamedTuple

from vspwlib.checks import check_range


class Box(NamedTuple):
    """A window in pixels: its first row and column, its height and width."""

    top: int
    left: int
    height: int
    width: int


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """Return the first pixel of each window along one axis of an image.

    Args:
        length: Pixels of the image along the axis, at least 1.
        window: Pixels of a window. One as long as the image or longer gives a single window at 0.
        stride: Pixels between two windows, at least 1; the last one moves back so that it ends with the image.

    Returns:
        Starts in increasing order.

    Source: mmsegmentation, ``EncoderDecoder.slide_inference``.

    >>> window_starts(853, 480, 320)
    [0, 320, 373]
    >>> window_starts(300, 480, 320)
    [0]
    """
    for name, value in (("image length", length), ("window", window), ("window stride", stride)):
        check_range(name, value, low=1)
    count = max(length - window + stride - 1, 0) // stride + 1
    last = max(length - window, 0)
    return [min(index * stride, last) for index in range(count)]


def boxes(height: int, width: int, window: tuple[int, int], stride: tuple[int, int]) -> list[Box]:
    """Return the windows of an image, row by row.

    Args:
        height: Rows of the image.
        width: Columns of the image.
        window: Rows and columns of a window; cut to the image where it is larger.
        stride: Rows and columns between windows.

    Returns:
        Boxes that all lie inside the image and have one common size.

    >>> boxes(4, 6, window=(4, 4), stride=(4, 3))
    [Box(top=0, left=0, height=4, width=4), Box(top=0, left=2, height=4, width=4)]
    """
    tops = window_starts(height, window[0], stride[0])
    lefts = window_starts(width, window[1], stride[1])
    rows, columns = min(window[0], height), min(window[1], width)
    return [Box(top, left, rows, columns) for top in tops for left in lefts]
