"""One interface to every network: images in, :class:`SegOutput` out, class probabilities from it.

Shape letters: B images, K classes, Q queries, C channels, H×W pixels, h×w a coarser grid (stride 4 unless said).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class SegOutput(NamedTuple):
    """What a network says about a batch: either per-pixel logits or queries, and an embedding.

    A named tuple, because DDP and Fabric look into those for tensors and not into frozen dataclasses.

    Attributes:
        logits: ``(B, K, h, w)`` class logits at stride 4, or None for a query head.
        class_logits: ``(B, Q, K+1)`` class logits of queries, the last one "no object", or None.
        mask_logits: ``(B, Q, h, w)`` mask logits of queries at stride 4, or None.
        embedding: ``(B, C, h', w')`` features for the contrastive loss, or None.
        temperature: The temperature learned for them, no dimensions, or None.
        auxiliary: Further logits ``(B, K, h_i, w_i)`` that only training reads.
        intermediate: Pairs of class logits and mask logits after each earlier decoder layer, the untouched queries
            first, shaped like ``class_logits`` and ``mask_logits``; only training reads them.
    """

    logits: Tensor | None = None
    class_logits: Tensor | None = None
    mask_logits: Tensor | None = None
    embedding: Tensor | None = None
    temperature: Tensor | None = None
    auxiliary: tuple[Tensor, ...] = ()
    intermediate: tuple[tuple[Tensor, Tensor], ...] = ()


class Segmenter(nn.Module):
    """Backbone, decode head and an optional auxiliary head under mmseg's attribute names.

    The names are those of released checkpoints, so their keys are ours. The backbone maps images to four feature maps,
    the decode head those to a :class:`SegOutput`, the auxiliary head to logits. An embedding head of ours, where there
    is one, takes the place of the embedding that the decode head hands out.
    """

    def __init__(
        self,
        backbone: nn.Module,
        decode_head: nn.Module,
        auxiliary_head: nn.Module | None = None,
        embedding_head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.decode_head = decode_head
        self.auxiliary_head = auxiliary_head
        self.embedding_head = embedding_head

    def forward(self, images: Tensor) -> SegOutput:
        """Run the network.

        Args:
            images: ``(B, 3, H, W)`` float, normalised.

        Returns:
            What the decode head says; auxiliary logits and intermediate queries in training mode only.
        """
        features = self.backbone(images)  # four of (B, C_i, H/s, W/s)
        output: SegOutput = self.decode_head(features)
        if self.embedding_head is not None:
            embedding, temperature = self.embedding_head(features, output.embedding)
            output = output._replace(embedding=embedding, temperature=temperature)
        if not self.training:
            return output._replace(intermediate=())
        if self.auxiliary_head is None:
            return output
        return output._replace(auxiliary=(self.auxiliary_head(features),))


def semantic_scores(output: SegOutput) -> Tensor:
    """Return class scores ``(B, K, h, w)``, whose resized softmax is the distribution P.

    Float32 under autocast too, since sums over many queries reach 6 and more; float64 stays.

    Per-pixel heads: their logits. Query heads: the official score, the sum over queries of
    ``softmax(class)[..., :-1] * sigmoid(mask)``, which reaches 6 and more; the official test code takes its softmax.
    """
    if output.logits is not None:
        return _wide(output.logits)
    if output.class_logits is None or output.mask_logits is None:
        raise TypeError("SegOutput: expected logits, or class_logits and mask_logits, got neither.")
    classes = _wide(output.class_logits).softmax(dim=-1)[..., :-1]  # (B, Q, K)
    masks = _wide(output.mask_logits).sigmoid()
    with torch.autocast(masks.device.type, enabled=False):
        return torch.einsum("bqk,bqhw->bkhw", classes, masks)


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def semantic_probs(output: SegOutput, size: tuple[int, int]) -> Tensor:
    """Return the class distribution ``(B, K, H, W)``, float32, at full resolution.

    Args:
        output: What the network said.
        size: ``(H, W)`` of the images. Scores are resized bilinearly (``align_corners=False``) before the softmax.
    """
    scores = functional.interpolate(semantic_scores(output), size=size, mode="bilinear", align_corners=False)
    return scores.softmax(dim=1)
