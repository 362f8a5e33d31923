"""Per-pixel segmentation losses: cross-entropy and Dice over one softmax.

Shape letters: B images, K classes, h×w logit grid, H×W label grid. Labels 0..K-1, 255 void.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.losses.normaliser import Normaliser, total


@dataclass(frozen=True)
class PixelLosses:
    """Two scalars that share their softmax.

    Attributes:
        cross_entropy: Mean negative log-likelihood over labelled pixels, nats; a weighted mean under class weights.
        dice: 1 - soft Dice, mean over the classes present in the labels, 0 to 1; a weighted mean under Dice weights.
    """

    cross_entropy: Tensor
    dice: Tensor


def pixel_losses(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int = 255,
    stride: int = 1,
    normalizer: Normaliser = "local",
    class_weights: Tensor | None = None,
    dice_weights: Tensor | None = None,
) -> PixelLosses:
    """Compute cross-entropy and Dice of resized logits.

    Dice takes the form that Mask2Former uses for its masks (plain sums, smoothing 1), over the whole batch, for each
    class that occurs in its labels; a class that does not occur has nothing to overlap with and is left out. This is
    our reading: the paper gives the weights "5 * Dice + 1 * CE" only.

    Args:
        logits: ``(B, K, h, w)``, any float type; computed in float32 (float64 stays).
        labels: ``(B, H, W)`` int64, 0..K-1 or ``ignore_index``.
        ignore_index: Label of pixels that do not count.
        stride: Labels are supervised on every ``stride``-th pixel (nearest-exact), 1 = all. 2 costs a quarter on a CPU.
        normalizer: ``local`` or ``global`` sums (see :mod:`vspwlib.losses.normaliser`).
        class_weights: ``(K,)``, what a pixel of each class weighs in the cross-entropy, not negative; all alike by
            default. The sum is divided by that of the weights, as PyTorch's ``cross_entropy`` does it, so a common
            factor changes nothing.
        dice_weights: ``(K,)``, what each class weighs in the mean of the Dice loss, likewise.

    Returns:
        Both losses; 0 with zero gradient when no pixel is labelled, or none that weighs anything.

    Source: Milletari et al., V-Net, 2016 (Dice); Cheng et al., Mask2Former, CVPR 2022 (its form).
    """
    if stride > 1:
        size = (-(-labels.shape[1] // stride), -(-labels.shape[2] // stride))
        labels = functional.interpolate(labels[:, None].float(), size=size, mode="nearest-exact")[:, 0].long()
    wide = logits if logits.dtype == torch.float64 else logits.float()
    wide = functional.interpolate(wide, size=labels.shape[1:], mode="bilinear", align_corners=False)
    log_probs = wide.log_softmax(dim=1)  # (B, K, H, W)
    valid = labels != ignore_index
    target = torch.where(valid, labels, 0)
    true_log_probs = log_probs.gather(1, target[:, None])[:, 0] * valid  # (B, H, W)

    weighed, mass = true_log_probs, valid.to(wide.dtype)
    if class_weights is not None:
        of_pixels = class_weights.to(wide)[target]
        weighed, mass = weighed * of_pixels, mass * of_pixels
    cross_entropy = _mean(total(-weighed.sum(), normalizer), total(mass.sum(), normalizer))
    dice, present = _dice(log_probs, true_log_probs, target, valid, normalizer)
    share = present if dice_weights is None else present * dice_weights.to(wide)
    return PixelLosses(cross_entropy, _mean((dice * share).sum(), share.sum()))


def _mean(summed: Tensor, weight: Tensor) -> Tensor:
    """Divide a sum by the weight of what was summed; nothing weighs nothing and has no mean but 0."""
    return summed / torch.where(weight > 0, weight, 1)


def _dice(
    log_probs: Tensor, true_log_probs: Tensor, target: Tensor, valid: Tensor, normalizer: Normaliser
) -> tuple[Tensor, Tensor]:
    """Dice loss of each class and whether it is present, from its overlap, predicted and true mass (each ``(K,)``)."""
    classes = log_probs.shape[1]
    predicted = torch.einsum("bkhw,bhw->k", log_probs.exp(), valid.to(log_probs.dtype))
    weight = valid.to(log_probs.dtype).flatten()
    overlap = log_probs.new_zeros(classes).index_add(0, target.flatten(), true_log_probs.exp().flatten() * weight)
    true = log_probs.new_zeros(classes).index_add(0, target.flatten(), weight)
    overlap, predicted, true = total(torch.stack([overlap, predicted, true]), normalizer).unbind()
    return 1 - (2 * overlap + 1) / (predicted + true + 1), (true > 0).to(true.dtype)
