"""FocalNet backbone: timm's stages, padded, stemmed and normed as the official segmentation code does.

What timm's own feature extractor lacks: sides that a 4x4 patch or a 2x2 step does not divide are padded at the right
and the bottom (timm drops the rest, so a side of 683 pixels gives another grid), an overlapping stem pads by 3 instead
of 2, and each output has a layer norm.

Source: Yang et al., Focal Modulation Networks, NeurIPS 2022; options of microsoft/FocalNet@e8514bd; blocks by timm.
Parameter names are timm's plus ``norm0`` to ``norm3``; :func:`~vspwlib.models.rename_focalnet.rename_focalnet` reads
official files.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True, kw_only=True)
class FocalNetSize:
    """Hyper-parameters of one FocalNet size.

    Attributes:
        embed_dim: Channels of the first stage; they double with each stage.
        depths: Blocks per stage.
        focal_levels: Depthwise convolutions of a modulation, per stage.
        focal_windows: Side of the first of them, per stage; each further one is 2 larger.
        mlp_ratio: Width of the feed-forward part as a multiple of the channels.
        conv_embed: Overlapping convolutions (7x7, then 3x3) as stem and between stages, not 4x4 and 2x2 patches.
        stem_padding: Padding of the overlapping stem: 3 in official segmentation code, 2 in classification and so in
            all weights pre-trained on ImageNet-22K.
        layer_scale: First value of the learned scale of each residual branch; None for no scale.
        post_norm: Normalise after each branch instead of before it (ImageNet-22K models).
        modulation_norm: Normalise inside the modulation, before its last projection ("huge" models).
        normalize_modulator: Divide the summed contexts by their number.
        timm_name: timm's pre-trained model whose weights fit, or None.
    """

    embed_dim: int
    depths: tuple[int, int, int, int]
    focal_levels: tuple[int, int, int, int]
    focal_windows: tuple[int, int, int, int]
    mlp_ratio: float = 4.0
    conv_embed: bool = False
    stem_padding: int = 3
    layer_scale: float | None = None
    post_norm: bool = False
    modulation_norm: bool = False
    normalize_modulator: bool = False
    timm_name: str | None = None

    @property
    def channels(self) -> list[int]:
        """Channels of the four output maps (strides 4, 8, 16, 32)."""
        return [self.embed_dim * 2**stage for stage in range(4)]


def _released(embed_dim: int, depth: int, *, levels: int, timm_name: str) -> FocalNetSize:
    """Describe a released UperNet backbone: windows of 9, where ImageNet-1K files have 3."""
    return FocalNetSize(
        embed_dim=embed_dim,
        depths=(2, 2, depth, 2),
        focal_levels=(levels,) * 4,
        focal_windows=(9,) * 4,
        timm_name=timm_name,
    )


def _large(embed_dim: int, *, levels: int, window: int, normalize: bool = False, timm_name: str) -> FocalNetSize:
    """Describe a model pre-trained on ImageNet-22K, as the official configuration files do."""
    return FocalNetSize(
        embed_dim=embed_dim,
        depths=(2, 2, 18, 2),
        focal_levels=(levels,) * 4,
        focal_windows=(window,) * 4,
        conv_embed=True,
        stem_padding=2,
        layer_scale=1e-4,
        post_norm=True,
        normalize_modulator=normalize,
        timm_name=timm_name,
    )


#: "tiny" is ours, sized for minutes on a CPU. "l" is what the official segmentation code builds from the large
#: hyper-parameters: no weights were ever released for it, and those of ImageNet-22K, normed after the branches, do not
#: fit; they fit "l_fl3" to "xl_fl4". The others are the published ones.
SIZES = {
    "tiny": FocalNetSize(
        embed_dim=48, depths=(2, 2, 4, 2), focal_levels=(3,) * 4, focal_windows=(3,) * 4, conv_embed=True
    ),
    "t_srf": _released(96, 6, levels=2, timm_name="focalnet_tiny_srf.ms_in1k"),
    "s_srf": _released(96, 18, levels=2, timm_name="focalnet_small_srf.ms_in1k"),
    "b_srf": _released(128, 18, levels=2, timm_name="focalnet_base_srf.ms_in1k"),
    "t_lrf": _released(96, 6, levels=3, timm_name="focalnet_tiny_lrf.ms_in1k"),
    "s_lrf": _released(96, 18, levels=3, timm_name="focalnet_small_lrf.ms_in1k"),
    "b_lrf": _released(128, 18, levels=3, timm_name="focalnet_base_lrf.ms_in1k"),
    "l": FocalNetSize(
        embed_dim=192,
        depths=(2, 2, 18, 2),
        focal_levels=(4,) * 4,
        focal_windows=(3,) * 4,
        conv_embed=True,
        layer_scale=1e-4,
    ),
    "l_fl3": _large(192, levels=3, window=5, timm_name="focalnet_large_fl3.ms_in22k"),
    "l_fl4": _large(192, levels=4, window=3, normalize=True, timm_name="focalnet_large_fl4.ms_in22k"),
    "xl_fl3": _large(256, levels=3, window=5, timm_name="focalnet_xlarge_fl3.ms_in22k"),
    "xl_fl4": _large(256, levels=4, window=3, timm_name="focalnet_xlarge_fl4.ms_in22k"),
}


def build_focalnet(size: FocalNetSize, *, drop_path: float, checkpointing: bool = False) -> nn.Module:
    """Build a FocalNet backbone with freshly initialised weights.

    Args:
        size: One of :data:`SIZES` or your own.
        drop_path: Stochastic depth rate of the last block, rising linearly from 0.
        checkpointing: Recompute each block in the backward pass: less memory, the same gradients.

    Returns:
        Module mapping images ``(B, 3, H, W)`` to four maps ``(B, C_i, ceil(H/s), ceil(W/s))``, s = 4, 8, 16, 32.
        Any H and W.
    """
    return FocalNet(size, drop_path=drop_path, checkpointing=checkpointing)


class FocalNet(nn.Module):
    """timm's stem and stages, and a norm for each stage's last map."""

    def __init__(self, size: FocalNetSize, *, drop_path: float, checkpointing: bool) -> None:
        super().__init__()
        from timm.layers import LayerNorm2d
        from timm.models.focalnet import Downsample, FocalNetStage

        norm: Any = partial(LayerNorm2d, eps=1e-5)
        last = max(sum(size.depths) - 1, 1)
        rates = [drop_path * block / last for block in range(sum(size.depths))]
        self.stem = Downsample(3, size.embed_dim, stride=4, overlap=size.conv_embed, norm_layer=norm)
        if size.conv_embed:
            self.stem.proj.padding = (size.stem_padding, size.stem_padding)
        self.layers = nn.ModuleList()
        for stage, (channels, depth) in enumerate(zip(size.channels, size.depths, strict=True)):
            layer = FocalNetStage(
                dim=size.channels[max(stage - 1, 0)],
                out_dim=channels,
                depth=depth,
                mlp_ratio=size.mlp_ratio,
                downsample=stage > 0,
                focal_level=size.focal_levels[stage],
                focal_window=size.focal_windows[stage],
                use_overlap_down=size.conv_embed,
                use_post_norm=size.post_norm,
                use_post_norm_in_modulation=size.modulation_norm,
                normalize_modulator=size.normalize_modulator,
                layerscale_value=size.layer_scale,
                drop_path=[rates.pop(0) for _ in range(depth)],
                norm_layer=norm,
            )
            self.layers.append(layer)
            self.add_module(f"norm{stage}", norm(channels))
        self.checkpointing = checkpointing
        self._initialise()

    def _initialise(self) -> None:
        """Draw those 1x1 convolutions that are linear layers officially as such; the others keep PyTorch's weights."""
        linear = ("modulation.f", "modulation.proj", "mlp.fc1", "mlp.fc2")
        for name, module in self.named_modules():
            if name.endswith(linear):
                nn.init.trunc_normal_(module.get_parameter("weight"), std=0.02)
                nn.init.zeros_(module.get_parameter("bias"))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images ``(B, 3, H, W)`` to four maps ``(B, C_i, ceil(H/s), ceil(W/s))``."""
        features = self.stem(_pad_to_multiple(images, 4))
        outputs = []
        stage: Any
        for level, stage in enumerate(self.layers):
            if level:
                features = stage.downsample(_pad_to_multiple(features, 2))
            for block in stage.blocks:
                recompute = self.checkpointing and self.training
                features = checkpoint(block, features, use_reentrant=False) if recompute else block(features)
            outputs.append(self.get_submodule(f"norm{level}")(features))
        return outputs


def _pad_to_multiple(features: Tensor, side: int) -> Tensor:
    """Add zeros at the right and the bottom until ``side`` divides height and width."""
    height, width = features.shape[-2:]
    return functional.pad(features, (0, -width % side, 0, -height % side))
