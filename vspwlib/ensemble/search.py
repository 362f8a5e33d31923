"""Weights of an ensemble of N runs: coordinate ascent on the simplex with exact steps, fitted and scored apart.

A step gives one run the weight t and leaves the others' shares as they are. Along this line the score is a curve of t
that is known exactly (:mod:`vspwlib.ensemble.curve`), so a step finds the best t of all, or of all to four digits where
there are too many changes to sort them each time.
Scores never fall from one step to the next. What is found is best along every such line through it; another point may
be better still, so the ascent starts from several.

Weights fitted to a split are too good on it. :func:`cross_fit` tells by how much: videos are fitted on other videos
than those that they are scored on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, fail, require
from vspwlib.ensemble.curve import TauCounts
from vspwlib.ensemble.fuse import shares
from vspwlib.ensemble.joint import JointFrame
from vspwlib.ensemble.labelled import Frames, LabelledFrame
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import ClassCounts, confusion, miou

TOLERANCE = 1e-5  # of mIoU, a thousandth of a point; a smaller gain is none
MOST = 500_000  # changes along a line; of more, shares are looked at in steps of 0.0001
ROUNDS = 20  # over all runs, at most; two or three suffice


@dataclass(frozen=True)
class WeightFit:
    """What an ascent found.

    Attributes:
        weights: One a run; they sum to 1.
        miou: mIoU on the frames that were fitted, 0 to 1.
        steps: Weights and mIoU at the start and after each step that gained.
    """

    weights: tuple[float, ...]
    miou: float
    steps: tuple[tuple[tuple[float, ...], float], ...]


@dataclass(frozen=True)
class CrossFit:
    """Weights fitted to all videos, and what weights fitted in the same way score on videos that they have not seen.

    Attributes:
        fit: Fitted to all videos.
        folds: For each fold, the weights fitted to the videos of the other folds, and their mIoU there.
        held_out: mIoU over all videos, each under the weights of its fold, which have not seen it.
        equal: mIoU of equal weights, which need no fitting.
        alone: mIoU of each run.
        counts: Counts of each video under the weights of its fold.
    """

    fit: WeightFit
    folds: tuple[WeightFit, ...]
    held_out: float
    equal: float
    alone: tuple[float, ...]
    counts: dict[str, ClassCounts]

    @property
    def optimism(self) -> float:
        """By how much the fitted score exceeds the one on videos that were not fitted."""
        return self.fit.miou - self.held_out


def count_frames(
    frames: Iterable[LabelledFrame], labels: Callable[[JointFrame], NDArray[np.uint8]], num_classes: int = NUM_CLASSES
) -> dict[str, ClassCounts]:
    """Count labels video by video.

    Args:
        frames: Labelled frames.
        labels: What labels the open pixels of a frame.
        num_classes: Number of classes.

    Returns:
        Pixels per class of each video.
    """
    found: dict[str, ClassCounts] = {}
    for video, frame, truth, settled in frames:
        counts = settled + ClassCounts.of(confusion(labels(frame), truth, num_classes, where=video))
        found[video] = found[video] + counts if video in found else counts
    return found


def summed(weights: Sequence[float]) -> Callable[[JointFrame], NDArray[np.uint8]]:
    """Return what labels a frame by the weighted sum of its runs, for :func:`count_frames`."""
    return lambda frame: frame.labels(weights)


def score_weights(frames: Frames, choices: Sequence[Sequence[float]], num_classes: int = NUM_CLASSES) -> list[float]:
    """Return the mIoU of several weighted sums, over the pixels of all frames, which are read once."""
    totals = [ClassCounts.zeros(num_classes)] * len(choices)
    for video, frame, truth, settled in frames():
        for index, weights in enumerate(choices):
            own = ClassCounts.of(confusion(frame.labels(weights), truth, num_classes, where=video))
            totals[index] += settled + own
    return [miou(total) for total in totals]


def total_miou(counts: Mapping[str, ClassCounts]) -> float:
    """Return the mIoU over the pixels of all videos, in 0..1; nan where there is no true pixel."""
    return miou(sum(list(counts.values())[1:], next(iter(counts.values())))) if counts else float("nan")


def corners(runs: int) -> list[list[float]]:
    """Return the weights of each run alone.

    >>> corners(2)
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return [[float(run == index) for index in range(runs)] for run in range(runs)]


def fit_weights(
    frames: Frames,
    runs: int,
    *,
    starts: Sequence[Sequence[float]] | None = None,
    num_classes: int = NUM_CLASSES,
    progress: Callable[[float], None] | None = None,
) -> WeightFit:
    """Find weights with a high mIoU on frames.

    Args:
        frames: Makes an iterator over them.
        runs: Number of runs N.
        starts: Where to begin; by default from equal weights and from the best run alone.
        num_classes: Number of classes.
        progress: Called with the mIoU after each step.

    Returns:
        The best of all ascents. With two runs it is the best of all weights.

    Raises:
        InputError: there is no frame with a true pixel, or a start that is no weights.
    """
    check_range("runs", runs, 1)
    choices = [[1.0] * runs, *corners(runs)] if starts is None else starts
    begins = [tuple(shares(choice, runs)) for choice in choices]
    known = dict(zip(begins, score_weights(frames, begins, num_classes), strict=True))
    if any(np.isnan(score) for score in known.values()):
        fail("weights", expected="frames with truth", got="no true pixel", fix="search on a split with masks.")
    if starts is None:
        begins = [begins[0], max(begins[1:], key=lambda begin: known[begin])]
    fits = [_ascend(frames, WeightFit(begin, known[begin], ()), num_classes, progress) for begin in begins]
    return max(fits, key=lambda fit: fit.miou)


def cross_fit(
    frames: Frames,
    runs: int,
    *,
    folds: int = 5,
    num_classes: int = NUM_CLASSES,
    progress: Callable[[int, int], None] | None = None,
) -> CrossFit:
    """Fit weights to videos, and score weights fitted alike on videos that they have not seen.

    Args:
        frames: Makes an iterator over labelled frames.
        runs: Number of runs.
        folds: Groups of videos; every one is scored under weights that were fitted to the others.
        num_classes: Number of classes.
        progress: Called with fits done and fits in all.

    Returns:
        The fit and how far it can be trusted.

    Raises:
        InputError: fewer videos than folds.
    """
    parts = folds_of(frames, folds)

    def tick(done: int) -> None:
        if progress is not None:
            progress(done, folds + 1)

    tick(0)
    fit = fit_weights(frames, runs, num_classes=num_classes)
    fitted: list[WeightFit] = []
    counts: dict[str, ClassCounts] = {}
    for fold, (others, own) in enumerate(parts):
        tick(fold + 1)
        fitted.append(fit_weights(others, runs, num_classes=num_classes))
        counts |= count_frames(own(), summed(fitted[-1].weights), num_classes)
    tick(folds + 1)
    equal, *alone = score_weights(frames, [[1.0] * runs, *corners(runs)], num_classes)
    return CrossFit(fit, tuple(fitted), total_miou(counts), equal, tuple(alone), counts)


def folds_of(frames: Frames, folds: int) -> list[tuple[Frames, Frames]]:
    """Split frames by video: for each fold the frames of all other folds, and its own.

    Args:
        frames: Makes an iterator over labelled frames.
        folds: Groups of videos, which are dealt out in order of their names.

    Raises:
        InputError: fewer videos than folds.
    """
    videos = sorted({frame.video for frame in frames()})
    check_range("folds", folds, 2)
    fix = f"take at most {len(videos)} folds." if len(videos) > 1 else "name a second split to score on."
    require(len(videos) >= folds, "videos", expected=f"{folds} or more, one a fold", got=len(videos), fix=fix)
    dealt = [{*videos[fold::folds]} for fold in range(folds)]
    return [(_chosen(frames, {*videos} - own), _chosen(frames, own)) for own in dealt]


def _ascend(frames: Frames, start: WeightFit, num_classes: int, progress: Callable[[float], None] | None) -> WeightFit:
    """Take the best step along each run in turn, until none gains."""
    weights, best = start.weights, start.miou
    steps = [(weights, best)]
    idle = 0  # lines in a row that gained nothing; of two runs one line holds all weights
    for turn in range(ROUNDS * len(weights) if len(weights) > 1 else 0):
        run = turn % len(weights)
        counts = TauCounts(num_classes, most=MOST)
        for video, frame, truth, settled in frames():
            counts.add(frame.line(weights, run), truth, settled, where=video)
        share, found = counts.curve().best()
        idle += 1
        if found > best + TOLERANCE:
            weights, best, idle = _moved(weights, run, share), found, 1  # along the same line it gains no more
            steps.append((weights, best))
        if progress is not None:
            progress(best)
        if idle >= (len(weights) if len(weights) > 2 else 1):
            break
    return WeightFit(weights, best, tuple(steps))


def _moved(weights: tuple[float, ...], run: int, share: float) -> tuple[float, ...]:
    """Give a run a share and the others the rest, as they share now; equally, where they have nothing.

    >>> _moved((0.5, 0.25, 0.25), 0, 0.2), _moved((1.0, 0.0, 0.0), 0, 0.5)
    ((0.2, 0.4, 0.4), (0.5, 0.25, 0.25))
    """
    rest = sum(weight for index, weight in enumerate(weights) if index != run)
    others = [weight / rest if rest else 1 / (len(weights) - 1) for weight in weights]
    return tuple(share if index == run else (1 - share) * other for index, other in enumerate(others))


def _chosen(frames: Frames, videos: set[str]) -> Frames:
    return lambda: (frame for frame in frames() if frame.video in videos)
