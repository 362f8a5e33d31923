"""Resampling of maps that CUDA differentiates to the same bits each time: pooling and resizing as matrix products.

PyTorch's own adaptive pooling and bicubic resizing sum gradients in an order that changes from run to run, and refuse
that under ``torch.use_deterministic_algorithms``. Both are linear and separable: one matrix for the rows, one for the
columns, which PyTorch's functions themselves give when they are applied to the identity.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int]


class AveragePool(nn.Module):
    """Adaptive average pooling, deterministic on CUDA where determinism is asked for; has no parameters."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        """Average ``(B, C, H, W)`` to ``(B, C, *size)``."""
        if not torch.are_deterministic_algorithms_enabled():
            return functional.adaptive_avg_pool2d(maps, self.size)
        return _by_matrices(maps, self.size, functional.adaptive_avg_pool2d)


def resize_bicubic(maps: Tensor, size: Size) -> Tensor:
    """Resize ``(B, C, H, W)`` to ``(B, C, *size)`` bicubically, half-pixel centres, borders repeated."""
    if torch.are_deterministic_algorithms_enabled():
        return _by_matrices(maps, size, _bicubic)
    return _bicubic(maps, size)


def _bicubic(maps: Tensor, size: Size) -> Tensor:
    return functional.interpolate(maps, size=size, mode="bicubic", align_corners=False)


def _by_matrices(maps: Tensor, size: Size, resample: Callable[[Tensor, Size], Tensor]) -> Tensor:
    """Resample by two matrix products in float32 or wider."""
    wide = torch.promote_types(maps.dtype, torch.float32)
    matrices = []
    for length, wanted in zip(maps.shape[2:], size, strict=True):
        identity = torch.eye(length, dtype=wide, device=maps.device)
        matrices.append(resample(identity[None, None], (wanted, length))[0, 0])  # (wanted, length)
    rows, columns = matrices
    with torch.autocast(maps.device.type, enabled=False):
        return (rows @ maps.to(wide) @ columns.T).to(maps.dtype)
