"""The features that the contrastive loss compares: a level of the network, projected and brought to length 1.

The head belongs to training. Released files have none, and a network without it predicts the same.

Source: the paper's section 2.3, which names neither level nor projection: stride 8 of the pixel decoder's memory and a
projection to 256 channels are our reading. The two-layer projection is that of Wang et al., ICCV 2021.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.checks import check_choice, check_range, fail
from vspwlib.models.heads.mask2former import Mask2FormerHead
from vspwlib.models.segmenter import Segmenter

#: ``decoder``: what the decode head hands out (UperNet: the fused stride-4 map; Mask2Former: the stride-8 memory of its
#: pixel decoder). ``mask_features``: Mask2Former's at stride 4. ``backbone``: the backbone's stride-8 map.
Level = Literal["decoder", "mask_features", "backbone"]
Projection = Literal["linear", "mlp", "none"]

BACKBONE_MAP = 1  # of the four maps of a backbone: stride 8


class Embedding(NamedTuple):
    """Features ``(B, C, h, w)`` and the temperature that was learned for them, or None."""

    features: Tensor
    temperature: Tensor | None


class EmbeddingHead(nn.Module):
    """Projects one level of a network for the contrastive loss.

    Args:
        in_channels: Channels of the level.
        level: Which level it reads.
        projection: ``linear``, a 1x1 convolution; ``mlp``, two of them with batch norm and ReLU between; or ``none``.
        channels: Channels C of the result; without a projection they are those of the level.
        normalize: Bring every feature vector to length 1.
        temperature: Where the learned temperature starts; None learns none.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        level: Level = "decoder",
        projection: Projection = "linear",
        channels: int = 256,
        normalize: bool = True,
        temperature: float | None = None,
    ) -> None:
        super().__init__()
        check_range("embedding channels", channels, 1)
        self.level, self.normalize = level, normalize
        match check_choice("projection", projection, ("linear", "mlp", "none")):
            case "linear":
                self.projection: nn.Module = nn.Conv2d(in_channels, channels, 1)
            case "mlp":
                self.projection = nn.Sequential(
                    nn.Conv2d(in_channels, in_channels, 1),
                    nn.BatchNorm2d(in_channels),
                    nn.ReLU(inplace=True),
                    nn.Conv2d(in_channels, channels, 1),
                )
            case _:
                self.projection = nn.Identity()
        # The logarithm keeps the temperature positive, and steps of it are shares of the value.
        self.log_temperature = None if temperature is None else nn.Parameter(torch.tensor(math.log(temperature)))

    def forward(self, features: Sequence[Tensor], decoded: Tensor | None) -> Embedding:
        """Project.

        Args:
            features: Four maps of the backbone, strides 4 to 32.
            decoded: The decode head's embedding.

        Returns:
            Features ``(B, C, h, w)``, float32 under autocast too if they are normalised, and the temperature.
        """
        level = features[BACKBONE_MAP] if self.level == "backbone" else decoded
        if level is None:
            raise TypeError(f"EmbeddingHead: the decode head has no embedding; its level is {self.level!r}.")
        projected: Tensor = self.projection(level)
        if self.normalize:
            wide = projected if projected.dtype == torch.float64 else projected.float()
            projected = functional.normalize(wide, dim=1)
        return Embedding(projected, None if self.log_temperature is None else self.log_temperature.exp())


def add_embedding_head(
    model: nn.Module,
    *,
    level: Level = "decoder",
    projection: Projection = "linear",
    channels: int = 256,
    normalize: bool = True,
    temperature: float | None = None,
    backbone_channels: Sequence[int] = (),
) -> None:
    """Give a network an embedding head, in place; the arguments are those of :class:`EmbeddingHead`.

    Args:
        model: A :class:`~vspwlib.models.segmenter.Segmenter`; any other network keeps the embedding that it hands out.
        level: Which level it reads.
        projection: What it projects with.
        channels: Channels of the result.
        normalize: Whether features get length 1.
        temperature: Where a learned temperature starts; None learns none.
        backbone_channels: Channels of the backbone's four maps; for the level ``backbone``.

    Raises:
        InputError: when the network has no such level, or is no Segmenter and a head was asked for.
    """
    if not isinstance(model, Segmenter):
        if (level, projection, temperature) == ("decoder", "none", None):
            return  # its own embedding serves as it is
        fail(
            "embedding head",
            expected="a network built as a Segmenter",
            got=type(model).__name__,
            fix="hand out SegOutput.embedding yourself and set contrast.projection=none (docs/own_models.md).",
        )
    head: Any = model.decode_head
    levels = ("decoder", "backbone", *(["mask_features"] if isinstance(head, Mask2FormerHead) else []))
    check_choice("contrast.level", level, levels, where=type(head).__name__)
    if level == "mask_features":
        head.embedding = level
    width = backbone_channels[BACKBONE_MAP] if level == "backbone" else head.embedding_channels
    model.embedding_head = EmbeddingHead(
        width, level=level, projection=projection, channels=channels, normalize=normalize, temperature=temperature
    )
