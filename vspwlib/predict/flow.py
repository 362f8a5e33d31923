"""Follow the pixels of a frame into its neighbours along optical flow, and mix in what was predicted for them there.

Letters: K classes, H×W a frame, h×w its grid of scores. Positions are pixels, 0 the centre of the first row or column.

    P(x) ~ P_t(x) + weight * sum over neighbours s of v_s(x) * P_s(x + F_s(x))

F_s is the flow from the frame t to its neighbour s, so values come backwards along it. v_s is 1 where the point is
inside the neighbour and the flow from there leads back to within a threshold, else 0: without any neighbour the frame's
own scores stand alone. P_s is read between pixels from the scores (:func:`~vspwlib.predict.scores.scores_at`); nothing
is resampled twice.

Source: flow: Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016, as OpenCV has it; the check:
Sundaram et al., ECCV 2010, with a plain threshold.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape, fail, require
from vspwlib.predict.axes import corners, sample_points
from vspwlib.predict.scores import Size, cells_at, scores_at
from vspwlib.predict.views import LOWEST

POINTS = 8192  # summed at a time: their scores stay in a core's cache

Flow = npt.NDArray[np.float32]


class Track(NamedTuple):
    """Where points of a frame are in a neighbour.

    Attributes:
        rows: ``(...)`` float32, in pixels of the neighbour.
        columns: Likewise.
        valid: ``(...)`` bool, whether the points are inside it and found back.
    """

    rows: Tensor
    columns: Tensor
    valid: Tensor


class Neighbour(NamedTuple):
    """A frame to mix in.

    Attributes:
        scores: ``(K, h, w)`` float32.
        there: ``(H, W, 2)`` flow from the frame to this neighbour, as :func:`optical_flow` has it.
        back: The flow from the neighbour to the frame.
    """

    scores: Tensor
    there: Flow
    back: Flow


def optical_flow(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Flow:
    """Estimate where the pixels of an image are in another one.

    Args:
        first: ``(H, W)`` grey image, at least 12 pixels high and wide.
        second: The other, of the same size.

    Returns:
        ``(H, W, 2)`` float32: columns to the right and rows down, in pixels.

    Raises:
        InputError: the sizes differ or are too small, or OpenCV is missing.
    """
    check_shape("frame", first.shape, ("H", "W"))
    check_shape("frame", second.shape, first.shape)
    height, width = first.shape
    require(min(first.shape) >= 12, "optical flow", expected="frames of at least 12 pixels", got=f"{width}x{height}")
    try:
        import cv2
    except ImportError:
        fail("optical flow", expected="OpenCV", got="none", fix="pip install opencv-python-headless.")
    estimator: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow: Flow = estimator.calc(np.ascontiguousarray(first), np.ascontiguousarray(second), None)
    return flow


def track(there: Flow, back: Flow, rows: Tensor, columns: Tensor, threshold: float) -> Track:
    """Follow points into a neighbour and back.

    Args:
        there: ``(H, W, 2)`` flow from the frame to the neighbour.
        back: Flow from the neighbour to the frame.
        rows: ``(...)`` float32 positions of the points; flow between pixels is interpolated.
        columns: Likewise.
        threshold: Most pixels between where a point started and where it comes back to.

    Returns:
        The points in the neighbour. One that leaves it, by more than the half pixel that its outermost pixels cover, is
        not valid.
    """
    height, width = there.shape[:2]
    out = sample_points(torch.from_numpy(there).to(rows.device), rows, columns)
    y, x = rows + out[..., 1], columns + out[..., 0]
    inside = (y >= -0.5) & (y <= height - 0.5) & (x >= -0.5) & (x <= width - 0.5)
    home = sample_points(torch.from_numpy(back).to(rows.device), y, x)
    return Track(y, x, inside & ((out + home).norm(dim=-1) <= threshold))


def smoothed_labels(
    own: Tensor, neighbours: Sequence[Neighbour], size: Size, *, weight: float, threshold: float
) -> npt.NDArray[np.uint8]:
    """Return the most probable class of every pixel after mixing in the neighbours.

    Sums are taken in float64, ties go to the lowest id. Where the four cells around a pixel agree on a class, and so do
    those around its place in every neighbour that knows it, that class wins and no sum is taken.

    Args:
        own: ``(K, h, w)`` float32 scores of the frame, K <= 255.
        neighbours: Frames to mix in.
        size: ``(H, W)`` of the frame.
        weight: Of each neighbour, the frame itself having 1.
        threshold: As for :func:`track`.

    Returns:
        ``(H, W)`` uint8 in main memory.
    """
    _check(own, neighbours, size, weight, threshold)
    y, x = _points(*(torch.arange(side, dtype=torch.float32, device=own.device) for side in size))
    others = [(scores, track(there, back, y, x, threshold)) for scores, there, back in neighbours]
    labels, settled = _agreed(own, y, x, size)
    for scores, where in others:
        winners, sure = _agreed(scores, where.rows, where.columns, size)
        settled &= ~where.valid | (sure & (winners == labels))
    for points in (~settled).nonzero()[:, 0].split(POINTS):
        total = scores_at(own, size, y[points], x[points]).softmax(-1).double()
        for scores, where in others:
            known = where.valid[points].nonzero()[:, 0]
            rows, columns = where.rows[points[known]], where.columns[points[known]]
            total.index_add_(0, known, scores_at(scores, size, rows, columns).softmax(-1).double(), alpha=weight)
        labels[points] = total.argmax(-1)
    return labels.view(size).to(torch.uint8).cpu().numpy()


def smoothed_scores(
    own: Tensor, neighbours: Sequence[Neighbour], size: Size, *, weight: float, threshold: float
) -> Tensor:
    """Return the logarithm of the same mean at the points of the stride-4 grid, as a score store holds it.

    Arguments are those of :func:`smoothed_labels`. The labels of these scores differ from it between the points.

    Returns:
        ``(K, h, w)`` float32, at least -60.
    """
    _check(own, neighbours, size, weight, threshold)
    at = [
        (torch.arange(cells, dtype=torch.float32, device=own.device) + 0.5) * (pixels / cells) - 0.5
        for cells, pixels in zip(own.shape[1:], size, strict=True)
    ]
    y, x = _points(*at)
    total, mass = own.permute(1, 2, 0).flatten(0, 1).softmax(dim=-1), torch.ones_like(y)
    for scores, there, back in neighbours:
        found = track(there, back, y, x, threshold)
        share = weight * found.valid
        total = total + share[:, None] * scores_at(scores, size, found.rows, found.columns).softmax(dim=-1)
        mass = mass + share
    return (total / mass[:, None]).log_().clamp_(min=LOWEST).view(*own.shape[1:], -1).permute(2, 0, 1)


def _points(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows and the columns of all points of a raster, row after row."""
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return y.flatten(), x.flatten()


def _agreed(scores: Tensor, rows: Tensor, columns: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """Return the class of a cell near each point, and whether all four around it agree on that."""
    grid = scores.shape[1:]
    winners = scores.argmax(0).flatten()[corners(grid, *cells_at(grid, size, rows, columns)).cells]
    return winners[0], (winners == winners[0]).all(0)


def _check(own: Tensor, neighbours: Sequence[Neighbour], size: Size, weight: float, threshold: float) -> None:
    check_shape("scores", own.shape, ("K", "h", "w"))
    check_range("classes", own.shape[0], 1, 255)
    check_range("weight", weight, 0)
    check_range("threshold", threshold, 0)
    for scores, there, back in neighbours:
        check_shape("scores of a neighbour", scores.shape, tuple(own.shape))
        for flow in (there, back):
            check_shape("flow", flow.shape, (*size, 2))
