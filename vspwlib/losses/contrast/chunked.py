"""The contrastive loss on any device: chunks of rows against all patches, nothing that waits for the device.

Which patches are positives, negatives or void stays in masks made of labels, because how many there are of each is
known on the device alone. Two sweeps: the first finds N, the loss and g of every anchor, the second H and the gradient
(:mod:`vspwlib.losses.contrast.symmetric` has the formulas). About 6·M²·C operations, O(M·C) memory and a few chunks.

A sweep is one matrix product and a handful of element-wise operations a chunk: those of PyTorch, or two fused Triton
kernels (:mod:`vspwlib.losses.contrast.fused`).
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.losses.contrast.clip import Clip, Solution, anchor_weights, derivatives

#: Entries of a chunk of similarities: 64 MB of float32 on a GPU; on a CPU 1 MB, which stays in its cache.
GPU_ENTRIES, CPU_ENTRIES = 2**24, 2**18


class Columns(NamedTuple):
    """All that anchors are compared with: the clip's own M patches, then the K of the bank.

    Attributes:
        labels: ``(M+K,)`` int64, negative where void.
        images: ``(M+K,)``, or None where negatives may come from any image.
    """

    labels: Tensor
    images: Tensor | None


class RowSums(NamedTuple):
    """What the first sweep finds, a number an anchor.

    Attributes:
        log_mass: N; minus infinity where there is no negative.
        loss: Sum over the positives of ``-log σ(s - N)``.
        pull: Sum over the positives of ``σ(N - s)``.
    """

    log_mass: Tensor
    loss: Tensor
    pull: Tensor


class Anchors(NamedTuple):
    """What the second sweep needs to know of every column, ``(M+K,)`` each; patches of the bank are no anchors.

    Attributes:
        log_mass: N; plus infinity where there is no negative, and in the bank.
        pull: g.
        weights: w; 0 for what is no anchor.
    """

    log_mass: Tensor
    pull: Tensor
    weights: Tensor


class Scaled(NamedTuple):
    """How H is wanted: times a factor without dimensions, in a type."""

    scale: Tensor
    dtype: torch.dtype


class Elementwise(NamedTuple):
    """What is computed between the matrix products.

    Attributes:
        row_sums: Of a chunk of similarities ``(R, M+K)``, which it may overwrite.
        hessian: H of such a chunk, which it may overwrite.
    """

    row_sums: Callable[[Tensor, slice, Columns], RowSums]
    hessian: Callable[[Tensor, slice, Columns, Anchors, Scaled], Tensor]


def solve(clip: Clip, *, gradient: bool, elementwise: Literal["torch", "triton"] = "torch") -> Solution:
    """Compute the loss of one clip and, if asked, its derivatives.

    Args:
        clip: What to compare.
        gradient: Whether to return the derivatives.
        elementwise: What computes between the matrix products.
    """
    kernels = _kernels(elementwise)
    rows, everything = _features(clip)
    columns, wide = _columns(clip), clip.features.dtype
    spans = _spans(len(rows), len(everything), rows.device)
    # In one place from the start: on a CPU small results that outlive a chunk keep the heap from using its room again.
    sums = RowSums(*clip.features.new_empty(3, len(rows)))
    for span in spans:
        found = kernels.row_sums(_product(rows[span], everything.T, wide), span, columns)
        for whole, part in zip(sums, found, strict=True):
            whole[span] = part
    weights = anchor_weights(clip, wide) * (sums.log_mass > -torch.inf)
    loss = (weights * sums.loss).sum()
    if not gradient:
        return Solution(loss)
    anchors = _anchors(sums, weights, len(everything))
    scale = weights.new_ones(())
    if rows.dtype == torch.float16:  # it ends at 6e-8, and most of H is less: bring that to about one
        scale = (weights.count_nonzero() * len(rows) / 20).clamp(min=1).to(wide)
    own = torch.empty_like(clip.features)
    bank = None if clip.bank is None else torch.empty_like(own)
    for span in spans:
        similarity = _product(rows[span], everything.T, wide)
        weighted = kernels.hessian(similarity, span, columns, anchors, Scaled(scale, rows.dtype))
        own[span] = _product(weighted[:, : len(rows)], rows, wide) / scale
        if bank is not None:
            bank[span] = _product(weighted[:, len(rows) :], everything[len(rows) :], wide) / scale
    return Solution(loss, *derivatives(clip, rows, own, bank))


def _kernels(elementwise: Literal["torch", "triton"]) -> Elementwise:
    if elementwise == "torch":
        return Elementwise(row_sums, hessian)
    from vspwlib.losses.contrast import fused

    return Elementwise(fused.row_sums, fused.hessian)


def row_sums(similarity: Tensor, span: slice, columns: Columns) -> RowSums:
    """Return the sums of a chunk's anchors with operations of PyTorch."""
    positives, negatives = _relations(span, columns)
    log_mass = similarity.masked_fill(~negatives, -torch.inf).logsumexp(dim=1)
    margin = similarity.sub_(log_mass[:, None])
    losses = torch.where(positives, functional.logsigmoid(margin), 0).sum(dim=1)
    return RowSums(log_mass, -losses, torch.where(positives, margin.neg_().sigmoid_(), 0).sum(dim=1))


def hessian(similarity: Tensor, span: slice, columns: Columns, anchors: Anchors, out: Scaled) -> Tensor:
    """Return H of a chunk with operations of PyTorch."""
    positives, negatives = _relations(span, columns)
    of_rows = similarity - anchors.log_mass[span, None]
    of_columns = similarity.sub_(anchors.log_mass)
    pushed = of_rows.exp().mul_(anchors.pull[span, None]).add_(of_columns.exp().mul_(anchors.pull))
    drawn = of_rows.neg_().sigmoid_().mul_(anchors.weights[span, None])
    drawn += of_columns.neg_().sigmoid_().mul_(anchors.weights)
    result = torch.where(negatives, pushed, 0).sub_(drawn.masked_fill_(~positives, 0))
    return result.mul_(out.scale).to(out.dtype)


def _relations(span: slice, columns: Columns) -> tuple[Tensor, Tensor]:
    """Return which columns are positives, and which negatives, of a chunk's anchors: ``(R, M+K)`` booleans."""
    labels = columns.labels[span, None]
    same, valid = labels == columns.labels, (labels >= 0) & (columns.labels >= 0)
    positives, negatives = same & valid, ~same & valid
    positives.diagonal(span.start).zero_()  # itself
    if columns.images is not None:
        negatives &= columns.images[span, None] == columns.images
    return positives, negatives


def _features(clip: Clip) -> tuple[Tensor, Tensor]:
    """Return the patches, and after them those of the bank, over the root of the temperature, as products read them."""
    root = clip.temperature**0.5
    rows = clip.features / root
    everything = rows if clip.bank is None else torch.cat([rows, clip.bank.features.to(rows.dtype) / root])
    if clip.precision is not None and rows.dtype != torch.float64:
        everything = everything.to(clip.precision)
    return everything[: len(rows)], everything


def _columns(clip: Clip) -> Columns:
    if clip.bank is None:
        return Columns(clip.labels, clip.images)
    return Columns(torch.cat([clip.labels, clip.bank.labels]), None)


def _anchors(sums: RowSums, weights: Tensor, columns: int) -> Anchors:
    others = (0, columns - len(weights))
    log_mass = torch.where(sums.log_mass > -torch.inf, sums.log_mass, torch.inf)
    return Anchors(
        functional.pad(log_mass, others, value=torch.inf),
        functional.pad(weights * sums.pull, others),
        functional.pad(weights, others),
    )


def _spans(rows: int, columns: int, device: torch.device) -> list[slice]:
    """Return the chunks: at least one, even of nothing."""
    entries = CPU_ENTRIES if device.type == "cpu" else GPU_ENTRIES
    step = max(16, entries // max(columns, 1) // 16 * 16)
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)] or [slice(0, 0)]


def _product(left: Tensor, right: Tensor, wide: torch.dtype) -> Tensor:
    """Return the matrix product of narrow or wide factors, summed and returned wide."""
    if left.dtype == wide:
        return left @ right
    if left.device.type == "cuda":
        return torch.mm(left, right, out_dtype=wide)
    return left.to(wide) @ right.to(wide)
