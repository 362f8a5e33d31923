"""The training objective: a weighted sum of named terms over one batch."""

from dataclasses import dataclass

from torch import Tensor

from vspwlib.losses.normaliser import Normaliser
from vspwlib.losses.pixel import pixel_losses
from vspwlib.models.segmenter import SegOutput


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Weights of the terms; calling it gives their weighted values.

    Attributes:
        cross_entropy: Weight of the pixel cross-entropy (paper: 1).
        dice: Weight of the Dice loss (paper: 5).
        auxiliary: Weight of the cross-entropy of each auxiliary output.
        stride: Supervise every n-th pixel.
        normalizer: Sums per process (``local``) or over all processes (``global``).
    """

    cross_entropy: float = 1.0
    dice: float = 5.0
    auxiliary: float = 0.4
    stride: int = 1
    normalizer: Normaliser = "local"

    def __call__(self, output: SegOutput, masks: Tensor) -> dict[str, Tensor]:
        """Return the weighted terms of a batch; their sum is what is minimised.

        Args:
            output: What the network said about ``(N, 3, H, W)`` images; needs ``logits``.
            masks: ``(N, H, W)`` int64 labels, 255 void.
        """
        if output.logits is None:
            raise TypeError("Objective: expected a per-pixel head (logits), got queries.")
        main = pixel_losses(output.logits, masks, stride=self.stride, normalizer=self.normalizer)
        terms = {"loss_ce": self.cross_entropy * main.cross_entropy, "loss_dice": self.dice * main.dice}
        for index, logits in enumerate(output.auxiliary):
            # The auxiliary grid is 16 times coarser than the labels: every fourth pixel supervises it as well as all.
            side = pixel_losses(logits, masks, stride=max(4, self.stride), normalizer=self.normalizer)
            terms[f"loss_aux{index or ''}"] = self.auxiliary * side.cross_entropy
        return terms
