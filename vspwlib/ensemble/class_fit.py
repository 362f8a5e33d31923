"""Fit the weights of every class (:mod:`vspwlib.ensemble.class_weights`): exact steps, one class and run at a time.

Where a class overtakes the best of the others is one number a pixel, so along one run's share in one class the score is
known for every share. There are as many weights as classes, and rare classes have few pixels: what such a fit gains on
the videos it was made on is no measure of what it gains on others, which :func:`cross_fit_classes` tells.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble import kernels
from vspwlib.ensemble.class_weights import class_shares, class_sums
from vspwlib.ensemble.curve import TauCurve
from vspwlib.ensemble.joint import JointFrame
from vspwlib.ensemble.labelled import LabelledFrame
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import ClassCounts, miou
from vspwlib.predict.kernels import compiled

LEAST = 1e-5  # of mIoU; a class keeps its weights where others gain less
ROUNDS = 5
MOST = 60_000_000  # open classes of pixels that are held at a time: with two runs 1.3 GB


@dataclass(frozen=True, eq=False)
class ClassWeightFit:
    """What a fit class by class found.

    Attributes:
        weights: (N, C) float64, one row a run; columns sum to 1.
        miou: mIoU on the frames that were fitted, 0 to 1.
        common: mIoU there of the weights it started from, which all classes share.
        moved: Classes whose weights are others than at the start.
        every: One frame of so many was fitted; more than 1 where all did not fit into memory.
    """

    weights: NDArray[np.float64]
    miou: float
    common: float
    moved: tuple[int, ...]
    every: int = 1


def fit_class_weights(
    frames: Iterable[LabelledFrame],
    start: Sequence[float],
    *,
    num_classes: int = NUM_CLASSES,
    least: float = LEAST,
    every: int = 1,
) -> ClassWeightFit:
    """Find weights of every class with a high mIoU on frames, from weights that all classes share.

    Args:
        frames: Labelled frames, from :func:`class_frame`; read once.
        start: One weight a run.
        num_classes: Number of classes C.
        least: Gain of mIoU below which a class keeps its weights.
        every: One frame of so many is taken.

    Returns:
        The fit; its mIoU is never below that of the start.

    Raises:
        InputError: no true pixel, or more open classes than :data:`MOST`.
    """
    pixels = _OpenPixels.of(frames, num_classes, every)
    runs = len(pixels.frame.probs)
    begin = class_shares(np.tile(np.asarray(start, np.float64)[:, None], num_classes), runs, num_classes)
    ascent = _Ascent(pixels, begin)
    common = ascent.miou
    if np.isnan(common):
        fail("weights", expected="frames with truth", got="no true pixel", fix="fit to a split with masks.")
    lines = range(runs) if runs > 2 else range(1)  # of two runs one line holds all weights
    for _ in range(ROUNDS):
        before = ascent.miou
        for number in np.flatnonzero(np.diff(ascent.ends)):
            for run in lines:
                ascent.step(int(number), run, least)
        if ascent.miou <= before + least:
            break
    moved = np.flatnonzero((ascent.weights != begin).any(axis=0))
    return ClassWeightFit(ascent.weights, ascent.miou, common, tuple(moved.tolist()), every)


@dataclass(frozen=True, eq=False)
class _OpenPixels:
    """The open pixels of many frames, one after another, and the counts of all others.

    Attributes:
        settled: Counts of the pixels that no weights change.
        truth: (M,) uint8, true class of each open pixel; none is void.
        frame: The pixels as one frame of a row, (1, M).
        owner: (E,) int64, index of the pixel that each open class belongs to.
    """

    settled: ClassCounts
    truth: NDArray[np.uint8]
    frame: JointFrame
    owner: NDArray[np.int64]

    @classmethod
    def of(cls, frames: Iterable[LabelledFrame], num_classes: int, every: int) -> "_OpenPixels":
        settled, parts, held = ClassCounts.zeros(num_classes), [], 0
        for index, part in enumerate(frames):
            if index % every:
                continue
            settled += part.settled
            parts.append(part)
            held += len(part.frame.number)
            fix = f"fit to fewer frames: one of {2 * every}."
            require(held <= MOST, "open classes", expected=f"{MOST} at most", got="more", where=part.video, fix=fix)
        require(bool(parts), "frames", expected="at least one", got="none")
        width = np.concatenate([np.diff(part.frame.first) for part in parts])
        pixel = np.arange(len(width), dtype=np.int32)
        whole = JointFrame(
            np.concatenate([part.frame.agreed for part in parts], axis=1),
            pixel,
            np.concatenate([[0], np.cumsum(width, dtype=np.int64)]),
            np.concatenate([part.frame.number for part in parts]),
            np.concatenate([part.frame.probs for part in parts], axis=1),
        )
        truth = np.concatenate([part.truth[0] for part in parts])
        return cls(settled, truth, whole, np.repeat(pixel.astype(np.int64), width))


class _Ascent:
    """Weights on their way up. It is a class because a step changes the values and labels of a few pixels only.

    Args:
        pixels: The open pixels.
        weights: (N, C), where to begin.
    """

    def __init__(self, pixels: _OpenPixels, weights: NDArray[np.float64]) -> None:
        self.pixels, self.weights = pixels, weights.copy()
        self.values = class_sums(pixels.frame.number, pixels.frame.probs, weights)
        self.label = pixels.frame.labels_of(self.values)[0]
        self.counts = pixels.settled + _counts(self.label, pixels.truth, len(pixels.settled.truth))
        self.miou = miou(self.counts)
        self.order = np.argsort(pixels.frame.number, kind="stable")
        self.ends = np.searchsorted(pixels.frame.number[self.order], np.arange(weights.shape[1] + 1))

    def step(self, number: int, run: int, least: float) -> None:
        """Give a run the best share of a class, all other weights as they are, where that gains more than ``least``."""
        pixels, own = self.pixels, self.order[self.ends[number] : self.ends[number + 1]]
        pixel = pixels.owner[own]
        rival, other = np.empty(len(own)), np.empty(len(own), np.uint8)
        find = compiled(kernels.best_others, kernels.FAST)
        find(own, pixels.owner, pixels.frame.first, pixels.frame.number, self.values, rival, other)

        def win(column: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
            values = column @ pixels.frame.probs[:, own].astype(np.float64)
            return values, np.where(number < other, values >= rival, values > rival)  # of equals the lower id

        (at_0, wins_0), (at_1, wins_1) = (win(_moved(self.weights[:, number], run, share)) for share in (0.0, 1.0))
        turning = wins_0 != wins_1
        time = ((rival - at_0)[turning] / (at_1 - at_0)[turning]).clip(0.0, 1.0)
        order = np.argsort(np.tile(time, 2), kind="stable")
        numbers, hits, signs = _changes(number, other[turning], pixels.truth[pixel[turning]], wins_1[turning])
        start = self._counts_with(pixel, np.where(wins_0, number, other))
        share, _ = TauCurve(start, np.tile(time, 2)[order], numbers[order], hits[order], signs[order]).best()
        column = _moved(self.weights[:, number], run, share)
        values, wins = win(column)
        label = np.where(wins, number, other).astype(np.uint8)
        counts = self._counts_with(pixel, label)
        if (found := miou(counts)) > self.miou + least:
            self.weights[:, number] = column
            self.values[own], self.label[pixel], self.counts, self.miou = values, label, counts, found

    def _counts_with(self, pixel: NDArray[np.int64], label: NDArray[np.integer]) -> ClassCounts:
        """Return the counts with other labels at some pixels."""
        truth, classes = self.pixels.truth[pixel], len(self.counts.truth)
        before, after = (_counts(ids, truth, classes) for ids in (self.label[pixel], label))
        return ClassCounts(
            self.counts.intersection + after.intersection - before.intersection,
            self.counts.truth,
            self.counts.predicted + after.predicted - before.predicted,
        )


def _counts(label: NDArray[np.integer], truth: NDArray[np.uint8], num_classes: int) -> ClassCounts:
    """Count pixels without void."""
    hits = np.bincount(truth[label == truth], minlength=num_classes)
    return ClassCounts(hits, np.bincount(truth, minlength=num_classes), np.bincount(label, minlength=num_classes))


def _changes(
    number: int, rival: NDArray[np.uint8], truth: NDArray[np.uint8], gains: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int8], NDArray[np.int8]]:
    """Return class, hits and predicted pixels of the changes at which a class wins or loses a pixel to its rival."""
    sign = np.where(gains, 1, -1).astype(np.int8)
    numbers = np.concatenate([np.full(len(rival), number, np.uint8), rival])
    signs = np.concatenate([sign, -sign])
    hits = signs * (numbers == np.tile(truth, 2))
    return numbers, hits.astype(np.int8), signs


def _moved(column: NDArray[np.float64], run: int, share: float) -> NDArray[np.float64]:
    """Give a run a share of a class and the others the rest, as they share now; equally, where they have nothing."""
    others = column.copy()
    others[run] = 0.0
    if not others.any():
        others = np.where(np.arange(len(column)) == run, 0.0, 1.0)
    moved: NDArray[np.float64] = others / others.sum() * (1 - share)
    moved[run] = share
    return moved
