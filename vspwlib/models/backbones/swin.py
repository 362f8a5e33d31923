"""Swin Transformer backbone: mmseg's own class, so that released UperNet checkpoints load key by key.

Why not timm's: timm rolls a feature map before it pads it, mmseg (and every released checkpoint) pads before it rolls;
on grids that the window does not divide, which is most test sizes, outputs then differ by 0.1 to 0.3.

Source: Liu et al., Swin Transformer, ICCV 2021; implementation by mmsegmentation.
"""

import warnings
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True, kw_only=True)
class SwinSize:
    """Hyper-parameters of one Swin size.

    Attributes:
        embed_dim: Channels of the first stage; they double with each stage.
        depths: Blocks per stage.
        heads: Attention heads per stage.
        window: Side of the attention window, in patches.
        mlp_ratio: Width of the feed-forward part as a multiple of the channels.
        timm_name: timm's pre-trained model whose weights fit, or None.
    """

    embed_dim: int
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]
    window: int
    mlp_ratio: float = 4.0
    timm_name: str | None = None

    @property
    def channels(self) -> list[int]:
        """Channels of the four output maps (strides 4, 8, 16, 32)."""
        return [self.embed_dim * 2**stage for stage in range(4)]


def _published(embed_dim: int, heads: int, *, depth: int = 18, window: int = 7, timm_name: str) -> SwinSize:
    """Describe a published size: heads double with each stage."""
    return SwinSize(
        embed_dim=embed_dim,
        depths=(2, 2, depth, 2),
        heads=(heads, 2 * heads, 4 * heads, 8 * heads),
        window=window,
        timm_name=timm_name,
    )


#: "tiny" is ours, sized for minutes on a CPU; the others are the published ones. Their ImageNet weights are those that
#: the released UperNets started from (window 12: pre-trained at 384 pixels).
SIZES = {
    "tiny": SwinSize(embed_dim=48, depths=(2, 2, 4, 2), heads=(2, 4, 8, 16), window=6),
    "t": _published(96, 3, depth=6, timm_name="swin_tiny_patch4_window7_224.ms_in1k"),
    "s": _published(96, 3, timm_name="swin_small_patch4_window7_224.ms_in1k"),
    "b": _published(128, 4, timm_name="swin_base_patch4_window7_224.ms_in22k"),
    "b_w12": _published(128, 4, window=12, timm_name="swin_base_patch4_window12_384.ms_in22k"),
    "l": _published(192, 6, window=12, timm_name="swin_large_patch4_window12_384.ms_in22k"),
    "l_w7": _published(192, 6, timm_name="swin_large_patch4_window7_224.ms_in22k"),
}


def build_swin(size: SwinSize, *, drop_path: float, checkpointing: bool = False) -> nn.Module:
    """Build a Swin backbone with freshly initialised weights.

    Args:
        size: One of :data:`SIZES` or your own.
        drop_path: Stochastic depth rate of the last block, rising linearly from 0.
        checkpointing: Recompute each block in the backward pass: less memory, the same gradients.

    Returns:
        Module mapping images ``(B, 3, H, W)`` to four maps ``(B, C_i, ceil(H/s), ceil(W/s))``, s = 4, 8, 16, 32.
        Any H and W: sides are padded to the patch and the window inside.
    """
    with warnings.catch_warnings():  # mmcv warns about compiled ops that this network does not use
        warnings.simplefilter("ignore", UserWarning)
        from mmseg.models.backbones import SwinTransformer

    backbone = SwinTransformer(
        embed_dims=size.embed_dim,
        depths=size.depths,
        num_heads=size.heads,
        window_size=size.window,
        mlp_ratio=size.mlp_ratio,
        drop_path_rate=drop_path,
        patch_norm=True,
    )
    backbone.apply(_initialise)  # what init_weights() does, without its notice on stdout
    if checkpointing:  # not by mmseg's with_cp: it leaves the variant of checkpointing to PyTorch, which wants it named
        for stage in backbone.stages:
            for block in stage.blocks:
                block.forward = partial(checkpoint, block.forward, use_reentrant=False)
    return backbone


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
