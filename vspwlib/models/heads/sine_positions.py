"""Sine position encodings of a map's pixels.

Source: Carion et al., DETR, ECCV 2020, supplement A.4, in the normalised form of mmdet's ``SinePositionalEncoding``.
"""

import math

import torch
from torch import Tensor

_TEMPERATURE = 10000.0
_EPSILON = 1e-6  # of the official code, which guards against masks without a valid pixel


def sine_positions(height: int, width: int, channels: int, *, device: torch.device | None = None) -> Tensor:
    """Return the encodings of all pixels: half of the channels tell the row, the other half the column.

    Always float32, as officially. An encoding is separable, so that only ``height + width`` positions are computed.

    Args:
        height: Rows of the map.
        width: Columns of the map.
        channels: Length C of an encoding, a multiple of 4: sine and cosine of two axes take turns.
        device: Where to compute.

    Returns:
        ``(height·width, C)`` float32 in [-1, 1], row by row.

    >>> sine_positions(1, 2, 4).shape
    torch.Size([2, 4])
    """
    rows = _axis(height, channels // 2, device)[:, None].expand(-1, width, -1)
    columns = _axis(width, channels // 2, device).expand(height, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1)


def _axis(length: int, channels: int, device: torch.device | None) -> Tensor:
    """Return ``(length, channels)``: positions 1 to ``length`` spread over one turn, at falling frequencies."""
    turn = torch.arange(1, length + 1, dtype=torch.float32, device=device) / (length + _EPSILON) * (2 * math.pi)
    channel = torch.arange(channels, dtype=torch.float32, device=device)
    angles = turn[:, None] / _TEMPERATURE ** (2 * (channel // 2) / channels)
    return torch.stack([angles[:, 0::2].sin(), angles[:, 1::2].cos()], dim=-1).flatten(1)
