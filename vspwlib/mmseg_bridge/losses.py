"""Our losses as mmseg's configs build them: modules with a weight and a name.

mmengine adds up every entry of a model's losses whose name contains "loss", and logs the others.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from vspwlib.checks import require
from vspwlib.losses.contrast.clip import AnchorWeights, Negatives
from vspwlib.losses.contrastive import Backend, pixel_contrast_loss
from vspwlib.losses.pixel import pixel_losses


class VSPWPixelContrast(nn.Module):
    """The spatial-temporal contrastive loss, over all patches of each clip.

    Args:
        loss_weight: What it weighs beside the segmentation loss (paper: 0.1).
        temperature: τ, above 0.
        normalize: Bring each feature vector to length 1 first. True here, where features come straight from a layer.
        anchor_weights: ``uniform`` (the paper) or ``balanced`` over classes.
        negatives: From the whole ``clip`` (the paper) or the anchor's own ``image``.
        backend: How to compute it; see :mod:`vspwlib.losses.contrastive`.
        loss_name: Its key among the losses; without "loss" in it nothing would be trained.

    Raises:
        InputError: for a name that mmengine would only log.
    """

    def __init__(
        self,
        *,
        loss_weight: float = 0.1,
        temperature: float = 0.1,
        normalize: bool = True,
        anchor_weights: AnchorWeights = "uniform",
        negatives: Negatives = "clip",
        backend: Backend = "auto",
        loss_name: str = "loss_nce",
    ) -> None:
        super().__init__()
        self.loss_weight, self.loss_name = loss_weight, _trained(loss_name)
        self.temperature, self.normalize, self.backend = temperature, normalize, backend
        self.anchor_weights, self.negatives = anchor_weights, negatives

    def forward(
        self, embedding: Tensor, labels: Tensor, clip_ids: Sequence[int] | None = None, ignore_index: int = 255
    ) -> Tensor:
        """Return the weighted loss, no dimensions.

        Args:
            embedding: ``(N, C, h, w)`` features of N images, any float type.
            labels: ``(N, H, W)`` int64.
            clip_ids: The clip of each image; None: all are one clip.
            ignore_index: Label of void.
        """
        return self.loss_weight * pixel_contrast_loss(
            embedding,
            labels,
            clip_ids=clip_ids,
            temperature=self.temperature,
            normalize=self.normalize,
            ignore_index=ignore_index,
            anchor_weights=self.anchor_weights,
            negatives=self.negatives,
            backend=self.backend,
        )


class VSPWDice(nn.Module):
    """Our Dice loss as one of a head's ``loss_decode``: over the batch, per class that occurs, void left out.

    (mmseg's DiceLoss takes all classes of an image for one long vector, and counts what is predicted on void pixels as
    wrong.)

    Args:
        loss_weight: What it weighs (paper: 5, beside a cross-entropy of 1).
        loss_name: Its key among the losses; it must contain "loss".

    Raises:
        InputError: for a name that mmengine would only log.
    """

    def __init__(self, *, loss_weight: float = 5.0, loss_name: str = "loss_dice") -> None:
        super().__init__()
        self.loss_weight, self.loss_name = loss_weight, _trained(loss_name)

    def forward(self, logits: Tensor, labels: Tensor, weight: Tensor | None = None, ignore_index: int = 255) -> Tensor:
        """Return the weighted loss, no dimensions.

        Args:
            logits: ``(N, K, H, W)``.
            labels: ``(N, H, W)`` int64.
            weight: Of each pixel, from a head's sampler; there must be none.
            ignore_index: Label of void.

        Raises:
            InputError: when pixels are weighted.
        """
        require(weight is None, "VSPWDice", expected="no pixel weights", got="some", fix="take out the head's sampler.")
        return self.loss_weight * pixel_losses(logits, labels, ignore_index=ignore_index).dice


def _trained(name: str) -> str:
    """Return a loss's name when mmengine will train on it."""
    require(
        "loss" in name, "loss_name", expected='a name with "loss" in it', got=repr(name), fix="put loss_ before it."
    )
    return name
