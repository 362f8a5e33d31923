"""From frames to class scores: resize, sliding windows, horizontal flip, in batches of windows.

Letters: H×W a frame as read, h×w its grid of scores at stride 4, K classes, B windows of one batch.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision

from vspwlib.checks import check_choice, check_range, check_shape, fail, require
from vspwlib.data.transforms import normalise
from vspwlib.predict.blend import GridBlend
from vspwlib.predict.windows import Box, boxes

LOWEST = -60.0  # e^-60 is nothing beside any other share, and in fp16 -60 still has a step of 1/32
PRECISIONS = ("fp32", "bf16")

Frame = npt.NDArray[np.uint8]


@dataclass
class _Job:
    """One frame under way: its images (the frame, and its mirror image with flip), each with its blend."""

    images: list[Tensor]  # each (3, H', W') normalised
    blends: list[GridBlend]
    windows: list[tuple[int, Box]] = field(default_factory=list)  # which image, where
    open: int = 0  # windows that have no scores yet


class Predictor:
    """Class scores of whole frames, the same for one frame or many.

    Each frame is resized so that its short side has ``short_side`` pixels (antialiased bilinear, as in training), cut
    into windows by the official rule, and the scores of overlapping windows are averaged before any softmax. A window
    smaller than asked for, because the frame is, is padded with the mean colour at the right and the bottom to a
    multiple of ``size_divisor``.

    With ``flip`` the mirrored frame is predicted as well and the mean of both softmaxes, taken on the grid, comes back
    as its logarithm, at least -60; its softmax is that mean again.

    Args:
        score_fn: Maps images ``(B, 3, h, w)`` float32, normalised, on ``device`` to class scores ``(B, K, h/4, w/4)``.
        num_classes: Classes K.
        short_side: Pixels of the frame's short side; None keeps its size.
        window: Height and width of a window in pixels of the resized frame.
        stride: Steps between windows down and across, no longer than the window.
        flip: Whether to average with the mirror image.
        batch_windows: Windows in one forward pass; they may come from several frames.
        device: Where images go and scores come from.
        precision: ``fp32``, or ``bf16`` to run ``score_fn`` under autocast.
        size_divisor: Divisor of the height and width that ``score_fn`` takes.

    Source: ``slide_inference`` and the flip of mmsegmentation's test code; section 3.2 of the paper.
    """

    def __init__(
        self,
        score_fn: Callable[[Tensor], Tensor],
        *,
        num_classes: int = 124,
        short_side: int | None = None,
        window: tuple[int, int] = (480, 480),
        stride: tuple[int, int] = (320, 320),
        flip: bool = False,
        batch_windows: int = 4,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        size_divisor: int = 32,
    ) -> None:
        check_choice("precision", precision, PRECISIONS)
        check_range("batch_windows", batch_windows, low=1)
        if short_side is not None:
            check_range("short_side", short_side, low=1)
        for size, step in zip(window, stride, strict=True):
            fix = "a longer stride leaves pixels without a prediction."
            require(1 <= step <= size, "stride", expected=f"1 to the window, {window}", got=stride, fix=fix)
        self.score_fn, self.num_classes, self.short_side = score_fn, num_classes, short_side
        self.window, self.stride, self.flip = window, stride, flip
        self.batch_windows, self.device = batch_windows, torch.device(device)
        self.precision, self.size_divisor = precision, size_divisor

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the scores besides the network, for a manifest; batch size and device do not."""
        return {
            "short_side": self.short_side,
            "window": list(self.window),
            "stride": list(self.stride),
            "flip": self.flip,
            "precision": self.precision,
            "size_divisor": self.size_divisor,
        }

    def scores(self, image: Frame) -> Tensor:
        """Return the scores of one frame.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Returns:
            ``(K, ceil(H/4), ceil(W/4))`` float32 on the predictor's device; resized to ``(H, W)``, their softmax is P.
        """
        return next(self.predict_frames([image]))

    @torch.no_grad()
    def predict_frames(self, images: Iterable[Frame]) -> Iterator[Tensor]:
        """Yield the scores of each frame, in order; windows of several frames share forward passes.

        Args:
            images: Frames ``(H, W, 3)`` uint8 RGB of any sizes. Up to ``batch_windows`` are read ahead.

        Yields:
            As :meth:`scores`.

        Raises:
            InputError: a frame of another shape or type, scores of another shape, or a device out of memory.
        """
        jobs: deque[_Job] = deque()
        batch: list[tuple[_Job, int, Box]] = []
        for image in images:
            job = self._begin(image)
            jobs.append(job)
            for which, box in job.windows:
                if batch and _extent(batch[0][2]) != _extent(box):
                    self._run(batch)
                    batch = []
                batch.append((job, which, box))
                if len(batch) == self.batch_windows:
                    self._run(batch)
                    batch = []
            while jobs and not jobs[0].open:
                yield self._finish(jobs.popleft())
        if batch:
            self._run(batch)
        yield from map(self._finish, jobs)

    def _begin(self, image: Frame) -> _Job:
        """Resize and normalise a frame, and place its windows."""
        normalised = self.prepare(image)
        height, width = image.shape[:2]
        size = (normalised.shape[1], normalised.shape[2])
        images = [normalised, normalised.flip(-1)] if self.flip else [normalised]
        blends = [GridBlend((height, width), size, self.num_classes, self.device) for _ in images]
        windows = [(which, box) for which in range(len(images)) for box in boxes(*size, self.window, self.stride)]
        return _Job(images, blends, windows, open=len(windows))

    def prepare(self, image: Frame) -> Tensor:
        """Return a frame as networks see it before it is cut: ``(3, H', W')`` float32, resized, normalised, on device.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.

        Raises:
            InputError: a frame of another shape or type.
        """
        check_shape("frame", image.shape, ("H", "W", 3))
        require(image.dtype == np.uint8, "frame", expected="uint8 RGB, 0..255", got=image.dtype)
        height, width = image.shape[:2]
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device, non_blocking=True).permute(2, 0, 1)
        size = resized_size(height, width, self.short_side)
        if size != (height, width):
            pixels = vision.resize_image(pixels, list(size), antialias=True)
        return normalise(pixels)

    def padded(self, images: Tensor) -> Tensor:
        """Pad ``(B, 3, H, W)`` with the mean colour at the right and the bottom to a multiple of ``size_divisor``."""
        down, across = (-side % self.size_divisor for side in images.shape[-2:])
        return functional.pad(images, (0, across, 0, down))  # 0 is the mean colour

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which networks run: bfloat16 autocast, or nothing in fp32."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _run(self, batch: list[tuple[_Job, int, Box]]) -> None:
        """Run one batch of windows of equal size, and add the scores to their frames."""
        crops = self.padded(torch.stack([_cut(job.images[which], box) for job, which, box in batch]))
        covered = (crops.shape[-2], crops.shape[-1])
        try:
            with self.autocast():
                scores = self.score_fn(crops).float()
        except torch.OutOfMemoryError:
            size = f"{len(batch)} windows of {covered[0]}x{covered[1]} pixels"
            fail("batch_windows", expected=f"a batch that fits {self.device}", got=size, fix="lower batch_windows.")
        check_shape("scores of the network", scores.shape, (len(batch), self.num_classes, "h", "w"))
        for (job, which, box), window in zip(batch, scores, strict=True):
            job.blends[which].add(box, covered, window)
            job.open -= 1

    def _finish(self, job: _Job) -> Tensor:
        """Return the blended scores of a frame."""
        means = [blend.mean() for blend in job.blends]
        return mean_of_softmaxes(means[0], means[1].flip(-1)) if self.flip else means[0]


def mean_of_softmaxes(first: Tensor, second: Tensor) -> Tensor:
    """Return the logarithm of the mean of two softmaxes over classes, at least -60.

    Args:
        first: ``(K, h, w)`` float32 scores.
        second: Scores of the same shape.

    >>> mean_of_softmaxes(torch.zeros(2, 1, 1), torch.zeros(2, 1, 1)).exp().flatten().tolist()
    [0.5, 0.5]
    """
    one, other = (scores.movedim(0, -1).softmax(dim=-1) for scores in (first, second))  # pixel-major
    return one.add_(other).mul_(0.5).log_().clamp_(min=LOWEST).movedim(-1, 0)


def resized_size(height: int, width: int, short_side: int | None) -> tuple[int, int]:
    """Return the size of a frame after resizing its short side, the ratio kept up to rounding.

    >>> resized_size(480, 853, 896)
    (896, 1592)
    """
    if short_side is None:
        return height, width
    ratio = short_side / min(height, width)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def _extent(box: Box) -> tuple[int, int]:
    return box.height, box.width


def _cut(image: Tensor, box: Box) -> Tensor:
    return image[:, box.top : box.top + box.height, box.left : box.left + box.width]
