"""DCNv3: a convolution whose sampling points and kernel weights are computed from the input, per group of channels.

Source: Wang et al., InternImage, CVPR 2023, equation 2.
"""

import torch
from torch import Tensor
from torch.nn import functional


def dcnv3(
    features: Tensor,
    offsets: Tensor,
    mask: Tensor,
    *,
    kernel: tuple[int, int],
    groups: int,
    stride: int = 1,
    padding: int = 1,
    dilation: int = 1,
    offset_scale: float = 1.0,
) -> Tensor:
    """Sample each group's K = kh·kw points and sum them with the mask's weights.

    The points of output pixel ``o`` lie at ``o · stride - padding + dilation · (k - 1) / 2 + offset_scale · (p_k +
    offset_k)``: ``offset_scale`` stretches the kernel's own grid ``p_k`` as well. Outside the map there are zeros.

    Args:
        features: ``(B, H, W, C)``, C = groups x channels per group, in that order.
        offsets: ``(B, h, w, groups·K·2)``: per group and point (dx, dy) in pixels; points run down columns,
            ``k = ix · kh + iy``.
        mask: ``(B, h, w, groups·K)`` weights of the points, already normalised.
        kernel: ``(kh, kw)``.
        groups: Number of groups.
        stride: Step between output pixels.
        padding: Zeros around the map, the same on all sides.
        dilation: Spacing of the kernel's grid.
        offset_scale: Factor on grid and offsets.

    Returns:
        ``(B, h, w, C)``.
    """
    batch, height, width, channels = features.shape
    rows, columns = offsets.shape[1:3]
    kh, kw = kernel
    kind, place = offsets.dtype, offsets.device
    grid_x = (torch.arange(kw, dtype=kind, device=place) - (kw - 1) / 2) * dilation
    grid_y = (torch.arange(kh, dtype=kind, device=place) - (kh - 1) / 2) * dilation
    points = torch.stack([grid_x[:, None].expand(kw, kh), grid_y.expand(kw, kh)], dim=-1).reshape(-1, 2)  # (K, 2)
    x0 = torch.arange(columns, dtype=kind, device=place) * stride - padding + dilation * (kw - 1) / 2
    y0 = torch.arange(rows, dtype=kind, device=place) * stride - padding + dilation * (kh - 1) / 2
    origin = torch.stack([x0.expand(rows, columns), y0[:, None].expand(rows, columns)], dim=-1)  # (h, w, 2)
    shifts = offsets.view(batch, rows, columns, groups, kh * kw, 2)
    where = origin[:, :, None, None] + offset_scale * (points + shifts)  # (B, h, w, G, K, 2) in pixels
    sizes = where.new_tensor([width, height])
    grid = (2 * where + 1) / sizes - 1  # align_corners=False
    grid = grid.permute(0, 3, 1, 2, 4, 5).reshape(batch * groups, rows * columns, kh * kw, 2)
    image = features.view(batch, height, width, groups, -1).permute(0, 3, 4, 1, 2).flatten(0, 1)
    sampled = functional.grid_sample(image, grid, align_corners=False)  # (B·G, D, h·w, K)
    weights = (
        mask.view(batch, rows * columns, groups, -1).transpose(1, 2).reshape(batch * groups, 1, rows * columns, -1)
    )
    mixed = (sampled * weights).sum(dim=-1)  # (B·G, D, h·w)
    return mixed.view(batch, channels, rows, columns).permute(0, 2, 3, 1).contiguous()
