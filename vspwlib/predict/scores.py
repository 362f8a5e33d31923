"""The definition of P: the softmax over classes of the scores resized to the image.

Scores stand on a coarse grid, ``(K, h, w)``; they are resized bilinearly (``align_corners=False``) straight to
``(H, W)``. On the CPU the resize is fused with what follows it, on other devices it is PyTorch's own. Results are
``(K, H, W)`` by shape and pixel-major in memory on the CPU, so that ``permute(1, 2, 0)`` costs nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import check_range, check_shape
from vspwlib.predict import kernels
from vspwlib.predict.axes import AxisMap, resize_axis, sample, sample_points

Scores = Tensor | npt.NDArray[np.floating[Any]]
Size = tuple[int, int]


def resize_scores(scores: Scores, size: Size) -> Tensor:
    """Resize scores to the image, bilinearly with ``align_corners=False``.

    Args:
        scores: ``(K, h, w)`` floating point, tensor or array.
        size: ``(H, W)`` of the image.

    Returns:
        ``(K, H, W)`` float32 on the device of ``scores``.
    """
    return functional.interpolate(_tensor(scores)[None], size=size, mode="bilinear", align_corners=False)[0]


def probabilities(scores: Scores, size: Size, device: torch.device | str | None = None) -> Tensor:
    """Return P, the class distribution of every pixel: ``softmax(resize(scores))``.

    Args:
        scores: ``(K, h, w)`` floating point and finite, tensor or array.
        size: ``(H, W)`` of the image.
        device: Where to compute; None is where the scores are.

    Returns:
        ``(K, H, W)`` float32 on that device, each pixel summing to 1.

    >>> probabilities(np.zeros((4, 2, 2), np.float32), (1, 3))[:, 0, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    values = _tensor(scores, device)
    if values.device.type != "cpu":
        return resize_scores(values, size).softmax(dim=0)
    source, axes = _prepare(values, size)
    out = np.empty((*size, values.shape[0]), np.float32)
    fill = kernels.compiled(kernels.softmax_rows)
    _in_threads(size[0], lambda a, b: fill(source, axes, a, out[a:b]))
    return torch.from_numpy(out).permute(2, 0, 1)


def probability_bands(scores: Scores, size: Size, *, rows: int = 16) -> Iterator[tuple[int, Tensor]]:
    """Yield P in bands of rows, so that a consumer never holds the 200 MB of a whole frame and works out of the cache.

    Args:
        scores: ``(K, h, w)`` floating point and finite, tensor or array.
        size: ``(H, W)`` of the image.
        rows: Rows of a band; the last band may have fewer.

    Yields:
        The first row of the band, and the band as :func:`probabilities` has it, ``(K, rows, W)``.
    """
    check_range("rows of a band", rows, low=1)
    values = _tensor(scores)
    if values.device.type != "cpu":
        rows_map, columns_map = (resize_axis(*axis) for axis in zip(values.shape[1:], size, strict=True))
        cells = values.permute(1, 2, 0).contiguous()
        for first in range(0, size[0], rows):
            band = sample(cells, _part(rows_map, first, first + rows), columns_map)
            yield first, band.softmax(dim=-1).permute(2, 0, 1)
        return
    source, axes = _prepare(values, size)
    fill = kernels.compiled(kernels.softmax_rows)
    for first in range(0, size[0], rows):
        out = np.empty((min(rows, size[0] - first), size[1], values.shape[0]), np.float32)
        fill(source, axes, first, out)
        yield first, torch.from_numpy(out).permute(2, 0, 1)


def scores_at(scores: Scores, size: Size, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the resized scores at any points of the image; their softmax is P there.

    The resize is a function of the plane, of which :func:`resize_scores` takes the pixels' centres: nothing is
    interpolated twice.

    Args:
        scores: ``(K, h, w)`` floating point, tensor or array.
        size: ``(H, W)`` of the image.
        rows: ``(...)`` float32 positions in pixels, 0 the centre of the first; beyond the border it is the border's.
        columns: Likewise.

    Returns:
        ``(..., K)`` float32.

    >>> scores_at(np.array([[[0.0, 4.0]]]), (1, 4), torch.zeros(2), torch.tensor([1.0, 1.5])).tolist()
    [[1.0], [2.0]]
    """
    values = _tensor(scores)
    return sample_points(values.permute(1, 2, 0).contiguous(), *cells_at(values.shape[1:], size, rows, columns))


def cells_at(grid: Sequence[int], size: Size, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Turn positions in pixels of an image ``size`` into positions in cells of the ``grid`` that covers it."""
    return (rows + 0.5) * (grid[0] / size[0]) - 0.5, (columns + 0.5) * (grid[1] / size[1]) - 0.5


def labels(scores: Scores, size: Size) -> npt.NDArray[np.uint8]:
    """Return the most probable class of every pixel; the lowest id among equals.

    The softmax keeps the order of the scores, so the winner is that of the resized scores and no softmax is taken.

    Args:
        scores: ``(K, h, w)`` floating point and finite, tensor or array, at most 255 classes.
        size: ``(H, W)`` of the image.

    Returns:
        ``(H, W)`` uint8 array in main memory, wherever the scores are.

    >>> labels(np.array([[[0.0, 4.0]], [[1.0, 1.0]]]), (1, 4)).tolist()
    [[1, 0, 0, 0]]
    """
    values = _tensor(scores)
    check_range("classes of a label map", values.shape[0], 1, 255)
    if values.device.type != "cpu":
        return resize_scores(values, size).argmax(dim=0).to(torch.uint8).cpu().numpy()
    source, axes = _prepare(values, size)
    winners = np.empty(source.shape[:2], np.uint8)
    kernels.compiled(kernels.cell_winners)(source, winners)
    out = np.empty(size, np.uint8)
    fill = kernels.compiled(kernels.label_rows)
    _in_threads(size[0], lambda a, b: fill(source, winners, axes, a, out[a:b]))
    return out


def _tensor(scores: Scores, device: torch.device | str | None = None) -> Tensor:
    """Return scores as a float32 tensor, on ``device`` where one is named."""
    check_shape("scores", scores.shape, ("K", "h", "w"))
    values = torch.from_numpy(scores) if isinstance(scores, np.ndarray) else scores.detach()
    return values.to(device=device or values.device).float()


def _prepare(values: Tensor, size: Size) -> tuple[npt.NDArray[np.float32], tuple[tuple[Any, ...], ...]]:
    """Return what the kernels take: pixel-major scores, and the axis maps of rows and columns."""
    height, width = values.shape[1:]
    source = values.permute(1, 2, 0).contiguous().numpy()  # (h, w, K); free when the scores come from a store
    rows, columns = resize_axis(height, size[0]), resize_axis(width, size[1])
    return source, ((rows.low, rows.high, rows.weight), (columns.low, columns.high, columns.weight))


def _part(axis: AxisMap, start: int, stop: int) -> AxisMap:
    """Return the points ``start`` to ``stop`` of an axis map."""
    return AxisMap(axis.start + start, axis.low[start:stop], axis.high[start:stop], axis.weight[start:stop])


def _in_threads(height: int, work: Callable[[int, int], None]) -> None:
    """Run ``work(first, last)`` on equal shares of the rows, in as many threads as PyTorch would use."""
    threads = min(torch.get_num_threads(), height)
    if threads == 1:
        work(0, height)
        return
    edges = [height * index // threads for index in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
