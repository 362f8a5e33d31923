"""Two runs on the same videos: differences of their scores, by paired bootstrap over videos.

Both runs are scored on the same draws. A hard video is hard for both, so its difficulty leaves the difference, and the
interval of a difference is narrower than the two runs' own intervals suggest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import require
from vspwlib.metrics.bootstrap import (
    DRAWS,
    FEWEST_VIDEOS,
    LEVEL,
    Interval,
    draw_videos,
    mean_of_classes,
    percentile_interval,
    resampled_iou,
    video_counts,
)
from vspwlib.metrics.consistency import CLIP_LENGTHS
from vspwlib.metrics.iou import ClassCounts, iou_per_class, miou, pixel_accuracy
from vspwlib.metrics.summary import ClipSum, SplitScore


@dataclass(frozen=True)
class Difference:
    """A figure of two runs on the same videos.

    Attributes:
        first: The first run's, in 0..1.
        second: The second run's.
        interval: Of second minus first: above 0 the second run is better.
        ahead: Share of the draws in which the second run is better, draws that tie counted half; nan if not judged.
    """

    first: float
    second: float
    interval: Interval
    ahead: float


@dataclass(frozen=True)
class Comparison:
    """Two runs on the same videos, second minus first.

    Attributes:
        figures: ``miou``, ``vc8``, ``vc16`` and ``pixel_acc``.
        classes: IoU by class id, for the classes with truth.
        videos: Videos of the split.
        draws: Resamples of them.
        seed: Of the resamples.
        level: Of the intervals, 0.95 for 95 %.
    """

    figures: Mapping[str, Difference]
    classes: Mapping[int, Difference]
    videos: int
    draws: int
    seed: int
    level: float


def compare_scores(
    first: SplitScore,
    second: SplitScore,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
    fewest: int = FEWEST_VIDEOS,
) -> Comparison:
    """Compare two runs on the same videos: second minus first, by paired bootstrap over videos.

    Args:
        first: Scores of a run.
        second: Scores of another, on the same videos with the same truth.
        draws: Number of resamples, 100 to 100,000; both runs are scored on the same ones.
        seed: Of the resamples.
        level: Share of the draws that an interval holds, 0.5 to 0.999.
        fewest: Videos that a figure must rest on to be judged: videos with the class in their truth, for VC those with
            clips. With fewer its values stand without an interval.

    Returns:
        Differences with percentile intervals: mIoU over the classes with truth in the draw, VC over its clips. Draws
        in which a figure does not exist (none has the class, say) are left out of that figure.

    Raises:
        InputError: If videos, truth or number of classes differ, there is no video, or an argument is out of range.

    Source:
        Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 (the unit that is drawn) and 13
        (percentile intervals).
    """
    _refuse_others(first, second)
    taken = draw_videos(len(first.videos), draws=draws, seed=seed)

    def pair(values: list[float], scores: list[NDArray[np.float64]], has: NDArray[np.int64]) -> Difference:
        apart = scores[1] - scores[0]
        videos = int(np.count_nonzero(has))
        interval = percentile_interval(values[1] - values[0], apart, videos, level=level, fewest=fewest)
        there = apart[~np.isnan(apart)]
        ahead = float((there > 0).mean() + (there == 0).mean() / 2) if interval.judged else float("nan")
        return Difference(values[0], values[1], interval, ahead)

    counts = [video_counts(score) for score in (first, second)]
    totals = [ClassCounts(*array.sum(axis=0)) for array in counts]
    ious = [resampled_iou(array, taken) for array in counts]
    truth = counts[0][:, 1]
    pixels = truth.sum(axis=1)
    figures = {"miou": pair([miou(total) for total in totals], [mean_of_classes(iou) for iou in ious], pixels)}
    for n in CLIP_LENGTHS:
        sums = [_clip_sums(score, n) for score in (first, second)]
        values = [score.consistency(n) for score in (first, second)]
        figures[f"vc{n}"] = pair(values, [_resampled_ratio(*both, taken) for both in sums], sums[0][1])
    right = [_resampled_ratio(array[:, 0].sum(axis=1), pixels, taken) for array in counts]
    figures["pixel_acc"] = pair([pixel_accuracy(total) for total in totals], right, pixels)
    of_classes = [iou_per_class(total).tolist() for total in totals]
    classes = {
        index: pair([values[index] for values in of_classes], [iou[:, index] for iou in ious], truth[:, index])
        for index in np.flatnonzero(truth.any(axis=0)).tolist()
    }
    return Comparison(figures, classes, len(first.videos), draws, seed, level)


def mean_difference(
    pairs: Sequence[tuple[SplitScore, SplitScore]], *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL
) -> Difference:
    """Compare the mIoU of two recipes over several seeds on the same videos: the mean of second minus first.

    Videos are drawn anew as in :func:`compare_scores`, the same ones for all seeds. How far other seeds would lie
    elsewhere is no part of the interval; the spread of the seeds says that.

    Args:
        pairs: Scores of the first and the second recipe, a pair a seed; one at least.
        draws: Number of resamples, 100 to 100,000.
        seed: Of the resamples.
        level: Share of the draws that the interval holds, 0.5 to 0.999.

    Raises:
        InputError: as :func:`compare_scores`, or no pair, or pairs of other videos.
    """
    require(bool(pairs), "seeds", expected="one at least", got="none")
    for first, second in pairs:
        _refuse_others(pairs[0][0], first)
        _refuse_others(first, second)
    taken = draw_videos(len(pairs[0][0].videos), draws=draws, seed=seed)
    means, values = [], []
    for place in (0, 1):
        counts = [video_counts(pair[place]) for pair in pairs]
        means.append(np.mean([mean_of_classes(resampled_iou(array, taken)) for array in counts], axis=0))
        values.append(float(np.mean([pair[place].miou for pair in pairs])))
    apart = means[1] - means[0]
    videos = int(np.count_nonzero(video_counts(pairs[0][0])[:, 1].any(axis=1)))
    interval = percentile_interval(values[1] - values[0], apart, videos, level=level)
    there = apart[~np.isnan(apart)]
    ahead = float((there > 0).mean() + (there == 0).mean() / 2) if interval.judged else float("nan")
    return Difference(values[0], values[1], interval, ahead)


def _refuse_others(first: SplitScore, second: SplitScore) -> None:
    """Fail unless both scores are of the same videos, frames, classes and truth."""
    sizes = len(first.confusion), len(second.confusion)
    require(sizes[0] == sizes[1], "second run", expected=f"{sizes[0]} classes, as the first", got=f"{sizes[1]} classes")
    lost, new = first.videos.keys() - second.videos.keys(), second.videos.keys() - first.videos.keys()
    got = "; ".join(f"{word} {_named(names)}" for word, names in (("no", lost), ("also", new)) if names)
    fix = "predict and score the same list with both runs."
    require(not got, "second run", expected=f"the {len(first.videos)} videos of the first", got=got, fix=fix)
    require(bool(first.videos), "scores", expected="scored videos", got="none")
    other = [name for name in first.videos if not _same_truth(first, second, name)]
    fix = "score both runs on the same masks."
    got = f"another for {_named(other)}"
    require(not other, "second run", expected="the same truth as the first", got=got, fix=fix)


def _same_truth(first: SplitScore, second: SplitScore, name: str) -> bool:
    """Whether two scores of a video come from the same masks, as far as counts can tell."""
    one, two = first.videos[name], second.videos[name]
    # Which clips score at all depends on the truth alone.
    clips = [[video.consistency.get(n, ClipSum()).clips for n in CLIP_LENGTHS] for video in (one, two)]
    same_frames = one.frames_scored == two.frames_scored and clips[0] == clips[1]
    return same_frames and np.array_equal(one.counts.truth, two.counts.truth)


def _named(names: list[str] | set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


def _clip_sums(score: SplitScore, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sums of clip scores and numbers of clips of each video, by name: two arrays (V,)."""
    sums = [score.videos[name].consistency.get(n, ClipSum()) for name in sorted(score.videos)]
    return np.array([clip.total for clip in sums], np.float64), np.array([clip.clips for clip in sums], np.int64)


def _resampled_ratio(
    part: NDArray[np.int64] | NDArray[np.float64], whole: NDArray[np.int64], taken: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum of ``part`` over sum of ``whole`` in each draw: (draws,) float64, nan where a draw has nothing of it."""
    wholes = taken @ whole
    return np.where(wholes > 0, taken @ part, np.nan) / np.maximum(wholes, 1)
