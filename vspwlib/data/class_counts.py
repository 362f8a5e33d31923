"""How often each class is labelled, and weights for the loss that make up for it.

Counts are taken of masks as they are stored, before any crop; those of several sets add up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import InputError, check_choice, check_keys, check_range, check_shape, require
from vspwlib.data.images import read_mask
from vspwlib.data.index import Split
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.labels import NUM_CLASSES

#: Ways to make weights of counts; see :func:`balancing_weights`.
RULES = ("inverse_frequency", "median_frequency", "effective_number")


@dataclass(frozen=True)
class ClassCounts:
    """Occurrences of the classes in a set of masks; counts of several sets are added with ``+``.

    Attributes:
        images: Masks counted.
        pixels: ``(124,)`` float64, pixels of each class.
        frames: ``(124,)`` float64, masks that show the class.
        around: ``(124,)`` float64, labelled pixels of the masks that show it.
    """

    images: float
    pixels: NDArray[np.float64]
    frames: NDArray[np.float64]
    around: NDArray[np.float64]

    @classmethod
    def of(cls, masks: Iterable[NDArray[np.integer]]) -> "ClassCounts":
        """Count masks, each as its pixels by class, ``(124,)``."""
        pixels, frames, around = (np.zeros(NUM_CLASSES) for _ in range(3))
        images = 0
        for counts in masks:
            check_shape("pixels by class", counts.shape, (NUM_CLASSES,))
            shown = counts > 0
            pixels += counts
            frames += shown
            around += shown * counts.sum()
            images += 1
        return cls(images, pixels, frames, around)

    def __add__(self, other: "ClassCounts") -> "ClassCounts":
        """Return the counts of both sets together."""
        sums = (getattr(self, name) + getattr(other, name) for name in ("images", "pixels", "frames", "around"))
        return ClassCounts(*sums)

    def scaled(self, factor: float) -> "ClassCounts":
        """Return the counts as if every mask were there so many times."""
        return ClassCounts(self.images * factor, self.pixels * factor, self.frames * factor, self.around * factor)

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        arrays = {name: getattr(self, name).tolist() for name in ("pixels", "frames", "around")}
        return {"images": self.images, **arrays}

    @classmethod
    def from_json(cls, values: dict[str, Any], *, where: object = "") -> "ClassCounts":
        """Rebuild counts from :meth:`to_json`.

        Raises:
            InputError: a part is missing, or is not of 124 classes.
        """
        names = ("pixels", "frames", "around")
        fix = "delete the file; it is counted again."
        check_keys("class counts", values, ("images", *names), where=where, fix=fix)
        arrays = [np.asarray(values[name], np.float64) for name in names]
        for name, array in zip(names, arrays, strict=True):
            check_shape(f"class counts, {name}", array.shape, (NUM_CLASSES,), where=where)
        return cls(values["images"], *arrays)


def count_classes(split: Split, *, workers: int | None = None, progress: Progress | None = None) -> ClassCounts:
    """Count the masks of a split.

    Args:
        split: Its frames without masks are left out, and those whose mask cannot be read, as in training.
        workers: Number of threads; one a core by default.
        progress: Called with masks done and masks in all.

    Raises:
        InputError: no frame has a mask that can be read.
    """
    found = run_parallel(_count, [mask for _, mask in split.labelled()], workers=workers, progress=progress)
    masks = [counts for counts in found if counts is not None]
    where = f"{split.root} {split.name}"
    require(len(masks) > 0, "class counts", expected="frames with masks", got="none", where=where)
    return ClassCounts.of(masks)


def balancing_weights(counts: ClassCounts, rule: str, *, beta: float = 0.999) -> NDArray[np.float64]:
    """Return what each class is to weigh in a loss, so that rare ones are not drowned.

    With n the frames that show a class:

    - ``inverse_frequency``: 1 / (pixels of the class).
    - ``median_frequency``: 1 / (its share of the labelled pixels of those frames), up to a common factor, the median.
    - ``effective_number``: (1 - beta) / (1 - beta^n); frames are the samples that overlap in what they teach.

    Weights are scaled to a mean of 1 over the frames' classes, each class counted as often as frames show it. Dividing
    by the sum of the weights makes this scale irrelevant to pixels; to queries it keeps "no object" in proportion.

    Args:
        counts: Of the training masks.
        rule: One of the three.
        beta: Of the effective number, at least 0 and below 1; 0 weighs all alike, 1 would be 1 / n.

    Returns:
        ``(124,)`` float64; 1 for a class that does not occur.

    Raises:
        InputError: for another rule or beta.

    Source:
        Eigen and Fergus, ICCV 2015 (median frequency); Cui et al., Class-Balanced Loss Based on Effective Number of
        Samples, CVPR 2019, equation 2.

    >>> counts = ClassCounts.of([np.eye(NUM_CLASSES, dtype=int)[0] * 30 + np.eye(NUM_CLASSES, dtype=int)[1] * 10])
    >>> balancing_weights(counts, "inverse_frequency")[:3]
    array([0.5, 1.5, 1. ])
    """
    check_choice("class weights", rule, RULES)
    check_range("beta", beta, 0, 1 - 1e-9)
    weights, found = np.ones(NUM_CLASSES), counts.frames > 0
    pixels, frames, around = counts.pixels[found], counts.frames[found], counts.around[found]
    if rule == "inverse_frequency":
        raw = 1 / pixels
    elif rule == "median_frequency":
        raw = around / pixels
    else:
        raw = (1 - beta) / (1 - beta**frames)
    weights[found] = raw * frames.sum() / (raw * frames).sum()
    return weights


def _count(path: Path) -> NDArray[np.int64] | None:
    """Return the pixels of a mask by class; None where it cannot be read."""
    try:
        return np.bincount(read_mask(path).ravel(), minlength=256)[:NUM_CLASSES]
    except InputError:
        return None
