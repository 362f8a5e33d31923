"""ViT-Adapter: a plain vision transformer with a convolutional pyramid beside it, as a backbone of four maps.

One implementation for both networks of Table 1 that use it, under the official parameter names: BEiTv2-L as the
ViT-Adapter authors released it, and EVA-g as EVA's authors did. What differs between them is a field of
:class:`ViTAdapterSize`.

Source: Chen et al., Vision Transformer Adapter for Dense Predictions, ICLR 2023; Fang et al., EVA, CVPR 2023.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from vspwlib.models.backbones.beit import BeitBlocks
from vspwlib.models.backbones.interaction import Interaction, pyramid_shapes
from vspwlib.models.backbones.relative_position import Grid, RelativeBias
from vspwlib.models.backbones.spatial_prior import SpatialPrior, initialise_convolution
from vspwlib.models.ops.deformable_attention import DeformableAttention
from vspwlib.models.ops.resample import resize_bicubic

PATCH = 16
#: Sides are padded to this multiple: the coarsest map has stride 32.
MULTIPLE = 32


@dataclass(frozen=True, kw_only=True)
class ViTAdapterSize:
    """Hyper-parameters of one ViT-Adapter.

    Attributes:
        embed_dim: Width C of all tokens and of the four maps.
        depth: Transformer blocks.
        heads: Attention heads of a block.
        mlp_ratio: Hidden width of a block's feed-forward, as a multiple of C.
        image_size: ``(H, W)`` in pixels at which position tables are stored.
        relative_position: Each block has a table of relative positions.
        absolute_position: Patches carry an absolute position embedding.
        layer_scale: Initial scale of a block's two branches; None has none.
        injector_scale: Initial scale of what an injector adds.
        conv_channels: Channels of the convolutional stem.
        deform_heads: Heads of the adapter's deformable attention.
        points: Points per head and level.
        deform_ratio: Width of its values, as a share of C.
        ffn_ratio: Hidden width of the extractors' feed-forward, as a share of C.
        interactions: First and last block of each of the four runs between which the adapter works.
    """

    embed_dim: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    image_size: tuple[int, int] = (896, 896)
    relative_position: bool = True
    absolute_position: bool = False
    layer_scale: float | None = 1e-6
    injector_scale: float = 1e-6
    conv_channels: int = 64
    deform_heads: int = 16
    points: int = 4
    deform_ratio: float = 0.5
    ffn_ratio: float = 0.25
    interactions: tuple[tuple[int, int], ...]

    @property
    def channels(self) -> list[int]:
        """Channels of the four output maps (strides 4, 8, 16, 32)."""
        return [self.embed_dim] * 4


#: The two "tiny" ones are ours: small scales as at the start of a fine-tuning would keep a network that starts from
#: scratch from learning, so theirs are larger.
SIZES = {
    "tiny": ViTAdapterSize(
        embed_dim=192,
        depth=8,
        heads=6,
        image_size=(128, 128),
        layer_scale=0.1,
        injector_scale=0.1,
        conv_channels=32,
        deform_heads=6,
        interactions=((0, 1), (2, 3), (4, 5), (6, 7)),
    ),
    "eva_tiny": ViTAdapterSize(
        embed_dim=192,
        depth=8,
        heads=6,
        image_size=(128, 128),
        absolute_position=True,
        layer_scale=1.0,
        injector_scale=0.1,
        conv_channels=32,
        deform_heads=6,
        interactions=((0, 1), (2, 3), (4, 5), (6, 7)),
    ),
    "beitv2_l": ViTAdapterSize(embed_dim=1024, depth=24, heads=16, interactions=((0, 5), (6, 11), (12, 17), (18, 23))),
    "eva_g": ViTAdapterSize(
        embed_dim=1408,
        depth=40,
        heads=16,
        mlp_ratio=6144 / 1408,
        absolute_position=True,
        layer_scale=1.0,
        injector_scale=0.0,
        interactions=((0, 9), (10, 19), (20, 29), (30, 39)),
    ),
    "eva_g_plain": ViTAdapterSize(
        embed_dim=1408,
        depth=40,
        heads=16,
        mlp_ratio=6144 / 1408,
        relative_position=False,
        absolute_position=True,
        layer_scale=None,
        injector_scale=0.0,
        interactions=((0, 9), (10, 19), (20, 29), (30, 39)),
    ),
}


def patch_grid(image_size: tuple[int, int]) -> Grid:
    """Return the patches (h, w) of an image after padding.

    >>> patch_grid((896, 480)), patch_grid((500, 470))
    ((56, 30), (32, 30))
    """
    height, width = (-(-side // MULTIPLE) * (MULTIPLE // PATCH) for side in image_size)
    return height, width


def build_vit_adapter(
    size: ViTAdapterSize,
    *,
    drop_path: float,
    checkpointing: bool = False,
    image_size: tuple[int, int] | None = None,
) -> "ViTAdapter":
    """Build a ViT-Adapter with freshly initialised weights.

    Args:
        size: One of :data:`SIZES` or your own.
        drop_path: Stochastic depth rate: rising linearly over the blocks, constant in the adapter's feed-forwards.
        checkpointing: Recompute activations of blocks, injectors and extractors in the backward pass.
        image_size: ``(H, W)`` at which position tables are stored; None takes the size's own.
    """
    grid = patch_grid(image_size or size.image_size)
    return ViTAdapter(size, grid=grid, drop_path=drop_path, checkpointing=checkpointing)


class _PatchEmbed(nn.Module):
    """One convolution; the module is there for the official name ``patch_embed.proj``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, PATCH, stride=PATCH)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)


class ViTAdapter(nn.Module):
    """Images of any size to four maps of C channels, strides 4, 8, 16, 32."""

    def __init__(self, size: ViTAdapterSize, *, grid: Grid, drop_path: float, checkpointing: bool) -> None:
        super().__init__()
        channels = size.embed_dim
        self.grid = grid  # the one that position tables are stored for
        self.interaction_blocks = size.interactions
        self.checkpointing = checkpointing
        self.patch_embed = _PatchEmbed(channels)
        self.cls_token = nn.Parameter(torch.empty(1, 1, channels))
        if size.absolute_position:
            self.pos_embed = nn.Parameter(torch.empty(1, 1 + grid[0] * grid[1], channels))
        self.blocks = BeitBlocks(
            channels,
            depth=size.depth,
            heads=size.heads,
            mlp_ratio=size.mlp_ratio,
            layer_scale=size.layer_scale,
            drop_path=drop_path,
            table=grid if size.relative_position else None,
        )
        self.spm = SpatialPrior(size.conv_channels, channels)
        self.level_embed = nn.Parameter(torch.empty(3, channels))
        last = len(size.interactions) - 1
        self.interactions: Iterable[Interaction] = nn.ModuleList(  # type: ignore[assignment]  # torch's is untyped
            Interaction(
                channels,
                heads=size.deform_heads,
                points=size.points,
                ratio=size.deform_ratio,
                gamma=size.injector_scale,
                hidden=int(channels * size.ffn_ratio),
                drop_path=drop_path,
                extra=2 if index == last else 0,
            )
            for index in range(last + 1)
        )
        self.up = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        for level in range(1, 5):
            self.add_module(f"norm{level}", nn.BatchNorm2d(channels))
        self._initialise()

    def _initialise(self) -> None:
        for name, module in self.named_modules():
            inside_attention = isinstance(self.get_submodule(name.rpartition(".")[0]), DeformableAttention)
            if isinstance(module, nn.Linear) and not inside_attention:
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for part in (*self.interactions, self.up):
            part.apply(initialise_convolution)
        nn.init.trunc_normal_(self.cls_token, std=0.02)
        nn.init.normal_(self.level_embed)
        if hasattr(self, "pos_embed"):
            nn.init.trunc_normal_(self.pos_embed, std=0.02)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return four maps ``(B, C, ceil(H/s), ceil(W/s))``.

        Sides that are no multiple of 32 are padded with zeros, right and bottom, and the maps are cut back.

        Args:
            images: ``(B, 3, H, W)``, normalised.
        """
        height, width = images.shape[2:]
        grid = patch_grid((height, width))
        images = functional.pad(images, (0, PATCH * grid[1] - width, 0, PATCH * grid[0] - height))

        first, *others = self.spm(images)
        scales = [scale.flatten(2).transpose(1, 2) for scale in others]
        pyramid = torch.cat([scale + level for scale, level in zip(scales, self.level_embed, strict=True)], dim=1)
        del others, scales
        patches = self.patch_embed(images)
        if hasattr(self, "pos_embed"):
            patches = patches + self._positions(grid)
        states, pyramid = self._interact(patches, pyramid, grid)

        shapes = pyramid_shapes(grid)
        parts = pyramid.transpose(1, 2).split([h * w for h, w in shapes], dim=2)
        second, third, fourth = (part.unflatten(2, shape) for part, shape in zip(parts, shapes, strict=True))
        # Sums are made in place: each map at stride 4 weighs 59 MB per image of 480 pixels at 1024 channels.
        maps = [self.up(second).add_(first), second, third, fourth]
        del first
        outputs = []
        for level, (features, tokens) in enumerate(zip(maps, states, strict=True)):
            state = tokens.transpose(1, 2).unflatten(2, grid).contiguous()  # or it resizes channels-last and back
            state = functional.interpolate(state, size=features.shape[2:], mode="bilinear", align_corners=False)
            stride = 4 * 2**level
            whole = self.get_submodule(f"norm{level + 1}")(state.add_(features))
            outputs.append(whole[:, :, : math.ceil(height / stride), : math.ceil(width / stride)])
        return outputs

    def _interact(self, patches: Tensor, pyramid: Tensor, grid: Grid) -> tuple[list[Tensor], Tensor]:
        """Return the patch tokens after each interaction, and the pyramid's tokens after the last."""
        bias_of = RelativeBias(grid, patches.device) if self.blocks.table is not None else None
        classes = self.cls_token.expand(len(patches), -1, -1)
        states = []
        for interaction, (start, end) in zip(self.interactions, self.interaction_blocks, strict=True):
            patches = self._run(interaction.injector, patches, pyramid, grid)
            tokens = torch.cat([classes, patches], dim=1)
            for index in range(start, end + 1):
                tokens = self._run(self.blocks.run, index, tokens, bias_of)
            classes, patches = tokens[:, :1], tokens[:, 1:]
            for extractor in interaction.extractors:
                pyramid = self._run(extractor, pyramid, patches, grid)
            states.append(patches)
        return states, pyramid

    def _run(self, part: Callable[..., Tensor], *arguments: Any) -> Tensor:
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(part, *arguments, use_reentrant=False)
        return part(*arguments)

    def _positions(self, grid: Grid) -> Tensor:
        """Return the patches' position embedding ``(1, h·w, C)``; the class token's is not used, as officially."""
        patches = self.pos_embed[:, 1:]
        if grid == self.grid:
            return patches
        stored = patches.transpose(1, 2).unflatten(2, self.grid)
        return resize_bicubic(stored, grid).flatten(2).transpose(1, 2)
