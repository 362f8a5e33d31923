"""DCNv3: a convolution whose sampling points and kernel weights are computed from the input, per group of channels.

Shape letters: B images, H×W map, h×w output map, G groups, K points of a kernel, C channels.

Source: Wang et al., InternImage, CVPR 2023, equation 2; parameter names of OpenGVLab/InternImage@31c962d.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.checks import require
from vspwlib.models.ops.sampling import Backend, weighted_samples


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
    backend: Backend = "auto",
) -> Tensor:
    """Sample each group's K = kh·kw points and sum them with the mask's weights, in float32 or wider.

    The points of output pixel ``o`` lie at ``o · stride - padding + c + offset_scale · (dilation · k - c + offset_k)``,
    where k counts from 0 and ``c = floor(dilation · (size - 1) / 2)`` is the kernel's centre, as officially a whole
    pixel: ``offset_scale`` stretches the kernel's own grid around it as well. Outside the map there are zeros.

    Args:
        features: ``(B, H, W, C)``, any float type; C = groups x channels per group, in that order.
        offsets: ``(B, h, w, groups·K·2)``: per group and point (dx, dy) in pixels; points run down columns,
            ``k = ix · kh + iy``.
        mask: ``(B, h, w, groups·K)`` weights of the points, already normalised.
        kernel: ``(kh, kw)``.
        groups: Number of groups.
        stride: Step between output pixels.
        padding: Zeros around the map, the same on all sides.
        dilation: Spacing of the kernel's grid.
        offset_scale: Factor on grid and offsets.
        backend: Which implementation; see :mod:`vspwlib.models.ops.sampling`.

    Returns:
        ``(B, h, w, C)`` in the type of ``features``.

    Raises:
        InputError: when shapes do not fit each other, or the backend cannot run where the tensors are.
    """
    height, width = features.shape[1:3]
    batch, rows, columns = offsets.shape[:3]
    kh, kw = kernel
    kind = torch.float64 if torch.float64 in (features.dtype, offsets.dtype) else torch.float32
    place: dict[str, Any] = {"dtype": kind, "device": offsets.device}
    centre_x, centre_y = dilation * (kw - 1) // 2, dilation * (kh - 1) // 2
    grid_x = torch.arange(kw, **place) * dilation - centre_x
    grid_y = torch.arange(kh, **place) * dilation - centre_y
    grid = torch.stack([grid_x[:, None].expand(kw, kh), grid_y.expand(kw, kh)], dim=-1).reshape(-1, 2)  # (K, 2)
    x0 = torch.arange(columns, **place) * stride - padding + centre_x
    y0 = torch.arange(rows, **place) * stride - padding + centre_y
    origin = torch.stack([x0.expand(rows, columns), y0[:, None].expand(rows, columns)], dim=-1).view(-1, 1, 2)
    fixed = origin + offset_scale * grid  # (h·w, K, 2): where the points lie before they are moved
    moved = offsets.reshape(batch, rows * columns, groups, kh * kw, 2)
    points = torch.add(fixed[:, None], moved, alpha=offset_scale)  # (B, h·w, G, K, 2) in pixels
    sampled = weighted_samples(
        features.reshape(batch, height * width, groups, -1),
        [(height, width)],
        points[:, :, :, None],
        mask.reshape(batch, rows * columns, groups, 1, kh * kw),
        backend=backend,
    )
    return sampled.view(batch, rows, columns, -1)


class DCNv3(nn.Module):
    """The operator with its projections, under the official parameter names: maps are channels-last throughout.

    Offsets and weights come from a depthwise convolution of the raw input, the sampled map is its projection.
    """

    def __init__(
        self,
        channels: int,
        *,
        groups: int,
        kernel: int = 3,
        dw_kernel: int | None = None,
        stride: int = 1,
        padding: int = 1,
        dilation: int = 1,
        offset_scale: float = 1.0,
        center_feature_scale: bool = False,
    ) -> None:
        """Build the layer, initialised as officially: every point at its place, with the same weight.

        Args:
            channels: C, a multiple of ``groups``.
            groups: Groups of channels with points of their own.
            kernel: Side of the sampled kernel.
            dw_kernel: Odd side of the depthwise convolution; None takes ``kernel``.
            stride: Step between output pixels, of both convolutions.
            padding: Zeros around the map: ``dilation · (kernel - 1) / 2``, so that both convolutions have one grid.
            dilation: Spacing of the kernel's grid.
            offset_scale: Factor on grid and offsets (2 in InternImage-L and -XL).
            center_feature_scale: Mix each pixel with its own projection, by a learned share per group (H and G).
        """
        super().__init__()
        side = dw_kernel or kernel
        require(channels % groups == 0, "DCNv3 channels", expected=f"a multiple of {groups} groups", got=channels)
        require(side % 2 == 1, "DCNv3 dw_kernel", expected="an odd side", got=side)
        same = dilation * (kernel - 1)
        require(2 * padding == same, "DCNv3 padding", expected=f"{same / 2:g}, which keeps the grid", got=padding)
        self.kernel, self.groups, self.stride, self.padding = kernel, groups, stride, padding
        self.dilation, self.offset_scale = dilation, offset_scale
        points = groups * kernel * kernel
        self.dw_conv = nn.Sequential(
            nn.Conv2d(channels, channels, side, stride=stride, padding=side // 2, groups=channels),
            nn.Sequential(ChannelsLast(), nn.LayerNorm(channels, eps=1e-6)),
            nn.GELU(),
        )
        self.offset = nn.Linear(channels, points * 2)
        self.mask = nn.Linear(channels, points)
        self.input_proj = nn.Linear(channels, channels)
        self.output_proj = nn.Linear(channels, channels)
        if center_feature_scale:
            self.center_feature_scale_proj_weight = nn.Parameter(torch.zeros(groups, channels))
            self.center_feature_scale_proj_bias = nn.Parameter(torch.zeros(groups))
        self.center_feature_scale = center_feature_scale
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise as officially: offsets and mask zero, projections Xavier-uniform."""
        for layer in (self.offset, self.mask):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for projection in (self.input_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map ``(B, H, W, C)`` to ``(B, ceil(H / stride), ceil(W / stride), C)``."""
        projected = self.input_proj(features)
        local = self.dw_conv(features.permute(0, 3, 1, 2))  # (B, h, w, C)
        mask = self.mask(local).unflatten(-1, (self.groups, -1)).softmax(dim=-1).flatten(-2)
        sampled = dcnv3(
            projected,
            self.offset(local),
            mask,
            kernel=(self.kernel, self.kernel),
            groups=self.groups,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            offset_scale=self.offset_scale,
        )
        if self.center_feature_scale:
            share = functional.linear(
                local, self.center_feature_scale_proj_weight, self.center_feature_scale_proj_bias
            ).sigmoid()  # (B, h, w, G)
            share = share.repeat_interleave(projected.shape[-1] // self.groups, dim=-1)
            centre = projected[:, :: self.stride, :: self.stride]
            sampled = sampled * (1 - share) + centre * share
        return self.output_proj(sampled)


class ChannelsLast(nn.Module):
    """``(B, C, H, W)`` to ``(B, H, W, C)``, as a layer: the official names count it."""

    def forward(self, features: Tensor) -> Tensor:
        """Move the channels last."""
        return features.permute(0, 2, 3, 1)
