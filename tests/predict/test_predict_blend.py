"""Blending on the grid against a loop over points and windows, and against blending at full resolution."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch.nn import functional

from vspwlib.predict.blend import GridBlend, grid_size
from vspwlib.predict.windows import Box, boxes

CASES = [  # frame, resized, window, stride
    ((64, 96), (64, 96), (64, 64), (32, 32)),
    ((45, 61), (45, 61), (32, 32), (20, 24)),
    ((37, 50), (74, 100), (64, 64), (43, 43)),
    ((61, 45), (31, 23), (16, 16), (16, 11)),
]


def padded(side: int) -> int:
    return math.ceil(side / 32) * 32


def bilinear(scores: npt.NDArray[np.float64], y: float, x: float) -> npt.NDArray[np.float64]:
    """Value at a fractional cell, one point at a time."""
    y, x = (min(max(value, 0.0), side - 1.0) for value, side in zip((y, x), scores.shape[1:], strict=True))
    top, left = int(y), int(x)
    bottom, right = min(top + 1, scores.shape[1] - 1), min(left + 1, scores.shape[2] - 1)
    down, across = y - top, x - left
    upper = scores[:, top, left] * (1 - across) + scores[:, top, right] * across
    lower = scores[:, bottom, left] * (1 - across) + scores[:, bottom, right] * across
    return upper * (1 - down) + lower * down


def oracle(frame, resized, windows: list[tuple[Box, npt.NDArray[np.float64]]]) -> npt.NDArray[np.float64]:
    """Mean over the windows around each grid point, straight from the definition."""
    rows, columns = math.ceil(frame[0] / 4), math.ceil(frame[1] / 4)
    out = np.empty((windows[0][1].shape[0], rows, columns))
    for j in range(rows):
        for i in range(columns):
            v, u = (j + 0.5) * resized[0] / rows, (i + 0.5) * resized[1] / columns
            values = [
                bilinear(
                    scores,
                    (v - box.top) * scores.shape[1] / padded(box.height) - 0.5,
                    (u - box.left) * scores.shape[2] / padded(box.width) - 0.5,
                )
                for box, scores in windows
                if box.top <= v < box.top + box.height and box.left <= u < box.left + box.width
            ]
            out[:, j, i] = np.mean(values, axis=0)
    return out


@pytest.mark.parametrize(("frame", "resized", "window", "stride"), CASES)
def test_blend_is_the_mean_over_windows_at_every_grid_point(frame, resized, window, stride) -> None:
    generator = np.random.default_rng(0)
    blend, windows = GridBlend(frame, resized, num_classes=3), []
    for box in boxes(*resized, window, stride):
        covered = padded(box.height), padded(box.width)
        scores = generator.standard_normal((3, covered[0] // 4, covered[1] // 4))
        windows.append((box, scores))
        blend.add(box, covered, torch.from_numpy(scores).float())
    found = blend.mean()
    assert found.shape == (3, *grid_size(*frame))
    np.testing.assert_allclose(found.numpy(), oracle(frame, resized, windows), atol=1e-5)


def test_one_window_on_the_grid_comes_back_bit_for_bit() -> None:
    scores = torch.randn(5, 16, 24, generator=torch.Generator().manual_seed(0))
    blend = GridBlend((64, 96), (64, 96), num_classes=5)
    blend.add(Box(0, 0, 64, 96), (64, 96), scores)
    assert torch.equal(blend.mean(), scores)


@pytest.mark.parametrize(("height", "width"), [(96, 171), (90, 160), (171, 95)])
def test_smooth_scores_blend_as_at_full_resolution(height: int, width: int) -> None:
    """Windows 96 wide, the last one off the grid; scores that bend gently over the frame."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, 8, 7, 9, generator=generator) * 3
    field = functional.interpolate(coarse, size=(256, 256), mode="bicubic")[0]
    blend = GridBlend((height, width), (height, width), num_classes=8)
    total, count = torch.zeros(8, height, width), torch.zeros(height, width)
    for box in boxes(height, width, (96, 96), (64, 64)):
        covered = padded(box.height), padded(box.width)
        cut = field[:, box.top : box.top + covered[0], box.left : box.left + covered[1]]
        own = torch.randn(8, 1, 1, generator=generator) * 0.2  # windows do not quite agree
        scores = functional.avg_pool2d(cut, 4) + own
        blend.add(box, covered, scores)
        pixels = functional.interpolate(scores[None], size=covered, mode="bilinear", align_corners=False)[0]
        rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
        total[:, rows, columns] += pixels[:, : box.height, : box.width]
        count[rows, columns] += 1
    expected = (total / count).softmax(0)
    resized = functional.interpolate(blend.mean()[None], size=(height, width), mode="bilinear", align_corners=False)
    found = resized[0].softmax(0)
    assert float((found.argmax(0) != expected.argmax(0)).float().mean()) < 0.01
    assert float((found - expected).abs().max()) < 0.2
    assert float((found - expected).abs().mean()) < 0.001
