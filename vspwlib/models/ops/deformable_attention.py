"""Multi-scale deformable attention: each query reads a few learned points of each feature map.

Shape letters: B images, Q queries, S pixels of all levels laid end to end, M heads, L levels, P points, D channels per
head, C = M·D.

Source: Zhu et al., Deformable DETR, ICLR 2021, equation 3.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

#: ``(h, w)`` of each level.
LevelShapes = Sequence[tuple[int, int]]


def deformable_attention(value: Tensor, level_shapes: LevelShapes, locations: Tensor, weights: Tensor) -> Tensor:
    """Sum bilinearly sampled values, weighted per head.

    Args:
        value: ``(B, S, M, D)``, the levels' pixels row by row, one level after the other.
        level_shapes: ``(h, w)`` of each of the L levels; their areas add up to S.
        locations: ``(B, Q, M, L, P, 2)``, (x, y) as shares of a level's width and height: pixel centres lie at
            ``(i + 0.5) / w``. Outside a level there are zeros.
        weights: ``(B, Q, M, L, P)``, which sum to 1 over levels and points.

    Returns:
        ``(B, Q, M·D)``.
    """
    batch, _, heads, depth = value.shape
    queries = locations.shape[1]
    sampled = []
    start = 0
    for level, (height, width) in enumerate(level_shapes):
        flat = value[:, start : start + height * width].permute(0, 2, 3, 1)  # (B, M, D, h·w)
        grid = 2 * locations[:, :, :, level].transpose(1, 2).flatten(0, 1) - 1  # (B·M, Q, P, 2)
        image = flat.reshape(batch * heads, depth, height, width)
        sampled.append(functional.grid_sample(image, grid, align_corners=False))  # (B·M, D, Q, P)
        start += height * width
    share = weights.transpose(1, 2).reshape(batch * heads, 1, queries, -1)  # (B·M, 1, Q, L·P)
    mixed = (torch.cat(sampled, dim=-1) * share).sum(dim=-1)  # (B·M, D, Q)
    return mixed.reshape(batch, heads * depth, queries).transpose(1, 2).contiguous()


class DeformableAttention(nn.Module):
    """Projections around :func:`deformable_attention`, under the official parameter names; no residual inside.

    Serves both official variants: mmcv's (``ratio=1``), and ViT-Adapter's, whose values are ``ratio`` times as wide.
    """

    def __init__(self, channels: int, *, heads: int, levels: int, points: int = 4, ratio: float = 1.0) -> None:
        super().__init__()
        inner = int(channels * ratio)
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(channels, heads * levels * points * 2)
        self.attention_weights = nn.Linear(channels, heads * levels * points)
        self.value_proj = nn.Linear(channels, inner)
        self.output_proj = nn.Linear(inner, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as officially: offsets on a ring, the p-th point p times as far; equal weights."""
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.heads, dtype=torch.float32) * (2.0 * math.pi / self.heads)
        ring = torch.stack([angles.cos(), angles.sin()], dim=-1)  # (M, 2)
        ring = (ring / ring.abs().amax(dim=-1, keepdim=True))[:, None, None]
        steps = torch.arange(1, self.points + 1, dtype=torch.float32)[:, None]
        bias = (ring * steps).expand(self.heads, self.levels, self.points, 2)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(bias.reshape(-1))
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for projection in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, query: Tensor, reference_points: Tensor, value: Tensor, level_shapes: LevelShapes) -> Tensor:
        """Attend.

        Args:
            query: ``(B, Q, C)``.
            reference_points: ``(1 or B, Q, 1 or L, 2)``, (x, y) in [0, 1].
            value: ``(B, S, C)``, all levels end to end.
            level_shapes: ``(h, w)`` of each level.

        Returns:
            ``(B, Q, C)``.
        """
        batch, queries, _ = query.shape
        values = self.value_proj(value).unflatten(-1, (self.heads, -1))
        offsets = self.sampling_offsets(query).view(batch, queries, self.heads, self.levels, self.points, 2)
        weights = self.attention_weights(query).view(batch, queries, self.heads, self.levels * self.points)
        weights = weights.softmax(dim=-1).view(batch, queries, self.heads, self.levels, self.points)
        sizes = offsets.new_tensor([(width, height) for height, width in level_shapes])  # (L, 2), x before y
        locations = reference_points[:, :, None, :, None] + offsets / sizes[:, None]
        return self.output_proj(deformable_attention(values, level_shapes, locations, weights))


def pixel_centres(level_shapes: LevelShapes, *, device: torch.device | None, dtype: torch.dtype) -> Tensor:
    """Return the pixel centres of all levels end to end as shares of width and height: ``(1, S, 1, 2)``, (x, y)."""
    points = []
    for height, width in level_shapes:
        y = (torch.arange(height, device=device, dtype=dtype) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=dtype) + 0.5) / width
        points.append(torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).reshape(-1, 2))
    return torch.cat(points)[None, :, None]
