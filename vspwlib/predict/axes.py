"""Bilinear sampling along one axis, with pixel centres at half integers (``align_corners=False``), and at any points.

The map from a target to a grid of scores is the product of one map per axis, so that resizing, cutting and shifting by
fractions of a cell are two of these, one after the other. Shape letters: K classes, h×w cells, n target points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True)
class AxisMap:
    """Target points along an axis, each between two cells of a grid.

    Attributes:
        start: Index of the first target point; the ``n`` points are consecutive.
        low: ``(n,)`` int32, the cell at or before each point.
        high: ``(n,)`` int32, the cell after it, or ``low`` at the border.
        weight: ``(n,)`` float32 in [0, 1), the share of ``high``.
    """

    start: int
    low: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float32]

    @property
    def stop(self) -> int:
        """Index after the last target point."""
        return self.start + len(self.low)

    @property
    def on_cells(self) -> bool:
        """Whether every point falls on a cell, so that nothing has to be mixed."""
        return not self.weight.any()


def resize_axis(cells: int, pixels: int) -> AxisMap:
    """Return the map that stretches ``cells`` over ``pixels``.

    >>> resize_axis(2, 4).weight.tolist()
    [0.0, 0.25, 0.75, 0.0]
    """
    return window_axis(points=pixels, length=pixels, start=0, extent=pixels, cells=cells, covered=pixels)


def window_axis(*, points: int, length: int, start: int, extent: int, cells: int, covered: int) -> AxisMap:
    """Return the map from a window's cells to those points of the whole image's grid that lie in the window.

    Point ``j`` of the grid stands at pixel ``u = (j + 1/2) * length / points`` of the image, that is at cell
    ``(u - start) * cells / covered - 1/2`` of the window, held inside the cells (border padding).

    Args:
        points: Points of the grid over the whole image.
        length: Pixels of the image along the axis.
        start: First pixel of the window.
        extent: Pixels of the window; the points with ``start <= u < start + extent`` are taken.
        cells: Cells of the window's scores.
        covered: Pixels those cells cover: ``extent`` and what was padded after it.

    Returns:
        The map; it has no points where the window is narrower than a cell and falls between two points.
    """
    pixels = (np.arange(points) + 0.5) * (length / points)
    inside = np.flatnonzero((pixels >= start) & (pixels < start + extent))
    position = np.clip((pixels[inside] - start) * (cells / covered) - 0.5, 0, cells - 1)
    low = np.floor(position).astype(np.int32)
    return AxisMap(
        start=int(inside[0]) if len(inside) else 0,
        low=low,
        high=np.minimum(low + 1, cells - 1).astype(np.int32),
        weight=(position - low).astype(np.float32),
    )


def sample(scores: Tensor, rows: AxisMap, columns: AxisMap) -> Tensor:
    """Sample scores at the points of two axis maps.

    Args:
        scores: ``(h, w, K)`` float32, the classes of a cell side by side, so that cells move as wholes.
        rows: Map of the rows, ``n_y`` points on ``h`` cells.
        columns: Map of the columns, ``n_x`` points on ``w`` cells.

    Returns:
        ``(n_y, n_x, K)`` float32 on the device of ``scores``.
    """
    return _along(_along(scores, rows, dim=0), columns, dim=1)


class Corners(NamedTuple):
    """The four cells around each of many points, and where the points lie between them.

    Attributes:
        cells: ``(4, ...)`` int64 one row of cells after the other: above left and right, below left and right.
        across: ``(..., 1)``, the share of the right ones.
        down: ``(..., 1)``, the share of the lower ones.
    """

    cells: Tensor
    across: Tensor
    down: Tensor


def corners(grid: Sequence[int], rows: Tensor, columns: Tensor) -> Corners:
    """Find the cells around points that lie on no common rows or columns.

    Args:
        grid: ``(h, w)``.
        rows: ``(...)`` floating point, positions in cells: 0 is the centre of the first; held inside the grid.
        columns: Likewise, of the same shape.
    """
    height, width = grid
    y, x = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    top, left = y.floor(), x.floor()
    cell, down, right = (top * width + left).long(), (top < height - 1).long() * width, (left < width - 1).long()
    cells = torch.stack([cell, cell + right, cell + down, cell + down + right])
    return Corners(cells, (x - left)[..., None], (y - top)[..., None])


def sample_points(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Sample values at points.

    Args:
        values: ``(h, w, K)`` floating point.
        rows: ``(...)`` of the same dtype, as for :func:`corners`.
        columns: Likewise.

    Returns:
        ``(..., K)``.

    >>> sample_points(torch.tensor([[[0.0], [4.0]]]), torch.tensor([0.0, 7.0]), torch.tensor([0.25, 0.5])).tolist()
    [[1.0], [2.0]]
    """
    (above_left, above_right, below_left, below_right), across, down = corners(values.shape[:2], rows, columns)
    flat = values.reshape(-1, values.shape[2])
    above = flat[above_left].lerp_(flat[above_right], across)
    return above.lerp_(flat[below_left].lerp_(flat[below_right], across), down)


def _along(scores: Tensor, axis: AxisMap, *, dim: int) -> Tensor:
    """Sample one axis of ``(h, w, K)``."""
    if axis.on_cells and (np.diff(axis.low) == 1).all():
        return scores.narrow(dim, int(axis.low[0]) if len(axis.low) else 0, len(axis.low))
    device = scores.device
    low, high = (scores.index_select(dim, torch.from_numpy(cells).to(device)) for cells in (axis.low, axis.high))
    weight = torch.from_numpy(axis.weight).to(device)
    return low.lerp_(high, weight.view(-1, 1, 1) if dim == 0 else weight.view(-1, 1))
