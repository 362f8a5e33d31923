"""Losses of masks on sampled points: where the points lie, and what maps and labels hold there.

Shape letters: B images, M masks, G classes, P points, h×w logit grid, H×W label grid. Points are (x, y) as shares of
width and height: the centre of column i lies at ``(i + 0.5) / W``, so one point means the same place on either grid.

Source: Kirillov et al., PointRend, CVPR 2020, section 3.1 (bilinear samples, importance sampling); Cheng et al.,
Mask2Former, CVPR 2022, section 3.3.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class PointDraws:
    """All that chance decides in one call of the set losses, for L decoder outputs, where it is given.

    Attributes:
        match: ``(L, B, P, 2)`` points of the matching costs, shared by all masks of an image.
        candidates: ``(L, M, candidates, 2)`` points to choose from, per matched mask.
        uniform: ``(L, M, P - chosen, 2)`` points that are taken as they are.
    """

    match: Tensor
    candidates: Tensor
    uniform: Tensor


def sample_maps(maps: Tensor, points: Tensor) -> Tensor:
    """Sample maps bilinearly; beyond their border there are zeros.

    Under ``torch.use_deterministic_algorithms`` a gradient is found by gathering corners, since CUDA's for
    ``grid_sample`` is not deterministic.

    Args:
        maps: ``(N, C, h, w)`` float.
        points: ``(N, P, 2)`` within 0..1, shared by the C channels.

    Returns:
        ``(N, C, P)``.
    """
    if torch.are_deterministic_algorithms_enabled() and maps.requires_grad and torch.is_grad_enabled():
        return _gathered(maps, points)
    return functional.grid_sample(maps, 2 * points[:, None] - 1, align_corners=False)[:, :, 0]


def _gathered(maps: Tensor, points: Tensor) -> Tensor:
    """:func:`sample_maps` as a weighted sum of each point's four corners."""
    height, width = maps.shape[2] + 2, maps.shape[3] + 2
    framed = functional.pad(maps, (1, 1, 1, 1)).flatten(2)
    first, corners = _corners(points, height, width)
    sampled = maps.new_zeros(*maps.shape[:2], points.shape[1])
    for step, weight in corners:
        places = (first + step)[:, None].expand_as(sampled)
        sampled = sampled + framed.gather(2, places) * weight[:, None].to(maps.dtype)
    return sampled


def _corners(points: Tensor, height: int, width: int) -> tuple[Tensor, list[tuple[int, Tensor]]]:
    """Find the pixels around points on a grid that has a frame of one pixel; its sides count the frame.

    Returns:
        The number ``(N, P)`` of each point's upper left pixel; of each corner, how much further on it lies, and its
        weight ``(N, P)``.
    """
    x, y = points[..., 0] * (width - 2) + 0.5, points[..., 1] * (height - 2) + 0.5  # framed pixels at whole numbers
    left, top = x.floor(), y.floor()
    right, below = x - left, y - top
    steps = ((0, 1 - right, 1 - below), (1, right, 1 - below), (width, 1 - right, below), (width + 1, right, below))
    return top.long() * width + left.long(), [(step, along * down) for step, along, down in steps]


def sample_class_masks(labels: Tensor, points: Tensor, classes: Tensor, images: Tensor) -> Tensor:
    """Sample the binary masks of classes bilinearly, without making the masks.

    A mask's value at a point is the weight of those of its four surrounding pixels that carry the class.

    Args:
        labels: ``(B, H, W)`` int64.
        points: ``(N, P, 2)`` within 0..1.
        classes: ``(N, G)`` int64, not negative.
        images: ``(N,)`` int64, the image that each row of ``points`` and ``classes`` belongs to.

    Returns:
        ``(N, G, P)``, 0 to 1, in the number type of ``points``; exactly what sampling float masks would give.
    """
    height, width = labels.shape[1] + 2, labels.shape[2] + 2
    framed = functional.pad(labels, (1, 1, 1, 1), value=-1).flatten()  # corners beyond the border belong to no class
    first, corners = _corners(points, height, width)
    first = first + images[:, None] * (height * width)
    sampled = points.new_zeros(*classes.shape, points.shape[1])
    for step, weight in corners:
        corner_labels = framed[first + step]
        sampled += weight[:, None] * (corner_labels[:, None] == classes[:, :, None])
    return sampled


@torch.no_grad()
def importance_points(maps: Tensor, candidates: Tensor, uniform: Tensor, chosen: int) -> Tensor:
    """Choose the points of a loss: those candidates whose logits are nearest to 0, and the uniform ones.

    Args:
        maps: ``(M, h, w)`` mask logits.
        candidates: ``(M, candidates, 2)``.
        uniform: ``(M, P - chosen, 2)``.
        chosen: How many candidates to keep.

    Returns:
        ``(M, P, 2)``, the least certain point first, uniform points last.
    """
    certainty = sample_maps(maps[:, None], candidates)[:, 0].abs()  # (M, candidates)
    nearest = certainty.topk(chosen, dim=1, largest=False).indices
    kept = candidates.gather(1, nearest[..., None].expand(-1, -1, 2))
    return torch.cat([kept, uniform], dim=1)
