"""Confusion counts and the scores that follow from them: IoU, pixel accuracy, frequency-weighted IoU.

Everything here is a function of pixel counts, and counts add up: frames, videos and processes are merged by ``+``
before a score is taken. The convention is that of the official VSPW evaluator (VSPW-dataset/VSPW_code, ``utils.py``).
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vspwlib.checks import check_range, check_shape, fail, require
from vspwlib.labels import NUM_CLASSES, VOID

_VALUES = 256  # a byte: one row and one column for every value that a uint8 map can hold


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """Pixels per class: all that the scores of this module need, in 3·C numbers instead of C².

    Attributes:
        intersection: (C,) int64, pixels of class c that were predicted as c.
        truth: (C,) int64, pixels of class c.
        predicted: (C,) int64, valid pixels predicted as c.
    """

    intersection: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @classmethod
    def of(cls, matrix: NDArray[np.int64]) -> Self:
        """Read the counts off a (C, C) confusion matrix with rows of truth."""
        check_shape("confusion", matrix.shape, ("C", "C"))
        return cls(matrix.diagonal().copy(), matrix.sum(axis=1), matrix.sum(axis=0))

    @classmethod
    def zeros(cls, num_classes: int = NUM_CLASSES) -> Self:
        """Counts of no pixel at all."""
        return cls(*np.zeros((3, num_classes), np.int64))

    def __add__(self, other: Self) -> Self:
        """Counts of the pixels of both."""
        return type(self)(
            self.intersection + other.intersection, self.truth + other.truth, self.predicted + other.predicted
        )


def confusion(
    pred: ArrayLike, truth: ArrayLike, num_classes: int = NUM_CLASSES, *, where: object = ""
) -> NDArray[np.int64]:
    """Count how often each true class was predicted as each class.

    Args:
        pred: Predicted ids, integers of any shape, 0..num_classes-1 wherever the truth is not void.
        truth: True ids of the same shape, 0..num_classes-1 or 255 (void: the pixel does not count).
        num_classes: Number of classes C, at most 255.
        where: Video and frame, for the message.

    Returns:
        (C, C) int64, rows truth, columns prediction.

    Raises:
        InputError: If the shapes differ, an array is not of integers, a prediction at a valid pixel is outside 0..C-1
            (void too: it is an error, not a pixel to skip), or the truth holds a value other than 0..C-1 and 255.

    Source:
        ``Evaluator._generate_matrix`` of VSPW-dataset/VSPW_code, ``utils.py``, which lets a stray prediction land in a
        wrong cell; here it is refused.

    >>> confusion([[0, 1], [1, 1]], [[0, 0], [1, 255]], num_classes=2)
    array([[1, 1],
           [0, 1]])
    >>> confusion([[0, 9]], [[0, 0]], num_classes=2)
    Traceback (most recent call last):
    ...
    vspwlib.checks.InputError: prediction: expected ids 0..1 at valid pixels, got 9 (1 pixel).
    """
    check_range("num_classes", num_classes, 1, VOID)
    pred_bytes, truth_bytes = _as_bytes(np.asarray(pred), np.asarray(truth), num_classes, where)
    # One histogram over (truth, prediction) pairs of bytes counts, and shows every stray value, in a single pass.
    pairs = truth_bytes.astype(np.uint16)
    pairs <<= 8
    pairs |= pred_bytes
    table = np.bincount(pairs.ravel(), minlength=_VALUES * _VALUES).reshape(_VALUES, _VALUES)
    _refuse("truth", *_stray(table.sum(axis=1), num_classes, VOID), _truth_ids(num_classes), where)
    _refuse("prediction", *_stray(table[:num_classes].sum(axis=0), num_classes), _pred_ids(num_classes), where)
    return table[:num_classes, :num_classes].astype(np.int64)


def iou_per_class(counts: NDArray[np.int64] | ClassCounts) -> NDArray[np.float64]:
    """Intersection over union of each class.

    Args:
        counts: (C, C) confusion with rows of truth, or the counts read off it; so for every score below. Here, and for
            no other score, counts may have axes before that of the classes: (..., C).

    Returns:
        (C,) float64 in 0..1, nan for a class without a true pixel; (..., C) where the counts have more axes.

    >>> iou_per_class(np.array([[3, 1], [0, 0]]))
    array([0.75,  nan])
    """
    c = _counts(counts)
    return _ratio(c.intersection, np.where(c.truth > 0, c.truth + c.predicted - c.intersection, 0))


def miou(counts: NDArray[np.int64] | ClassCounts) -> float:
    """Mean IoU over the classes that have true pixels, in 0..1; nan when no pixel was counted.

    A class that is predicted but never true is left out; its pixels still count as misses of the true classes.

    Source:
        ``Evaluator.Mean_Intersection_over_Union`` of VSPW-dataset/VSPW_code. (mmseg counts such a class as 0.)

    >>> miou(np.array([[3, 1], [0, 0]]))
    0.75
    """
    return _mean(iou_per_class(counts))


def accuracy_per_class(counts: NDArray[np.int64] | ClassCounts) -> NDArray[np.float64]:
    """Share of each class's true pixels that was found: (C,) float64 in 0..1, nan for a class without a true pixel."""
    c = _counts(counts)
    return _ratio(c.intersection, c.truth)


def class_accuracy(counts: NDArray[np.int64] | ClassCounts) -> float:
    """Mean of :func:`accuracy_per_class` over the classes with true pixels, in 0..1; nan when no pixel was counted."""
    return _mean(accuracy_per_class(counts))


def pixel_accuracy(counts: NDArray[np.int64] | ClassCounts) -> float:
    """Share of valid pixels that are right, in 0..1; nan when no pixel was counted.

    >>> pixel_accuracy(np.array([[3, 1], [0, 4]]))
    0.875
    """
    c = _counts(counts)
    return float(_ratio(c.intersection.sum(), c.truth.sum()))


def frequency_weighted_iou(counts: NDArray[np.int64] | ClassCounts) -> float:
    """IoU weighted by each class's share of the true pixels ("weighted IoU"), in 0..1; nan when no pixel was counted.

    >>> frequency_weighted_iou(np.array([[3, 1], [0, 4]]))
    0.775
    """
    c = _counts(counts)
    share = _ratio(c.truth, c.truth.sum())
    return float(np.nansum(share * iou_per_class(c))) if c.truth.any() else float("nan")


def _counts(counts: NDArray[np.int64] | ClassCounts) -> ClassCounts:
    return counts if isinstance(counts, ClassCounts) else ClassCounts.of(np.asarray(counts))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide, nan where there is nothing to divide by."""
    with np.errstate(invalid="ignore"):
        return np.where(whole > 0, part, np.nan) / np.where(whole > 0, whole, 1)


def _mean(scores: NDArray[np.float64]) -> float:
    there = scores[~np.isnan(scores)]
    return float(there.mean()) if there.size else float("nan")


def _truth_ids(num_classes: int) -> str:
    return f"ids 0..{num_classes - 1} or {VOID} for void"


def _pred_ids(num_classes: int) -> str:
    return f"ids 0..{num_classes - 1} at valid pixels"


def _as_bytes(
    pred: NDArray[Any], truth: NDArray[Any], num_classes: int, where: object
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bring both maps to uint8, refusing what a byte would silently wrap."""
    same = pred.shape == truth.shape
    require(same, "prediction", expected=f"shape {truth.shape}, as the truth", got=pred.shape, where=where)
    for what, ids in (("prediction", pred), ("truth", truth)):
        require(np.issubdtype(ids.dtype, np.integer), what, expected="integer ids", got=ids.dtype, where=where)
    if truth.dtype != np.uint8:
        _refuse("truth", *_wide(truth), _truth_ids(num_classes), where)
        truth = truth.astype(np.uint8)
    if pred.dtype != np.uint8:
        _refuse("prediction", *_wide(pred[truth != VOID]), _pred_ids(num_classes), where)
        pred = pred.astype(np.uint8)
    return pred, truth


def _wide(ids: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Values that do not fit a byte, and their pixel counts."""
    return np.unique(ids[(ids < 0) | (ids >= _VALUES)], return_counts=True)


def _stray(
    histogram: NDArray[np.int64], start: int, stop: int = _VALUES
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Values of start..stop-1 that a histogram of bytes contains, and their pixel counts."""
    values = histogram[start:stop].nonzero()[0] + start
    return values, histogram[values]


def _refuse(what: str, values: NDArray[np.integer], pixels: NDArray[np.int64], expected: str, where: object) -> None:
    """Fail when there are values, naming the first three and how many pixels hold them."""
    if not values.size:
        return
    named = [f"{v} ({n} pixel{'s' * (n != 1)})" for v, n in zip(values[:3].tolist(), pixels[:3].tolist(), strict=True)]
    more = f" and {values.size - 3} more values" if values.size > 3 else ""
    fail(what, expected=expected, got=", ".join(named) + more, where=where)
