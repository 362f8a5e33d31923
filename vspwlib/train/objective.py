"""The training objective: a weighted sum of named terms over one batch."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vspwlib.losses.normaliser import Normaliser
from vspwlib.losses.pixel import pixel_losses
from vspwlib.losses.set_criterion import SetCriterion, set_losses
from vspwlib.models.segmenter import SegOutput
from vspwlib.train.contrast import ContrastTerm


@dataclass(frozen=True, kw_only=True)
class Objective:
    """Weights of the terms; calling it gives their weighted values.

    Heads that give logits are trained with pixel losses, heads that give queries with set losses.

    Attributes:
        cross_entropy: Weight of the cross-entropy of pixels, or of the masks of queries (paper: 1; Mask2Former: 5).
        dice: Weight of the Dice loss of pixels, or of the masks of queries (5 in both).
        auxiliary: Weight of the cross-entropy of each auxiliary output; per-pixel heads only.
        stride: Supervise every n-th pixel; per-pixel heads only.
        normalizer: Sums per process (``local``) or over all processes (``global``).
        classification: Weight of the class of queries; query heads only, as all that follows.
        no_object: Weight of a query that was matched with nothing, relative to one that was.
        points: Points at which masks are compared.
        oversample: Candidates drawn per point of a loss.
        importance: Share of a loss's points that are the least certain candidates; the others are uniform.
        class_weights: ``(K,)``, what each class weighs in the cross-entropy of pixels, auxiliary outputs included, or
            in that of the queries' classes; None: all alike.
        dice_weights: ``(K,)``, what each class weighs in the Dice loss of pixels; per-pixel heads only.
        contrast: The contrastive term, or None.
    """

    cross_entropy: float = 1.0
    dice: float = 5.0
    auxiliary: float = 0.4
    stride: int = 1
    normalizer: Normaliser = "local"
    classification: float = 2.0
    no_object: float = 0.1
    points: int = 12544
    oversample: float = 3.0
    importance: float = 0.75
    class_weights: Tensor | None = None
    dice_weights: Tensor | None = None
    contrast: ContrastTerm | None = None

    @property
    def criterion(self) -> SetCriterion:
        """The numbers of the set losses."""
        return SetCriterion(
            classification=self.classification,
            mask=self.cross_entropy,
            dice=self.dice,
            no_object=self.no_object,
            points=self.points,
            oversample=self.oversample,
            importance=self.importance,
            normalizer=self.normalizer,
            class_weights=self.class_weights,
        )

    def __call__(
        self, output: SegOutput, masks: Tensor, clip_ids: Tensor | None = None, point_keys: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the weighted terms of a batch; their sum is what is minimised.

        Logits give ``loss_ce``, ``loss_dice``, and ``loss_aux`` for each auxiliary output. Queries give ``loss_cls``,
        ``loss_mask`` and ``loss_dice`` of the last decoder output, and under the same names with ``_aux`` the sums over
        the earlier ones; officially all outputs weigh the same. The contrastive term is ``loss_nce``.

        Args:
            output: What the network said about ``(N, 3, H, W)`` images.
            masks: ``(N, H, W)`` int64 labels, 255 void.
            clip_ids: ``(N,)`` the clip of each image, on the CPU, for the contrastive term.
            point_keys: ``(N,)`` int64, what each image's random points follow from, for the set losses; by default from
                torch's global generator.
        """
        terms = self._segmentation_terms(output, masks, point_keys)
        if self.contrast is not None:
            terms["loss_nce"] = self.contrast(output, masks, clip_ids)
        return terms

    def _segmentation_terms(self, output: SegOutput, masks: Tensor, point_keys: Tensor | None) -> dict[str, Tensor]:
        if output.logits is not None:
            return self._pixel_terms(output.logits, output.auxiliary, masks)
        if output.class_logits is None or output.mask_logits is None:
            raise TypeError("Objective: expected logits, or class_logits and mask_logits, got neither.")
        outputs = [*output.intermediate, (output.class_logits, output.mask_logits)]
        losses = set_losses(outputs, masks, settings=self.criterion, keys=point_keys)
        each = {"loss_cls": losses.classification, "loss_mask": losses.mask, "loss_dice": losses.dice}
        terms = {name: values[-1] for name, values in each.items()}
        if output.intermediate:
            terms |= {f"{name}_aux": values[:-1].sum() for name, values in each.items()}
        return terms

    def _pixel_terms(self, logits: Tensor, auxiliary: tuple[Tensor, ...], masks: Tensor) -> dict[str, Tensor]:
        sums: dict[str, Any] = {"normalizer": self.normalizer, "class_weights": self.class_weights}
        main = pixel_losses(logits, masks, stride=self.stride, dice_weights=self.dice_weights, **sums)
        terms = {"loss_ce": self.cross_entropy * main.cross_entropy, "loss_dice": self.dice * main.dice}
        for index, side_logits in enumerate(auxiliary):
            # The auxiliary grid is 16 times coarser than the labels: every fourth pixel supervises it as well as all.
            side = pixel_losses(side_logits, masks, stride=max(4, self.stride), **sums)
            terms[f"loss_aux{index or ''}"] = self.auxiliary * side.cross_entropy
        return terms

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step: the memory of the contrastive term."""
        return {} if self.contrast is None else self.contrast.state_dict()

    def load_state_dict(self, state: dict[str, Any], *, device: torch.device | str = "cpu") -> None:
        """Take over a state of :meth:`state_dict`."""
        if self.contrast is not None:
            self.contrast.load_state_dict(state, device=device)
