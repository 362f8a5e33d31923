"""Count the values in the mask of one image, and say what is wrong with the pair or with the values."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import InputError
from vspwlib.data.check import what_came
from vspwlib.data.images import read_image_size, read_raw_mask
from vspwlib.data.index import named
from vspwlib.labels.sources import SourceSet


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """One thing that is wrong with a file of another data set.

    Attributes:
        kind: ``missing mask``, ``mask without image``, ``unreadable image``, ``unreadable mask`` or ``mask size``: not
            counted and not trained on; ``unknown ids`` or ``unused ids``: counted.
        path: The file or folder below the root.
        message: What is wrong with it.
    """

    kind: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class MaskCounts:
    """What one pair of files holds.

    Attributes:
        size: Height and width of the image; zeros where it cannot be read.
        counts: Pixels by source value; empty where the pair cannot be used.
        fault: Kind and message where it cannot be used.
    """

    size: tuple[int, int]
    counts: Mapping[int, int]
    fault: tuple[str, str] | None = None


def count_mask(image: Path, mask: Path) -> MaskCounts:
    """Read an image and its mask whole, hold them against each other and count.

    Args:
        image: The image.
        mask: Its mask, one channel of values 0..255.

    Returns:
        The counts, or what is wrong.
    """
    try:
        height, width = read_image_size(image)
    except InputError as error:
        return MaskCounts((0, 0), {}, ("unreadable image", what_came(error)))
    try:
        values = read_raw_mask(mask, clip=False)
    except InputError as error:
        return MaskCounts((height, width), {}, ("unreadable mask", what_came(error)))
    if values.shape != (height, width):
        message = f"{values.shape[1]}x{values.shape[0]}, its image {width}x{height}"
        return MaskCounts((height, width), {}, ("mask size", message))
    counts = np.bincount(values.ravel(), minlength=256)
    return MaskCounts((height, width), {int(value): int(counts[value]) for value in np.flatnonzero(counts)})


def strange_ids(
    counts: Mapping[int, int], known: NDArray[np.bool_] | list[bool], facts: SourceSet
) -> list[tuple[str, str]]:
    """Name the values of a mask that should not be there: kind and message.

    Args:
        counts: Pixels by value.
        known: (256,) bool, the values that the mapping names.
        facts: The data set, which says what it never draws.

    >>> from vspwlib.labels.sources import SOURCE_SETS
    >>> strange_ids({0: 5, 151: 2}, [value < 151 for value in range(256)], SOURCE_SETS["ade20k"])
    [('unknown ids', '151 (2 pixels); counted as void')]
    """
    found = []
    unknown = {value: pixels for value, pixels in counts.items() if not known[value]}
    if unknown:
        found.append(("unknown ids", f"{_spelled(unknown)}; counted as void"))
    unused = {value: counts[value] for value in facts.never if counts.get(value)}
    if unused:
        message = f"{_spelled(unused)}; never drawn in {facts.title}: is the mask in another numbering?"
        found.append(("unused ids", message))
    return found


def _spelled(pixels: Mapping[int, int]) -> str:
    """Name values with their pixels.

    >>> _spelled({151: 2, 200: 30})
    '151 (2 pixels), 200 (30 pixels)'
    """
    return named(f"{value} ({count} pixels)" for value, count in pixels.items())
