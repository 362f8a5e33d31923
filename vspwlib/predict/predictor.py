"""From frames to class scores: scales, sliding windows, horizontal flip, in batches of windows.

Letters: H×W a frame as read, h×w its grid of scores at stride 4, K classes, B windows of one batch.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision

from vspwlib.checks import check_choice, check_range, check_ratios, check_shape, fail, require
from vspwlib.data.transforms import normalise
from vspwlib.predict.blend import GridBlend
from vspwlib.predict.views import AVERAGES, ViewMean
from vspwlib.predict.windows import Box, boxes

PRECISIONS = ("fp32", "bf16")

Frame = npt.NDArray[np.uint8]


@dataclass
class _View:
    """One view of a frame under way: the frame at a scale, or that mirrored."""

    image: Tensor  # (3, H', W') normalised
    mirrored: bool
    boxes: list[Box]
    blend: GridBlend
    frame: ViewMean  # where the scores go when every window has been added
    added: int = 0

    def add(self, box: Box, covered: tuple[int, int], scores: Tensor) -> None:
        """Add a window; the last one ends the view."""
        self.blend.add(box, covered, scores)
        self.added += 1
        if self.added == len(self.boxes):
            blended = self.blend.mean()
            self.frame.add(blended.flip(-1) if self.mirrored else blended)


class Predictor:
    """Class scores of whole frames, the same for one frame or many.

    Each frame is resized so that its short side has ``short_side`` pixels (bilinear), cut into windows by the official
    rule, and the scores of overlapping windows are averaged before any softmax. A window smaller than asked for,
    because the frame is, is padded with the mean colour at the right and the bottom to a multiple of ``size_divisor``.

    Every scale is a view of the frame, and with ``flip`` its mirror image another; the mean of the views is taken on
    the frame's grid (:class:`~vspwlib.predict.views.ViewMean`).

    Args:
        score_fn: Maps images ``(B, 3, h, w)`` float32, normalised, on ``device`` to class scores ``(B, K, h/4, w/4)``;
            another grid will do that covers the images, with pixel centres at half integers.
        num_classes: Classes K.
        short_side: Pixels of the frame's short side; None keeps its size.
        window: Height and width of a window in pixels of the resized frame.
        stride: Steps between windows down and across, no longer than the window.
        flip: Whether to average with the mirror image.
        scales: Sizes to average over, as ratios to that of ``short_side``; each above 0 and up to 4. A view smaller
            than the window is one window.
        average: ``probabilities`` or ``scores``: what the mean of several views is taken of.
        batch_windows: Windows in one forward pass; they may come from several frames.
        device: Where images go and scores come from.
        precision: ``fp32``, or ``bf16`` to run ``score_fn`` under autocast.
        size_divisor: Divisor of the height and width that ``score_fn`` takes.
        antialias: Whether a smaller frame averages over the pixels it leaves out, as in training here; OpenCV's
            bilinear resizing does not.
        normalise: Turns uint8 RGB ``(3, h, w)`` into what ``score_fn`` takes, such that 0 may be padded.

    Source: ``slide_inference``, flip and scales of mmsegmentation's test code; section 3.2 of the paper (no scales).
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
        scales: tuple[float, ...] = (1.0,),
        average: str = "probabilities",
        batch_windows: int = 4,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        size_divisor: int = 32,
        antialias: bool = True,
        normalise: Callable[[Tensor], Tensor] = normalise,
    ) -> None:
        check_choice("precision", precision, PRECISIONS)
        check_choice("average", average, AVERAGES)
        check_ratios("scales", scales, 4)
        check_range("batch_windows", batch_windows, low=1)
        if short_side is not None:
            check_range("short_side", short_side, low=1)
        for size, step in zip(window, stride, strict=True):
            fix = "a longer stride leaves pixels without a prediction."
            require(1 <= step <= size, "stride", expected=f"1 to the window, {window}", got=stride, fix=fix)
        self.score_fn, self.num_classes, self.short_side = score_fn, num_classes, short_side
        self.window, self.stride, self.flip = window, stride, flip
        self.scales, self.average = scales, average
        self.batch_windows, self.device = batch_windows, torch.device(device)
        self.precision, self.size_divisor = precision, size_divisor
        self.antialias, self.normalise = antialias, normalise

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the scores besides the network, for a manifest; batch size and device do not."""
        stated = {
            "short_side": self.short_side,
            "window": list(self.window),
            "stride": list(self.stride),
            "flip": self.flip,
            "scales": list(self.scales),
            "average": self.average,
            "precision": self.precision,
            "size_divisor": self.size_divisor,
        }
        return stated if self.antialias else {**stated, "antialias": False}

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
        frames: deque[ViewMean] = deque()
        batch: list[tuple[_View, Box]] = []
        for image in images:
            frames.append(frame := ViewMean(len(self.scales) * (1 + self.flip), self.average))
            for view in self._views(image, frame):
                for box in view.boxes:
                    if batch and _extent(batch[0][1]) != _extent(box):
                        self._run(batch)
                        batch = []
                    batch.append((view, box))
                    if len(batch) == self.batch_windows:
                        self._run(batch)
                        batch = []
            while frames and frames[0].is_complete:
                yield frames.popleft().result()
        if batch:
            self._run(batch)
        yield from (frame.result() for frame in frames)

    def _views(self, image: Frame, frame: ViewMean) -> Iterator[_View]:
        """Yield the views of a frame with their windows, each made when the one before has been handed on."""
        for scale in self.scales:
            resized = self.prepare(image, scale)
            size = (resized.shape[1], resized.shape[2])
            places = boxes(*size, self.window, self.stride)
            for mirrored in (False, True) if self.flip else (False,):
                blend = GridBlend((image.shape[0], image.shape[1]), size, self.num_classes, self.device)
                yield _View(resized.flip(-1) if mirrored else resized, mirrored, places, blend, frame)

    def prepare(self, image: Frame, scale: float = 1.0) -> Tensor:
        """Return a frame as networks see it before it is cut: ``(3, H', W')`` float32, resized, normalised, on device.

        Args:
            image: ``(H, W, 3)`` uint8 RGB.
            scale: Ratio to the size of ``short_side``.

        Raises:
            InputError: a frame of another shape or type.
        """
        check_shape("frame", image.shape, ("H", "W", 3))
        require(image.dtype == np.uint8, "frame", expected="uint8 RGB, 0..255", got=image.dtype)
        height, width = image.shape[:2]
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device, non_blocking=True).permute(2, 0, 1)
        size = resized_size(height, width, self.short_side, scale)
        if size != (height, width):
            pixels = vision.resize_image(pixels, list(size), antialias=self.antialias)
        return self.normalise(pixels)

    def padded(self, images: Tensor) -> Tensor:
        """Pad ``(B, 3, H, W)`` with the mean colour at the right and the bottom to a multiple of ``size_divisor``."""
        down, across = (-side % self.size_divisor for side in images.shape[-2:])
        return functional.pad(images, (0, across, 0, down))  # 0 is the mean colour

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which networks run: bfloat16 autocast, or nothing in fp32."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.precision == "bf16" else nullcontext()

    def _run(self, batch: list[tuple[_View, Box]]) -> None:
        """Run one batch of windows of equal size, and add the scores to their views."""
        crops = self.padded(torch.stack([_cut(view.image, box) for view, box in batch]))
        covered = (crops.shape[-2], crops.shape[-1])
        try:
            with self.autocast():
                scores = self.score_fn(crops).float()
        except torch.OutOfMemoryError:
            size = f"{len(batch)} windows of {covered[0]}x{covered[1]} pixels"
            fail("batch_windows", expected=f"a batch that fits {self.device}", got=size, fix="lower batch_windows.")
        check_shape("scores of the network", scores.shape, (len(batch), self.num_classes, "h", "w"))
        for (view, box), window in zip(batch, scores, strict=True):
            view.add(box, covered, window)


def resized_size(height: int, width: int, short_side: int | None, scale: float = 1.0) -> tuple[int, int]:
    """Return the size of a frame after resizing its short side, the ratio of its sides kept up to rounding.

    Args:
        height: Rows of the frame.
        width: Its columns.
        short_side: Pixels of the short side at scale 1; None for those of the frame.
        scale: Ratio to that size.

    >>> resized_size(480, 853, 896), resized_size(480, 853, 896, 0.5)
    ((896, 1592), (448, 796))
    """
    ratio = scale if short_side is None else scale * short_side / min(height, width)
    return max(1, round(height * ratio)), max(1, round(width * ratio))


def _extent(box: Box) -> tuple[int, int]:
    return box.height, box.width


def _cut(image: Tensor, box: Box) -> Tensor:
    return image[:, box.top : box.top + box.height, box.left : box.left + box.width]
