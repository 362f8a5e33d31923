"""Fuse one frame of any number of runs from their stored scores: exact labels at full resolution, and scores again.

Letters: K classes, H×W a frame, h×w its grid of scores at stride 4.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.ensemble.class_weights import class_frame, class_labels
from vspwlib.ensemble.fuse import shares, weighted
from vspwlib.labels import VOID
from vspwlib.predict.scores import Size, probability_bands
from vspwlib.predict.views import LOWEST

ROWS = 8  # rows of a band: those of two runs at 124 classes and 854 columns stay in a core's cache


def soft_labels(
    scores: Sequence[Tensor], size: Size, weights: Sequence[float], *, rows: int = ROWS
) -> npt.NDArray[np.uint8]:
    """Return the most probable class of ``P = sum(w_i * P_i)``, P_i the full-resolution probabilities of run i.

    Sums are taken in float64, ties go to the lowest id. Where all runs agree on a class, it is that of any weighted
    sum, since it is ahead of every lower id in each run; so only the other pixels are summed. Memory is taken for one
    band of rows of every run, never for a whole frame of probabilities.

    Args:
        scores: ``(K, h, w)`` float32, one a run, on one device, K <= 255.
        size: ``(H, W)`` of the frame.
        weights: One a run, not negative, not all 0; they are divided by their sum.
        rows: Rows of a band.

    Returns:
        ``(H, W)`` uint8 in main memory.

    Raises:
        InputError: shapes or devices differ, or the weights are not as stated.

    Source:
        Equations (5) and (6) of the paper.

    >>> scores = torch.tensor([[[0.9]], [[0.1]]]).log(), torch.tensor([[[0.2]], [[0.8]]]).log()
    >>> soft_labels(scores, (1, 1), [0.3, 0.7]).tolist(), soft_labels(scores, (1, 1), [0.7, 0.3]).tolist()
    ([[1]], [[0]])
    """
    _check_alike(scores)
    check_range("classes", scores[0].shape[0], 1, VOID)
    parts = shares(weights, len(scores))
    out = np.empty(size, np.uint8)
    for bands in zip(*(probability_bands(values, size, rows=rows) for values in scores), strict=True):
        first, probs = bands[0][0], [band for _, band in bands]
        out[first : first + probs[0].shape[1]] = _band_labels(probs, parts).cpu().numpy()
    return out


def class_weighted_labels(
    scores: Sequence[Tensor], size: Size, weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """Return the class with the highest ``sum_i w_ic * P_ic``; shapes as for :func:`soft_labels`, computed on the CPU.

    Args:
        scores: ``(K, h, w)`` float32, one a run, on any device.
        size: ``(H, W)`` of the frame.
        weights: ``(N, K)`` from :func:`~vspwlib.ensemble.class_weights.class_shares`.
    """
    _check_alike(scores)
    return class_labels(class_frame([values.cpu() for values in scores], size), weights)


def fused_scores(
    scores: Sequence[Tensor], weights: Sequence[float], by_class: npt.NDArray[np.float64] | None = None
) -> Tensor:
    """Return scores whose softmax is the weighted sum of the runs' softmaxes, taken on the grid.

    This is what a score store of an ensemble holds, as that of a run does for flips. Resizing comes after the sum here
    and before it in :func:`soft_labels`, so the two differ between grid points, most where runs disagree.

    Args:
        scores: ``(K, h, w)`` float32, one a run, on one device.
        weights: One a run, not negative, not all 0; they are divided by their sum.
        by_class: ``(N, K)``, weights of every class in place of those.

    Returns:
        ``(K, h, w)`` float32, the logarithm of the sum, at least -60.

    Raises:
        InputError: shapes or devices differ, or the weights are not as stated.

    >>> fused_scores([torch.zeros(2, 1, 1), torch.zeros(2, 1, 1)], [1, 3]).exp().flatten().tolist()
    [0.5, 0.5]
    """
    _check_alike(scores)
    probs = [values.movedim(0, -1).softmax(dim=-1).movedim(-1, 0) for values in scores]  # pixel-major stays so
    if by_class is None:
        return weighted(probs, weights).log_().clamp_(min=LOWEST)
    columns = torch.from_numpy(by_class).to(probs[0].device, torch.float32)[..., None, None]  # (N, K, 1, 1)
    fused = sum((prob * own for prob, own in zip(probs, columns, strict=True)), torch.zeros_like(probs[0]))
    return fused.log_().clamp_(min=LOWEST)


def _band_labels(probs: Sequence[Tensor], parts: Sequence[float]) -> Tensor:
    """Return the labels ``(rows, W)`` uint8 of bands ``(K, rows, W)``, one a run."""
    tops = [prob.max(0).indices for prob in probs]
    labels = tops[0].to(torch.uint8)
    disputed = torch.stack([top != tops[0] for top in tops]).any(0)
    if bool(disputed.any()):
        columns = [prob.permute(1, 2, 0)[disputed].double().t()[:, None] for prob in probs]  # (K, 1, D)
        labels[disputed] = weighted(columns, parts).max(0).indices[0].to(torch.uint8)
    return labels


def _check_alike(scores: Sequence[Tensor]) -> None:
    require(len(scores) > 0, "scores", expected="at least one run", got="none")
    check_shape("scores", scores[0].shape, ("K", "h", "w"))
    for index, values in enumerate(scores[1:], start=2):
        check_shape("scores", values.shape, tuple(scores[0].shape), where=f"run {index}")
        require(values.device == scores[0].device, "scores", expected=scores[0].device, got=values.device)
