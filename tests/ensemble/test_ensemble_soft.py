"""Fusing one frame from stored scores, against dense fusion in float64."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.ensemble.soft import fused_scores, soft_labels


def softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(0))
    return shares / shares.sum(0)


def resized(scores: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear, pixel centres at half integers, straight from the definition."""
    for axis, pixels in ((1, size[0]), (2, size[1])):
        cells = scores.shape[axis]
        at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
        low = np.floor(at).astype(int)
        share = (at - low).reshape([-1 if one == axis else 1 for one in range(3)])
        scores = scores.take(low, axis) * (1 - share) + scores.take(np.minimum(low + 1, cells - 1), axis) * share
    return scores


def random_scores(runs: int, classes: int = 9, grid: tuple[int, int] = (5, 7)) -> list[np.ndarray]:
    return list(np.random.default_rng(runs).normal(0, 2, (runs, classes, *grid)).astype(np.float32))


@pytest.mark.parametrize("weights", [[0.4, 0.6], [1, 1, 1], [0, 2, 0.5], [5, 1, 1, 3]])
@pytest.mark.parametrize("rows", [1, 8, 100])
def test_labels_are_those_of_dense_fusion(weights: list[float], rows: int) -> None:
    scores, size = random_scores(len(weights)), (19, 26)
    fused = sum(
        weight * softmax(resized(one.astype(np.float64), size)) for weight, one in zip(weights, scores, strict=True)
    )
    found = soft_labels([torch.from_numpy(one) for one in scores], size, weights, rows=rows)
    assert (found.shape, found.dtype) == (size, np.uint8)
    first, second = np.sort(fused, 0)[:-3:-1]
    clear = first - second > 1e-6  # float32 probabilities know no better
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], fused.argmax(0)[clear])


def test_ties_go_to_the_lowest_id() -> None:
    one = torch.tensor([0.5, 0.25, 0.25, 1e-9]).log().view(4, 1, 1)
    other = torch.tensor([1e-9, 0.25, 0.25, 0.5]).log().view(4, 1, 1)
    assert soft_labels([one, other], (2, 2), [1, 1]).tolist() == [[0, 0], [0, 0]]
    assert soft_labels([one[:3], one[[1, 0, 2]]], (1, 1), [1, 1]).tolist() == [[0]]


def test_the_fused_scores_are_the_logarithm_of_the_weighted_softmaxes() -> None:
    scores = random_scores(3)
    scores[0][2], scores[1][2], scores[2][2] = -200, -200, -200
    expected = sum(
        weight * softmax(one.astype(np.float64)) for weight, one in zip((0.5, 0.3, 0.2), scores, strict=True)
    )
    found = fused_scores([torch.from_numpy(one) for one in scores], [5, 3, 2]).numpy()
    np.testing.assert_allclose(np.delete(found, 2, 0), np.log(np.delete(expected, 2, 0)), atol=1e-5)
    assert (found[2] == -60).all()


def test_one_run_alone_keeps_its_labels_and_its_softmax() -> None:
    one, other = map(torch.from_numpy, random_scores(2))
    np.testing.assert_allclose(fused_scores([one, other], [1, 0]).softmax(0), one.softmax(0), atol=1e-6)
    np.testing.assert_array_equal(soft_labels([one, other], (5, 7), [1, 0]), one.argmax(0))


def test_what_cannot_be_fused_is_refused() -> None:
    one = torch.zeros(3, 2, 2)
    with pytest.raises(InputError, match="expected at least one run, got none"):
        soft_labels([], (4, 4), [])
    with pytest.raises(InputError, match=r"expected shape \(3, 2, 2\), got \(3, 2, 3\) \(run 2\)"):
        soft_labels([one, torch.zeros(3, 2, 3)], (4, 4), [1, 1])
    with pytest.raises(InputError, match="weights: expected 2, one a run, got 3"):
        fused_scores([one, one], [1, 1, 1])
