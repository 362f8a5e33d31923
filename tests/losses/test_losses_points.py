"""Sampling at points, against pixel-by-pixel NumPy."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from vspwlib.losses.points import importance_points, sample_class_masks, sample_maps


def numpy_sample(image: np.ndarray, point: np.ndarray) -> float:
    """Bilinear value of one (h, w) image at (x, y) in 0..1; zero beyond the border."""
    height, width = image.shape
    x, y = point[0] * width - 0.5, point[1] * height - 0.5
    value = 0.0
    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
            if 0 <= row < height and 0 <= column < width:
                value += (1 - abs(y - row)) * (1 - abs(x - column)) * float(image[row, column])
    return value


@pytest.fixture
def points() -> torch.Tensor:
    """Three sets of points, the corners of the image among them."""
    drawn = torch.rand(3, 17, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn[:, 0], drawn[:, 1], drawn[:, 2] = 0.0, 1.0, torch.tensor([1.0, 0.0])
    return drawn


def test_maps_are_sampled_bilinearly(points):
    maps = torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sampled = sample_maps(maps, points)
    expected = [[[numpy_sample(m, p) for p in ps] for m in ms] for ms, ps in zip(maps.numpy(), points, strict=True)]
    np.testing.assert_allclose(sampled, expected, atol=1e-12)


def test_gathered_corners_are_the_same_samples(points, deterministic):
    """Values and gradients, of single precision as well, at the corners of the image too."""
    generator = torch.Generator().manual_seed(1)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        maps = torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        mixture = torch.randn(3, 2, 17, generator=generator, dtype=torch.float64).to(dtype)
        gathered = sample_maps(maps, points.to(dtype))
        assert "GridSampler" not in str(gathered.grad_fn)
        plain = functional.grid_sample(maps, 2 * points.to(dtype)[:, None] - 1, align_corners=False)[:, :, 0]
        torch.testing.assert_close(gathered, plain, atol=tolerance, rtol=0)
        own, theirs = (torch.autograd.grad(each, maps, mixture)[0] for each in (gathered, plain))
        torch.testing.assert_close(own, theirs, atol=tolerance, rtol=0)


def test_class_masks_are_sampled_as_float_masks_would_be(points):
    generator = torch.Generator().manual_seed(2)
    labels = torch.randint(0, 4, (2, 6, 9), generator=generator)
    labels[0, :2] = 255
    images, classes = torch.tensor([1, 0, 0]), torch.tensor([[0, 3], [2, 1], [7, 2]])
    sampled = sample_class_masks(labels, points, classes, images).numpy()
    assert sampled.shape == (3, 2, 17)
    for row, image in enumerate(images):
        for column, kind in enumerate(classes[row]):
            mask = (labels[image] == kind).numpy()
            expected = [numpy_sample(mask, point) for point in points[row].numpy()]
            np.testing.assert_allclose(sampled[row, column], expected, atol=1e-12)
    assert not sampled[2, 0].any()  # class 7 occurs nowhere


def test_the_masks_of_all_classes_cover_the_image(points):
    """Inside the image the masks and the void share each point out among them."""
    labels = torch.randint(0, 4, (1, 6, 9), generator=torch.Generator().manual_seed(3))
    inside = 0.1 + 0.8 * points[:1]
    total = sample_class_masks(labels, inside, torch.arange(4)[None], torch.zeros(1, dtype=torch.long)).sum(dim=1)
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def test_the_least_certain_candidates_are_kept():
    generator = torch.Generator().manual_seed(4)
    maps = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    candidates = torch.rand(3, 12, 2, generator=generator, dtype=torch.float64)
    uniform = torch.rand(3, 2, 2, generator=generator, dtype=torch.float64)
    points = importance_points(maps, candidates, uniform, 5)
    for row in range(3):
        certainty = [abs(numpy_sample(maps[row].numpy(), point)) for point in candidates[row].numpy()]
        kept = candidates[row][np.argsort(certainty)[:5]]
        assert torch.equal(points[row], torch.cat([kept, uniform[row]]))


@pytest.mark.parametrize("chosen", [0, 4])
def test_all_uniform_or_all_chosen(chosen):
    generator = torch.Generator().manual_seed(5)
    candidates, uniform = torch.rand(1, 4, 2, generator=generator), torch.rand(1, 4 - chosen, 2, generator=generator)
    points = importance_points(torch.randn(1, 3, 3, generator=generator), candidates, uniform, chosen)
    expected = candidates if chosen else uniform
    assert torch.equal(points.sort(dim=1).values, expected.sort(dim=1).values)


def test_no_mask_needs_no_points():
    assert importance_points(torch.zeros(0, 3, 3), torch.zeros(0, 6, 2), torch.zeros(0, 1, 2), 1).shape == (0, 2, 2)
