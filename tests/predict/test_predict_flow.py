"""Mixing along known flows against loops over pixels in float64, and the estimated flow on a known translation."""

import sys

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.predict.flow import Neighbour, optical_flow, smoothed_labels, smoothed_scores, track
from vspwlib.predict.scores import labels

CLASSES, SIZE = 7, (18, 27)
GRID = (5, 7)
Field = np.ndarray


def random_scores(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 2, (CLASSES, *GRID)).astype(np.float32)


def constant(dy: float, dx: float) -> Field:
    return np.broadcast_to(np.array([dx, dy], np.float32), (*SIZE, 2)).copy()


def bilinear(values: Field, y: float, x: float) -> np.ndarray:
    """The mean of the four cells around a point of ``(h, w, ...)``, which is held inside."""
    height, width = values.shape[:2]
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    total = np.zeros(values.shape[2:])
    for row in range(height):
        for column in range(width):
            share = max(0.0, 1 - abs(y - row)) * max(0.0, 1 - abs(x - column))
            if share:
                total = total + share * values[row, column].astype(np.float64)
    return total


def prob(scores: np.ndarray, y: float, x: float) -> np.ndarray:
    """P at a point in pixels: the softmax of the resized scores."""
    cell = ((y + 0.5) * GRID[0] / SIZE[0] - 0.5, (x + 0.5) * GRID[1] / SIZE[1] - 0.5)
    powers = np.exp(bilinear(scores.transpose(1, 2, 0), *cell))
    return powers / powers.sum()


def mean_at(own, neighbours, y, x, weight, threshold) -> np.ndarray:
    """The definition at one point."""
    total, mass = prob(own, y, x), 1.0
    for scores, there, back in neighbours:
        dx, dy = bilinear(there, y, x)
        to_y, to_x = y + dy, x + dx
        home = bilinear(back, to_y, to_x)
        inside = -0.5 <= to_y <= SIZE[0] - 0.5 and -0.5 <= to_x <= SIZE[1] - 0.5
        if inside and np.hypot(dx + home[0], dy + home[1]) <= threshold:
            total, mass = total + weight * prob(scores, to_y, to_x), mass + weight
    return total / mass


def noisy(seed: int) -> tuple[Field, Field]:
    """A flow of a few pixels and one back that misses by up to about two."""
    rng = np.random.default_rng(seed)
    there = rng.normal(0, 3, (*SIZE, 2)).astype(np.float32)
    return there, (-there + rng.normal(0, 0.7, there.shape)).astype(np.float32)


CASES = {
    "a shift by whole pixels": [(constant(2, -3), constant(-2, 3))],
    "a shift between pixels": [(constant(-1.3, 0.6), constant(1.3, -0.6))],
    "to both sides": [(constant(0, 4.25), constant(0, -4.25)), (constant(0, -4), constant(0, 4.5))],
    "any flow": [noisy(0), noisy(1)],
    "a flow back that misses everywhere": [(constant(1, 0), constant(1, 0))],
}


@pytest.mark.parametrize("name", CASES)
def test_labels_and_scores_are_those_of_the_definition(name):
    own = random_scores(0)
    neighbours = [(random_scores(1 + place), *flows) for place, flows in enumerate(CASES[name])]
    given = [Neighbour(torch.from_numpy(scores), there, back) for scores, there, back in neighbours]
    numbers = {"weight": 0.7, "threshold": 1.0}
    found = smoothed_labels(torch.from_numpy(own), given, SIZE, **numbers)
    assert (found.shape, found.dtype) == (SIZE, np.uint8)
    unsure, changed = 0, 0
    for y, x in np.ndindex(SIZE):
        expected = mean_at(own, neighbours, y, x, **numbers)
        first, second = np.sort(expected)[:-3:-1]
        if first - second > 1e-5:
            assert found[y, x] == expected.argmax()
            changed += expected.argmax() != prob(own, y, x).argmax()
        else:
            unsure += 1
    assert unsure < 3
    assert (changed > 5) == ("misses" not in name)
    scores = smoothed_scores(torch.from_numpy(own), given, SIZE, **numbers).numpy()
    for row, column in np.ndindex(GRID):
        y, x = (row + 0.5) * SIZE[0] / GRID[0] - 0.5, (column + 0.5) * SIZE[1] / GRID[1] - 0.5
        expected = mean_at(own, neighbours, y, x, **numbers)
        np.testing.assert_allclose(np.exp(scores[:, row, column]), expected, atol=1e-5)


@pytest.mark.parametrize("flows", [(constant(0, 0), constant(0, 0)), None], ids=["zero flow", "no neighbour"])
@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_a_neighbour_that_says_the_same_changes_nothing(flows, weight):
    own = torch.from_numpy(random_scores(3))
    neighbours = [Neighbour(own, *flows)] * 2 if flows else []
    found = smoothed_labels(own, neighbours, SIZE, weight=weight, threshold=0.0)
    np.testing.assert_array_equal(found, labels(own, SIZE))
    scores = smoothed_scores(own, neighbours, SIZE, weight=weight, threshold=0.0)
    torch.testing.assert_close(scores.softmax(0), own.softmax(0))


def test_a_neighbour_without_weight_or_behind_the_border_changes_nothing():
    own, other = (torch.from_numpy(random_scores(seed)) for seed in (3, 4))
    for shift, weight in ((0.0, 0.0), (30.0, 9.0)):
        given = [Neighbour(other, constant(0, shift), constant(0, -shift))]
        found = smoothed_labels(own, given, SIZE, weight=weight, threshold=1.0)
        np.testing.assert_array_equal(found, labels(own, SIZE))


def test_points_leave_the_neighbour_half_a_pixel_behind_its_outermost_pixels():
    rows, columns = torch.zeros(4), torch.tensor([0.0, 0.0, 26.0, 26.0])
    for shift, expected in ((0.5, [True, True, True, True]), (0.6, [True, True, False, False])):
        found = track(constant(0, shift), constant(0, -shift), rows, columns, 0.01)
        assert found.valid.tolist() == expected
        assert found.columns.tolist() == pytest.approx((columns + shift).tolist())


def test_the_threshold_is_the_distance_between_start_and_return():
    rows, columns = torch.tensor([5.0]), torch.tensor([9.0])
    there, back = constant(1, 2), constant(-1 + 0.3, -2 + 0.4)  # misses by 0.5
    assert track(there, back, rows, columns, 0.501).valid.item()
    assert not track(there, back, rows, columns, 0.499).valid.item()


def textured(height: int, width: int) -> np.ndarray:
    """A smooth random pattern."""
    waves = torch.from_numpy(np.random.default_rng(0).normal(0, 1, (1, 1, height // 6, width // 6)))
    large = torch.nn.functional.interpolate(waves, size=(height, width), mode="bicubic")[0, 0].numpy()
    return np.clip(128 + 50 * large, 0, 255).astype(np.uint8)


def test_the_flow_leads_from_the_first_image_to_the_second():
    image = textured(120, 168)
    first, second = image[10:90, 10:138], image[7:87, 15:143]  # what is at (y, x) goes to (y + 3, x - 5)
    found = optical_flow(first, second)
    assert (found.shape, found.dtype) == ((80, 128, 2), np.float32)
    middle = found[15:-15, 15:-15]
    assert np.abs(np.median(middle, axis=(0, 1)) - (-5, 3)).max() < 0.1
    assert np.linalg.norm(middle - (-5, 3), axis=-1).mean() < 0.3
    np.testing.assert_array_equal(optical_flow(first, second), found)
    assert not optical_flow(first, first).any()


def test_what_has_no_flow_is_refused(monkeypatch):
    with pytest.raises(InputError, match=r"frame: expected shape \(20, 30\), got \(20, 31\)"):
        optical_flow(np.zeros((20, 30), np.uint8), np.zeros((20, 31), np.uint8))
    with pytest.raises(InputError, match="optical flow: expected frames of at least 12 pixels, got 6x8"):
        optical_flow(np.zeros((8, 6), np.uint8), np.zeros((8, 6), np.uint8))
    own = torch.zeros(3, 5, 7)
    with pytest.raises(InputError, match="threshold: expected 0 to inf, got -1"):
        smoothed_labels(own, [], SIZE, weight=1.0, threshold=-1)
    with pytest.raises(InputError, match=r"flow: expected shape \(18, 27, 2\), got \(4, 4, 2\)"):
        smoothed_labels(own, [Neighbour(own, *[np.zeros((4, 4, 2), np.float32)] * 2)], SIZE, weight=1.0, threshold=1.0)
    with pytest.raises(InputError, match="scores of a neighbour"):
        smoothed_scores(own, [Neighbour(own[:2], constant(0, 0), constant(0, 0))], SIZE, weight=1.0, threshold=1.0)
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match="optical flow: expected OpenCV, got none"):
        optical_flow(np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8))
