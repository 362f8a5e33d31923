"""The spatial-temporal contrastive loss over all patches of a clip, exact and in O(M·C) memory.

For each anchor i, with positives P(i) of its class and negatives of other classes, all from the same clip::

    L_i = -1/|P(i)| Σ_{p in P(i)} log( exp(x_i·x_p/τ) / (exp(x_i·x_p/τ) + Σ_{j negative} exp(x_i·x_j/τ)) )

and the loss is the mean over the anchors of a clip, then over the clips of a batch. Gradients flow through anchors,
positives and negatives alike: those through the anchors alone have hardly more than half the length.

=========  ============================================================================================================
backend    what it is
=========  ============================================================================================================
symmetric  CPU: :mod:`vspwlib.losses.contrast.symmetric`, 4·M²·C operations
chunked    any device, waits for none: :mod:`vspwlib.losses.contrast.chunked`, 6·M²·C operations
triton     the same with two fused GPU kernels between the matrix products
=========  ============================================================================================================

``auto`` is symmetric on a CPU, triton on CUDA (:func:`~vspwlib.machine.uses_triton`), and chunked elsewhere. On an
H200, C = 256, bf16, triton takes 4.0 ms at M = 7200 and 20.6 at 25088 where chunked takes 8.5 and 70:
``benchmarks/contrastive.py``.

Shape letters: B clips of T frames or N images, C channels, H×W pixels, h×w patches, M patches of a clip.

Source: the paper's section 2.3; Wang et al., Exploring Cross-Image Pixel Contrast, ICCV 2021 (the loss, sampled).
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from vspwlib.checks import check_choice, check_shape, require
from vspwlib.losses.contrast.clip import AnchorWeights, Bank, Clip, Negatives, Solution
from vspwlib.machine import uses_triton

Backend = Literal["auto", "symmetric", "chunked", "triton"]


def pixel_contrast_loss(
    embedding: Tensor,
    labels: Tensor,
    *,
    clip_ids: Tensor | Sequence[int] | None = None,
    image_ids: Tensor | None = None,
    temperature: float | Tensor = 0.1,
    normalize: bool = False,
    ignore_index: int = 255,
    anchor_weights: AnchorWeights = "uniform",
    negatives: Negatives = "clip",
    bank: Bank | None = None,
    precision: torch.dtype | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """Contrast every patch of a clip with every other one.

    A void patch is no anchor, no positive and no negative. A patch without a positive is no anchor: it is left out of
    the mean, not counted as 0. Where a clip has one class alone, its anchors have no negatives and count 0. A clip
    without anchors counts 0 in the mean over clips, so that the mean over processes with equally many clips is that
    of one process. Features are compared as they come: normalise them before, or let ``normalize`` do it.

    Computed in float32 or float64 under autocast, too. Deterministic. The gradient is found together with the value, so
    that nothing but itself is kept for the backward pass; it cannot be differentiated again.

    Args:
        embedding: Features, any float type: ``(B, T, C, h, w)``; or ``(N, C, h, w)`` with ``clip_ids``; or patches
            ``(M, C)``.
        labels: Integer class ids: ``(B, T, H, W)``, ``(N, H, W)`` or ``(M,)``. Of a grid finer than the embedding's,
            the label at the centre of each patch is taken. Negative ids are void as well.
        clip_ids: The clip of each image ``(N,)`` or patch ``(M,)``; clips do not mix. Keep them on the CPU: reading
            them from a GPU waits for it. None: all patches are one clip.
        image_ids: ``(M,)`` the image of each patch, for ``negatives="image"`` with patches.
        temperature: τ, above 0; a tensor without dimensions gets a gradient.
        normalize: Bring each feature vector to length 1 first.
        ignore_index: Label of void.
        anchor_weights: ``uniform``, the mean over anchors (the paper); ``balanced``, the mean over classes of the
            mean over their anchors.
        negatives: From the whole ``clip`` (the paper), or from the anchor's own ``image``. Positives always come from
            the clip.
        bank: Patches of other clips, compared with every clip as positives and negatives without a gradient
            (:class:`vspwlib.losses.contrast.memory.MemoryBank`). Needs ``negatives="clip"``.
        precision: Type of the factors of matrix products in ``chunked`` and ``triton``; sums stay wide. None: that of
            the embedding. bfloat16 moves the gradient by some 0.2 %.
        backend: How to compute it; see the head of this file.

    Returns:
        The loss in nats, no dimensions, float32 (float64 for such an embedding).

    Raises:
        InputError: for shapes that do not fit each other, or options that exclude each other.

    Source: the paper's section 2.3; what it leaves open is our reading (normalised, 0.1, void and lone patches out).

    >>> pixel_contrast_loss(torch.eye(3)[[0, 0, 1]], torch.tensor([5, 5, 6]), temperature=1.0)  # log(1 + e^0/e^1)
    tensor(0.3133)
    """
    for what, value, known in (
        ("backend", backend, Backend),
        ("negatives", negatives, Negatives),
        ("anchor_weights", anchor_weights, AnchorWeights),
    ):
        check_choice(what, value, get_args(known))
    if not isinstance(temperature, Tensor):
        require(temperature > 0, "temperature", expected="above 0", got=temperature)
    patches = _lay_out(embedding, labels, clip_ids, image_ids)
    within = negatives == "image"
    missing = patches.images is None and within
    require(not missing, "image_ids", expected="the image of every patch, for negatives of the same image", got="none")
    require(not (within and bank), "bank", expected='negatives="clip"', got="negatives of the same image")
    if precision is None and embedding.dtype in (torch.bfloat16, torch.float16):
        precision = embedding.dtype
    wide = torch.promote_types(embedding.dtype, torch.float32)
    ids = torch.where(patches.labels == ignore_index, -1, patches.labels)
    losses = []
    with torch.autocast(embedding.device.type, enabled=False):
        features = patches.features.to(wide)
        features = functional.normalize(features, dim=1) if normalize else features
        for rows in patches.clips:
            images = patches.images[rows] if within and patches.images is not None else None
            clip = Clip(features[rows], ids[rows], images, temperature, anchor_weights, bank, precision)
            losses.append(_loss(clip, backend))
        return torch.stack(losses).mean()


class _Patches(NamedTuple):
    """All patches of a batch: features ``(M, C)``, labels ``(M,)``, images ``(M,)`` if known, the rows of each clip."""

    features: Tensor
    labels: Tensor
    images: Tensor | None
    clips: list[slice | Tensor]


def _lay_out(
    embedding: Tensor, labels: Tensor, clip_ids: Tensor | Sequence[int] | None, image_ids: Tensor | None
) -> _Patches:
    """Bring every form of input to patches in a row."""
    check_choice("embedding", f"{embedding.dim()} dimensions", [f"{count} dimensions" for count in (2, 4, 5)])
    ids = clip_ids.tolist() if isinstance(clip_ids, Tensor) else clip_ids
    if embedding.dim() == 2:
        check_shape("labels", labels.shape, (len(embedding),))
        if image_ids is not None:
            check_shape("image_ids", image_ids.shape, (len(embedding),))
        return _Patches(embedding, labels, image_ids, clip_rows(ids, len(embedding), 1, embedding.device))
    if embedding.dim() == 5:
        clips, frames = embedding.shape[:2]
        check_shape("labels", labels.shape, (clips, frames, "H", "W"))
        require(ids is None, "clip_ids", expected="none for embeddings (B, T, C, h, w)", got="some")
        ids = [clip for clip in range(clips) for _ in range(frames)]
        embedding, labels = embedding.flatten(0, 1), labels.flatten(0, 1)
    count, _, height, width = embedding.shape
    check_shape("labels", labels.shape, (count, "H", "W"))
    labels = labels_of_patches(labels, (height, width)).flatten()
    images = torch.arange(count, device=embedding.device).repeat_interleave(height * width)
    features = embedding.movedim(1, -1).flatten(0, 2)
    return _Patches(features, labels, images, clip_rows(ids, count, height * width, embedding.device))


def labels_of_patches(labels: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the label at the centre of each patch: ``(N, H, W)`` to ``(N, h, w)``, as ``nearest-exact`` does.

    >>> labels_of_patches(torch.arange(8).view(1, 2, 4), (1, 2))
    tensor([[[5, 7]]])
    """
    rows, columns = (
        (torch.arange(new, device=labels.device) * 2 + 1) * old // (2 * new)
        for new, old in zip(size, labels.shape[1:], strict=True)
    )
    return labels[:, rows[:, None], columns]


def clip_rows(ids: Sequence[int] | None, count: int, patches: int, device: torch.device) -> list[slice | Tensor]:
    """Return the rows of each clip, clips in the order of their first: a slice where its rows lie side by side.

    A slice copies nothing, and nothing waits for the device then.

    Args:
        ids: The clip of each of ``count`` items; None for one clip.
        count: Items.
        patches: Rows of an item.
        device: Where the rows are.
    """
    if not ids:
        return [slice(0, count * patches)]
    require(len(ids) == count, "clip_ids", expected=f"{count}, one an image or patch", got=len(ids))
    places: dict[int, list[int]] = {}
    for place, clip in enumerate(ids):
        places.setdefault(clip, []).append(place)
    groups: list[slice | Tensor] = []
    for members in places.values():
        if members[-1] - members[0] == len(members) - 1:
            groups.append(slice(members[0] * patches, (members[-1] + 1) * patches))
        else:
            first = torch.tensor(members, device=device) * patches
            groups.append((first[:, None] + torch.arange(patches, device=device)).flatten())
    return groups


def _solve(clip: Clip, backend: Backend, *, gradient: bool) -> Solution:
    chosen = _chosen(clip.features.device.type) if backend == "auto" else backend
    if chosen == "symmetric":
        from vspwlib.losses.contrast import symmetric

        return symmetric.solve(clip, gradient=gradient)
    from vspwlib.losses.contrast import chunked

    return chunked.solve(clip, gradient=gradient, elementwise="triton" if chosen == "triton" else "torch")


def _chosen(place: str) -> str:
    """Return the fastest backend on a kind of device."""
    if place == "cuda" and uses_triton():
        return "triton"
    return "symmetric" if place == "cpu" else "chunked"


def _loss(clip: Clip, backend: Backend) -> Tensor:
    wanted = clip.features.requires_grad or getattr(clip.temperature, "requires_grad", False)
    if wanted and torch.is_grad_enabled():
        loss: Tensor = _WithGradient.apply(clip.features, clip.temperature, clip, backend)
        return loss
    return _solve(clip, backend, gradient=False).loss


class _WithGradient(torch.autograd.Function):
    """Value and gradient of one clip, found together."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, temperature: float | Tensor, clip: Clip, backend: Backend) -> Tensor:
        """Compute both."""
        solution = _solve(clip._replace(features=features, temperature=temperature), backend, gradient=True)
        ctx.save_for_backward(solution.features, solution.temperature)
        return solution.loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        """Scale what was found."""
        features, temperature = ctx.saved_tensors
        return above * features, None if temperature is None else above * temperature, None, None
