"""Relative position bias: a table of one value per offset between two patches, for any grid of patches.

The table of an (h, w) grid has ``(2h-1)·(2w-1)`` rows, one per offset (query minus key, row by row), and three more:
from the class token to a patch, from a patch to the class token, and from the class token to itself.

Source: Bao et al., BEiT, ICLR 2022; its segmentation code resizes tables on a geometric progression of offsets.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import check_choice, require

Grid = tuple[int, int]
RelPos = Literal["interpolate", "crop", "skip"]

#: Rows of a table that belong to the class token.
CLASS_ROWS = 3


def table_rows(grid: Grid) -> int:
    """Return the number of rows of a grid's table.

    >>> table_rows((56, 56))
    12324
    """
    return (2 * grid[0] - 1) * (2 * grid[1] - 1) + CLASS_ROWS


def relative_position_index(grid: Grid, device: torch.device | None = None) -> Tensor:
    """Return the table row of every pair of tokens: ``(h·w+1, h·w+1)`` int64, the class token first."""
    height, width = grid
    y = torch.arange(height, device=device).repeat_interleave(width)  # (h·w,)
    x = torch.arange(width, device=device).repeat(height)
    rows = (y[:, None] - y + height - 1) * (2 * width - 1) + (x[:, None] - x + width - 1)
    last = table_rows(grid)
    whole = torch.full((rows.shape[0] + 1, rows.shape[0] + 1), last - 1, device=device)  # class token to itself
    whole[1:, 1:] = rows
    whole[0, 1:] = last - 3
    whole[1:, 0] = last - 2
    return whole


class RelativeBias:
    """Makes the bias of one grid from a block's table.

    A class, because all blocks of a forward pass share the index of pairs and, where no gradient is asked for, the
    memory as well: every call then overwrites the bias before it. Fresh memory for each of 24 blocks takes a CPU four
    times as long as filling it.
    """

    def __init__(self, grid: Grid, device: torch.device | None = None) -> None:
        self.grid = grid
        index = relative_position_index(grid, device)
        self._tokens = len(index)
        # Rows are laid out a multiple of 8 apart, which spares the GPU's attention kernels a padded copy.
        self._index = functional.pad(index, (0, -len(index) % 8))
        self._memory: Tensor | None = None

    def __call__(self, table: Tensor) -> Tensor:
        """Return the bias of every head and pair of tokens, ``(1, heads, N, N)``, to be added to attention logits.

        Args:
            table: ``(table_rows(grid), heads)``.
        """
        flat, rows = self._index.flatten(), table.t().contiguous()
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            bias = rows.index_select(1, flat)
        else:
            if self._memory is None or self._memory.dtype != table.dtype:
                self._memory = rows.new_empty(len(rows), len(flat))
            bias = torch.index_select(rows, 1, flat, out=self._memory)
        return bias.view(1, -1, *self._index.shape)[..., : self._tokens]


def resize_table(table: Tensor, source: Grid, target: Grid, mode: RelPos = "interpolate") -> Tensor:
    """Return the table of another grid; gradients flow back to the one given.

    Args:
        table: ``(table_rows(source), heads)``.
        source: Grid (h, w) of the table.
        target: Grid that is asked for.
        mode: ``interpolate`` stretches an axis that grows as BEiT's loader does, and takes the middle of one that
            shrinks; ``crop`` keeps every offset's value, and repeats the outermost where the axis grows.

    Returns:
        ``(table_rows(target), heads)``; the three rows of the class token are copied.

    Raises:
        InputError: when the table does not belong to ``source``, or for another mode.
    """
    check_choice("relpos", mode, ("interpolate", "crop"))
    require(
        table.shape[0] == table_rows(source),
        "relative position table",
        expected=f"{table_rows(source)} rows for a grid of {source[0]}x{source[1]} patches",
        got=table.shape[0],
    )
    if source == target:
        return table
    rows, columns = (
        torch.from_numpy(axis_matrix(old, new, mode)).to(table.device, torch.float64)
        for old, new in zip(source, target, strict=True)
    )
    height, width = 2 * source[0] - 1, 2 * source[1] - 1
    offsets = table[:-CLASS_ROWS].view(height, width, -1).double()
    resized = torch.einsum("ab,bcn,dc->adn", rows, offsets, columns).flatten(0, 1)
    return torch.cat([resized.to(table.dtype), table[-CLASS_ROWS:]])


@lru_cache(maxsize=16)
def axis_matrix(source: int, target: int, mode: RelPos = "interpolate") -> np.ndarray:
    """Return the linear map of one axis, ``(2·target-1, 2·source-1)`` float64, from old offsets to new ones."""
    old, new = 2 * source - 1, 2 * target - 1
    if mode == "crop" or target <= source:
        nearest = np.clip(np.arange(new) - target + source, 0, old - 1)
        return np.eye(old)[nearest]
    positions = _geometric_offsets(source, target)
    wanted = np.clip(np.arange(new) - (target - 1.0), positions[0], positions[-1])
    if old == 1:
        return np.ones((new, 1))
    from scipy.interpolate import make_interp_spline

    return np.asarray(make_interp_spline(positions, np.eye(old), k=3 if old > 3 else 1)(wanted))


def _geometric_offsets(source: int, target: int) -> np.ndarray:
    """Return where the old offsets lie among the new: 1, 1+q, 1+q+q² … to both sides, the last at the new edge.

    BEiT's loader bisects q in [1.01, 1.5] to 1e-6.
    """
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        ratio = (low + high) / 2
        reach = (1 - ratio ** (source - 1)) / (1 - ratio)
        low, high = (low, ratio) if reach > target - 1 else (ratio, high)
    steps = np.cumsum(ratio ** np.arange(source - 1))
    return np.concatenate([-steps[::-1], [0.0], steps])
