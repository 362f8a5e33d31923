"""Which query answers for which mask: costs on sampled points, and the assignment of least total cost.

Shape letters: L decoder outputs, B images, Q queries, K classes, G candidate classes of an image, P points, M matched
pairs of a batch, h×w mask logits.

Source: Carion et al., DETR, ECCV 2020, section 3.1 (matching); Cheng et al., Mask2Former, CVPR 2022 (costs on points).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import require
from vspwlib.losses.points import sample_maps


class Candidates(NamedTuple):
    """Classes that an image may hold a mask of.

    Attributes:
        classes: ``(B, G)`` int64; those that the image holds come first, in ascending order.
        counts: ``(B,)`` int64, how many it holds.
    """

    classes: Tensor
    counts: Tensor


class MatchingCosts(NamedTuple):
    """Weighted costs of giving a mask to a query, each ``(B, Q, G)``.

    Attributes:
        classification: Minus the probability of the class.
        mask: Mean binary cross-entropy of the mask over the points, nats.
        dice: 1 - soft Dice of the mask over the points.
    """

    classification: Tensor
    mask: Tensor
    dice: Tensor

    @property
    def total(self) -> Tensor:
        """Their sum."""
        return self.classification + self.mask + self.dice


class Matches(NamedTuple):
    """Matched pairs, each ``(L, M)`` int64: image by image, within one by ascending query.

    Attributes:
        image: Index of the image.
        query: Index of the query.
        column: Index of the mask among the image's candidates.
    """

    image: Tensor
    query: Tensor
    column: Tensor


def candidate_classes(labels: Tensor, num_classes: int, *, ignore_index: int = 255, cut: bool) -> Candidates:
    """Find the classes of each image.

    Args:
        labels: ``(B, H, W)`` int64, 0..K-1 or ``ignore_index``.
        num_classes: K.
        ignore_index: Label of pixels that belong to no mask.
        cut: Keep no more candidates than the richest image has classes. Costs less on a CPU; on an accelerator the host
            would have to wait for the device to know that number, so there all K stay.
    """
    kind = labels.masked_fill(labels == ignore_index, num_classes).flatten(1)
    present = torch.zeros(len(labels), num_classes + 1, dtype=torch.uint8, device=labels.device)
    present = present.scatter_(1, kind, 1)[:, :num_classes]
    counts = present.sum(dim=1)
    classes = present.argsort(dim=1, descending=True, stable=True)
    return Candidates(classes[:, : int(counts.max())] if cut else classes, counts)


@torch.no_grad()
def matching_costs(
    class_logits: Tensor,
    mask_logits: Tensor,
    masks: Tensor,
    classes: Tensor,
    points: Tensor,
    *,
    weights: tuple[float, float, float],
    smooth: float = 1.0,
) -> MatchingCosts:
    """Compute what each query costs for each candidate of its image.

    Args:
        class_logits: ``(B, Q, K+1)``.
        mask_logits: ``(B, Q, h, w)``.
        masks: ``(B, G, P)``, the candidates' masks at the points, 0 to 1.
        classes: ``(B, G)`` int64.
        points: ``(B, P, 2)``, see :mod:`vspwlib.losses.points`.
        weights: Of classification, mask and Dice.
        smooth: Added to both halves of the Dice quotient.
    """
    index = classes[:, None].expand(-1, class_logits.shape[1], -1)
    classification = -class_logits.softmax(dim=-1).gather(2, index)

    logits = sample_maps(mask_logits, points)  # (B, Q, P)
    masks = masks.transpose(1, 2)  # (B, P, G)
    # BCE is softplus(x) - x * target: the first term is the same for all masks, so one product does for both targets.
    mask = (functional.softplus(logits).sum(dim=-1, keepdim=True) - logits @ masks) / points.shape[1]
    shares = logits.sigmoid()
    area = shares.sum(dim=-1, keepdim=True) + masks.sum(dim=1, keepdim=True)  # (B, Q, G)
    dice = 1 - (2 * (shares @ masks) + smooth) / (area + smooth)
    return MatchingCosts(weights[0] * classification, weights[1] * mask, weights[2] * dice)


def assign(costs: Sequence[Tensor], counts: Tensor) -> Matches:
    """Assign masks to queries, each to at most one of the other, at the least total cost.

    All costs travel to the host in one copy, the only time that a training step waits for the device. An image with
    more masks than queries leaves the dearest masks without a query.

    Args:
        costs: L of ``(B, Q, G)``, one per decoder output.
        counts: ``(B,)``, how many of the G candidates an image holds; the others are never matched.

    Returns:
        M is the same for all outputs: the sum of ``min(Q, count)`` over the images.

    Raises:
        InputError: where costs are not finite, that is after training has diverged.
    """
    from scipy.optimize import linear_sum_assignment

    stacked = torch.stack(list(costs))
    layers, images = stacked.shape[:2]
    host = torch.cat([stacked.flatten(), counts.to(stacked.dtype)]).cpu().numpy()
    table, held = host[:-images].reshape(stacked.shape), host[-images:].astype(np.int64)
    require(
        bool(np.isfinite(table).all()),
        "matching costs",
        expected="finite numbers",
        got="NaN or infinity",
        fix="training has diverged: lower optim.lr, set optim.clip_norm, or train in fp32.",
    )
    pairs = []
    for layer in range(layers):
        for image, count in enumerate(held):
            queries, columns = linear_sum_assignment(table[layer, image, :, :count])
            pairs.append(np.stack([np.full_like(queries, image), queries, columns]))
    matches = np.concatenate(pairs, axis=1).reshape(3, layers, -1)
    return Matches(*torch.from_numpy(matches).to(stacked.device, non_blocking=True).unbind())
