"""How far scores would move on other videos of the same kind: bootstrap over videos.

Frames of a video resemble each other, so the video is what is drawn, never the frame. A draw takes as many videos as
there are, with replacement, adds up their counts and scores the sum as a split is scored. All draws together are a
(draws, videos) matrix of how often each video was taken, times the counts.

What is left out: the seeds of training. See docs/comparing.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, check_shape
from vspwlib.metrics.iou import ClassCounts, iou_per_class, miou
from vspwlib.metrics.summary import SplitScore

DRAWS = 10_000
LEVEL = 0.95
FEWEST_VIDEOS = 5
"""A figure that rests on fewer videos gets no interval: resampling a handful says nothing about others."""

_MOST_DRAWS = 100_000  # more move an interval by less than it can mean, and take memory
_BLOCK = 2000  # draws whose counts of all classes are in memory at a time


@dataclass(frozen=True)
class Interval:
    """A figure and where it falls when videos are drawn anew.

    Attributes:
        value: The figure on the videos as they are; nan where there is nothing to score.
        low: Lower end of the percentile interval; nan where the figure is not judged.
        high: Upper end.
        videos: Videos that the figure rests on.
    """

    value: float
    low: float
    high: float
    videos: int

    @property
    def judged(self) -> bool:
        """Whether there were videos enough for an interval."""
        return not np.isnan(self.low)


def draw_videos(videos: int, *, draws: int = DRAWS, seed: int = 0) -> NDArray[np.int64]:
    """Draw videos with replacement, as many as there are.

    Args:
        videos: Number of videos V, at least 1.
        draws: Number of resamples, 100 to 100,000.
        seed: The same seed gives the same draws.

    Returns:
        (draws, V) int64: how often each video was taken; every row adds up to V.

    Raises:
        InputError: If an argument is out of its range.

    >>> set(draw_videos(3, draws=100).sum(axis=1).tolist())
    {3}
    """
    check_range("videos", videos, 1)
    check_range("draws", draws, 100, _MOST_DRAWS)
    check_range("seed", seed, 0)
    return np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=draws)


def video_counts(score: SplitScore) -> NDArray[np.int64]:
    """Return the pixels of a score's videos, by name: (V, 3, C) int64, the 3 being intersection, truth, predicted."""
    counts = [score.videos[name].counts for name in sorted(score.videos)]
    shape = (len(counts), 3, len(score.confusion))
    return np.array([(c.intersection, c.truth, c.predicted) for c in counts], np.int64).reshape(shape)


def resampled_iou(counts: NDArray[np.int64], taken: NDArray[np.int64]) -> NDArray[np.float64]:
    """IoU of each class in each draw.

    Args:
        counts: (V, 3, C) int64, pixels of each video: intersection, truth, predicted.
        taken: (draws, V) int64, how often each video was taken, as :func:`draw_videos` returns it.

    Returns:
        (draws, C) float64 in 0..1, nan where a draw has no true pixel of the class.

    Raises:
        InputError: If the shapes do not fit.
    """
    check_shape("counts", counts.shape, ("V", 3, "C"))
    check_shape("draws", taken.shape, ("draws", len(counts)))
    _, _, classes = counts.shape
    ious = np.full((len(taken), classes), np.nan)
    there = np.flatnonzero(counts[:, 1].any(axis=0))  # a class without truth has none in any draw
    # As float64, for BLAS: whole numbers below 2**53 add up without rounding, and VSPW's test split has 2**34 pixels.
    flat = counts[:, :, there].reshape(len(counts), -1).astype(np.float64)
    for start in range(0, len(taken), _BLOCK):
        sums = taken[start : start + _BLOCK].astype(np.float64) @ flat
        by_kind = sums.astype(np.int64).reshape(len(sums), 3, len(there)).swapaxes(0, 1)
        ious[start : start + _BLOCK, there] = iou_per_class(ClassCounts(*by_kind))
    return ious


def mean_of_classes(ious: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean IoU of each draw over the classes with true pixels in it: (draws, C) to (draws,), nan where it has none."""
    number = (~np.isnan(ious)).sum(axis=1)
    return np.where(number > 0, np.nansum(ious, axis=1), np.nan) / np.maximum(number, 1)


def percentile_interval(
    value: float, scores: NDArray[np.float64], videos: int, *, level: float = LEVEL, fewest: int = FEWEST_VIDEOS
) -> Interval:
    """Put a figure and its draws into an interval.

    Args:
        value: The figure on the videos as they are.
        scores: (draws,) float64, the same figure in each draw; draws where it is nan are left out.
        videos: Videos that the figure rests on.
        level: Share of the draws that the interval holds, 0.5 to 0.999.
        fewest: Videos that an interval takes; with fewer its ends are nan.

    Raises:
        InputError: If the level is out of its range.
    """
    check_range("level", level, 0.5, 0.999)
    there = scores[~np.isnan(scores)]
    if videos < fewest or not there.size:
        return Interval(value, float("nan"), float("nan"), videos)
    low, high = np.quantile(there, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Interval(value, low, high, videos)


def miou_interval(
    counts: NDArray[np.int64], *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL, fewest: int = FEWEST_VIDEOS
) -> Interval:
    """Interval of one run's mIoU, from any counts by video: a run's, or an ensemble's at some tau.

    Args:
        counts: (V, 3, C) int64, pixels of each video: intersection, truth, predicted.
        draws: Number of resamples, 100 to 100,000.
        seed: Of the resamples; with the same one, several counts of the same videos get the same draws.
        level: Share of the draws that the interval holds, 0.5 to 0.999.
        fewest: Videos with true pixels that an interval takes; with fewer the ends are nan.

    Returns:
        The mIoU in 0..1 with its percentile interval.

    Raises:
        InputError: If the shape or an argument does not fit, or there is no video.

    >>> alike = np.tile([[[3, 0], [4, 0], [3, 1]]], (6, 1, 1))
    >>> miou_interval(alike)
    Interval(value=0.75, low=0.75, high=0.75, videos=6)
    """
    check_shape("counts", counts.shape, ("V", 3, "C"))
    scores = mean_of_classes(resampled_iou(counts, draw_videos(len(counts), draws=draws, seed=seed)))
    labelled = int(np.count_nonzero(counts[:, 1].any(axis=1)))
    return percentile_interval(miou(ClassCounts(*counts.sum(axis=0))), scores, labelled, level=level, fewest=fewest)
