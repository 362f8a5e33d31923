"""The losses of a query head: queries are matched with the masks of a label map and trained to predict them.

Shape letters: L decoder outputs, B images, Q queries, K classes, M matched pairs of a batch, P points, h×w mask logits,
H×W label grid.

Source: Cheng et al., Masked-attention Mask Transformer for Universal Image Segmentation, CVPR 2022, section 3.2 and
appendix; weights and normalisers follow the official code of ViT-Adapter (czczup/ViT-Adapter, Mask2FormerHead).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import check_shape
from vspwlib.losses.counter_random import fold_in, uniform_points
from vspwlib.losses.matching import Matches, MatchingCosts, assign, candidate_classes, matching_costs
from vspwlib.losses.normaliser import Normaliser, total, world_size
from vspwlib.losses.points import PointDraws, importance_points, sample_class_masks, sample_maps

#: Class logits ``(B, Q, K+1)`` and mask logits ``(B, Q, h, w)`` of each of L decoder outputs.
Outputs = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True, kw_only=True)
class SetCriterion:
    """Numbers of the set losses; the defaults are the official ones.

    Attributes:
        classification: Weight of the class term, in the losses and in the matching costs.
        mask: Weight of the binary cross-entropy of masks, in both.
        dice: Weight of Dice, in both.
        no_object: Weight of a query that was matched with nothing, relative to one that was.
        points: Points at which masks are compared, by the costs as by the losses.
        oversample: Candidates drawn per point of a loss.
        importance: Share of a loss's points that are the least certain candidates; the others are uniform.
        smooth: Added to both halves of the Dice quotient.
        ignore_index: Label of pixels that belong to no mask; every mask counts them as background.
        normalizer: What the class term is divided by: the weights of this process (``local``, official) or of all. The
            mask terms are always divided by the mean number of masks over processes; under ``global`` they, too, report
            the value of the whole batch.
        class_weights: ``(K,)``, what a query weighs in the class term that was matched with a mask of each class, not
            negative; 1 by default. Matching costs and mask terms do not look at them.
    """

    classification: float = 2.0
    mask: float = 5.0
    dice: float = 5.0
    no_object: float = 0.1
    points: int = 12544  # 112 * 112
    oversample: float = 3.0
    importance: float = 0.75
    smooth: float = 1.0
    ignore_index: int = 255
    normalizer: Normaliser = "local"
    class_weights: Tensor | None = None

    @property
    def candidates(self) -> int:
        """Points drawn per mask, to choose from."""
        return int(self.points * self.oversample)

    @property
    def chosen(self) -> int:
        """Points kept of the candidates."""
        return int(self.points * self.importance)


@dataclass(frozen=True)
class SetLosses:
    """Weighted losses, each ``(L,)``, one per decoder output.

    Attributes:
        classification: Cross-entropy of the queries' classes.
        mask: Binary cross-entropy of the matched masks on points.
        dice: 1 - soft Dice of the matched masks on points.
    """

    classification: Tensor
    mask: Tensor
    dice: Tensor


class Pairing(NamedTuple):
    """How the outputs of a batch were matched.

    Attributes:
        costs: Matching costs of each output.
        matches: The pairs of least total cost.
        classes: ``(L, M)`` int64, the class of each pair's mask.
    """

    costs: list[MatchingCosts]
    matches: Matches
    classes: Tensor


def set_losses(
    outputs: Outputs,
    labels: Tensor,
    *,
    settings: SetCriterion,
    keys: Tensor | None = None,
    draws: PointDraws | None = None,
) -> SetLosses:
    """Compute the losses of all decoder outputs of a batch.

    Every class that an image shows is one mask. Each output is matched on its own, yet all of them wait for the device
    together, once. Where no image holds a label the mask terms are 0 with zero gradient.

    Args:
        outputs: L pairs of class logits ``(B, Q, K+1)``, the last class "no object", and mask logits ``(B, Q, h, w)``;
            any float type, computed in float32 (float64 stays) whatever autocast says.
        labels: ``(B, H, W)`` int64, 0..K-1 or ``settings.ignore_index``.
        settings: Weights and numbers of points.
        keys: ``(B,)`` int64, on the device of the labels. The random points of a mask follow from the key of its image,
            the output and the mask's class, whatever else the batch holds. By default from torch's global generator.
        draws: The random points themselves, for comparison with other code.
    """
    check_shape("labels", labels.shape, (len(outputs[0][0]), "H", "W"))
    keys = torch.randint(2**63 - 1, labels.shape[:1], device=labels.device) if keys is None else keys
    check_shape("keys", keys.shape, labels.shape[:1])
    with torch.autocast(labels.device.type, enabled=False):
        match = _matching_points(keys, len(outputs), settings) if draws is None else draws.match
        pairing = match_outputs(outputs, labels, settings, match)
        maps = matched_maps(outputs, pairing.matches)
        drawn = _mask_points(keys, pairing, settings) if draws is None else (draws.candidates, draws.uniform)
        points = loss_points(maps, *drawn, settings)
        mask, dice = _mask_losses(maps, labels, points, pairing, settings)
        return SetLosses(_class_losses(outputs, pairing, settings), mask, dice)


@torch.no_grad()
def match_outputs(outputs: Outputs, labels: Tensor, settings: SetCriterion, points: Tensor) -> Pairing:
    """Match the queries of every output with the masks of their images.

    Args:
        outputs: As for :func:`set_losses`.
        labels: ``(B, H, W)`` int64.
        settings: Weights and numbers of points.
        points: ``(L, B, P, 2)``, where masks are compared.
    """
    batch, _, kinds = outputs[0][0].shape
    images = torch.arange(batch, device=labels.device)
    cut = labels.device.type == "cpu"
    candidates = candidate_classes(labels, kinds - 1, ignore_index=settings.ignore_index, cut=cut)
    costs = []
    for layer, (class_logits, mask_logits) in enumerate(outputs):
        wide = _wide(mask_logits)  # one output at a time: together they may be large
        places = points[layer].to(wide.dtype)
        masks = sample_class_masks(labels, places, candidates.classes, images)
        weights = (settings.classification, settings.mask, settings.dice)
        costs.append(
            matching_costs(
                _wide(class_logits), wide, masks, candidates.classes, places, weights=weights, smooth=settings.smooth
            )
        )
    matches = assign([cost.total for cost in costs], candidates.counts)
    return Pairing(costs, matches, candidates.classes[matches.image, matches.column])


def matched_maps(outputs: Outputs, matches: Matches) -> Tensor:
    """Return the mask logits ``(L·M, h, w)`` of matched queries, output by output; gradients flow back to them."""
    chosen = zip(outputs, matches.image, matches.query, strict=True)
    return torch.cat([_wide(masks[image, query]) for (_, masks), image, query in chosen])


def loss_points(maps: Tensor, candidates: Tensor, uniform: Tensor, settings: SetCriterion) -> Tensor:
    """Return the points ``(L·M, P, 2)`` at which the matched maps ``(L·M, h, w)`` are supervised.

    Args:
        maps: Of :func:`matched_maps`.
        candidates: ``(L, M, candidates, 2)``.
        uniform: ``(L, M, P - chosen, 2)``.
        settings: Numbers of points.
    """
    candidates, uniform = (each.flatten(0, 1).to(maps.dtype) for each in (candidates, uniform))
    return importance_points(maps, candidates, uniform, settings.chosen)


def _matching_points(keys: Tensor, layers: int, settings: SetCriterion) -> Tensor:
    """Draw the points ``(L, B, P, 2)`` of the matching costs."""
    numbers = torch.arange(layers, device=keys.device)[:, None]
    return uniform_points(fold_in(keys, numbers, 0), settings.points)


def _mask_points(keys: Tensor, pairing: Pairing, settings: SetCriterion) -> tuple[Tensor, Tensor]:
    """Draw ``(L, M, candidates, 2)`` points to choose from, and those ``(L, M, P - chosen, 2)`` taken as they are."""
    numbers = torch.arange(len(pairing.classes), device=keys.device)[:, None]
    masks = fold_in(keys[pairing.matches.image], numbers, 1 + pairing.classes)  # 0 are the matching's
    candidates = uniform_points(masks, settings.candidates)
    return candidates, uniform_points(masks, settings.points - settings.chosen, first=settings.candidates)


def _class_losses(outputs: Outputs, pairing: Pairing, settings: SetCriterion) -> Tensor:
    """Cross-entropy of every query's class ``(L,)``, in which queries without a mask weigh less."""
    logits = torch.stack([_wide(classes) for classes, _ in outputs])  # (L, B, Q, K+1)
    nothing = logits.shape[-1] - 1
    target = torch.full(logits.shape[:-1], nothing, device=logits.device)
    layers = torch.arange(len(outputs), device=logits.device)[:, None]
    target[layers, pairing.matches.image, pairing.matches.query] = pairing.classes
    weights = logits.new_ones(nothing + 1)
    if settings.class_weights is not None:
        weights[:nothing] = settings.class_weights.to(weights)
    weights[nothing].fill_(settings.no_object)  # an assignment would wait for the device
    weight = weights[target]
    surprise = functional.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction="none")
    summed = total((surprise.view_as(weight) * weight).flatten(1).sum(dim=1), settings.normalizer)
    divisor = total(weight.flatten(1).sum(dim=1), settings.normalizer)
    return settings.classification * summed / divisor.clamp(min=torch.finfo(weight.dtype).tiny)


def _mask_losses(
    maps: Tensor, labels: Tensor, points: Tensor, pairing: Pairing, settings: SetCriterion
) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy and Dice ``(L,)`` of the matched maps at their points."""
    layers, pairs = pairing.classes.shape
    logits = sample_maps(maps[:, None], points)[:, 0]  # (L·M, P)
    masks = sample_class_masks(labels, points, pairing.classes.view(-1, 1), pairing.matches.image.flatten())[:, 0]
    entropy = functional.binary_cross_entropy_with_logits(logits, masks, reduction="none").mean(dim=1)
    shares = logits.sigmoid()
    overlap, area = (shares * masks).sum(dim=1), shares.sum(dim=1) + masks.sum(dim=1)
    dice = 1 - (2 * overlap + settings.smooth) / (area + settings.smooth)  # (L·M,)

    everywhere = total(logits.new_full((), pairs), "global")
    processes = world_size() if settings.normalizer == "local" else 1
    sums = total(torch.stack([entropy, dice]).view(2, layers, pairs).sum(dim=2), settings.normalizer)
    entropies, dices = (sums / (everywhere / processes).clamp(min=1)).unbind()
    return settings.mask * entropies, settings.dice * dices


def _wide(logits: Tensor) -> Tensor:
    return logits if logits.dtype == torch.float64 else logits.float()
