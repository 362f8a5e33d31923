"""Weights of every class, fitted and scored apart: what they gain over weights that all classes share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.ensemble.class_fit import ClassWeightFit, fit_class_weights
from vspwlib.ensemble.class_weights import class_labels
from vspwlib.ensemble.labelled import Frames
from vspwlib.ensemble.search import count_frames, fit_weights, folds_of, total_miou
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import ClassCounts, confusion


@dataclass(frozen=True)
class ClassSearch:
    """Weights of every class fitted to all videos, and what such weights score on videos that they have not seen.

    Attributes:
        fit: Fitted to all videos, from weights that all classes share.
        held_out: mIoU over all videos, each under class weights that were fitted to others.
        common: The same of weights that all classes share, fitted alike.
        equal: mIoU of equal weights, which need no fitting.
    """

    fit: ClassWeightFit
    held_out: float
    common: float
    equal: float

    @property
    def optimism(self) -> float:
        """By how much the fitted score exceeds the one on videos that were not fitted."""
        return self.fit.miou - self.held_out


def count_class_frames(
    frames: Frames, weights: NDArray[np.float64], num_classes: int = NUM_CLASSES
) -> dict[str, ClassCounts]:
    """Count labels under weights (N, C) of every class, video by video."""
    found: dict[str, ClassCounts] = {}
    for video, frame, truth in frames():
        counts = ClassCounts.of(confusion(class_labels(frame, weights), truth, num_classes, where=video))
        found[video] = found[video] + counts if video in found else counts
    return found


def cross_fit_classes(
    frames: Frames, runs: int, *, folds: int = 5, num_classes: int = NUM_CLASSES, every: int = 1
) -> ClassSearch:
    """Fit weights of every class to videos, and score weights fitted alike on videos that they have not seen.

    Args:
        frames: Makes an iterator over labelled frames, from :func:`~vspwlib.ensemble.class_weights.class_frame`.
        runs: Number of runs.
        folds: Groups of videos, as in :func:`~vspwlib.ensemble.search.cross_fit`.
        num_classes: Number of classes.
        every: One frame of so many is fitted; all are scored.

    Raises:
        InputError: fewer videos than folds.
    """
    counts: dict[str, ClassCounts] = {}
    common: dict[str, ClassCounts] = {}
    for others, own in folds_of(frames, folds):
        shared = fit_weights(others, runs, num_classes=num_classes).weights
        fit = fit_class_weights(others(), shared, num_classes=num_classes, every=every)
        counts |= count_class_frames(own, fit.weights, num_classes)
        common |= count_frames(own(), shared, num_classes)
    shared = fit_weights(frames, runs, num_classes=num_classes).weights
    fit = fit_class_weights(frames(), shared, num_classes=num_classes, every=every)
    equal = total_miou(count_frames(frames(), [1.0] * runs, num_classes))
    return ClassSearch(fit, total_miou(counts), total_miou(common), equal)
