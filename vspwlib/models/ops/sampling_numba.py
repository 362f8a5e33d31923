"""The compiled CPU implementation of the weighted samples, forward and backward."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from vspwlib.models.ops.kernels import compiled, sample_head, sample_head_backward

#: Fewer samples than this are not worth a second thread.
SMALL = 20_000


class NumbaSamples(torch.autograd.Function):
    """Autograd around the kernels; a class because PyTorch asks for one. Saves its three tensors, nothing else."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, level_shapes: tuple, points: Tensor, weights: Tensor) -> Tensor:
        """Sum the samples: ``(B, Q, M·D)``; arguments as :func:`~vspwlib.models.ops.sampling.weighted_samples`."""
        value, points, weights = value.contiguous(), points.contiguous(), weights.contiguous()
        ctx.save_for_backward(value, points, weights)
        ctx.level_shapes = level_shapes
        out = value.new_empty(*points.shape[:3], value.shape[-1])  # (B, Q, M, D)
        kernel = compiled(sample_head, str(value.dtype).removeprefix("torch."))
        values, where, shares, sums = _arrays(value, points, weights, out)
        levels, size = _levels(level_shapes)

        def sample(heads: list[tuple[int, int]]) -> None:
            maps = np.zeros((size, values.shape[-1]), values.dtype)
            for image, head in heads:
                for framed, pixels in _inner(maps, values[image, :, head], levels):
                    framed[:] = pixels
                kernel(maps, levels, where[image, :, head], shares[image, :, head], sums[image, :, head])

        _share_out(sample, value, weights)
        return out.flatten(2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        """Return the gradients of values, points and weights; each head is summed by one thread, in order."""
        value, points, weights = ctx.saved_tensors
        grads = torch.empty_like(value), torch.empty_like(points), torch.empty_like(weights)
        kernel = compiled(sample_head_backward, str(value.dtype).removeprefix("torch."))
        values, where, shares = _arrays(value, points, weights)
        (slopes,) = _arrays(grad.contiguous().unflatten(-1, value.shape[2:]))
        grad_values, grad_where, grad_shares = _arrays(*grads)
        levels, size = _levels(ctx.level_shapes)

        def sample(heads: list[tuple[int, int]]) -> None:
            maps = np.zeros((size, values.shape[-1]), values.dtype)
            grad_maps = np.empty_like(maps)
            for image, head in heads:
                at = image, slice(None), head
                for framed, pixels in _inner(maps, values[at], levels):
                    framed[:] = pixels
                grad_maps[:] = 0
                kernel(maps, levels, (where[at], shares[at]), slopes[at], (grad_maps, grad_where[at], grad_shares[at]))
                for framed, pixels in _inner(grad_maps, grad_values[at], levels):
                    pixels[:] = framed

        _share_out(sample, value, weights)
        return grads[0], None, grads[1], grads[2]


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def _levels(level_shapes: tuple) -> tuple[np.ndarray, int]:
    """Return ``(L, 3)`` height, width and first row of each level within its border of zeros, and all rows' number."""
    sizes = np.array(level_shapes, np.int64)
    areas = (sizes + 2).prod(axis=1)
    return np.column_stack([sizes, areas.cumsum() - areas]), int(areas.sum())


def _inner(maps: np.ndarray, flat: np.ndarray, levels: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair, level by level, the part of ``maps`` (R, D) within the border with that of ``flat`` (S, D): views."""
    pairs, start = [], 0
    for height, width, first in levels.tolist():
        framed = maps[first : first + (height + 2) * (width + 2)].reshape(height + 2, width + 2, -1)
        pixels = flat[start : start + height * width].reshape(height, width, -1)
        pairs.append((framed[1:-1, 1:-1], pixels))
        start += height * width
    return pairs


def _share_out(work: Callable[[list[tuple[int, int]]], None], value: Tensor, weights: Tensor) -> None:
    """Run ``work`` on all (image, head) pairs, on as many threads as PyTorch may use."""
    pairs = [(image, head) for image in range(value.shape[0]) for head in range(value.shape[2])]
    threads = min(torch.get_num_threads(), len(pairs)) if weights.numel() > SMALL else 1
    if threads == 1:
        work(pairs)
        return
    with ThreadPoolExecutor(threads) as pool:  # made anew each time: threads kept would not outlive a fork
        list(pool.map(work, [pairs[thread::threads] for thread in range(threads)]))
