"""The contrastive loss of one clip as a problem to solve: its rows, and what every anchor weighs.

Letters: M patches (rows) of a clip, K rows of a memory bank, C channels; x_i a patch's features, τ the temperature,
s_ij = x_i·x_j/τ. Labels here are class ids, negative where a patch is void.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

AnchorWeights = Literal["uniform", "balanced"]
Negatives = Literal["clip", "image"]


class Bank(NamedTuple):
    """Patches of other clips, read as positives and negatives; no gradient flows into them.

    Attributes:
        features: ``(K, C)``.
        labels: ``(K,)`` int64, negative where a slot is empty.
    """

    features: Tensor
    labels: Tensor


class Clip(NamedTuple):
    """All patches of one clip.

    Attributes:
        features: ``(M, C)``, float32 or float64.
        labels: ``(M,)`` int64, negative where void.
        images: ``(M,)`` int64, the image of each patch, where negatives come from the anchor's own image; else None.
        temperature: τ, a number or a tensor without dimensions.
        weights: How anchors are averaged.
        bank: Patches of other clips, or None.
        precision: Type of the matrix products on a GPU; None takes that of the features.
    """

    features: Tensor
    labels: Tensor
    images: Tensor | None
    temperature: float | Tensor
    weights: AnchorWeights
    bank: Bank | None = None
    precision: torch.dtype | None = None


class Solution(NamedTuple):
    """The loss of a clip and its derivatives, None where they were not asked for.

    Attributes:
        loss: No dimensions.
        features: ``(M, C)``, by the features.
        temperature: No dimensions, by the temperature; None too where that is a number.
    """

    loss: Tensor
    features: Tensor | None = None
    temperature: Tensor | None = None


def anchor_weights(clip: Clip, dtype: torch.dtype) -> Tensor:
    """Return what the sum over an anchor's positives weighs in the loss, ``(M,)``; 0 for what is no anchor.

    An anchor is a patch with a positive. Of A anchors, ``uniform`` gives 1/(A·positives): the paper's mean. With
    ``balanced`` every class of the clip weighs the same, and within it every anchor. Nothing here waits for a device:
    counts stay tensors, found by sorting.

    >>> clip = Clip(torch.ones(5, 2), torch.tensor([3, 3, 3, 7, -1]), None, 0.1, "uniform")
    >>> anchor_weights(clip, torch.float64).tolist()  # three anchors with two positives each
    [0.16666666666666666, 0.16666666666666666, 0.16666666666666666, 0.0, 0.0]
    """
    own = count(clip.labels, clip.labels)
    positives = (own - 1 + (count(clip.bank.labels, clip.labels) if clip.bank else 0)) * (clip.labels >= 0)
    anchors = positives > 0
    if clip.weights == "balanced":
        share = anchors.to(dtype) / own  # adds up to the number of classes that have anchors
        weights = share / share.sum().clamp(min=1)
    else:
        weights = anchors.to(dtype) / anchors.sum().clamp(min=1)
    return weights / positives.clamp(min=1)


def count(values: Tensor, wanted: Tensor) -> Tensor:
    """Return how often each of ``wanted`` occurs in ``values``.

    >>> count(torch.tensor([5, 2, 5]), torch.tensor([5, 4, 2])).tolist()
    [2, 0, 1]
    """
    ordered = values.sort().values
    return torch.searchsorted(ordered, wanted, right=True) - torch.searchsorted(ordered, wanted)


def derivatives(clip: Clip, rows: Tensor, own: Tensor, bank: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Bring the derivatives by scaled rows to those by features and, if it is a tensor, by the temperature.

    Args:
        clip: What was compared.
        rows: ``(M, C)`` features over the root of the temperature, as they were compared.
        own: ``(M, C)`` derivative by them, as far as it comes from pairs within the clip: ``H·rows``.
            Overwritten.
        bank: The same of pairs with the bank, in which a patch is anchor alone; None without one.
    """
    by_temperature = None
    if isinstance(clip.temperature, Tensor):  # H counts a pair twice, once for each of its anchors
        total = _inner_product(rows, own) / 2 + (0 if bank is None else _inner_product(rows, bank))
        by_temperature = -total / clip.temperature
    if bank is not None:
        own += bank
    return own.div_(clip.temperature**0.5), by_temperature


def _inner_product(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of the products of all entries, without storing them."""
    return torch.einsum("mc,mc->m", left.to(right.dtype), right).sum()
