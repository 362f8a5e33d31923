"""Weighted sums of bilinear samples, the core of deformable attention and of DCNv3, in several implementations.

Shape letters: B images, Q queries, S pixels of all levels laid end to end, M heads, L levels, P points, D channels per
head.

=============  =======================================================================================================
backend        what it is
=============  =======================================================================================================
grid_sample    plain PyTorch, the reference; the only one that exports to ONNX and runs without storage (meta device)
embedding_bag  plain PyTorch over rows of pixels; its backward pass is deterministic on CUDA, grid_sample's is not
numba          compiled CPU kernels (:mod:`vspwlib.models.ops.kernels`); deterministic with any number of threads
triton         GPU kernels (:mod:`vspwlib.models.ops.sampling_triton`). The gradient of the values is summed by atomic
               additions, whose order changes from run to run: under ``torch.use_deterministic_algorithms``
               embedding_bag stands in for it
=============  =======================================================================================================

``auto`` is numba on a CPU; on CUDA triton (:func:`~vspwlib.machine.uses_triton`), embedding_bag under determinism;
grid_sample elsewhere, and everywhere while a model is traced, compiled or exported. On an H200 triton takes 0.11 to
0.66 times grid_sample's time forward, 0.17 to 0.72 times with backward, and 1 to 23 % of its memory:
``benchmarks/ops.py``.
"""

import os
from collections.abc import Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import check_choice, check_shape, require
from vspwlib.machine import uses_triton

#: ``(h, w)`` of each level.
LevelShapes = Sequence[tuple[int, int]]

Backend = Literal["auto", "grid_sample", "embedding_bag", "numba", "triton"]


def weighted_samples(
    value: Tensor, level_shapes: LevelShapes, points: Tensor, weights: Tensor, *, backend: Backend = "auto"
) -> Tensor:
    """Sample each query's points in each head's maps bilinearly and sum them by weight.

    Computed in float32 or wider whatever comes: float64 where any input is. A bfloat16 *coordinate* is off by whole
    pixels on a map of a few hundred, so compute ``points`` in float32. Kept for the backward pass: ``value``,
    ``points``, ``weights`` and nothing else (numba and triton; the plain backends keep several times that).

    Args:
        value: ``(B, S, M, D)``, any float type: the levels' pixels row by row, one level after the other.
        level_shapes: ``(h, w)`` of each of the L levels; their areas add up to S.
        points: ``(B, Q, M, L, P, 2)``, (x, y) in pixels of the level: 0 is the first pixel's centre. Outside the map
            there are zeros. A NaN counts as outside in numba and triton, as in the official CUDA kernels.
        weights: ``(B, Q, M, L, P)``.
        backend: Which implementation; see the head of this file.

    Returns:
        ``(B, Q, M·D)`` in the type of ``value``.

    Raises:
        InputError: when shapes do not fit each other, or the backend cannot run where the tensors are.
    """
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if not traced:
        _check(value, level_shapes, points, weights)
    name = _chosen(check_choice("backend", backend, get_args(Backend)), value, traced=traced)
    wide = torch.float64 if torch.float64 in (value.dtype, points.dtype, weights.dtype) else torch.float32
    points, weights = points.to(wide), weights.to(wide)
    if name == "triton":  # reads narrow values as they are
        from vspwlib.models.ops.sampling_triton import TritonSamples

        return TritonSamples.apply(value, tuple(level_shapes), points, weights)
    if name == "numba":
        from vspwlib.models.ops.sampling_numba import NumbaSamples

        return NumbaSamples.apply(value.to(wide), tuple(level_shapes), points, weights).to(value.dtype)
    plain = by_embedding_bag if name == "embedding_bag" else by_grid_sample
    return plain(value.to(wide), level_shapes, points, weights).to(value.dtype)


def by_grid_sample(value: Tensor, level_shapes: LevelShapes, points: Tensor, weights: Tensor) -> Tensor:
    """:func:`weighted_samples` by one ``grid_sample`` a level; every sample lies in memory before they are summed."""
    batch, _, heads, depth = value.shape
    queries = points.shape[1]
    sampled = []
    start = 0
    for level, (height, width) in enumerate(level_shapes):
        flat = value[:, start : start + height * width].permute(0, 2, 3, 1)  # (B, M, D, h·w)
        image = flat.reshape(batch * heads, depth, height, width)
        sizes = torch.tensor([width, height], dtype=points.dtype, device=points.device)
        grid = (2 * points[:, :, :, level] + 1) / sizes - 1  # align_corners=False
        grid = grid.transpose(1, 2).flatten(0, 1)  # (B·M, Q, P, 2)
        sampled.append(functional.grid_sample(image, grid, align_corners=False))  # (B·M, D, Q, P)
        start += height * width
    share = weights.transpose(1, 2).reshape(batch * heads, 1, queries, -1)  # (B·M, 1, Q, L·P)
    mixed = (torch.cat(sampled, dim=-1) * share).sum(dim=-1)  # (B·M, D, Q)
    return mixed.reshape(batch, heads * depth, queries).transpose(1, 2).contiguous()


def by_embedding_bag(value: Tensor, level_shapes: LevelShapes, points: Tensor, weights: Tensor) -> Tensor:
    """:func:`weighted_samples` as a sum of 4·L·P weighted rows, the corners of the points, for each query and head."""
    batch, pixels, heads, depth = value.shape
    place: dict[str, Any] = {"device": points.device}
    limits = torch.tensor([(width - 1, height - 1) for height, width in level_shapes], dtype=points.dtype, **place)
    limits = limits[:, None]  # (L, 1, 2), broadcast over points
    areas = torch.tensor([0, *(height * width for height, width in level_shapes)], **place)
    starts = areas[:-1].cumsum(0)[:, None]  # (L, 1)
    low = points.detach().floor()
    fraction = points - low  # (B, Q, M, L, P, 2)
    rows, shares = [], []
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        corner = low + torch.tensor([right, down], dtype=points.dtype, **place)
        inside = ((corner >= 0) & (corner <= limits)).all(dim=-1)
        corner = corner.nan_to_num().maximum(torch.zeros_like(limits)).minimum(limits).long()
        rows.append(starts + corner[..., 1] * (limits[..., 0].long() + 1) + corner[..., 0])
        across = fraction[..., 0] if right else 1 - fraction[..., 0]
        along = fraction[..., 1] if down else 1 - fraction[..., 1]
        shares.append(torch.where(inside, weights * across * along, 0))
    image = torch.arange(batch, **place)[:, None, None, None, None]
    head = torch.arange(heads, **place)[:, None, None]
    row = torch.stack([(image * pixels + row) * heads + head for row in rows], dim=-1)  # (B, Q, M, L, P, 4)
    share = torch.stack(shares, dim=-1)
    bags = row.flatten(3).flatten(0, 2)  # (B·Q·M, L·P·4)
    mixed = functional.embedding_bag(bags, value.reshape(-1, depth), per_sample_weights=share.view_as(bags), mode="sum")
    return mixed.view(batch, -1, heads * depth)


def _check(value: Tensor, level_shapes: LevelShapes, points: Tensor, weights: Tensor) -> None:
    batch, pixels, heads, _ = value.shape
    area = sum(height * width for height, width in level_shapes)
    require(pixels == area, "value", expected=f"{area} pixels of levels {list(level_shapes)}", got=pixels)
    check_shape("weights", weights.shape, (batch, "Q", heads, len(level_shapes), "P"))
    check_shape("points", points.shape, (*weights.shape, 2))


def _on_cuda() -> str:
    """Resolve ``auto`` on CUDA."""
    if torch.are_deterministic_algorithms_enabled():
        return "embedding_bag"
    return "triton" if uses_triton() else "grid_sample"


def _chosen(backend: str, value: Tensor, *, traced: bool) -> str:
    """Resolve ``auto`` and refuse what cannot run."""
    place = value.device.type
    if backend == "auto":
        if traced or place not in {"cpu", "cuda"}:
            return "grid_sample"
        if place == "cpu":
            return "numba"
        return _on_cuda()
    if backend == "triton" and torch.are_deterministic_algorithms_enabled():
        return "embedding_bag"
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    homes = {"numba": {"cpu"}, "triton": {"cuda", "cpu"} if interpreted else {"cuda"}}.get(backend, {place})
    require(place in homes, f"backend {backend!r}", expected=f"tensors on {min(homes)}", got=place, fix="use 'auto'.")
    return backend
