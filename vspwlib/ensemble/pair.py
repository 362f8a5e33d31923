"""Labels of P = tau*P1 + (1-tau)*P2 for many tau at once, at the cost of little more than two argmaxes.

As tau goes from 0 to 1 every class draws a straight line, from its P2 to its P1, and the label is the class whose line
is on top. Three observations make most of the work unnecessary, and none of them approximates:

1. *Agreement.* Where both runs give the same label c, it stays for every tau: c is on top at both ends, so in between;
   a lower id is strictly below c at both ends (else it would have won the tie there), so in between it never ties.
2. *Two candidates.* Elsewhere, let c1 win at tau = 1 and c2 at tau = 0; their lines cross once, at the kink. Any third
   line minus the upper one of these two is linear on each side of the kink and not above 0 at either end: if it is
   below 0 at the kink, it is nowhere above 0, and only c1 and c2 are left to compare.
3. What remains is *contested*, a few per cent of the disputed pixels, and is fused in full.

Rounding: values are compared as float64 sums tau*P1 + (1-tau)*P2, so the labels are those of dense fusion in float64
whenever the inputs are probabilities of single precision or less. (Of float64 inputs that differ by a rounding error
only, the shortcut sees the difference at the ends where the dense sums may not.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.labels import VOID

_MARGIN = 1e-9  # relative; far above the rounding of float64 sums, far below what real probabilities differ by
_CPU_BLOCK = 4096  # pixels whose columns of two runs stay in the cache
_GPU_BLOCK = 65536


class PairLabels(NamedTuple):
    """Labels of a pair of runs, kept apart by whether the runs agree.

    Attributes:
        first: (H, W) uint8, label of the first run.
        second: (H, W) uint8, label of the second run.
        disputed: (D,) int64, flat positions of the pixels where these two differ.
        labels: (T, D) uint8, label of the fusion at each tau on the disputed pixels; on all others it is ``first``.
    """

    first: Tensor
    second: Tensor
    disputed: Tensor
    labels: Tensor


def pair_labels(p1: Tensor, p2: Tensor, taus: Sequence[float]) -> PairLabels:
    """Label every pixel at every tau, ties to the lowest class id.

    Args:
        p1: (K, H, W) floating-point, probabilities of the first run named, K <= 255.
        p2: (K, H, W), the same of the second run, on the same device.
        taus: Weights of the first run, each in 0..1, at least one.

    Returns:
        The labels. Beside them, memory is taken for blocks of pixels only, never for a second (K, H, W).

    Raises:
        InputError: If shapes or devices differ, a tau is outside 0..1, or a probability is nan.

    Source:
        Equation (5) of the paper; the observations in the head of this file are ours.

    >>> p1, p2 = torch.tensor([[[0.9, 0.8]], [[0.1, 0.2]]]), torch.tensor([[[0.0, 0.7]], [[1.0, 0.3]]])
    >>> pair = pair_labels(p1, p2, taus=[0.5, 0.6])
    >>> pair.first.tolist(), pair.disputed.tolist(), pair.labels.tolist()
    ([[0, 0]], [0], [[1], [0]])
    """
    _check(p1, p2, taus)
    first, second = _argmax("first run", p1), _argmax("second run", p2)
    disputed = (first != second).flatten().nonzero().squeeze(1)
    labels = torch.empty(len(taus), len(disputed), dtype=torch.uint8, device=p1.device)
    size = _CPU_BLOCK if p1.device.type == "cpu" else _GPU_BLOCK
    for start in range(0, len(disputed), size):
        block = slice(start, start + size)
        at = disputed[block]
        columns1, columns2 = (p.flatten(1).index_select(1, at).double() for p in (p1, p2))
        labels[:, block] = _label_columns(columns1, columns2, first.flatten()[at], second.flatten()[at], taus)
    return PairLabels(first.to(torch.uint8), second.to(torch.uint8), disputed, labels)


def _fuse(tau: float | Tensor, p1: Tensor, p2: Tensor) -> Tensor:
    """The definition; two products and a sum, so that every device rounds alike."""
    return tau * p1 + (1 - tau) * p2


def _label_columns(p1: Tensor, p2: Tensor, c1: Tensor, c2: Tensor, taus: Sequence[float]) -> Tensor:
    """Label disputed pixels.

    Args:
        p1: (K, D) float64, columns of the first run.
        p2: (K, D) float64, columns of the second run.
        c1: (D,) int64, winner at tau = 1.
        c2: (D,) int64, winner at tau = 0, nowhere equal to c1.
        taus: T weights of the first run.

    Returns:
        (T, D) uint8.
    """
    ends = torch.stack((c1, c2))
    (one_at_1, two_at_1), (one_at_0, two_at_0) = p1.gather(0, ends), p2.gather(0, ends)
    # Neither lead is negative and not both are 0: then both runs would tie, and give the lower of c1 and c2.
    lead_at_1, lead_at_0 = one_at_1 - two_at_1, two_at_0 - one_at_0
    kink = lead_at_0 / (lead_at_0 + lead_at_1)
    others = _fuse(kink, p1, p2).scatter_(0, ends, float("-inf"))
    contested = others.amax(0) >= _fuse(kink, one_at_1, one_at_0) * (1 - _MARGIN)
    at = contested.nonzero().squeeze(1)
    p1_full, p2_full = p1[:, at], p2[:, at]
    labels = torch.empty(len(taus), len(c1), dtype=torch.uint8, device=p1.device)
    for label, tau in zip(labels, taus, strict=True):
        one, two = _fuse(tau, one_at_1, one_at_0), _fuse(tau, two_at_1, two_at_0)
        label.copy_(torch.where((one > two) | ((one == two) & (c1 < c2)), c1, c2))
        label[at] = _fuse(tau, p1_full, p2_full).max(0).indices.to(torch.uint8)
    return labels


def _argmax(what: str, probs: Tensor) -> Tensor:
    """(H, W) int64 label map of a run; ``max`` is twice as fast as ``argmax`` here, and brings nan to light."""
    top, ids = probs.max(0)
    require(not bool(top.isnan().any()), what, expected="probabilities", got="nan")
    return ids


def _check(p1: Tensor, p2: Tensor, taus: Sequence[float]) -> None:
    check_shape("first run", p1.shape, ("K", "H", "W"))
    check_shape("second run", p2.shape, tuple(p1.shape))
    check_range("classes", p1.shape[0], 1, VOID)
    require(p1.device == p2.device, "second run", expected=f"a tensor on {p1.device}", got=p2.device)
    for what, p in (("first run", p1), ("second run", p2)):
        require(p.is_floating_point(), what, expected="floating-point probabilities", got=p.dtype)
    require(len(taus) > 0, "taus", expected="at least one", got="none")
    for tau in taus:
        check_range("tau", tau, 0.0, 1.0)
