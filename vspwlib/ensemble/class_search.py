"""Weights of every class, fitted and scored apart: what they gain over weights that all classes share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.ensemble.class_fit import ClassWeightFit, fit_class_weights
from vspwlib.ensemble.class_weights import class_labels
from vspwlib.ensemble.joint import JointFrame
from vspwlib.ensemble.labelled import Frames
from vspwlib.ensemble.search import count_frames, fit_weights, folds_of, score_weights, summed, total_miou
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import ClassCounts


@dataclass(frozen=True)
class ClassSearch:
    """Weights of every class fitted to all videos, and what such weights score on videos that they have not seen.

    Attributes:
        fit: Fitted to all videos of the split, from weights that all classes share.
        shared: These shared weights.
        held_out: mIoU of class weights on videos that they were not fitted to: each fold's, or another split's.
        common: The same of weights that all classes share.
        equal: mIoU there of equal weights, which need no fitting.
        best: mIoU of class weights fitted to the very videos that are scored.
    """

    fit: ClassWeightFit
    shared: tuple[float, ...]
    held_out: float
    common: float
    equal: float
    best: float

    @property
    def optimism(self) -> float:
        """By how much weights fitted to the scored videos themselves seem better than those fitted to others."""
        return self.best - self.held_out


def summed_by_class(weights: NDArray[np.float64]) -> Callable[[JointFrame], NDArray[np.uint8]]:
    """Return what labels a frame under weights (N, C) of every class, for ``count_frames``."""
    return lambda frame: class_labels(frame, weights)


def cross_fit_classes(
    frames: Frames,
    runs: int,
    *,
    folds: int = 5,
    num_classes: int = NUM_CLASSES,
    every: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ClassSearch:
    """Fit weights of every class to videos, and score weights fitted alike on videos that they have not seen.

    Args:
        frames: Makes an iterator over labelled frames, from :func:`~vspwlib.ensemble.class_weights.class_frame`.
        runs: Number of runs.
        folds: Groups of videos, as in :func:`~vspwlib.ensemble.search.cross_fit`.
        num_classes: Number of classes.
        every: One frame of so many is fitted; all are scored.
        progress: Called with fits done and fits in all.

    Raises:
        InputError: fewer videos than folds.
    """
    tick = progress or (lambda _done, _whole: None)
    counts: dict[str, ClassCounts] = {}
    common: dict[str, ClassCounts] = {}
    for fold, (others, own) in enumerate(folds_of(frames, folds)):
        tick(fold, folds + 1)
        fit, shared = _fit(others, runs, num_classes, every)
        counts |= count_frames(own(), summed_by_class(fit.weights), num_classes)
        common |= count_frames(own(), summed(shared), num_classes)
    tick(folds, folds + 1)
    fit, shared = _fit(frames, runs, num_classes, every)
    tick(folds + 1, folds + 1)
    (equal,) = score_weights(frames, [[1.0] * runs], num_classes)
    return ClassSearch(fit, shared, total_miou(counts), total_miou(common), equal, fit.miou)


def transfer_classes(
    fitted: Frames,
    scored: Frames,
    runs: int,
    *,
    num_classes: int = NUM_CLASSES,
    every: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> ClassSearch:
    """Fit weights of every class to one split and score them on another; arguments as :func:`cross_fit_classes`."""
    tick = progress or (lambda _done, _whole: None)
    tick(0, 2)
    fit, shared = _fit(fitted, runs, num_classes, every)
    tick(1, 2)
    best, _ = _fit(scored, runs, num_classes, every)
    tick(2, 2)
    held_out = total_miou(count_frames(scored(), summed_by_class(fit.weights), num_classes))
    common, equal = score_weights(scored, [shared, [1.0] * runs], num_classes)
    return ClassSearch(fit, shared, held_out, common, equal, best.miou)


def _fit(frames: Frames, runs: int, num_classes: int, every: int) -> tuple[ClassWeightFit, tuple[float, ...]]:
    """Fit weights that all classes share, and from there those of every class."""
    shared = fit_weights(frames, runs, num_classes=num_classes).weights
    return fit_class_weights(frames(), shared, num_classes=num_classes, every=every), shared
