"""Fuse the predictions of several runs: weighted sum, mean, majority vote.

Probabilities at full resolution are what is fused; the order of the list is the order in which runs are named. Wherever
classes tie, the lowest id wins, as ``argmax`` has it; votes have a rule of their own, see :func:`vote`.

Source: equations (5) and (6) and "Voting" of the paper, section 2.4.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.labels import NUM_CLASSES, VOID

_EQUAL_VOTES = 1e-9  # share of all votes; sums such as 0.1 + 0.2 and 0.3 are a tie


def weighted(probs: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Weighted sum of class probabilities.

    Args:
        probs: (K, H, W) floating-point tensors of one shape and device, one a run.
        weights: One a run, not negative, not all 0; they are divided by their sum.

    Returns:
        (K, H, W) in the widest dtype of the inputs, float32 at least.

    Raises:
        InputError: If shapes, devices or counts differ, or the weights are not as stated.

    Source:
        Equation (5) of the paper for two runs: P = tau*P1 + (1-tau)*P2; :mod:`vspwlib.ensemble.sweep` has it for all
        tau at once.

    >>> weighted([torch.tensor([[[1.0]], [[0.0]]]), torch.tensor([[[0.0]], [[1.0]]])], [3, 1]).flatten().tolist()
    [0.75, 0.25]
    """
    _check_alike("probabilities", probs)
    check_shape("probabilities", probs[0].shape, ("K", "H", "W"))
    parts = shares(weights, len(probs))
    dtype = torch.float32
    for prob in probs:
        require(prob.is_floating_point(), "probabilities", expected="floating-point numbers", got=prob.dtype)
        dtype = torch.promote_types(dtype, prob.dtype)
    fused = probs[0].to(dtype) * parts[0]
    for prob, share in zip(probs[1:], parts[1:], strict=True):
        fused.add_(prob, alpha=share)
    return fused


def mean(probs: Sequence[Tensor]) -> Tensor:
    """Mean of class probabilities, shapes as in :func:`weighted`. Source: equation (6) of the paper."""
    return weighted(probs, [1.0] * len(probs))


def vote(labels: Sequence[Tensor], num_classes: int = NUM_CLASSES, weights: Sequence[float] | None = None) -> Tensor:
    """Majority vote: per pixel, the class that most runs predict.

    Of the classes with most votes, the one whose first voter was named first wins; so two runs of equal weight give the
    map of the first. The paper states no rule.

    Args:
        labels: (H, W) integer tensors of ids 0..num_classes-1, one a run, of one shape and device.
        num_classes: Number of classes, at most 255.
        weights: Votes of each run, as in :func:`weighted`; one each by default.

    Returns:
        (H, W) uint8.

    Raises:
        InputError: If shapes, devices or counts differ, or an id is not a class (void has no vote).

    >>> vote([torch.tensor([[5, 1]]), torch.tensor([[3, 2]]), torch.tensor([[3, 4]])]).tolist()
    [[3, 1]]
    """
    check_range("num_classes", num_classes, 1, VOID)
    _check_alike("label maps", labels)
    parts = shares([1.0] * len(labels) if weights is None else weights, len(labels))
    for index, ids in enumerate(labels):
        integers = not ids.is_floating_point() and ids.dtype != torch.bool
        require(integers, "label map", expected="integer ids", got=ids.dtype, where=f"run {index + 1}")
        stray = ids[(ids < 0) | (ids >= num_classes)]
        expected, got = f"ids 0..{num_classes - 1}", stray.unique().tolist()[:3]
        require(stray.numel() == 0, "label map", expected=expected, got=got, where=f"run {index + 1}")
    winner = labels[0].clone()
    most = torch.full(winner.shape, -1.0, dtype=torch.float64, device=winner.device)
    for ids in labels:  # later runs must have more votes, not as many
        votes = sum((share * (other == ids).double() for share, other in zip(parts, labels, strict=True)), 0 * most)
        more = votes > most + _EQUAL_VOTES
        winner = torch.where(more, ids, winner)
        most = torch.where(more, votes, most)
    return winner.to(torch.uint8)


def shares(weights: Sequence[float], runs: int) -> list[float]:
    """Check weights and divide them by their sum.

    Args:
        weights: Finite, not negative, not all 0.
        runs: How many there must be.

    Raises:
        InputError: If the count is another, or a weight is not as stated.

    >>> shares([3, 1], runs=2)
    [0.75, 0.25]
    """
    require(len(weights) == runs, "weights", expected=f"{runs}, one a run", got=len(weights))
    fit = all(math.isfinite(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
    require(fit, "weights", expected="finite numbers >= 0, not all 0", got=list(weights))
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _check_alike(what: str, maps: Sequence[Tensor]) -> None:
    """Require at least one map, and all of one shape on one device."""
    require(len(maps) > 0, what, expected="at least one run", got="none")
    for index, one in enumerate(maps[1:], start=2):
        same = one.shape == maps[0].shape and one.device == maps[0].device
        expected = f"{tuple(maps[0].shape)} on {maps[0].device}, as run 1"
        require(same, what, expected=expected, got=f"{tuple(one.shape)} on {one.device}", where=f"run {index}")
