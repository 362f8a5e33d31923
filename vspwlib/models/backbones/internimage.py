"""InternImage backbone: transformer-like blocks whose attention is a DCNv3 convolution, under the official names.

Maps stay channels-last, ``(B, H, W, C)``, from the stem to the outputs.

Source: Wang et al., InternImage, CVPR 2023; options and parameter names of OpenGVLab/InternImage@31c962d, whose zoo has
sizes T to G. What is easy to get wrong: with ``post_norm`` a stage has no norm of its own at its end, and a norm after
the residual branch (``res_post_norm``) counts only where there is no layer scale.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.ops import StochasticDepth

from vspwlib.models.ops.dcnv3 import ChannelsLast, DCNv3


@dataclass(frozen=True, kw_only=True)
class InternImageSize:
    """Hyper-parameters of one InternImage size.

    Attributes:
        embed_dim: Channels of the first stage; they double with each stage.
        depths: Blocks per stage.
        groups: DCNv3 groups per stage.
        mlp_ratio: Width of the feed-forward part as a multiple of the channels.
        layer_scale: First value of the learned scale of each residual branch; None for no scale.
        offset_scale: Factor on the sampling grid and its offsets.
        post_norm: Normalise after each branch instead of before it.
        dw_kernel: Side of DCNv3's depthwise convolution; None for 3.
        res_post_norm: Normalise both before and after each branch (without ``post_norm`` and ``layer_scale`` only).
        level2_post_norms: Blocks of the third stage that a further norm follows.
        center_feature_scale: DCNv3 mixes in its own centre, and every stage ends with a norm.
        timm_name: timm has no InternImage.
    """

    embed_dim: int
    depths: tuple[int, int, int, int]
    groups: tuple[int, int, int, int]
    mlp_ratio: float = 4.0
    layer_scale: float | None = 1.0
    offset_scale: float = 1.0
    post_norm: bool = False
    dw_kernel: int | None = None
    res_post_norm: bool = False
    level2_post_norms: tuple[int, ...] = ()
    center_feature_scale: bool = False
    timm_name: str | None = None

    @property
    def channels(self) -> list[int]:
        """Channels of the four output maps (strides 4, 8, 16, 32)."""
        return [self.embed_dim * 2**stage for stage in range(4)]

    @property
    def norm_after(self) -> bool:
        """Whether norms after the branches, besides those before them, are in force."""
        return self.res_post_norm and self.layer_scale is None and not self.post_norm


#: "tiny" is ours, sized for minutes on a CPU; the others are the published ones.
SIZES = {
    "tiny": InternImageSize(embed_dim=48, depths=(2, 2, 4, 2), groups=(3, 6, 12, 24), post_norm=True),
    "t": InternImageSize(embed_dim=64, depths=(4, 4, 18, 4), groups=(4, 8, 16, 32)),
    "s": InternImageSize(embed_dim=80, depths=(4, 4, 21, 4), groups=(5, 10, 20, 40), post_norm=True),
    "b": InternImageSize(embed_dim=112, depths=(4, 4, 21, 4), groups=(7, 14, 28, 56), post_norm=True),
    "l": InternImageSize(
        embed_dim=160, depths=(5, 5, 22, 5), groups=(10, 20, 40, 80), post_norm=True, offset_scale=2.0
    ),
    "xl": InternImageSize(
        embed_dim=192, depths=(5, 5, 24, 5), groups=(12, 24, 48, 96), post_norm=True, offset_scale=2.0
    ),
    "h": InternImageSize(
        embed_dim=320,
        depths=(6, 6, 32, 6),
        groups=(10, 20, 40, 80),
        layer_scale=None,
        dw_kernel=5,
        res_post_norm=True,
        level2_post_norms=(5, 11, 17, 23, 29),
        center_feature_scale=True,
    ),
    "g": InternImageSize(
        embed_dim=512,
        depths=(2, 2, 48, 4),
        groups=(16, 32, 64, 128),
        layer_scale=None,
        post_norm=True,
        dw_kernel=5,
        level2_post_norms=(5, 11, 17, 23, 29, 35, 41, 47),
        center_feature_scale=True,
    ),
}


def build_internimage(size: InternImageSize, *, drop_path: float, checkpointing: bool = False) -> nn.Module:
    """Build an InternImage backbone with freshly initialised weights.

    Args:
        size: One of :data:`SIZES` or your own.
        drop_path: Stochastic depth rate of the last block, rising linearly from 0.
        checkpointing: Recompute each block in the backward pass: less memory, the same gradients.

    Returns:
        Module mapping images ``(B, 3, H, W)`` to four maps ``(B, C_i, ceil(H/s), ceil(W/s))``, s = 4, 8, 16, 32.
    """
    return InternImage(size, drop_path=drop_path, checkpointing=checkpointing)


def rename_internimage(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a classification file's weights without its classifier; segmentation files pass unchanged.

    The official names are ours. Pre-training files (``internimage_xl_22k_192to384.pth`` and the like) besides hold
    ``conv_head`` and ``head``, those of H and G the parts of a CLIP head.

    Args:
        state: Backbone keys, without a prefix.
    """
    classifier = ("head.", "conv_head.", "avgpool.", "fc_norm.", "clip_projector.", "dcnv3_head_x3.", "dcnv3_head_x4.")
    return {name: tensor for name, tensor in state.items() if not name.startswith(classifier)}


class InternImage(nn.Module):
    """Stem and four stages; each stage's last map, taken before it is halved, is an output."""

    def __init__(self, size: InternImageSize, *, drop_path: float, checkpointing: bool) -> None:
        super().__init__()
        last = max(sum(size.depths) - 1, 1)
        rates = [drop_path * block / last for block in range(sum(size.depths))]
        self.patch_embed = _Stem(size.embed_dim)
        self.levels = nn.ModuleList()
        for stage, depth in enumerate(size.depths):
            own, rates = rates[:depth], rates[depth:]
            self.levels.append(_Stage(size, stage, rates=own, checkpointing=checkpointing))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images ``(B, 3, H, W)`` to four maps ``(B, C_i, ceil(H/s), ceil(W/s))``."""
        features = self.patch_embed(images)
        outputs = []
        for level in self.levels:
            output, features = level(features)
            outputs.append(output.permute(0, 3, 1, 2))
        return outputs


class _Stem(nn.Module):
    """Two strided convolutions: images ``(B, 3, H, W)`` to ``(B, ceil(H/4), ceil(W/4), C)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels // 2, 3, stride=2, padding=1)
        self.norm1 = _norm_of_conv(channels // 2)
        self.conv2 = nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1)
        self.norm2 = _norm_of_conv(channels)

    def forward(self, images: Tensor) -> Tensor:
        halved = nn.functional.gelu(self.norm1(self.conv1(images)))
        return self.norm2(self.conv2(halved.permute(0, 3, 1, 2)))


class _Stage(nn.Module):
    """Blocks at one resolution, then the step to the next."""

    def __init__(self, size: InternImageSize, stage: int, *, rates: list[float], checkpointing: bool) -> None:
        super().__init__()
        channels = size.channels[stage]
        self.checkpointing = checkpointing
        self.blocks = nn.ModuleList(_Block(size, channels, size.groups[stage], drop_path=rate) for rate in rates)
        has_norm = not size.post_norm or size.center_feature_scale
        self.norm = _norm(channels) if has_norm else nn.Identity()
        self.post_norm_blocks = size.level2_post_norms if stage == 2 else ()
        if self.post_norm_blocks:
            self.post_norms = nn.ModuleList(_norm(channels) for _ in self.post_norm_blocks)
        self.downsample = _Downsample(channels) if stage < 3 else nn.Identity()

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(B, h, w, C)`` to this stage's output, same shape, and the input of the next one."""
        for index, block in enumerate(self.blocks):
            recompute = self.checkpointing and self.training
            features = checkpoint(block, features, use_reentrant=False) if recompute else block(features)
            if index in self.post_norm_blocks:
                features = self.post_norms[self.post_norm_blocks.index(index)](features)
        features = self.norm(features)
        return features, self.downsample(features)


class _Downsample(nn.Module):
    """Halve the grid and double the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False)
        self.norm = _norm_of_conv(2 * channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.conv(features.permute(0, 3, 1, 2)))


class _Block(nn.Module):
    """DCNv3 and a feed-forward part, each a residual branch."""

    def __init__(self, size: InternImageSize, channels: int, groups: int, *, drop_path: float) -> None:
        super().__init__()
        self.post_norm, self.norm_after = size.post_norm, size.norm_after
        self.norm1, self.norm2 = _norm(channels), _norm(channels)
        self.dcn = DCNv3(
            channels,
            groups=groups,
            dw_kernel=size.dw_kernel,
            offset_scale=size.offset_scale,
            center_feature_scale=size.center_feature_scale,
        )
        hidden = int(channels * size.mlp_ratio)
        fc1, fc2 = nn.Linear(channels, hidden), nn.Linear(hidden, channels)
        for linear in (fc1, fc2):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        self.mlp = nn.Sequential(OrderedDict(fc1=fc1, act=nn.GELU(), fc2=fc2))
        self.drop_path = StochasticDepth(drop_path, mode="row")
        if self.norm_after:
            self.res_post_norm1, self.res_post_norm2 = _norm(channels), _norm(channels)
        self.has_scale = size.layer_scale is not None
        if size.layer_scale is not None:
            self.gamma1 = nn.Parameter(torch.full((channels,), size.layer_scale))
            self.gamma2 = nn.Parameter(torch.full((channels,), size.layer_scale))

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, h, w, C)`` to the same shape."""
        features = features + self._branch(features, self.dcn, 1)
        return features + self._branch(features, self.mlp, 2)

    def _branch(self, features: Tensor, layer: Callable[[Tensor], Tensor], number: int) -> Tensor:
        norm = self.get_submodule(f"norm{number}")
        change = norm(layer(features)) if self.post_norm else layer(norm(features))
        if self.norm_after:
            change = self.get_submodule(f"res_post_norm{number}")(change)
        if self.has_scale:
            change = self.get_parameter(f"gamma{number}") * change
        return self.drop_path(change)


def _norm(channels: int) -> nn.Sequential:
    """Return a layer norm over the last axis, which the official names count as layer 0."""
    return nn.Sequential(nn.LayerNorm(channels, eps=1e-6))


def _norm_of_conv(channels: int) -> nn.Sequential:
    """Return a layer norm that turns a convolution's output channels-last first, and so is layer 1."""
    return nn.Sequential(ChannelsLast(), nn.LayerNorm(channels, eps=1e-6))
