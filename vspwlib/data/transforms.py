"""Augmentation of a clip: one random draw for all its frames and masks, as torchvision v2 transforms.

Shapes: images are ``tv_tensors.Image`` (T, 3, H, W) uint8, masks ``tv_tensors.Mask`` (T, H, W) uint8 ids with 255 void.
What is drawn follows mmseg's RandomResize, RandomCrop, RandomFlip and PhotoMetricDistortion. Two things are done
otherwise, because they then cost a third of the time:

* The crop is cut out of the frame first and then resized, instead of resizing the frame and keeping a part of it. The
  box lies on whole source pixels, so the scale is off the drawn one by at most half a source pixel in the box's side.
* Brightness, contrast, saturation, hue and normalisation are one linear map of colours, a 3x3 matrix and an offset,
  clipped once to the range of a byte. Saturation and hue act around the grey axis (YIQ) rather than in HSV.

Source: open-mmlab/mmsegmentation, mmseg/datasets/transforms; Liu et al., "SSD: Single Shot MultiBox Detector", 2016
(photometric distortion).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from vspwlib.checks import check_range, require
from vspwlib.labels import VOID

MEAN = (123.675, 116.28, 103.53)  # ImageNet, RGB, 0..255
STD = (58.395, 57.12, 57.375)

CROP_TRIES = 10
BRIGHTNESS = 32.0  # added, in grey levels
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE = math.radians(36.0)  # mmseg's 18 steps of 2 degrees
RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])


def normalise(images: Tensor) -> Tensor:
    """Take off ImageNet's mean colour and divide by its deviation.

    Args:
        images: uint8 (or float, 0..255) RGB, shape (..., 3, H, W).

    Returns:
        float32 of the same shape.

    >>> normalise(torch.tensor([124, 116, 104], dtype=torch.uint8).view(3, 1, 1)).abs().max() < 0.01
    tensor(True)
    """
    mean, std = (torch.tensor(values, device=images.device).view(3, 1, 1) for values in (MEAN, STD))
    return (images.float() - mean) / std


class ClipAugment(v2.Compose):
    """Everything that happens to a training clip between the files and the network.

    Resize by a random ratio, cut a crop, flip, distort colours, normalise, pad at the right and the bottom where the
    resized frame is smaller than the crop (images with the mean colour, which is 0 after normalising; masks with void).

    Args:
        crop: Height and width of the result.
        scale: Range of the ratio, drawn uniformly.
        short_side: The shorter side of a frame at ratio 1, in pixels; None keeps the size of the file.
        flip: Probability of a mirror image.
        max_one_class: The largest share of labelled pixels that one class may hold in a crop; 1 takes every crop.
        photometric: Whether to distort colours.

    Call it with ``(images, masks)``; it returns float32 (T, 3, h, w), normalised, and uint8 (T, h, w).
    """

    def __init__(
        self,
        crop: tuple[int, int] = (480, 480),
        scale: tuple[float, float] = (0.5, 2.0),
        short_side: int | None = None,
        *,
        flip: float = 0.5,
        max_one_class: float = 0.75,
        photometric: bool = True,
    ) -> None:
        super().__init__(
            [
                ScaledCrop(crop, scale, short_side, max_one_class=max_one_class),
                v2.RandomHorizontalFlip(flip),
                ColourDistortion(active=photometric),
                PadTo(crop),
            ]
        )
        self.crop = crop


class ScaledCrop(v2.Transform):
    """Resize by a random ratio and cut out a random crop, or as much of it as the resized frame fills.

    Of up to ten places drawn, the first is taken where no class holds more than ``max_one_class`` of the labelled
    pixels of the result, all frames of the clip counted together; if there is none, the one with the smallest share. A
    place without any labelled pixel comes last. (mmseg takes whatever comes after ten misses.)

    Args:
        crop: Height and width of the crop.
        scale: Range of the ratio.
        short_side: The shorter side at ratio 1; None keeps the size of the file.
        max_one_class: Largest share of one class, above 0; 1 switches the rule off.
    """

    def __init__(
        self, crop: tuple[int, int], scale: tuple[float, float], short_side: int | None, *, max_one_class: float
    ) -> None:
        super().__init__()
        for size in (*crop, *([] if short_side is None else [short_side])):
            check_range("crop and short_side", size, low=1)
        require(0 < scale[0] <= scale[1], "scale", expected="0 < low <= high", got=scale)
        require(0 < max_one_class <= 1, "max_one_class", expected="above 0, at most 1", got=max_one_class)
        self.crop, self.scale, self.short_side, self.max_one_class = crop, scale, short_side, max_one_class

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the place: ``box`` (top, left, height, width) in pixels of the file, and the ``size`` of the result."""
        height, width = functional.get_size(flat_inputs[0])
        ratio = _uniform(*self.scale) * (self.short_side / min(height, width) if self.short_side else 1.0)
        resized = [max(1, round(side * ratio)) for side in (height, width)]
        size = [min(want, have) for want, have in zip(self.crop, resized, strict=True)]
        cut = [min(s, max(1, round(n * s / r))) for s, n, r in zip((height, width), size, resized, strict=True)]
        masks = [mask for mask in flat_inputs if isinstance(mask, tv_tensors.Mask)]
        best: dict[str, Any] = {}
        least = math.inf
        for _ in range(CROP_TRIES):
            top, left = _integer(height - cut[0]), _integer(width - cut[1])
            params = {"box": (top, left, *cut), "size": size}
            share = largest_share(torch.cat([self.transform(mask, params) for mask in masks])) if masks else 0.0
            if not best or share < least:
                best, least = params, share
            if least <= self.max_one_class or self.max_one_class >= 1:
                break
        return best

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Cut and resize: images smoothly, masks by the value at the centre of each new pixel."""
        if isinstance(inpt, tv_tensors.Mask):
            return tv_tensors.wrap(cut_mask(inpt, **params), like=inpt)
        return functional.resized_crop(inpt, *params["box"], params["size"], antialias=True)


class ColourDistortion(v2.Transform):
    """Draw brightness, contrast, saturation and hue, each with probability one half, and normalise in the same pass.

    mmseg draws whether contrast comes before or after saturation and hue; as linear maps they commute.

    Args:
        active: False only normalises.
    """

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, *, active: bool = True) -> None:
        super().__init__()
        self.active = active

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002 - the draw does not depend on them
        """Draw the colour map: ``matrix`` (3, 3) and ``offset`` (3,) on 0..255."""
        if not self.active:
            return {"matrix": torch.eye(3), "offset": torch.zeros(3)}
        brightness = _uniform(-BRIGHTNESS, BRIGHTNESS) if _coin() else 0.0
        contrast = _uniform(*CONTRAST) if _coin() else 1.0
        saturation = _uniform(*SATURATION) if _coin() else 1.0
        hue = _uniform(-HUE, HUE) if _coin() else 0.0
        matrix = contrast * chroma_matrix(saturation, hue)
        return {"matrix": matrix, "offset": matrix.sum(dim=1) * brightness}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Apply the colour map, clip to the range of a byte and normalise."""
        return tv_tensors.wrap(map_colours(inpt, params["matrix"], params["offset"]), like=inpt)


class PadTo(v2.Transform):
    """Pad at the right and the bottom up to a size: images with 0, masks with void.

    Args:
        size: Height and width of the result; inputs must not be larger.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:  # noqa: ARG002 - nothing is drawn
        """Pad one input."""
        height, width = functional.get_size(inpt)
        padding = [0, 0, self.size[1] - width, self.size[0] - height]
        if not any(padding):
            return inpt
        return functional.pad(inpt, padding, fill=VOID if isinstance(inpt, tv_tensors.Mask) else 0)


def cut_mask(masks: Tensor, box: tuple[int, int, int, int], size: Sequence[int]) -> Tensor:
    """Cut a box out of masks and resize it, taking the value at the centre of each new pixel.

    Images are resampled around the same centres. (v2's resize of a Mask takes the value at the corner of a pixel, up to
    half a pixel beside the image's; its exact mode is four times slower than this.)

    Args:
        masks: uint8 (T, H, W), on the CPU.
        box: Top, left, height, width in pixels of the masks.
        size: Height and width of the result.

    Returns:
        uint8 (T, *size).

    >>> cut_mask(torch.arange(8, dtype=torch.uint8).view(1, 2, 4), box=(0, 0, 2, 4), size=(1, 2)).tolist()
    [[[5, 7]]]
    """
    top, left, height, width = box
    rows, columns = (
        start + ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for start, old, new in ((top, height, size[0]), (left, width, size[1]))
    )
    return torch.from_numpy(masks.numpy().take(rows, axis=1).take(columns, axis=2))


def largest_share(masks: Tensor) -> float:
    """Return the share of the most frequent class among labelled pixels; infinite where nothing is labelled.

    Args:
        masks: uint8 ids of any shape, 255 void.

    >>> largest_share(torch.tensor([3, 3, 3, 7, 255], dtype=torch.uint8))
    0.75
    """
    counts = torch.bincount(masks.flatten(), minlength=VOID + 1)[:VOID]
    labelled = int(counts.sum())
    return int(counts.max()) / labelled if labelled else math.inf


def chroma_matrix(saturation: float, hue: float) -> Tensor:
    """Return the matrix (3, 3) on RGB columns that stretches and turns chroma; grey stays as it is.

    Args:
        saturation: Factor on the distance from grey; 0 leaves only the luma.
        hue: Angle in radians, in the I-Q plane.

    >>> torch.allclose(chroma_matrix(0.3, 1.0) @ torch.full((3,), 80.0), torch.full((3,), 80.0), atol=1e-3)
    True
    """
    cos, sin = saturation * math.cos(hue), saturation * math.sin(hue)
    turn = torch.tensor([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
    return torch.linalg.solve(RGB_TO_YIQ, turn @ RGB_TO_YIQ)


def map_colours(images: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Return ``normalise(clip(matrix @ rgb + offset, 0, 255))``, computed as one linear map and one clip.

    Args:
        images: uint8 RGB (T, 3, H, W).
        matrix: (3, 3), on 0..255.
        offset: (3,).

    Returns:
        float32 (T, 3, H, W), contiguous.
    """
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    weights, constants = (matrix / std[:, None]).tolist(), ((offset - mean) / std).tolist()
    channels = images.as_subclass(Tensor).float().unbind(1)
    out = torch.empty(images.shape)
    # Channel by channel: matrix products and convolutions round otherwise with another number of threads.
    for channel, (row, constant) in enumerate(zip(weights, constants, strict=True)):
        mixed = torch.mul(channels[0], row[0], out=out[:, channel])
        mixed.add_(channels[1], alpha=row[1]).add_(channels[2], alpha=row[2]).add_(constant)
        mixed.clamp_(-MEAN[channel] / STD[channel], (255 - MEAN[channel]) / STD[channel])
    return out


def _uniform(low: float, high: float) -> float:
    return low + (high - low) * torch.rand(()).item()


def _integer(highest: int) -> int:
    """Draw from 0..highest."""
    return int(torch.randint(highest + 1, ()).item())


def _coin() -> bool:
    return torch.rand(()).item() < 0.5
