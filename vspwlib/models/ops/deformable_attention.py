"""Multi-scale deformable attention: each query reads a few learned points of each feature map.

Shape letters: B images, Q queries, S pixels of all levels laid end to end, M heads, L levels, P points, D channels per
head, C = M·D.

Source: Zhu et al., Deformable DETR, ICLR 2021, equation 3.
"""

import math

import torch
from torch import Tensor, nn

from vspwlib.models.ops.sampling import Backend, LevelShapes, weighted_samples


def deformable_attention(
    value: Tensor, level_shapes: LevelShapes, locations: Tensor, weights: Tensor, *, backend: Backend = "auto"
) -> Tensor:
    """Sum bilinearly sampled values, weighted per head, in float32 or wider.

    Args:
        value: ``(B, S, M, D)``, any float type: the levels' pixels row by row, one level after the other.
        level_shapes: ``(h, w)`` of each of the L levels; their areas add up to S.
        locations: ``(B, Q, M, L, P, 2)``, (x, y) as shares of a level's width and height: pixel centres lie at
            ``(i + 0.5) / w``. Outside a level there are zeros.
        weights: ``(B, Q, M, L, P)``, which sum to 1 over levels and points.
        backend: Which implementation; see :mod:`vspwlib.models.ops.sampling`.

    Returns:
        ``(B, Q, M·D)`` in the type of ``value``.

    Raises:
        InputError: when shapes do not fit each other, or the backend cannot run where the tensors are.
    """
    wide = locations if locations.dtype == torch.float64 else locations.float()
    points = wide * _sizes(level_shapes, wide) - 0.5
    return weighted_samples(value, level_shapes, points, weights, backend=backend)


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
            reference_points: ``(1 or B, Q, 1 or L, 2)``, (x, y) in [0, 1]; float32 or wider, under autocast as well.
            value: ``(B, S, C)``, all levels end to end.
            level_shapes: ``(h, w)`` of each level.

        Returns:
            ``(B, Q, C)``.
        """
        batch, queries, _ = query.shape
        values = self.value_proj(value).unflatten(-1, (self.heads, -1))
        weights = self.attention_weights(query).view(batch, queries, self.heads, self.levels * self.points)
        weights = weights.softmax(dim=-1).view(batch, queries, self.heads, self.levels, self.points)
        # offsets are in pixels: added to the reference in pixels, they need one pass instead of three
        centres = reference_points[:, :, None, :, None] * _sizes(level_shapes, reference_points) - 0.5
        offsets = self.sampling_offsets(query).view(batch, queries, self.heads, self.levels, self.points, 2)
        sampled = weighted_samples(values, level_shapes, centres + offsets, weights)
        del values, offsets, weights  # 41 MB that the projection would otherwise find in its way, at 480 pixels
        return self.output_proj(sampled)


def _sizes(level_shapes: LevelShapes, like: Tensor) -> Tensor:
    """Width and height of each level: ``(L, 1, 2)``."""
    pairs = [[width, height] for height, width in level_shapes]
    sizes = torch.tensor(pairs, dtype=like.dtype)
    return sizes.to(like.device, non_blocking=True)[:, None]  # made on a GPU, they would wait for it, once a layer


def pixel_centres(level_shapes: LevelShapes, *, device: torch.device | None, dtype: torch.dtype) -> Tensor:
    """Return the pixel centres of all levels end to end as shares of width and height: ``(1, S, 1, 2)``, (x, y)."""
    points = []
    for height, width in level_shapes:
        y = (torch.arange(height, device=device, dtype=dtype) + 0.5) / height
        x = (torch.arange(width, device=device, dtype=dtype) + 0.5) / width
        points.append(torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).reshape(-1, 2))
    return torch.cat(points)[None, :, None]
