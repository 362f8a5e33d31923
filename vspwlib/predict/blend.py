"""Blend the scores of overlapping windows on one grid over the whole frame.

The official code resizes the scores of every window to pixels and averages them there. Here they are averaged on a grid
of ``ceil(H/4) x ceil(W/4)`` points that is resized straight to ``(H, W)``, a sixteenth of the numbers to add and to
store. The last window of a row is moved back to end with the frame, and the frame may have been resized, so windows lie
off that grid: each is sampled at the grid's points by an exact map of pixel centres (:mod:`vspwlib.predict.axes`). What
that changes is measured in ``docs/decisions/004-stride-4-blending.md``.

Source of the averaging: ``slide_inference`` of mmsegmentation's ``EncoderDecoder`` (sum over windows divided by count).
"""

from functools import lru_cache

import torch
from torch import Tensor

from vspwlib.predict.axes import AxisMap, sample, window_axis
from vspwlib.predict.windows import Box

STRIDE = 4


def grid_size(height: int, width: int) -> tuple[int, int]:
    """Return the points of a frame's grid: one per four pixels, rounded up.

    >>> grid_size(480, 853)
    (120, 214)
    """
    return -(-height // STRIDE), -(-width // STRIDE)


class GridBlend:
    """The running mean of window scores on a frame's grid.

    A class because sums outlive the batch in which a window was computed: a frame's windows may come in several.

    Args:
        frame: ``(H, W)`` of the frame as it was read.
        resized: Height and width of the image that the windows were cut from.
        num_classes: Classes K.
        device: Where to add up.
    """

    def __init__(
        self, frame: tuple[int, int], resized: tuple[int, int], num_classes: int, device: torch.device | str = "cpu"
    ) -> None:
        self.grid = grid_size(*frame)
        self.resized = resized
        self._sum = torch.zeros(*self.grid, num_classes, device=device)
        self._count = torch.zeros(*self.grid, 1, device=device)

    def add(self, box: Box, covered: tuple[int, int], scores: Tensor) -> None:
        """Add a window: its scores at the grid's points inside it, each with weight 1.

        Args:
            box: The window, in pixels of the resized image.
            covered: Height and width that the scores cover: the window and its padding at the right and the bottom.
            scores: ``(K, h, w)`` float32.
        """
        axes = (
            _axis(self.grid[0], self.resized[0], box.top, box.height, scores.shape[1], covered[0]),
            _axis(self.grid[1], self.resized[1], box.left, box.width, scores.shape[2], covered[1]),
        )
        rows, columns = (slice(axis.start, axis.stop) for axis in axes)
        self._sum[rows, columns] += sample(scores.permute(1, 2, 0).contiguous(), *axes)
        self._count[rows, columns] += 1

    def mean(self) -> Tensor:
        """Return the mean of the windows at every point, each of which must lie in one.

        Returns:
            ``(K, h, w)`` float32, pixel-major in memory.
        """
        return (self._sum / self._count).permute(2, 0, 1)


@lru_cache(maxsize=1024)
def _axis(points: int, length: int, start: int, extent: int, cells: int, covered: int) -> AxisMap:  # noqa: PLR0917
    """Return the axis map of a window; frames of one size share it."""
    return window_axis(points=points, length=length, start=start, extent=extent, cells=cells, covered=covered)
