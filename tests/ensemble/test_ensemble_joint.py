"""What several runs leave open, against dense fusion in float64 and against the definition of what can win."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.ensemble.joint import JointFrame, joint_frame, joint_frame_of_bands
from vspwlib.predict.scores import probabilities


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile before hypothesis takes the time."""
    reduced(np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1)).line([1, 1], 0)


def reduced(p) -> JointFrame:
    """A frame of (N, K, H, W) probabilities in bands of two rows."""
    bands = ([torch.from_numpy(own[:, row : row + 2]) for own in p] for row in range(0, p.shape[2], 2))
    return joint_frame_of_bands(bands, p.shape[2:])


def dense(p, weights):
    shares = np.array(weights, np.float64) / sum(weights)
    return sum(share * own.astype(np.float64) for share, own in zip(shares, p, strict=True))


@st.composite
def coarse_runs(draw):
    """Values in eighths: ties in some runs and in all."""
    shape = (draw(st.integers(1, 4)), draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    return draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0])))


@given(p=coarse_runs(), data=st.data())
def test_labels_under_any_weights_equal_dense_fusion(p, data):
    frame = reduced(p)
    for _ in range(3):
        # Sums of powers of two, so that shares and products are exact and ties are ties
        weights = data.draw(st.sampled_from([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [0, 1, 3, 0], [0, 2, 1, 1]]))
        weights = weights[: len(p)] if sum(weights[: len(p)]) in {1, 2, 4} else [1] + [0] * (len(p) - 1)
        assert np.array_equal(frame.labels(weights), dense(p, weights).argmax(axis=0))


@given(p=coarse_runs())
def test_what_is_left_is_what_no_class_beats_everywhere(p):
    frame = reduced(p)
    flat = p.reshape(*p.shape[:2], -1)
    for pixel in range(flat.shape[2]):
        values = flat[:, :, pixel]
        want = [
            k
            for k in range(values.shape[1])
            if not any(
                (values[:, c] > values[:, k]).all() or (c < k and (values[:, c] >= values[:, k]).all())
                for c in range(values.shape[1])
            )
        ]
        where = np.flatnonzero(frame.pixel == pixel)
        same = len({*values.argmax(axis=1).tolist()}) == 1
        assert len(where) == (not same)
        if same:
            assert want == [frame.agreed.reshape(-1)[pixel]]
        else:
            assert frame.number[frame.first[where[0]] : frame.first[where[0] + 1]].tolist() == want


def softmax_runs(count=3, seed=0, size=(24, 30)):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(12, *size))
    scores = [2 * (shared + rng.normal(size=shared.shape)) for _ in range(count)]
    return np.stack([np.exp(s) / np.exp(s).sum(axis=0) for s in scores]).astype(np.float32)


def test_softmax_fields_under_many_weights():
    p = softmax_runs()
    frame = reduced(p)
    assert 0.1 < len(frame.pixel) / frame.agreed.size < 0.9
    assert frame.probs.shape == (3, len(frame.number))
    for weights in np.random.default_rng(1).dirichlet([1, 1, 1], 50):
        sums = dense(p, weights)
        got = np.take_along_axis(sums, frame.labels(list(weights))[None].astype(int), 0)[0]
        assert (sums.max(axis=0) - got).max() <= 1e-12


@pytest.mark.parametrize("weights", [[0.2, 0.5, 0.3], [0, 1, 0], [1, 0, 0], [0, 2, 2]])
@pytest.mark.parametrize("run", [0, 1, 2])
def test_a_line_of_weights_equals_dense_fusion(weights, run):
    p = softmax_runs(seed=2)
    found = reduced(p).line(weights, run)
    rest = np.array([w if i != run else 0 for i, w in enumerate(weights)], float)
    rest = rest / rest.sum() if rest.sum() else np.array([0.5 if i != run else 0 for i in range(3)])
    for t in (0.0, 0.25, 0.4, 0.77, 1.0):
        mixed = (1 - t) * rest
        mixed[run] = t
        sums = dense(p, mixed)
        got = np.take_along_axis(sums, found.labels(t)[None].astype(int), 0)[0]
        assert (sums.max(axis=0) - got).max() <= 1e-12


def test_one_run_and_runs_that_agree():
    p = softmax_runs(1)
    frame = reduced(np.concatenate([p, p]))
    assert len(frame.pixel) == 0
    assert np.array_equal(frame.labels([1, 2]), p[0].argmax(axis=0))
    assert np.array_equal(frame.line([1, 2], 0).labels(0.3), p[0].argmax(axis=0))
    assert np.array_equal(reduced(p).labels([1]), p[0].argmax(axis=0))


def test_scores_of_stores_become_their_probabilities():
    rng = np.random.default_rng(0)
    scores = [rng.normal(scale=3, size=(7, 6, 8)).astype(np.float32) for _ in range(3)]
    frame = joint_frame(scores, (23, 31))
    p = np.stack([probabilities(own, (23, 31)).numpy() for own in scores])
    assert np.array_equal(frame.labels([0.5, 0.25, 0.25]), dense(p, [0.5, 0.25, 0.25]).argmax(axis=0))


def test_wrong_input_is_refused():
    frame = reduced(softmax_runs())
    with pytest.raises(InputError, match="weights: expected 3, one a run, got 2"):
        frame.labels([1, 2])
    with pytest.raises(InputError, match="not all 0"):
        frame.labels([0, 0, 0])
    with pytest.raises(InputError, match="run"):
        frame.line([1, 1, 1], 3)
    with pytest.raises(InputError, match="at least one"):
        joint_frame([], (4, 4))
    with pytest.raises(InputError, match="bands: expected 16 pixels, got 8"):
        joint_frame_of_bands([[torch.zeros(3, 2, 4)]], (4, 4))
    with pytest.raises(InputError, match="run 2"):
        joint_frame_of_bands([[torch.zeros(3, 2, 4), torch.zeros(2, 2, 4)]], (2, 4))
