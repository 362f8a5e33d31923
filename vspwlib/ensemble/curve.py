"""Scores of P = tau*P1 + (1-tau)*P2 as functions of tau: exact counts for every tau from the changes of envelopes.

Between two changes nothing happens, so counts are step functions of tau: a start, and a list of steps "from this tau
on, class c has so many pixels more". Steps of frames, videos and shards add up by being put side by side.

A large split has more changes than memory holds. Beyond :data:`MOST` they are gathered on a grid of tau, each at the
first grid point that is not below it. Counts at grid points stay exact; in between they are those of the grid point
below, and ``resolution`` says how fine the grid is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, nan
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vspwlib.checks import check_range, check_shape, require
from vspwlib.ensemble.envelope import Envelope
from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.metrics.iou import ClassCounts, confusion, iou_per_class, miou

MOST = 16_000_000  # steps that are kept one by one, two a change: 180 MB, and three times that while they are sorted
CELLS = 10_000  # of the grid beyond


@dataclass(frozen=True, eq=False)
class TauCurve:
    """Counts at every tau.

    Attributes:
        start: Counts at tau = 0.
        time: (N,) float64, ascending: from this tau on a class has other counts.
        number: (N,) uint8, which class.
        hits: (N,) integers, by how much its intersection changes; bytes where each step is one pixel.
        predicted: (N,) integers, by how much its predicted pixels change.
        resolution: 0 where every tau is exact; else multiples of it are.
    """

    start: ClassCounts
    time: NDArray[np.float64]
    number: NDArray[np.uint8]
    hits: NDArray[np.integer]
    predicted: NDArray[np.integer]
    resolution: float = 0.0

    def counts(self, tau: float) -> ClassCounts:
        """Return the pixels per class at a tau.

        Raises:
            InputError: tau is outside 0..1.
        """
        check_range("tau", tau, 0.0, 1.0)
        due = int(np.searchsorted(self.time, tau, side="right"))
        return self._after(due)

    def iou(self, tau: float) -> NDArray[np.float64]:
        """Return the IoU of each class at a tau: (C,) float64 in 0..1, nan for a class without a true pixel."""
        return iou_per_class(self.counts(tau))

    def miou(self, tau: float) -> float:
        """Return the mean IoU over the classes with true pixels at a tau, in 0..1; nan when no pixel was counted."""
        return miou(self.counts(tau))

    def best(self) -> tuple[float, float]:
        """Return a tau with the highest mIoU, and that mIoU: exact, over all tau; nan where there is no true pixel.

        The best counts hold for an interval of tau; of the first such interval it is the number with fewest digits.
        """
        if not self.start.truth.any():
            return nan, nan
        scores, ends = self._scores_at_states()
        highest = int(np.argmax(scores))
        return self._inside(highest, ends), miou(self._after(int(ends[highest])))

    def best_of_class(self, number: int) -> tuple[float, float]:
        """Return a tau with the highest IoU of one class, and that IoU; nan where it has no true pixel."""
        check_range("class", number, 0, len(self.start.truth) - 1)
        if not self.start.truth[number]:
            return nan, nan
        own = self.number == number
        alone = TauCurve(self.start, self.time[own], self.number[own], self.hits[own], self.predicted[own])
        ends = alone._ends()
        scores = alone._ious(number, alone.hits, alone.predicted)[ends]
        highest = int(np.argmax(scores))
        return alone._inside(highest, ends), float(scores[highest])

    def at(self, taus: ArrayLike) -> NDArray[np.float64]:
        """Return the IoU of each class at many tau: (T, C) float64; the mean of a row, nan left out, is the mIoU.

        Args:
            taus: T numbers in 0..1, ascending.
        """
        hits, truth, predicted = self.counts_at(taus).swapaxes(0, 1)
        union = np.where(truth > 0, truth + predicted - hits, 0)
        with np.errstate(invalid="ignore"):
            return np.where(union > 0, hits / np.maximum(union, 1), np.nan)

    def counts_at(self, taus: ArrayLike) -> NDArray[np.int64]:
        """Return the pixels per class at many tau: (T, 3, C) int64, the 3 being intersection, truth, predicted.

        Args:
            taus: T numbers in 0..1, ascending.
        """
        grid = np.asarray(taus, np.float64)
        ordered = grid.ndim == 1 and len(grid) > 0 and bool((np.diff(grid) >= 0).all())
        require(ordered, "taus", expected="numbers in ascending order", got=grid.shape)
        check_range("tau", float(grid[0]), 0.0, 1.0)
        check_range("tau", float(grid[-1]), 0.0, 1.0)
        row = np.searchsorted(grid, self.time, side="left")  # the first tau that has seen the change
        truth, shape = self.start.truth, (len(grid) + 1, len(self.start.truth))
        place = row * shape[1] + self.number
        hits, predicted = (
            start + _sums(place, values, shape[0] * shape[1]).reshape(shape)[:-1].cumsum(axis=0)
            for start, values in ((self.start.intersection, self.hits), (self.start.predicted, self.predicted))
        )
        return np.stack([hits, np.broadcast_to(truth, hits.shape), predicted], axis=1)

    @classmethod
    def merged(cls, curves: Sequence["TauCurve"], *, ordered: bool = True) -> Self:
        """Return the curve over the pixels of all.

        Args:
            curves: At least one.
            ordered: Whether to put the steps in order; without, the curve can only be merged and gridded.

        Raises:
            InputError: there is none.
        """
        require(len(curves) > 0, "curves", expected="at least one", got="none")
        start = sum((curve.start for curve in curves[1:]), curves[0].start)
        time, number, hits, predicted = (
            np.concatenate([getattr(curve, name) for curve in curves]) for name in _COLUMNS
        )
        coarsest = max(curve.resolution for curve in curves)
        if not ordered:
            return cls(start, time, number, hits, predicted, coarsest)
        order = np.argsort(time)  # steps at one tau are only ever seen together, so their order does not matter
        return cls(start, time[order], number[order], hits[order], predicted[order], coarsest)

    def gridded(self, cells: int = CELLS) -> "TauCurve":
        """Return the curve with its changes gathered on ``cells`` + 1 tau; what lies between takes the one below."""
        row = np.ceil(self.time * cells).astype(np.int64)  # the first grid point that is not below, up to rounding
        row -= (row - 1) / cells >= self.time
        row += row / cells < self.time
        place, places = row * NUM_SLOTS + self.number, (cells + 1) * NUM_SLOTS
        sums = np.stack([_sums(place, values, places) for values in (self.hits, self.predicted)])
        there = np.flatnonzero((sums != 0).any(axis=0))
        time, number = there // NUM_SLOTS / cells, (there % NUM_SLOTS).astype(np.uint8)
        return TauCurve(self.start, time, number, sums[0, there], sums[1, there], resolution=1 / cells)

    def _after(self, steps: int) -> ClassCounts:
        """Return the counts after the first so many steps."""
        number, classes = self.number[:steps], len(self.start.truth)
        hits, predicted = (_sums(number, values[:steps], classes) for values in (self.hits, self.predicted))
        return ClassCounts(self.start.intersection + hits, self.start.truth, self.start.predicted + predicted)

    def _scores_at_states(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the mIoU in each interval between changes, and how many steps come before it."""
        gains = np.zeros(len(self.time))
        by_class = np.argsort(self.number, kind="stable")  # and by tau within a class
        ends_of_classes = np.cumsum(np.bincount(self.number, minlength=len(self.start.truth)))
        for number, at in enumerate(np.split(by_class, ends_of_classes[:-1])):
            if len(at) and self.start.truth[number]:
                scores = self._ious(number, self.hits[at], self.predicted[at])
                gains[at] = np.diff(scores)
        ends = self._ends()
        classes = int((self.start.truth > 0).sum())
        totals = np.concatenate([[0.0], np.cumsum(gains)]) / classes + miou(self.start)
        return totals[ends], ends

    def _ious(self, number: int, hits: NDArray[np.integer], predicted: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return the IoU of a class that has true pixels, at the start and after each of its steps."""
        truth = int(self.start.truth[number])
        intersection = self.start.intersection[number] + np.concatenate([[0], np.cumsum(hits, dtype=np.int64)])
        positives = self.start.predicted[number] + np.concatenate([[0], np.cumsum(predicted, dtype=np.int64)])
        return intersection / (truth + positives - intersection)

    def _ends(self) -> NDArray[np.int64]:
        """Return how many steps come before each interval of tau; steps at one tau belong together."""
        last = np.flatnonzero(np.diff(self.time, append=np.inf) > 0) + 1
        return np.concatenate([[0], last]) if not len(self.time) or self.time[0] > 0 else last

    def _inside(self, state: int, ends: NDArray[np.int64]) -> float:
        """Return the number with fewest digits in an interval between changes."""
        steps = int(ends[state])
        low = float(self.time[steps - 1]) if steps else 0.0
        high = float(self.time[steps]) if steps < len(self.time) else float(np.nextafter(1.0, 2.0))
        for digits in range(1, 17):
            candidate = ceil(low * 10**digits) / 10**digits
            if low <= candidate < high:
                return candidate
        return low


def _sums(place: NDArray[np.integer], values: NDArray[np.integer], places: int) -> NDArray[np.int64]:
    """Add up values by place; in float64, which is exact below 2**53 and many times as fast as ``np.add.at``."""
    return np.bincount(place, weights=values, minlength=places).astype(np.int64)


_COLUMNS = ("time", "number", "hits", "predicted")
NUM_SLOTS = 256  # classes are bytes


class TauCounts:
    """Gathers frames into a curve; memory is bounded by :data:`MOST` steps. It is a class because it counts as it goes.

    Args:
        num_classes: Number of classes C, at most 255.
        most: Steps that are kept one by one, two for each change of a pixel.
        cells: Cells of the grid on which they are gathered beyond.
    """

    def __init__(self, num_classes: int = NUM_CLASSES, *, most: int = MOST, cells: int = CELLS) -> None:
        self.num_classes, self.most, self.cells = num_classes, most, cells
        self.frames = 0
        self.parts: list[TauCurve] = []
        self._kept = 0

    def add(
        self,
        envelope: Envelope,
        truth: NDArray[np.uint8],
        settled: ClassCounts | None = None,
        *,
        where: object = "",
    ) -> None:
        """Count one frame.

        Args:
            envelope: Its labels at every tau.
            truth: (H, W) uint8, ids 0..C-1, 255 void.
            settled: Counts of pixels that belong to the frame and are not in the envelope.
            where: Video and frame, for messages.

        Raises:
            InputError: another shape, or ids that are no classes.
        """
        check_shape("truth", truth.shape, envelope.start.shape, where=where)
        start = ClassCounts.of(confusion(envelope.start, truth, self.num_classes, where=where))
        start = start if settled is None else start + settled
        true = truth.reshape(-1)[envelope.pixel]
        counted = true != VOID
        before = envelope.start.reshape(-1)[envelope.pixel]
        again = np.zeros(len(before), np.bool_)
        again[1:] = envelope.pixel[1:] == envelope.pixel[:-1]
        before[again] = envelope.label[:-1][again[1:]]
        time, true = envelope.time[counted], true[counted]
        gained, lost = envelope.label[counted], before[counted]
        check_range("class", int(gained.max(initial=0)), 0, self.num_classes - 1, where=where)
        times, numbers = np.concatenate([time, time]), np.concatenate([gained, lost])
        hits = np.concatenate([gained == true, lost == true]).astype(np.int8)
        sign = np.repeat(np.array([1, -1], np.int8), len(time))
        self.add_curve(TauCurve(start, times, numbers, hits * sign, sign))  # put in order when they are merged
        self.frames += 1

    def add_curve(self, curve: TauCurve) -> None:
        """Add what has been counted elsewhere, such as another video's."""
        self.parts.append(curve)
        self._kept += len(curve.time)
        if self._kept > self.most:
            self.parts = [TauCurve.merged(self.parts, ordered=False).gridded(self.cells)]
            self._kept = 0

    def curve(self) -> TauCurve:
        """Return the curve over all frames so far.

        Raises:
            InputError: there is none.
        """
        require(bool(self.parts), "tau curve", expected="at least one frame", got="none")
        whole = TauCurve.merged(self.parts)
        return whole.gridded(self.cells) if whole.resolution else whole


def tau_curve(
    envelopes: Iterable[Envelope], truths: Iterable[NDArray[np.uint8]], num_classes: int = NUM_CLASSES
) -> TauCurve:
    """Return exact scores at every tau over frames.

    Args:
        envelopes: Labels of each frame at every tau; read once.
        truths: (H, W) uint8 ids of each frame, 255 void.
        num_classes: Number of classes.

    Returns:
        The curve: ``.miou(tau)``, ``.iou(tau)``, ``.best()``.

    Raises:
        InputError: frames and truths that do not fit each other, or no frame.
    """
    counts = TauCounts(num_classes)
    for found, truth in zip(envelopes, truths, strict=True):
        counts.add(found, truth)
    return counts.curve()
