"""ViT-Adapter's exchange between the ViT's patch tokens and the convolutional pyramid, by deformable attention.

Shape letters: B images, N patch tokens (stride 16), S pyramid tokens (strides 8, 16 and 32 end to end), C channels.

Source: Chen et al., Vision Transformer Adapter for Dense Predictions, ICLR 2023, section 3.3.
"""

from typing import Any

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from vspwlib.models.ops.deformable_attention import DeformableAttention, pixel_centres

Shapes = tuple[tuple[int, int], ...]


def pyramid_shapes(grid: tuple[int, int]) -> Shapes:
    """Return (h, w) of the pyramid's strides 8, 16 and 32 beside a stride-16 grid of even sides.

    >>> pyramid_shapes((4, 6))
    ((8, 12), (4, 6), (2, 3))
    """
    height, width = grid
    return (2 * height, 2 * width), (height, width), (height // 2, width // 2)


class LayerNorm(nn.LayerNorm):
    """The layer norm of the whole backbone: epsilon 1e-6, where the heads keep PyTorch's 1e-5."""

    def __init__(self, channels: int, **where: Any) -> None:
        super().__init__(channels, eps=1e-6, **where)


class Injector(nn.Module):
    """Patch tokens read the pyramid: ``x + gamma * attention(x, c)``. With gamma 0 the ViT starts undisturbed."""

    def __init__(self, channels: int, *, heads: int, points: int, ratio: float, gamma: float) -> None:
        super().__init__()
        self.query_norm = LayerNorm(channels)
        self.feat_norm = LayerNorm(channels)
        self.attn = DeformableAttention(channels, heads=heads, levels=3, points=points, ratio=ratio)
        self.gamma = nn.Parameter(torch.full((channels,), gamma))

    def forward(self, patches: Tensor, pyramid: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return patch tokens ``(B, N, C)`` after reading the pyramid ``(B, S, C)``."""
        places = pixel_centres((grid,), device=patches.device, dtype=_position_type(patches))
        read = self.attn(self.query_norm(patches), places, self.feat_norm(pyramid), pyramid_shapes(grid))
        return patches + self.gamma * read


class PyramidConvolution(nn.Module):
    """One depthwise 3x3 convolution, run on each of the three scales apart."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, pyramid: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return tokens ``(B, S, C)``."""
        shapes = pyramid_shapes(grid)
        scales = pyramid.transpose(1, 2).split([h * w for h, w in shapes], dim=2)
        maps = [self.dwconv(scale.unflatten(2, shape)) for scale, shape in zip(scales, shapes, strict=True)]
        return torch.cat([scale.flatten(2).transpose(1, 2) for scale in maps], dim=1)


class ConvolutionalFeedForward(nn.Module):
    """Linear, depthwise convolution, GELU, linear."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = PyramidConvolution(hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, pyramid: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return tokens ``(B, S, C)``."""
        return self.fc2(self.act(self.dwconv(self.fc1(pyramid), grid)))


class Extractor(nn.Module):
    """The pyramid reads patch tokens, then passes a convolutional feed-forward; residuals around both."""

    def __init__(self, channels: int, *, heads: int, points: int, ratio: float, hidden: int, drop_path: float) -> None:
        super().__init__()
        self.query_norm = LayerNorm(channels)
        self.feat_norm = LayerNorm(channels)
        self.attn = DeformableAttention(channels, heads=heads, levels=1, points=points, ratio=ratio)
        self.ffn = ConvolutionalFeedForward(channels, hidden)
        self.ffn_norm = LayerNorm(channels)
        self.drop_path = DropPath(drop_path) if drop_path > 0 else nn.Identity()

    def forward(self, pyramid: Tensor, patches: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return pyramid tokens ``(B, S, C)`` after reading patch tokens ``(B, N, C)``."""
        places = pixel_centres(pyramid_shapes(grid), device=pyramid.device, dtype=_position_type(pyramid))
        pyramid = pyramid + self.attn(self.query_norm(pyramid), places, self.feat_norm(patches), (grid,))
        return pyramid + self.drop_path(self.ffn(self.ffn_norm(pyramid), grid))


class Interaction(nn.Module):
    """The adapter's modules around one run of ViT blocks; the last one extracts three times."""

    def __init__(
        self,
        channels: int,
        *,
        heads: int,
        points: int,
        ratio: float,
        gamma: float,
        hidden: int,
        drop_path: float,
        extra: int,
    ) -> None:
        super().__init__()
        self.injector = Injector(channels, heads=heads, points=points, ratio=ratio, gamma=gamma)

        def extractor() -> Extractor:
            return Extractor(channels, heads=heads, points=points, ratio=ratio, hidden=hidden, drop_path=drop_path)

        self.extractor = extractor()
        self.extra_extractors = nn.ModuleList(extractor() for _ in range(extra))

    @property
    def extractors(self) -> list[Extractor]:
        """The extractors in their order."""
        return [self.extractor, *(part for part in self.extra_extractors if isinstance(part, Extractor))]


def _position_type(tokens: Tensor) -> torch.dtype:
    """Positions are float32 or wider: in bfloat16 neighbouring pixels of a large map have the same place."""
    return torch.float64 if tokens.dtype == torch.float64 else torch.float32
