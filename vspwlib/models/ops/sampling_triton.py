# ruff: noqa: ANN001, ANN202, PLR0917 - Triton compiles the kernels' source and takes no annotations but its own
# mypy: disable-error-code="no-untyped-def"
"""The GPU implementation of the weighted samples: two Triton kernels, forward and backward.

A program takes a few rows, a row being one head of one query, with all channels of the head side by side; heads of a
query are neighbours, so that programs near each other read pixels near each other. Values are read in the type in which
they come, everything is summed in that of the points.

Proven against the plain backends on a GPU, and with ``TRITON_INTERPRET=1`` on a CPU. Each row adds its share to the
gradient of the values atomically: their order, and so the last bits of that gradient, change from run to run.

Shape letters as in :mod:`vspwlib.models.ops.sampling`.
"""

from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Elements that a program holds of each corner: rows times channels. On an H200 the fastest forward and backward
#: together, of 32 to 2048, at all sizes of :mod:`benchmarks.ops` that were tried.
TILE = 512


@triton.jit
def _corner(column, row, width, height, live):
    """Return the pixel's number within its level, and whether it is inside."""
    inside = live & (column >= 0) & (column < width) & (row >= 0) & (row < height)
    return tl.where(inside, row * width + column, 0), inside


@triton.jit
def _point(levels, level, samples, place, live):
    """Return a level's extent, the whole and the broken part of each row's point on it, and the point's weight."""
    points, weights = samples
    start, height, width = tl.load(levels + level * 3), tl.load(levels + level * 3 + 1), tl.load(levels + level * 3 + 2)
    x, y = tl.load(points + place * 2, mask=live, other=-1), tl.load(points + place * 2 + 1, mask=live, other=-1)
    near = live & (x > -1) & (x < width) & (y > -1) & (y < height)
    x, y = tl.where(near, x, 0), tl.where(near, y, 0)  # neither NaN nor what no integer holds
    left, top = tl.floor(x), tl.floor(y)
    weight = tl.load(weights + place, mask=live, other=0)
    return start, height, width, left.to(tl.int32), top.to(tl.int32), x - left, y - top, weight, near


@triton.jit
def _samples(
    value,
    levels,
    points,
    weights,
    out,
    rows,
    queries,
    pixels,
    heads: tl.constexpr,
    level_count: tl.constexpr,
    point_count: tl.constexpr,
    depth: tl.constexpr,
    lanes: tl.constexpr,
    tile: tl.constexpr,
):
    """Write ``tile`` rows of the sums."""
    row = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
    lane = tl.arange(0, lanes)
    live = row < rows
    first = (row // (queries * heads)) * pixels  # the image's first pixel
    total = tl.zeros([tile, lanes], dtype=points.dtype.element_ty)
    for sample in range(level_count * point_count):
        place = row * (level_count * point_count) + sample
        start, height, width, left, top, right, down, weight, near = _point(
            levels, sample // point_count, (points, weights), place, live
        )
        for corner in tl.static_range(4):
            pixel, inside = _corner(left + corner % 2, top + corner // 2, width, height, near)
            across = right if corner % 2 else 1 - right
            along = down if corner // 2 else 1 - down
            address = ((first + start + pixel) * heads + row % heads)[:, None] * depth + lane
            held = tl.load(value + address, mask=inside[:, None] & (lane < depth), other=0).to(total.dtype)
            total += (weight * across * along)[:, None] * held
    tl.store(out + row[:, None] * depth + lane, total, mask=live[:, None] & (lane < depth))


@triton.jit
def _samples_backward(
    value,
    levels,
    points,
    weights,
    grad,
    grad_value,
    grad_points,
    grad_weights,
    rows,
    queries,
    pixels,
    heads: tl.constexpr,
    level_count: tl.constexpr,
    point_count: tl.constexpr,
    depth: tl.constexpr,
    lanes: tl.constexpr,
    tile: tl.constexpr,
):
    """Write the gradients of ``tile`` rows' points and weights, and add to those of the values."""
    row = tl.program_id(0).to(tl.int64) * tile + tl.arange(0, tile)
    lane = tl.arange(0, lanes)
    live = row < rows
    first = (row // (queries * heads)) * pixels
    kind = points.dtype.element_ty
    slope = tl.load(grad + row[:, None] * depth + lane, mask=live[:, None] & (lane < depth), other=0).to(kind)
    for sample in range(level_count * point_count):
        place = row * (level_count * point_count) + sample
        start, height, width, left, top, right, down, weight, near = _point(
            levels, sample // point_count, (points, weights), place, live
        )
        grad_x, grad_y = tl.zeros([tile], dtype=kind), tl.zeros([tile], dtype=kind)
        grad_weight = tl.zeros([tile], dtype=kind)
        for corner in tl.static_range(4):
            pixel, inside = _corner(left + corner % 2, top + corner // 2, width, height, near)
            across = right if corner % 2 else 1 - right
            along = down if corner // 2 else 1 - down
            address = ((first + start + pixel) * heads + row % heads)[:, None] * depth + lane
            seen = inside[:, None] & (lane < depth)
            held = tl.load(value + address, mask=seen, other=0).to(kind)
            tl.atomic_add(grad_value + address, (weight * across * along)[:, None] * slope, mask=seen)
            agreement = tl.sum(held * slope, axis=1)
            grad_weight += across * along * agreement
            grad_x += (along if corner % 2 else -along) * agreement
            grad_y += (across if corner // 2 else -across) * agreement
        tl.store(grad_points + place * 2, weight * grad_x, mask=live)
        tl.store(grad_points + place * 2 + 1, weight * grad_y, mask=live)
        tl.store(grad_weights + place, grad_weight, mask=live)


class TritonSamples(torch.autograd.Function):
    """Autograd around the kernels; a class because PyTorch asks for one. Saves its three tensors, nothing else."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, level_shapes: tuple, points: Tensor, weights: Tensor) -> Tensor:
        """Sum the samples: ``(B, Q, M·D)``; arguments as :func:`~vspwlib.models.ops.sampling.weighted_samples`."""
        value, points, weights = value.contiguous(), points.contiguous(), weights.contiguous()
        ctx.save_for_backward(value, points, weights)
        ctx.level_shapes = level_shapes
        out = value.new_empty(*points.shape[:3], value.shape[-1])
        _launch(_samples, level_shapes, value, points, weights, out)
        return out.flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        """Return the gradients of values, points and weights."""
        value, points, weights = ctx.saved_tensors
        sums = torch.zeros_like(value, dtype=points.dtype)  # narrow sums would lose what each row adds
        grads = torch.empty_like(points), torch.empty_like(weights)
        _launch(_samples_backward, ctx.level_shapes, value, points, weights, grad.contiguous(), sums, *grads)
        return sums.to(value.dtype), None, *grads


def _launch(kernel: Any, level_shapes: tuple, value: Tensor, points: Tensor, weights: Tensor, *others: Tensor) -> None:
    """Run a kernel over all rows."""
    batch, pixels, heads, depth = value.shape
    _, queries, _, level_count, point_count = weights.shape
    rows = batch * queries * heads
    lanes = triton.next_power_of_2(depth)
    tile = max(1, TILE // lanes)
    settings = {"heads": heads, "level_count": level_count, "point_count": point_count, "depth": depth}
    levels = _levels(level_shapes, value.device)
    if rows:
        with torch.cuda.device_of(value):
            kernel[triton.cdiv(rows, tile),](
                value, levels, points, weights, *others, rows, queries, pixels, **settings, lanes=lanes, tile=tile
            )


@cache
def _levels(level_shapes: tuple, device: torch.device) -> Tensor:
    """Return first pixel, height and width of each level, ``(L, 3)`` int32, kept on the device."""
    starts, total = [], 0
    for height, width in level_shapes:
        starts.append([total, height, width])
        total += height * width
    return torch.tensor(starts, dtype=torch.int32, device=device)
