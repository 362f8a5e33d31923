"""The contrastive term of the training objective."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vspwlib.checks import fail
from vspwlib.losses.contrast.clip import AnchorWeights, Negatives
from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.losses.contrast.sampled import sample_anchors
from vspwlib.losses.contrastive import clip_rows, labels_of_patches, pixel_contrast_loss
from vspwlib.models.segmenter import SegOutput, semantic_scores

VOID = 255


@dataclass(frozen=True, kw_only=True)
class ContrastTerm:
    """Weight and settings; calling it gives the weighted loss.

    Attributes:
        weight: Weight in the sum of all terms (paper: 0.1).
        temperature: τ where the network learns none.
        anchor_weights: ``uniform`` or ``balanced``.
        negatives: From the ``clip`` or the ``image``.
        sampled: Draw anchors as ContrastiveSeg does, across the whole batch, instead of taking all patches.
        bank: Memory of other clips, or None. The one thing here that changes from step to step.
        precision: Type of the matrix products on a GPU; None takes the embedding's.
    """

    weight: float = 0.1
    temperature: float = 0.1
    anchor_weights: AnchorWeights = "uniform"
    negatives: Negatives = "clip"
    sampled: bool = False
    bank: MemoryBank | None = None
    precision: torch.dtype | None = None

    def __call__(self, output: SegOutput, masks: Tensor, clip_ids: Tensor | None) -> Tensor:
        """Return the weighted loss.

        Args:
            output: What the network said about ``(N, 3, H, W)`` images, embedding included.
            masks: ``(N, H, W)`` int64 labels, 255 void.
            clip_ids: ``(N,)`` the clip of each image, on the CPU; None: each image is a clip of its own.
        """
        embedding = output.embedding
        if embedding is None:
            fail("contrast", expected="a network with an embedding", got="none", fix="see docs/own_models.md.")
        size = (embedding.shape[2], embedding.shape[3])
        labels = labels_of_patches(masks, size)
        temperature = self.temperature if output.temperature is None else output.temperature
        if self.sampled:
            with torch.no_grad():
                predictions = labels_of_patches(semantic_scores(output).argmax(dim=1), size)
            return self.weight * self._over_samples(embedding, labels, predictions, temperature)
        ids = list(range(len(embedding))) if clip_ids is None else clip_ids.tolist()
        loss = pixel_contrast_loss(
            embedding,
            labels,
            clip_ids=ids,
            temperature=temperature,
            anchor_weights=self.anchor_weights,
            negatives=self.negatives,
            bank=None if self.bank is None else self.bank.read(),
            precision=self.precision,
        )
        if self.bank is not None:  # after the loss: a clip does not meet itself
            features = embedding.detach().movedim(1, -1).flatten(0, 2)
            classes = torch.where(labels == VOID, -1, labels).flatten()
            rows = clip_rows(ids, len(embedding), size[0] * size[1], embedding.device)
            self.bank.write((features[part], classes[part]) for part in rows)
        return self.weight * loss

    def _over_samples(
        self, embedding: Tensor, labels: Tensor, predictions: Tensor, temperature: float | Tensor
    ) -> Tensor:
        """Return the loss over sampled anchors, of the whole batch at once."""
        places = sample_anchors(labels.flatten(1), predictions.flatten(1))
        return pixel_contrast_loss(
            embedding.movedim(1, -1).flatten(0, 2)[places],
            labels.flatten()[places],
            temperature=temperature,
            anchor_weights=self.anchor_weights,
            precision=self.precision,
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what changes from step to step."""
        return {} if self.bank is None else self.bank.state_dict()

    def load_state_dict(self, state: dict[str, Any], *, device: torch.device | str = "cpu") -> None:
        """Take over a state of :meth:`state_dict`."""
        if self.bank is not None:
            self.bank.load_state_dict(state, device=device)
