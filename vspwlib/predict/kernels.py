"""CPU kernels of the resize: bilinear upsampling fused with the softmax or the argmax, one pixel's classes at a time.

Plain Python as it stands; :func:`compiled` hands out the machine code. Scores are pixel-major, ``(h, w, K)``: the
classes of a pixel lie side by side, so that every inner loop runs over whole vectors of them. Against ``interpolate``
and ``softmax`` in turn, only the result passes through memory at full resolution (``benchmarks/probabilities.py``).
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

VECTOR = 16  # classes are padded to a multiple, so that no loop has a scalar rest
NOTHING = np.float32(-1e30)  # the score of the padding: its share of any softmax is zero
LOG2_E = np.float32(1.4426950408889634)
DEEPEST = np.float32(-126)  # 2 to this is the smallest normal float32: shares below count as that


def softmax_rows(source: Any, axes: Any, first: int, out: Any) -> None:
    """Fill a band of rows with the softmax over classes of the upsampled scores.

    Args:
        source: ``(h, w, K)`` float32 scores, pixel-major.
        axes: Axis maps of all H rows and of the W columns, each as ``(low, high, weight)``.
        first: The image row that ``out`` begins with.
        out: ``(rows, W, K)`` float32, written.
    """
    (row_low, row_high, row_weight), (column_low, column_high, column_weight) = axes
    width, classes = source.shape[1], source.shape[2]
    padded = (classes + VECTOR - 1) // VECTOR * VECTOR
    line = np.full((width, padded), NOTHING, np.float32)
    pixel = np.empty(padded, np.float32)
    for y in range(out.shape[0]):
        above, below, down = row_low[first + y], row_high[first + y], row_weight[first + y]
        for x in range(width):
            for k in range(classes):
                a = source[above, x, k]
                line[x, k] = a + down * (source[below, x, k] - a)
        for x in range(out.shape[1]):
            left, right, across = column_low[x], column_high[x], column_weight[x]
            top = NOTHING
            for k in range(padded):
                a = line[left, k]
                score = a + across * (line[right, k] - a)
                pixel[k] = score
                top = max(top, score)
            total = np.float32(0)
            for k in range(padded):
                # 2**z = 2**n * 2**r with n the nearest integer: exponent bits and a polynomial in r, |r| <= 1/2
                z = max((pixel[k] - top) * LOG2_E, DEEPEST)
                n = np.int32(z - np.float32(0.5))  # truncation rounds to nearest, as z <= 0
                r = z - np.float32(n)
                power = np.float32(1.5403530e-4)
                power = power * r + np.float32(1.3333558e-3)
                power = power * r + np.float32(9.6181291e-3)
                power = power * r + np.float32(5.5504109e-2)
                power = power * r + np.float32(2.4022651e-1)
                power = power * r + np.float32(6.9314718e-1)
                power = power * r + np.float32(1)
                power *= np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
                pixel[k] = power
                total += power
            share = np.float32(1) / total
            for k in range(classes):
                out[y, x, k] = pixel[k] * share


def label_rows(source: Any, winners: Any, axes: Any, first: int, out: Any) -> None:
    """Fill a band of rows with the class of the highest upsampled score, the lowest id among equals.

    A class that wins at the four cells around a pixel wins at the pixel, whose score is a mean of theirs; so classes
    are only compared where the four disagree.

    Args:
        source: ``(h, w, K)`` float32 scores, pixel-major.
        winners: ``(h, w)`` uint8, the winning class of each cell.
        axes: Axis maps of all H rows and of the W columns, each as ``(low, high, weight)``.
        first: The image row that ``out`` begins with.
        out: ``(rows, W)`` uint8, written.
    """
    (row_low, row_high, row_weight), (column_low, column_high, column_weight) = axes
    width, classes = source.shape[1], source.shape[2]
    padded = (classes + VECTOR - 1) // VECTOR * VECTOR
    line = np.full((width, padded), NOTHING, np.float32)
    pixel = np.empty(padded, np.float32)
    done = np.empty(width, np.bool_)
    for y in range(out.shape[0]):
        above, below, down = row_low[first + y], row_high[first + y], row_weight[first + y]
        done[:] = False
        for x in range(out.shape[1]):
            left, right, across = column_low[x], column_high[x], column_weight[x]
            winner = winners[above, left]
            if winners[above, right] == winner and winners[below, left] == winner and winners[below, right] == winner:
                out[y, x] = winner
                continue
            for cell in (left, right):
                if not done[cell]:
                    done[cell] = True
                    for k in range(classes):
                        a = source[above, cell, k]
                        line[cell, k] = a + down * (source[below, cell, k] - a)
            top = NOTHING
            for k in range(padded):
                a = line[left, k]
                score = a + across * (line[right, k] - a)
                pixel[k] = score
                top = max(top, score)
            best = np.int32(255)
            for k in range(padded):
                best = min(best, np.int32(k) if pixel[k] == top else np.int32(255))
            out[y, x] = best


def cell_winners(source: Any, out: Any) -> None:
    """Write the winning class of each cell, the lowest id among equals.

    Args:
        source: ``(h, w, K)`` float32 scores, pixel-major.
        out: ``(h, w)`` uint8, written.
    """
    for y in range(source.shape[0]):
        for x in range(source.shape[1]):
            top = source[y, x, 0]
            for k in range(source.shape[2]):
                top = max(top, source[y, x, k])
            best = np.int32(255)
            for k in range(source.shape[2]):
                best = min(best, np.int32(k) if source[y, x, k] == top else np.int32(255))
            out[y, x] = best


#: Sums may be reassociated and NaN is taken not to occur (the store refuses it), without which no sum vectorises.
FAST = frozenset({"reassoc", "contract", "nsz", "nnan", "arcp"})


@cache
def compiled(kernel: Callable[..., Any], fast: frozenset[str] = FAST) -> Callable[..., Any]:
    """Return the machine code of a kernel, kept on disk between processes.

    Args:
        kernel: Takes arrays and numbers, and calls no other kernel.
        fast: LLVM's names of the liberties that the compiler may take with floating-point numbers.
    """
    import numba

    jit = partial(numba.njit, nogil=True, fastmath={*fast}, error_model="numpy")
    try:
        return jit(cache=True)(kernel)
    except RuntimeError:  # nowhere to write the cache: a read-only install without a home folder
        return jit()(kernel)
