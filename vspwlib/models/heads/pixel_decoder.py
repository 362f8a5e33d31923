"""Mask2Former's pixel decoder: deformable attention over strides 8 to 32, then one FPN step to stride 4.

Shape letters: B images, S pixels of the three coarse levels end to end, C channels, h×w grids.

Source: Cheng et al., Mask2Former, CVPR 2022, section 3.2; Zhu et al., Deformable DETR, ICLR 2021; parameter names of
mmdet 2's ``MSDeformAttnPixelDecoder``.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from vspwlib.models.heads.feed_forward import FeedForward
from vspwlib.models.heads.sine_positions import sine_positions
from vspwlib.models.ops.deformable_attention import DeformableAttention, LevelShapes, pixel_centres

#: Levels that the encoder sees: strides 32, 16 and 8, in this order.
LEVELS = 3


class EncoderLayer(nn.Module):
    """Deformable attention of all pixels among each other, then feed-forward; norms come last.

    Args:
        channels: Channels C.
        heads: Attention heads.
        points: Points that a head reads per level.
        hidden: Channels inside the feed-forward part.
        dropout: Rate on what the attention returns and in the feed-forward part.
    """

    def __init__(self, channels: int, *, heads: int, points: int, hidden: int, dropout: float) -> None:
        super().__init__()
        attention = DeformableAttention(channels, heads=heads, levels=LEVELS, points=points)
        self.attentions = nn.ModuleList([attention])
        self.ffns = nn.ModuleList([FeedForward(channels, hidden, dropout=dropout)])
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_normal_(parameter)
        attention.reset_parameters()

    def forward(self, tokens: Tensor, positions: Tensor, centres: Tensor, level_shapes: LevelShapes) -> Tensor:
        """Update the pixels.

        Args:
            tokens: ``(B, S, C)``, the levels end to end.
            positions: ``(S, C)``, added to the pixels that ask, not to those that are read.
            centres: ``(1, S, 1, 2)`` float32, where each pixel lies, (x, y) in [0, 1].
            level_shapes: ``(h, w)`` of each level.

        Returns:
            ``(B, S, C)``.
        """
        tokens = tokens + self.dropout(self.attentions[0](tokens + positions, centres, tokens, level_shapes))
        tokens = self.norms[0](tokens)
        return self.norms[1](tokens + self.ffns[0](tokens))


class Encoder(nn.Module):
    """A stack of encoder layers, each recomputed in the backward pass if ``checkpointing`` asks for it.

    Args:
        layers: The layers.
        checkpointing: Whether to recompute.
    """

    def __init__(self, layers: Sequence[EncoderLayer], *, checkpointing: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.checkpointing = checkpointing

    def forward(self, tokens: Tensor, positions: Tensor, level_shapes: LevelShapes) -> Tensor:
        """Run all layers on ``(B, S, C)``; arguments and result are those of :class:`EncoderLayer`."""
        centres = pixel_centres(level_shapes, device=tokens.device, dtype=torch.float32)
        for layer in self.layers:
            if self.checkpointing and torch.is_grad_enabled():
                tokens = checkpoint(layer, tokens, positions, centres, level_shapes, use_reentrant=False)
            else:
                tokens = layer(tokens, positions, centres, level_shapes)
        return tokens


class PixelDecoder(nn.Module):
    """Four maps of a backbone to mask features at stride 4 and memories at strides 32, 16 and 8.

    Args:
        in_channels: Channels of the backbone's maps at strides 4, 8, 16 and 32.
        channels: Channels C inside and of the memories.
        mask_channels: Channels of the mask features.
        groups: Groups of the group norms.
        encoder: The encoder between the projections and the FPN step.
    """

    def __init__(
        self, in_channels: Sequence[int], *, channels: int, mask_channels: int, groups: int, encoder: Encoder
    ) -> None:
        super().__init__()
        projections = (nn.Conv2d(width, channels, 1) for width in reversed(in_channels[1:]))
        lateral = nn.Conv2d(in_channels[0], channels, 1, bias=False)
        output = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.input_convs = nn.ModuleList(_normalised(projection, groups) for projection in projections)
        self.encoder = encoder
        self.level_encoding = nn.Embedding(LEVELS, channels)
        self.lateral_convs = nn.ModuleList([_normalised(lateral, groups)])
        self.output_convs = nn.ModuleList([_normalised(output, groups, activation=True)])
        self.mask_feature = nn.Conv2d(channels, mask_channels, 1)
        self._initialise()

    def _initialise(self) -> None:
        """Do as mmdet: Xavier for the projections, what Caffe2 calls Xavier for the other convolutions."""
        for block in self.input_convs:
            convolution = block.get_submodule("conv")
            nn.init.xavier_uniform_(convolution.get_parameter("weight"))
            nn.init.zeros_(convolution.get_parameter("bias"))
        for block in (self.lateral_convs[0], self.output_convs[0]):
            nn.init.kaiming_uniform_(block.get_parameter("conv.weight"), a=1)
        nn.init.kaiming_uniform_(self.mask_feature.weight, a=1)
        nn.init.zeros_(self.get_parameter("mask_feature.bias"))

    def forward(self, features: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Decode.

        Args:
            features: Four maps ``(B, C_i, h_i, w_i)``, strides 4, 8, 16, 32, of any sizes.

        Returns:
            Mask features ``(B, mask_channels, h_0, w_0)`` and three memories ``(B, C, h_i, w_i)``, strides 32, 16, 8.
        """
        maps = [convolve(level) for convolve, level in zip(self.input_convs, reversed(features[1:]), strict=True)]
        shapes = [(level.shape[2], level.shape[3]) for level in maps]
        tokens = torch.cat([level.flatten(2).transpose(1, 2) for level in maps], dim=1)  # (B, S, C)
        del maps
        tokens = self.encoder(tokens, self._positions(shapes, tokens.device), shapes)
        memories = [
            level.transpose(1, 2).unflatten(2, shape)
            for level, shape in zip(tokens.split([h * w for h, w in shapes], dim=1), shapes, strict=True)
        ]
        # In place, and every map let go as soon as the next is there: at stride 4 each weighs 59 MB per image of 480
        # pixels at 1024 channels.
        finest = self.lateral_convs[0](features[0])
        finest += functional.interpolate(memories[-1], size=finest.shape[2:], mode="bilinear", align_corners=False)
        for layer in (*self.output_convs[0].children(), self.mask_feature):
            finest = layer(finest)
        return finest, memories

    def _positions(self, shapes: LevelShapes, device: torch.device) -> Tensor:
        """Return where every pixel is, level included: ``(S, C)`` in the parameters' type."""
        levels = self.level_encoding.weight
        encodings = [
            level + sine_positions(height, width, levels.shape[1], device=device).to(levels.dtype)
            for level, (height, width) in zip(levels, shapes, strict=True)
        ]
        return torch.cat(encodings)


def _normalised(convolution: nn.Conv2d, groups: int, *, activation: bool = False) -> nn.Sequential:
    """Return convolution, group norm and perhaps ReLU under mmcv's names."""
    parts: list[tuple[str, nn.Module]] = [
        ("conv", convolution),
        ("gn", nn.GroupNorm(groups, convolution.out_channels)),
    ]
    if activation:
        parts.append(("activate", nn.ReLU(inplace=True)))
    return nn.Sequential(OrderedDict(parts))
