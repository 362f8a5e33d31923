# ruff: noqa: ANN001, ANN202, PLR0917 - Triton compiles the kernels' source and takes no annotations but its own
# mypy: disable-error-code="no-untyped-def"
"""The element-wise steps of the chunked contrastive loss as two fused GPU kernels.

Between the matrix products a chunk of similarities is read twice for the sums of its rows (the second time from the
second-level cache) and once for H, where PyTorch's operations pass over it some fifteen times. No mask is stored:
kernels compare labels. Each row is summed by one program in one order, so results are the same every time.

Proven against PyTorch's operations on a GPU, and with ``TRITON_INTERPRET=1`` on a CPU.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from vspwlib.losses.contrast.chunked import Anchors, Columns, RowSums, Scaled

#: Columns that a program reads at a time, and rows of a program of H.
BLOCK, ROWS = 1024, 4


@triton.jit
def _relations(labels, images, row, column, inside, by_image: tl.constexpr):
    """Return which columns are positives and which are negatives of a row."""
    mine, theirs = tl.load(labels + row), tl.load(labels + column, mask=inside, other=-1)
    valid = inside & (theirs >= 0) & (mine >= 0)
    negative = valid & (theirs != mine)
    if by_image:
        negative = negative & (tl.load(images + row) == tl.load(images + column, mask=inside, other=-1))
    return valid & (theirs == mine) & (column != row), negative


@triton.jit
def _row_sums(similarity, labels, images, out, start, width, rows, by_image: tl.constexpr, block: tl.constexpr):
    """Write N, loss and pull of one row to ``out`` ``(3, rows)``."""
    place = tl.program_id(0)
    row, line = start + place, similarity + place.to(tl.int64) * width
    lane = tl.arange(0, block)
    top = tl.full([], float("-inf"), dtype=similarity.dtype.element_ty)
    mass = tl.full([], 0, dtype=similarity.dtype.element_ty)
    for first in range(0, width, block):
        inside = first + lane < width
        _, negative = _relations(labels, images, row, first + lane, inside, by_image)
        value = tl.where(negative, tl.load(line + first + lane, mask=inside, other=0), float("-inf"))
        higher = tl.maximum(top, tl.max(value, axis=0))
        shift = tl.where(higher > float("-inf"), higher, 0)
        mass = mass * tl.exp(top - shift) + tl.sum(tl.exp(value - shift), axis=0)
        top = higher
    none = mass == 0  # and not where it is NaN, which must show
    log_mass = tl.where(none, float("-inf"), top + tl.log(tl.where(none, 1, mass)))
    loss = tl.full([], 0, dtype=similarity.dtype.element_ty)
    pull = tl.full([], 0, dtype=similarity.dtype.element_ty)
    for first in range(0, width, block):
        inside = first + lane < width
        positive, _ = _relations(labels, images, row, first + lane, inside, by_image)
        deficit = log_mass - tl.load(line + first + lane, mask=inside, other=0)
        softplus = tl.maximum(deficit, 0) + tl.log(1 + tl.exp(-tl.abs(deficit)))
        loss += tl.sum(tl.where(positive, softplus, 0), axis=0)
        pull += tl.sum(tl.where(positive, 1 / (1 + tl.exp(-deficit)), 0), axis=0)
    tl.store(out + place, log_mass)
    tl.store(out + rows + place, loss)
    tl.store(out + 2 * rows + place, pull)


@triton.jit
def _hessian(
    similarity,
    labels,
    images,
    log_mass,
    pull,
    weights,
    scale,
    out,
    start,
    width,
    rows,
    by_image: tl.constexpr,
    block: tl.constexpr,
    tile: tl.constexpr,
):
    """Write ``tile`` rows of H, ``block`` columns of each."""
    place = (tl.program_id(0) * tile + tl.arange(0, tile))[:, None]
    column = (tl.program_id(1) * block + tl.arange(0, block))[None, :]
    inside = column < width
    here = inside & (place < rows)
    row = start + tl.where(place < rows, place, 0)
    positive, negative = _relations(labels, images, row, column, here, by_image)
    address = place.to(tl.int64) * width + column
    value = tl.load(similarity + address, mask=here, other=0)
    of_row = value - tl.load(log_mass + row)
    of_column = value - tl.load(log_mass + column, mask=inside, other=float("inf"))
    # Each branch may overflow where the other holds; what overflowed is not taken.
    push = tl.exp(of_row) * tl.load(pull + row)
    push += tl.exp(of_column) * tl.load(pull + column, mask=inside, other=0)
    drawn = tl.load(weights + row) / (1 + tl.exp(of_row))
    drawn += tl.load(weights + column, mask=inside, other=0) / (1 + tl.exp(of_column))
    result = tl.where(negative, push, 0) - tl.where(positive, drawn, 0)
    tl.store(out + address, (result * tl.load(scale)).to(out.dtype.element_ty), mask=here)


def row_sums(similarity: Tensor, span: slice, columns: Columns) -> RowSums:
    """Return the sums of a chunk's anchors; arguments as in :mod:`vspwlib.losses.contrast.chunked`."""
    rows, width = similarity.shape
    out = similarity.new_empty(3, rows)
    images = columns.labels if columns.images is None else columns.images
    if rows:
        arguments = (similarity, columns.labels, images, out, span.start, width, rows)
        _row_sums[(rows,)](*arguments, by_image=columns.images is not None, block=_block(width))
    return RowSums(*out)


def hessian(similarity: Tensor, span: slice, columns: Columns, anchors: Anchors, out: Scaled) -> Tensor:
    """Return H of a chunk; arguments as in :mod:`vspwlib.losses.contrast.chunked`."""
    rows, width = similarity.shape
    result = torch.empty_like(similarity, dtype=out.dtype)
    images = columns.labels if columns.images is None else columns.images
    block = _block(width)
    if rows:
        arguments = (similarity, columns.labels, images, *anchors, out.scale, result, span.start, width, rows)
        grid = (triton.cdiv(rows, ROWS), triton.cdiv(width, block))
        _hessian[grid](*arguments, by_image=columns.images is not None, block=block, tile=ROWS)
    return result


def _block(width: int) -> int:
    return int(min(BLOCK, triton.next_power_of_2(max(width, 16))))
