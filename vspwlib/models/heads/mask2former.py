"""Mask2Former's head: a pixel decoder, and queries that each find one segment in it.

Shape letters: B images, Q queries, K classes, S pixels of one level, C channels, h×w grids.

Source: Cheng et al., Mask2Former, CVPR 2022; parameter names, and every detail that numbers depend on, as in the heads
of ViT-Adapter (czczup/ViT-Adapter@fd64a519) and EVA (baaivision/EVA@5623d08), which are mmdet 2's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from vspwlib.checks import require
from vspwlib.models.heads.masked_attention import DecoderLayer, attendable
from vspwlib.models.heads.pixel_decoder import LEVELS, Encoder, EncoderLayer, PixelDecoder
from vspwlib.models.heads.sine_positions import sine_positions
from vspwlib.models.segmenter import SegOutput


@dataclass(frozen=True, kw_only=True)
class Mask2FormerSize:
    """Hyper-parameters of one size of the head.

    Attributes:
        channels: Channels C of memories and queries: a multiple of 4, of ``groups`` and of both numbers of heads.
        queries: Queries Q.
        encoder_layers: Layers of deformable attention in the pixel decoder.
        encoder_heads: Their heads.
        decoder_layers: Layers of masked attention; the i-th reads level i modulo 3 (strides 32, 16, 8).
        decoder_heads: Their heads.
        feedforward: Hidden channels of the pixel decoder's feed-forward parts.
        decoder_feedforward: Those of the query decoder.
        groups: Groups of the group norms.
        points: Points that a head of the pixel decoder reads per level.
        mask_channels: Channels in which masks are made; None takes ``channels``, as every released file does.
    """

    channels: int
    queries: int
    encoder_layers: int
    encoder_heads: int
    decoder_layers: int
    decoder_heads: int
    feedforward: int
    decoder_feedforward: int
    groups: int = 32
    points: int = 4
    mask_channels: int | None = None

    def __post_init__(self) -> None:
        """Refuse widths that do not divide.

        Raises:
            InputError: naming the divisor.
        """
        divisors = {"groups": self.groups, "encoder_heads": self.encoder_heads, "decoder_heads": self.decoder_heads}
        for name, divisor in (divisors | {"sine and cosine of two axes": 4}).items():
            fits = self.channels % divisor == 0
            require(fits, "Mask2Former's channels", expected=f"a multiple of {divisor}", got=self.channels, where=name)


#: "tiny" is ours, sized for minutes on a CPU; "large" goes with BEiTv2-L, the others with EVA-g's two files.
SIZES = {
    "tiny": Mask2FormerSize(
        channels=128,
        queries=50,
        encoder_layers=2,
        encoder_heads=4,
        decoder_layers=3,
        decoder_heads=4,
        feedforward=256,
        decoder_feedforward=256,
    ),
    "large": Mask2FormerSize(
        channels=1024,
        queries=200,
        encoder_layers=6,
        encoder_heads=32,
        decoder_layers=9,
        decoder_heads=32,
        feedforward=4096,
        decoder_feedforward=4096,
    ),
}
SIZES["eva_9dec"] = SIZES["large"]
SIZES["eva_8dec"] = replace(SIZES["large"], decoder_layers=8)


class _Level(NamedTuple):
    """What decoder layers read of one level: keys and values ``(B, S, C)``, mask features resized to it."""

    key: Tensor
    value: Tensor
    mask_features: Tensor


class QueryDecoder(nn.Module):
    """The decoder's layers and the norm before every prediction, under their official names.

    A container: queries, predictions and the loop over layers are the head's.
    """

    def __init__(self, layers: Sequence[DecoderLayer], channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.post_norm = nn.LayerNorm(channels)


class Mask2FormerHead(nn.Module):
    """Queries that read the image through masks of their own and say a class and a mask each.

    Args:
        pixel_decoder: Makes mask features and memories.
        decoder: Layers that update the queries.
        size: Widths and the number of queries.
        num_classes: Classes K; a further one means "no object".
        checkpointing: Recompute decoder layers in the backward pass.
    """

    def __init__(
        self,
        pixel_decoder: PixelDecoder,
        decoder: QueryDecoder,
        size: Mask2FormerSize,
        *,
        num_classes: int,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        channels = size.channels
        self.num_classes, self.checkpointing = num_classes, checkpointing
        self.embedding: Literal["memory", "mask_features"] = "memory"  # what the contrastive loss is to read
        self.pixel_decoder = pixel_decoder
        self.transformer_decoder = decoder
        self.query_embed = nn.Embedding(size.queries, channels)
        self.query_feat = nn.Embedding(size.queries, channels)
        self.level_embed = nn.Embedding(LEVELS, channels)
        self.cls_embed = nn.Linear(channels, num_classes + 1)
        self.mask_embed = nn.Sequential(
            nn.Linear(channels, channels),
            nn.ReLU(inplace=True),
            nn.Linear(channels, channels),
            nn.ReLU(inplace=True),
            nn.Linear(channels, size.mask_channels or channels),
        )

    @property
    def embedding_channels(self) -> int:
        """Channels of the embedding."""
        width = (
            self.query_embed.embedding_dim
            if self.embedding == "memory"
            else self.pixel_decoder.mask_feature.out_channels
        )
        return int(width)

    def forward(self, features: Sequence[Tensor], *, intermediate: bool | None = None) -> SegOutput:
        """Decode the four maps of a backbone.

        Args:
            features: Four maps ``(B, C_i, h_i, w_i)``, strides 4 to 32, of any sizes.
            intermediate: Whether to say what the earlier layers predict, too; None: in training mode. Their masks at
                stride 4 serve the losses alone, so evaluation does not pay for them.

        Returns:
            Class logits ``(B, Q, K+1)`` and mask logits ``(B, Q, h_0, w_0)`` of the last layer; as embedding the pixel
            decoder's memory at stride 8, or its mask features; the earlier predictions, that of the untouched queries
            first.

        Raises:
            InputError: unless there are four maps.
        """
        require(len(features) == 4, "Mask2Former's features", expected="four maps", got=len(features))
        mask_features, memories = self.pixel_decoder(features)
        levels = [self._level(index, memory, mask_features) for index, memory in enumerate(memories)]
        query = self.query_feat.weight.repeat(mask_features.shape[0], 1, 1)  # (B, Q, C)
        earlier = []
        for index, layer in enumerate(self.transformer_decoder.layers):
            level = levels[index % LEVELS]
            classes, masks = self._read(query)
            if self.training if intermediate is None else intermediate:
                earlier.append((classes, _mask_logits(masks, mask_features)))
            attend = attendable(masks, level.mask_features)
            arguments = (query, self.query_embed.weight, level.key, level.value, attend)
            if self.checkpointing and torch.is_grad_enabled():
                query = checkpoint(layer, *arguments, use_reentrant=False)
            else:
                query = layer(*arguments)
        classes, masks = self._read(query)
        return SegOutput(
            class_logits=classes,
            mask_logits=_mask_logits(masks, mask_features),
            embedding=memories[-1] if self.embedding == "memory" else mask_features,
            intermediate=tuple(earlier),
        )

    def _level(self, index: int, memory: Tensor, mask_features: Tensor) -> _Level:
        """Prepare a level: its own embedding goes to keys and values, positions to keys alone."""
        height, width = memory.shape[2:]
        value = memory.flatten(2).transpose(1, 2) + self.level_embed.weight[index]
        positions = sine_positions(height, width, memory.shape[1], device=memory.device)
        coarse = functional.interpolate(
            mask_features.detach(), size=(height, width), mode="bilinear", align_corners=False
        )
        return _Level(value + positions.to(self.level_embed.weight.dtype), value, coarse)

    def _read(self, query: Tensor) -> tuple[Tensor, Tensor]:
        """Return class logits ``(B, Q, K+1)`` and mask embeddings ``(B, Q, mask_channels)`` of queries."""
        query = self.transformer_decoder.post_norm(query)
        return self.cls_embed(query), self.mask_embed(query)


def _mask_logits(masks: Tensor, mask_features: Tensor) -> Tensor:
    return torch.einsum("bqc,bchw->bqhw", masks, mask_features)


def build_mask2former(
    in_channels: Sequence[int],
    size: Mask2FormerSize,
    *,
    num_classes: int,
    dropout: float = 0.0,
    checkpointing: bool = False,
) -> Mask2FormerHead:
    """Build the head with the official initial weights.

    Args:
        in_channels: Channels of the four backbone maps, strides 4 to 32.
        size: One of :data:`SIZES` or your own.
        num_classes: Classes K.
        dropout: Rate of every dropout in both decoders: on the query decoder's attention weights, on what attentions
            return, and in the feed-forward parts. Officially 0.
        checkpointing: Recompute every layer of both decoders in the backward pass: less memory, the same results.

    Returns:
        Module mapping four maps to a :class:`~vspwlib.models.segmenter.SegOutput`.
    """
    encoder_layers = [
        EncoderLayer(
            size.channels, heads=size.encoder_heads, points=size.points, hidden=size.feedforward, dropout=dropout
        )
        for _ in range(size.encoder_layers)
    ]
    pixel_decoder = PixelDecoder(
        in_channels,
        channels=size.channels,
        mask_channels=size.mask_channels or size.channels,
        groups=size.groups,
        encoder=Encoder(encoder_layers, checkpointing=checkpointing),
    )
    decoder_layers = [
        DecoderLayer(size.channels, heads=size.decoder_heads, hidden=size.decoder_feedforward, dropout=dropout)
        for _ in range(size.decoder_layers)
    ]
    decoder = QueryDecoder(decoder_layers, size.channels)
    return Mask2FormerHead(pixel_decoder, decoder, size, num_classes=num_classes, checkpointing=checkpointing)
