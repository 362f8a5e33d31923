"""What several runs' probabilities leave open on a frame: for each pixel the classes that some weights can make win.

For weights that are not negative, a class never wins a pixel where a lower id has at least its probability in *every*
run, or a higher one more in every run. Dropping such classes is exact for every weighted sum, whatever its weights,
ties and weights of 0 included. Where all runs give one label, it is the label; elsewhere two to a handful of classes
remain. So a frame shrinks to a label map and a few columns. The labels under any weights, and those along any line of
weights, are those of dense fusion, without a pixel's other hundred classes being looked at again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.ensemble import kernels
from vspwlib.ensemble.envelope import Envelope, trace_columns
from vspwlib.ensemble.fuse import shares
from vspwlib.predict.kernels import compiled
from vspwlib.predict.scores import Scores, Size, probability_bands

_BAND = 1024  # pixels of a band, at least


@dataclass(frozen=True, eq=False)
class JointFrame:
    """One frame of N runs, exact for every weighted sum of them.

    Attributes:
        agreed: (H, W) uint8, the label where all runs have the same; elsewhere that of the first run.
        pixel: (D,) int32, flat positions of the pixels where they have not.
        first: (D + 1,) int64, where the classes of each such pixel begin.
        number: (E,) uint8, classes that can win there, ascending within a pixel.
        probs: (N, E) float32, their probabilities in each run.
    """

    agreed: NDArray[np.uint8]
    pixel: NDArray[np.int32]
    first: NDArray[np.int64]
    number: NDArray[np.uint8]
    probs: NDArray[np.float32]

    def labels(self, weights: Sequence[float]) -> NDArray[np.uint8]:
        """Return the labels of the weighted sum, the lowest id of several.

        Args:
            weights: One a run, not negative, not all 0.

        Returns:
            (H, W) uint8.

        Raises:
            InputError: weights of another count or kind.
        """
        return self.labels_of(self._sum(shares(weights, len(self.probs))))

    def labels_of(self, values: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Return the labels of sums made elsewhere: (E,) float64, one an open class, to (H, W) uint8."""
        out = self.agreed.copy()
        if len(self.pixel):
            counts = np.diff(self.first)
            won = np.flatnonzero(values == np.repeat(np.maximum.reduceat(values, self.first[:-1]), counts))[::-1]
            owner = np.repeat(self.pixel, counts)
            out.reshape(-1)[owner[won]] = self.number[won]  # written last: the first of several
        return out

    def line(self, weights: Sequence[float], run: int) -> Envelope:
        """Return the labels along a line of weights: one run gets the weight t, the others share 1 - t as they do now.

        Args:
            weights: One a run; those of the others may all be 0, then they share equally.
            run: Index of the run whose weight goes from 0 to 1.

        Returns:
            Labels for every t, as those of a pair: P1 the run, P2 what the others make together.

        Raises:
            InputError: weights of another count or kind, or no such run.
        """
        check_range("run", run, 0, len(self.probs) - 1)
        others = list(shares(weights, len(self.probs)))
        others[run] = 0.0
        others = list(shares(others if any(others) else [float(i != run) for i in range(len(others))], len(others)))
        widest = int(np.diff(self.first).max(initial=1))
        place = self.first[:-1, None] + np.arange(widest)
        there = place < self.first[1:, None]
        place = np.where(there, place, 0)
        one, two = (
            np.where(there, values[place], -1.0) if len(values) else np.empty((0, widest))
            for values in (self.probs[run].astype(np.float64), self._sum(others))
        )  # what is padded has less than any probability: it never wins
        start, column, time, slot = trace_columns(one, two)
        agreed = self.agreed.copy()
        rows = np.arange(len(start))
        agreed.reshape(-1)[self.pixel] = self.number[place[rows, start]]
        return Envelope(agreed, self.pixel[column], time, self.number[place[column, slot]])

    def _sum(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Return (E,) float64, added up in the order of the runs."""
        total = weights[0] * self.probs[0].astype(np.float64)
        for weight, own in zip(weights[1:], self.probs[1:], strict=True):
            total += weight * own
        return total


def joint_frame(scores: Sequence[Scores], size: Size) -> JointFrame:
    """Reduce the scores of several runs to what any weights can make of them.

    Args:
        scores: (K, h, w) of each run, on the CPU; at least one run.
        size: (H, W) of the frame.

    Returns:
        The frame; probabilities are those of :func:`vspwlib.predict.scores.probabilities`.
    """
    return reduce_scores(scores, size, kernels.fronts)


def joint_frame_of_bands(bands: Iterable[Sequence[Tensor]], size: Size) -> JointFrame:
    """Reduce a frame that comes in bands of rows.

    Args:
        bands: (K, rows, W) float32 probabilities of every run, from the first row on.
        size: (H, W) of the frame.

    Raises:
        InputError: bands of other shapes, or not those of the frame.
    """
    return reduce_bands(bands, size, kernels.fronts)


def reduce_scores(scores: Sequence[Scores], size: Size, rule: Callable[..., None]) -> JointFrame:
    """Reduce scores, as :func:`joint_frame`, to the classes that a kernel keeps."""
    require(len(scores) > 0, "runs", expected="at least one", got="none")
    rows = -(-_BAND // size[1])
    bands = zip(*(probability_bands(own, size, rows=rows) for own in scores), strict=True)
    return reduce_bands(([p for _, p in band] for band in bands), size, rule)


def reduce_bands(bands: Iterable[Sequence[Tensor]], size: Size, rule: Callable[..., None]) -> JointFrame:
    """Reduce bands, as :func:`joint_frame_of_bands`, to the classes that a kernel keeps."""
    find = compiled(rule, kernels.FAST)
    agreed = np.empty(size[0] * size[1], np.uint8)
    owners: list[NDArray[np.intp]] = []
    numbers: list[NDArray[np.uint8]] = []
    probs: list[NDArray[np.float32]] = []
    done = 0
    for band in bands:
        for run, p in enumerate(band):
            check_shape("probabilities", p.shape, (len(band[0]), "rows", size[1]), where=f"run {run + 1}")
        columns = [p.float().permute(1, 2, 0).reshape(-1, len(p)).numpy() for p in band]
        stack = np.ascontiguousarray(np.stack(columns))  # the kernel is compiled for one layout
        keep = np.zeros(stack.shape[1:], np.bool_)
        find(stack, agreed[done : done + len(keep)], keep)
        row, number = keep.nonzero()
        owners.append(row + done)
        numbers.append(number.astype(np.uint8))
        probs.append(stack[:, row, number])
        done += len(keep)
    require(done == len(agreed), "bands", expected=f"{len(agreed)} pixels", got=done)
    owner = np.concatenate(owners)
    pixel, first = np.unique(owner, return_index=True)
    return JointFrame(
        agreed.reshape(size),
        pixel.astype(np.int32),
        np.append(first, len(owner)).astype(np.int64),
        np.concatenate(numbers),
        np.concatenate(probs, axis=1),
    )
