"""Labels of a pair of runs against dense fusion in float64, exact ties included."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.ensemble import pair as pair_module
from vspwlib.ensemble.pair import pair_labels

TAUS = (0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 0.75, 0.9, 1.0)


def fuse_by_pixel(p1, p2, taus):
    """Dense fusion in float64, the lowest id of the highest values."""
    p1, p2 = p1.astype(np.float64), p2.astype(np.float64)
    return np.stack([(tau * p1 + (1 - tau) * p2).argmax(axis=0) for tau in taus])


def labels_everywhere(p1, p2, taus):
    """The labels of a pair put back into whole maps."""
    pair = pair_labels(torch.from_numpy(p1), torch.from_numpy(p2), taus)
    maps = np.repeat(pair.first.numpy()[None], len(taus), axis=0)
    maps.reshape(len(taus), -1)[:, pair.disputed.numpy()] = pair.labels.numpy()
    return maps


def softmax(scores):
    e = np.exp(scores - scores.max(axis=0))
    return (e / e.sum(axis=0)).astype(np.float32)


@st.composite
def coarse_pairs(draw):
    """Values in eighths and sums of small integers: ties at the ends, at kinks, of three classes, everywhere."""
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    values = st.sampled_from([0.0, 0.125, 0.25, 0.375, 0.5, 1.0])
    return tuple(draw(hnp.arrays(np.float32, shape, elements=values)) for _ in range(2))


@given(coarse_pairs())
def test_ties_go_to_the_lowest_id_as_in_dense_fusion(pair):
    assert np.array_equal(labels_everywhere(*pair, TAUS), fuse_by_pixel(*pair, TAUS))


@given(coarse_pairs(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_tau_equals_dense_fusion(pair, taus):
    assert np.array_equal(labels_everywhere(*pair, taus), fuse_by_pixel(*pair, taus))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("spread", [0.01, 1.0, 6.0])  # nearly flat, usual, confident
def test_softmax_fields_equal_dense_fusion(spread, dtype, monkeypatch):
    monkeypatch.setattr(pair_module, "_CPU_BLOCK", 100)
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(12, 24, 30))
    p1, p2 = (softmax(spread * (shared + rng.normal(size=shared.shape))).astype(dtype) for _ in range(2))
    taus = np.linspace(0, 1, 41).tolist()
    dense = fuse_by_pixel(p1, p2, taus)
    assert 0 < (dense[0] != dense[-1]).mean() < 1
    between = (dense != dense[0]) & (dense != dense[-1])
    assert between.any()  # third classes win somewhere: the contested branch is taken
    assert np.array_equal(labels_everywhere(p1, p2, taus), dense)


def test_a_third_class_that_only_touches_the_kink_wins_there_by_its_lower_id():
    p1, p2 = (np.array(p, np.float32).reshape(3, 1, 1) for p in ([1, 0, 2], [1, 2, 0]))
    assert labels_everywhere(p1, p2, [0.0, 0.49, 0.5, 0.51, 1.0]).ravel().tolist() == [1, 1, 0, 2, 2]


def test_a_tie_at_one_end_only():
    # At tau = 1 both classes have 0.5 and the lower id wins; anywhere before, class 1 is ahead.
    p1, p2 = (np.array(p, np.float32).reshape(2, 1, 1) for p in ([0.5, 0.5], [0.25, 0.75]))
    assert labels_everywhere(p1, p2, [0.0, 0.999, 1.0]).ravel().tolist() == [1, 1, 0]


def test_parts_are_what_they_say():
    p1, p2 = (
        np.array(p, np.float32).reshape(2, 1, 3) for p in ([[0.9, 0.2, 0.6], [0.1, 0.8, 0.4]], [[0, 0, 1], [1, 1, 0]])
    )
    pair = pair_labels(torch.from_numpy(p1), torch.from_numpy(p2), [1.0, 0.0])
    assert pair.first.tolist() == [[0, 1, 0]]
    assert pair.second.tolist() == [[1, 1, 0]]
    assert pair.disputed.tolist() == [0]
    assert pair.labels.tolist() == [[0], [1]]
    assert {t.dtype for t in (pair.first, pair.second, pair.labels)} == {torch.uint8}


def test_inputs_are_left_alone_and_need_not_be_contiguous():
    rng = np.random.default_rng(1)
    p1, p2 = (softmax(rng.normal(size=(4, 5, 6))) for _ in range(2))
    t1, t2 = (torch.from_numpy(p).permute(1, 2, 0).contiguous().permute(2, 0, 1) for p in (p1, p2))
    before = t1.clone(), t2.clone()
    pair = pair_labels(t1, t2, TAUS)
    assert torch.equal(t1, before[0])
    assert torch.equal(t2, before[1])
    assert np.array_equal(pair.labels.numpy(), fuse_by_pixel(p1, p2, TAUS).reshape(len(TAUS), -1)[:, pair.disputed])


@pytest.mark.parametrize(
    ("p1", "p2", "taus", "message"),
    [
        (torch.ones(2, 3), torch.ones(2, 3), [0.5], r"first run: expected shape \(K, H, W\)"),
        (torch.ones(2, 3, 4), torch.ones(2, 3, 5), [0.5], r"second run: expected shape \(2, 3, 4\), got \(2, 3, 5\)"),
        (torch.ones(256, 1, 1), torch.ones(256, 1, 1), [0.5], "classes"),
        (torch.ones(2, 3, 4, dtype=torch.int64), torch.ones(2, 3, 4), [0.5], "first run: expected floating-point"),
        (torch.ones(2, 1, 1), torch.tensor([0.5, torch.nan]).view(2, 1, 1), [0.5], "second run: .* got nan"),
        (torch.ones(2, 1, 1), torch.ones(2, 1, 1), [], "taus: expected at least one"),
        (torch.ones(2, 1, 1), torch.ones(2, 1, 1), [0.5, 1.1], "tau: expected 0.0 to 1.0, got 1.1"),
        (torch.ones(2, 1, 1), torch.ones(2, 1, 1), [float("nan")], "tau: .* got nan"),
    ],
)
def test_wrong_input_is_named(p1, p2, taus, message):
    with pytest.raises(InputError, match=message):
        pair_labels(p1, p2, taus)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_labels():
    rng = np.random.default_rng(2)
    p1, p2 = (torch.from_numpy(softmax(3 * rng.normal(size=(20, 64, 64)))) for _ in range(2))
    p1, p2 = (torch.round(p * 64) / 64 for p in (p1, p2))  # coarse, so that classes tie
    for ours, theirs in zip(pair_labels(p1, p2, TAUS), pair_labels(p1.cuda(), p2.cuda(), TAUS), strict=True):
        assert torch.equal(ours, theirs.cpu())
