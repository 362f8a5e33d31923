"""All labels of P = tau*P1 + (1-tau)*P2 for all tau at once: for each pixel, where its label changes.

As tau goes from 0 to 1 every class draws a straight line from its P2 to its P1, and the label is the class whose line
is on top. So a pixel's label is a few intervals of tau, and mostly one: where both runs give the same label, it stays
for every tau (a class on top at both ends is on top in between; a lower id, strictly below at both ends, never ties).

An :class:`Envelope` holds the label at 0 and, in the order of pixels, the changes: "from this tau on, that label".
Equality counts: where several classes meet, the lowest id has the label at that very tau, and who is on top afterwards
has it from the next double-precision number on. So the labels are those of dense fusion in float64 at every tau, ties
included, for inputs of single precision or less; of inputs that differ by a rounding error only, either label may come.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vspwlib.checks import check_range, check_shape, fail, require
from vspwlib.ensemble import kernels
from vspwlib.labels import VOID
from vspwlib.predict.kernels import compiled

Probabilities = Tensor | NDArray[Any]

_BLOCK = 2048  # pixels whose classes of two runs stay in the cache


@dataclass(frozen=True, eq=False)
class Envelope:
    """The labels of one frame at every tau.

    Attributes:
        start: (H, W) uint8, labels at tau = 0.
        pixel: (N,) int32, flat position of each change, ascending.
        time: (N,) float64, the tau from which on the label is another, ascending within a pixel.
        label: (N,) uint8, that label.
    """

    start: NDArray[np.uint8]
    pixel: NDArray[np.int32]
    time: NDArray[np.float64]
    label: NDArray[np.uint8]

    def labels(self, tau: float) -> NDArray[np.uint8]:
        """Return the label map at a tau.

        Args:
            tau: Weight of the first run, 0 to 1.

        Returns:
            (H, W) uint8.

        Raises:
            InputError: tau is outside 0..1.
        """
        check_range("tau", tau, 0.0, 1.0)
        out = self.start.copy()
        due = self.time <= tau
        out.reshape(-1)[self.pixel[due]] = self.label[due]  # of several changes of a pixel the last one stays
        return out

    @property
    def breakpoints(self) -> int:
        """Number of changes of label, over all pixels."""
        return len(self.time)


def envelope(p1: Probabilities, p2: Probabilities) -> Envelope:
    """Find the label of every pixel at every tau.

    Args:
        p1: (K, H, W) floating-point, probabilities of the first run named, K <= 255; array or tensor on any device.
        p2: (K, H, W), the same of the second run.

    Returns:
        The envelope, in main memory.

    Raises:
        InputError: If shapes or devices differ, or a probability is nan.

    Source:
        Equation (5) of the paper; what follows from its lines being straight is ours.

    >>> p1, p2 = torch.tensor([[[0.75]], [[0.25]]]), torch.tensor([[[0.25]], [[0.75]]])
    >>> found = envelope(p1, p2)
    >>> [found.labels(tau).item() for tau in (0.0, 0.499, 0.5, 1.0)], found.time.tolist()
    ([1, 1, 0, 0], [0.5])
    """
    one, two = _check("first run", p1), _check("second run", p2)
    check_shape("second run", two.shape, tuple(one.shape))
    require(one.device == two.device, "second run", expected=f"a tensor on {one.device}", got=two.device)
    if one.device.type != "cpu":
        from vspwlib.ensemble.envelope_torch import trace

        return Envelope(*trace(one, two))
    height, width = one.shape[1:]
    ours, theirs = _columns(one), _columns(two)
    start = np.empty(height * width, np.uint8)
    shares = _shares(height * width)

    def run(share: slice) -> _Changes:
        return _trace(ours[share], theirs[share], start[share], share.start)

    with ThreadPoolExecutor(len(shares)) as pool:
        return Envelope(start.reshape(height, width), *_together(list(pool.map(run, shares))))


def envelope_of_bands(bands: Iterable[tuple[Tensor, Tensor]], size: tuple[int, int]) -> Envelope:
    """Find the envelope of a frame that comes in bands of rows, so that it is never held whole.

    Args:
        bands: (K, rows, W) probabilities of both runs, from the first row on
            (:func:`vspwlib.predict.scores.probability_bands`). They are not looked through for nan.
        size: (H, W) of the frame.

    Returns:
        As :func:`envelope`.

    Raises:
        InputError: If the bands are not those of the frame.
    """
    start = np.empty(size[0] * size[1], np.uint8)
    parts, done = [], 0
    for p1, p2 in bands:
        check_shape("second run", p2.shape, tuple(p1.shape))
        ours, theirs = _columns(p1), _columns(p2)
        parts.append(_trace(ours, theirs, start[done : done + len(ours)], done))
        done += len(ours)
    require(done == len(start), "bands", expected=f"{len(start)} pixels", got=done)
    return Envelope(start.reshape(size), *_together(parts))


_Changes = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8]]


def trace_columns(
    p1: NDArray[Any], p2: NDArray[Any]
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8]]:
    """Trace columns instead of a frame: :class:`Envelope` as its four parts, of (N, K) values of each run."""
    start = np.empty(len(p1), np.uint8)
    return start, *_trace(p1, p2, start, 0)


def _trace(p1: NDArray[Any], p2: NDArray[Any], start: NDArray[np.uint8], first: int) -> _Changes:
    """Trace pixels, the first of which is ``first`` in its frame: write their labels at 0, return their changes."""
    classes = p1.shape[1]
    ends, room = np.empty((4, _BLOCK), np.uint8), np.empty((_BLOCK, classes), np.bool_)
    find, compete, walk = (compiled(kernel, kernels.FAST) for kernel in (kernels.ends, kernels.rivals, kernels.walk))
    parts: list[_Changes] = []
    capacity = 4 * _BLOCK + 4 * classes
    for low in range(0, len(p1), _BLOCK):
        high = min(low + _BLOCK, len(p1))
        one, two, own = p1[low:high], p2[low:high], ends[:, : high - low]
        find(one, two, own)
        start[low:high] = own[0]
        compete(one, two, own, room)
        while True:
            found = (np.empty(capacity, np.int32), np.empty(capacity, np.float64), np.empty(capacity, np.uint8))
            count = walk(one, two, own, room, first + low, *found)
            if count >= 0:
                break
            capacity *= 2
        parts.append((found[0][:count].copy(), found[1][:count].copy(), found[2][:count].copy()))
    return _together(parts)


def _together(parts: list[_Changes]) -> _Changes:
    if not parts:
        return np.empty(0, np.int32), np.empty(0), np.empty(0, np.uint8)
    pixel, time, label = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pixel, time, label


def _shares(pixels: int) -> list[slice]:
    """Return equal shares of the pixels, one a thread that PyTorch would use."""
    threads = max(1, min(torch.get_num_threads(), pixels // _BLOCK))
    edges = [pixels * index // threads for index in range(threads + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def _columns(p: Tensor) -> NDArray[Any]:
    """Return (N, K), pixel-major; free where that is how the tensor lies. Half precision is widened."""
    wide = p if p.dtype in {torch.float32, torch.float64} else p.float()
    columns: NDArray[Any] = wide.permute(1, 2, 0).contiguous().numpy().reshape(-1, len(p))
    return columns


def _check(what: str, p: Probabilities) -> Tensor:
    values = torch.from_numpy(p) if isinstance(p, np.ndarray) else p.detach()
    check_shape(what, values.shape, ("K", "H", "W"))
    check_range("classes", values.shape[0], 1, VOID)
    require(values.is_floating_point(), what, expected="floating-point probabilities", got=values.dtype)
    if bool(values.sum().isnan()):  # a sum costs a tenth of a map of isnan
        fail(what, expected="probabilities", got="nan")
    return values
