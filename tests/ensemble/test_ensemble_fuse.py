"""Weighted sum, mean and vote against loops over pixels."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.ensemble import fuse
from vspwlib.ensemble.fuse import vote, weighted


def vote_by_pixel(maps, weights):
    """Count votes of each pixel in a dictionary, which keeps the order in which classes were first named."""
    winners = np.empty(maps[0].shape, np.int64)
    for at in np.ndindex(maps[0].shape):
        votes = Counter()
        for ids, weight in zip(maps, weights, strict=True):
            votes[int(ids[at])] += weight
        winners[at] = max(votes, key=votes.get)  # the first of several
    return winners


def probabilities(runs, shape=(4, 3, 5), seed=0):
    rng = np.random.default_rng(seed)
    p = rng.random((runs, *shape))
    return (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("weights", [[1.0], [0.3, 0.7], [2, 0, 6], [0.2, 0.5, 0.1, 0.2]])
def test_weighted_sum_equals_numpy(weights):
    probs = probabilities(len(weights))
    want = np.average(probs.astype(np.float64), axis=0, weights=weights)
    inputs = [torch.from_numpy(p) for p in probs]
    fused = weighted(inputs, weights)
    np.testing.assert_allclose(fused.numpy(), want, rtol=1e-6)
    np.testing.assert_allclose(fused.sum(0).numpy(), 1, rtol=1e-6)
    assert all(np.array_equal(p, q.numpy()) for p, q in zip(probs, inputs, strict=True))


def test_mean_is_equation_6():
    probs = probabilities(3)
    np.testing.assert_allclose(fuse.mean([torch.from_numpy(p) for p in probs]).numpy(), probs.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtypes", "want"),
    [
        ((torch.float16, torch.float16), torch.float32),
        ((torch.bfloat16, torch.float64), torch.float64),
        ((torch.float32, torch.float16), torch.float32),
    ],
)
def test_half_precision_is_summed_in_single(dtypes, want):
    probs = [torch.from_numpy(p).to(dtype) for p, dtype in zip(probabilities(2), dtypes, strict=True)]
    fused = weighted(probs, [1, 2])
    assert fused.dtype == want
    np.testing.assert_allclose(fused.double(), (probs[0].double() + 2 * probs[1].double()) / 3, rtol=1e-6)


@given(st.data(), st.integers(1, 5))
def test_vote_equals_counting_pixel_by_pixel(data, runs):
    maps = [data.draw(hnp.arrays(np.uint8, (2, 3), elements=st.integers(0, 3))) for _ in range(runs)]
    weights = data.draw(st.lists(st.integers(0, 3), min_size=runs, max_size=runs).filter(any))
    tensors = [torch.from_numpy(ids) for ids in maps]
    assert np.array_equal(vote(tensors, 4).numpy(), vote_by_pixel(maps, [1] * runs))
    assert np.array_equal(vote(tensors, 4, weights).numpy(), vote_by_pixel(maps, weights))


def test_two_equal_votes_give_the_first_run():
    first, second = torch.tensor([[7, 1, 2]]), torch.tensor([[3, 1, 9]])
    assert vote([first, second]).tolist() == first.tolist()
    assert vote([second, first]).tolist() == second.tolist()


def test_votes_that_tie_but_for_rounding_tie():
    maps = [torch.tensor([[ids]]) for ids in (5, 2, 2)]
    assert 0.1 + 0.2 > 0.3
    assert vote(maps, weights=[0.3, 0.1, 0.2]).item() == 5


def test_label_maps_may_be_of_any_integer_type():
    maps = [torch.tensor([[1, 2]], dtype=dtype) for dtype in (torch.uint8, torch.int64, torch.int32)]
    assert vote(maps).tolist() == [[1, 2]]
    assert vote(maps).dtype == torch.uint8


PROBS = torch.ones(2, 1, 1)
IDS = torch.zeros(1, 2, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: weighted([], []), "probabilities: expected at least one run, got none"),
        (lambda: weighted([PROBS], [0.5, 0.5]), "weights: expected 1, one a run, got 2"),
        (lambda: weighted([PROBS, PROBS], [1, -1]), r"weights: expected finite numbers >= 0, not all 0, got \[1, -1\]"),
        (lambda: weighted([PROBS, PROBS], [0, 0]), "weights: expected finite"),
        (lambda: weighted([PROBS], [float("nan")]), "weights: expected finite"),
        (lambda: weighted([PROBS], [float("inf")]), "weights: expected finite"),
        (
            lambda: weighted([PROBS, torch.ones(2, 1, 2)], [1, 1]),
            r"\(2, 1, 1\) on cpu, as run 1, .*\(2, 1, 2\).*\(run 2\)",
        ),
        (lambda: weighted([IDS], [1]), r"probabilities: expected shape \(K, H, W\)"),
        (lambda: weighted([PROBS.long()], [1]), "probabilities: expected floating-point"),
        (lambda: vote([]), "label maps: expected at least one run"),
        (lambda: vote([IDS, IDS[:, :1]]), r"label maps: .*\(run 2\)"),
        (lambda: vote([IDS, IDS + 255]), r"label map: expected ids 0..123, got \[255\] \(run 2\)"),
        (lambda: vote([IDS.long() - 1], 4), r"label map: expected ids 0..3, got \[-1\] \(run 1\)"),
        (lambda: vote([IDS.float()]), "label map: expected integer ids"),
        (lambda: vote([IDS], weights=[1, 1]), "weights: expected 1, one a run"),
    ],
)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
