"""Swin Transformer backbone: mmseg's own class, so that released UperNet checkpoints load key by key.

Why not timm's: timm rolls a feature map before it pads it, mmseg (and every released checkpoint) pads before it rolls;
on grids that the window does not divide, which is most test sizes, outputs then differ by 0.1 to 0.3.

Source: Liu et al., Swin Transformer, ICCV 2021; implementation by mmsegmentation.
"""

import warnings
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, kw_only=True)
class SwinSize:
    """Hyper-parameters of one Swin size.

    Attributes:
        embed_dim: Channels of the first stage; they double with each stage.
        depths: Blocks per stage.
        heads: Attention heads per stage.
        window: Side of the attention window, in patches.
    """

    embed_dim: int
    depths: tuple[int, int, int, int]
    heads: tuple[int, int, int, int]
    window: int

    @property
    def channels(self) -> list[int]:
        """Channels of the four output maps (strides 4, 8, 16, 32)."""
        return [self.embed_dim * 2**stage for stage in range(4)]


#: "tiny" is ours, sized for minutes on a CPU; "t" and "l" are the published ones (l: window 12, pre-trained at 384).
SIZES = {
    "tiny": SwinSize(embed_dim=48, depths=(2, 2, 4, 2), heads=(2, 4, 8, 16), window=6),
    "t": SwinSize(embed_dim=96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24), window=7),
    "l": SwinSize(embed_dim=192, depths=(2, 2, 18, 2), heads=(6, 12, 24, 48), window=12),
}


def build_swin(size: SwinSize, *, drop_path: float) -> nn.Module:
    """Build a Swin backbone with freshly initialised weights.

    Args:
        size: One of :data:`SIZES` or your own.
        drop_path: Stochastic depth rate of the last block, rising linearly from 0.

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
        drop_path_rate=drop_path,
        patch_norm=True,
    )
    backbone.apply(_initialise)  # what init_weights() does, without its notice on stdout
    return backbone


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
