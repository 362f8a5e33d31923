"""CPU kernels of the weighted bilinear samples: one head of one image at a time.

A head's maps are laid out for the kernels with a border of zeros, so that no point near an edge needs a case of its
own, and side by side, so that they stay in the cache (in the layers' layout a head's pixels lie kilobytes apart, all in
the same few cache lines). Plain Python as it stands; :func:`compiled` hands out the machine code.

Shape letters: Q queries, L levels, P points, D channels of a head, R pixels of all levels with their borders.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


def sample_head(maps: Any, levels: Any, points: Any, weights: Any, out: Any) -> None:
    """Sum the samples of each query.

    Args:
        maps: ``(R, D)`` levels one after the other, each with a border of one zero pixel.
        levels: ``(L, 3)`` int64: height, width, and the row of ``maps`` at which the level's border begins.
        points: ``(Q, L, P, 2)``, (x, y) in pixels.
        weights: ``(Q, L, P)``.
        out: ``(Q, D)``, written.
    """
    depth = maps.shape[1]
    zero = maps.dtype.type(0)  # a plain 0 would turn float32 sums into float64
    total = np.empty(depth, maps.dtype)
    for query in range(points.shape[0]):
        for d in range(depth):  # loops: an assignment to a slice takes as long as a whole point
            total[d] = zero
        for level in range(points.shape[1]):
            height, width, first = levels[level]
            for point in range(points.shape[2]):
                x, y = points[query, level, point, 0], points[query, level, point, 1]
                if not (-1 < x < width and -1 < y < height):  # NaN is outside, too
                    continue
                column, row = np.floor(x), np.floor(y)
                right, down = x - column, y - row
                weight = weights[query, level, point]
                lower = weight * down
                upper = weight - lower
                upper_right, lower_right = upper * right, lower * right
                upper_left, lower_left = upper - upper_right, lower - lower_right
                above = np.uint64(first + (int(row) + 1) * (width + 2) + int(column) + 1)
                below = np.uint64(first + (int(row) + 2) * (width + 2) + int(column) + 1)
                above_right, below_right = above + np.uint64(1), below + np.uint64(1)
                for d in range(depth):
                    total[d] += upper_left * maps[above, d] + upper_right * maps[above_right, d]
                    total[d] += lower_left * maps[below, d] + lower_right * maps[below_right, d]
        for d in range(depth):
            out[query, d] = total[d]


def sample_head_backward(maps: Any, levels: Any, samples: Any, grad: Any, gradients: Any) -> None:
    """Write the gradients of :func:`sample_head`.

    Args:
        maps: As there.
        levels: As there.
        samples: Its points and weights.
        grad: ``(Q, D)`` gradient of the sums.
        gradients: Those of maps, points and weights. The points' and weights' are written: 0 outside, and on a pixel's
            centre the slopes to the right and down. The maps' is added to; what gathers on borders belongs to no pixel.
    """
    (points, weights), (grad_maps, grad_points, grad_weights) = samples, gradients
    depth = maps.shape[1]
    zero = maps.dtype.type(0)
    slope = np.empty(depth, maps.dtype)
    for query in range(points.shape[0]):
        for d in range(depth):
            slope[d] = grad[query, d]
        for level in range(points.shape[1]):
            height, width, first = levels[level]
            for point in range(points.shape[2]):
                x, y = points[query, level, point, 0], points[query, level, point, 1]
                if not (-1 < x < width and -1 < y < height):
                    grad_points[query, level, point, 0] = zero
                    grad_points[query, level, point, 1] = zero
                    grad_weights[query, level, point] = zero
                    continue
                column, row = np.floor(x), np.floor(y)
                right, down = x - column, y - row
                weight = weights[query, level, point]
                lower = weight * down
                upper = weight - lower
                upper_right, lower_right = upper * right, lower * right
                upper_left, lower_left = upper - upper_right, lower - lower_right
                above = np.uint64(first + (int(row) + 1) * (width + 2) + int(column) + 1)
                below = np.uint64(first + (int(row) + 2) * (width + 2) + int(column) + 1)
                above_right, below_right = above + np.uint64(1), below + np.uint64(1)
                a, b, c, e = zero, zero, zero, zero  # the gradient along each corner's value
                for d in range(depth):
                    a += slope[d] * maps[above, d]
                    b += slope[d] * maps[above_right, d]
                    c += slope[d] * maps[below, d]
                    e += slope[d] * maps[below_right, d]
                corners = (
                    (above, upper_left),
                    (above_right, upper_right),
                    (below, lower_left),
                    (below_right, lower_right),
                )
                for corner, share in corners:  # one at a time: rows that may overlap would not vectorise together
                    for d in range(depth):
                        grad_maps[corner, d] += share * slope[d]
                top, bottom = a + right * (b - a), c + right * (e - c)
                grad_points[query, level, point, 0] = weight * ((b - a) + down * ((e - c) - (b - a)))
                grad_points[query, level, point, 1] = weight * (bottom - top)
                grad_weights[query, level, point] = top + down * (bottom - top)


@cache
def compiled(kernel: Callable[..., None], real: str) -> Callable[..., None]:
    """Return the machine code of a kernel for ``real``, float32 or float64; kept on disk between processes.

    It lets go of the interpreter's lock, so that several heads run at once. Sums may be reassociated, without which
    nothing vectorises. One signature whatever the strides: else a layer of one head would be compiled anew.
    """
    import numba

    number = getattr(numba, real)
    maps, levels, plane = number[:, ::1], numba.int64[:, ::1], number[:, :]
    points, weights = number[:, :, :, :], number[:, :, :]
    if kernel is sample_head:
        signature = numba.void(maps, levels, points, weights, plane)
    else:
        pair, three = numba.types.Tuple((points, weights)), numba.types.Tuple((maps, points, weights))
        signature = numba.void(maps, levels, pair, plane, three)
    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
    try:
        return numba.njit(signature, cache=True, **options)(kernel)
    except RuntimeError:  # nowhere to write the cache: a read-only install without a home folder
        return numba.njit(signature, **options)(kernel)
