"""The envelope against dense fusion in float64: ties, zeros, third classes at the kink, one class, bands, threads."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.ensemble import envelope as envelope_module
from vspwlib.ensemble import envelope_torch
from vspwlib.ensemble.envelope import Envelope, envelope, envelope_of_bands


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    """Compile before hypothesis takes the time."""
    envelope(np.eye(2, dtype=np.float32)[..., None], np.eye(2, dtype=np.float32)[::-1, :, None].copy())


QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
EIGHTHS = [0.0, 0.125, 0.25, 0.375, 0.5, 1.0]


def fused(p1, p2, tau):
    """The definition."""
    return tau * p1.astype(np.float64) + (1 - tau) * p2.astype(np.float64)


def assert_dense(found: Envelope, p1, p2, taus, *, ties: bool):
    """Labels are those of dense fusion; without ``ties`` a label within 1e-12 of the top is as good."""
    for tau in taus:
        sums, labels = fused(p1, p2, tau), found.labels(tau)
        if ties:
            assert np.array_equal(labels, sums.argmax(axis=0)), tau
        else:
            short = sums.max(axis=0) - np.take_along_axis(sums, labels[None].astype(int), 0)[0]
            assert short.max() <= 1e-12, tau


def in_torch(p1, p2) -> Envelope:
    return Envelope(*envelope_torch.trace(torch.from_numpy(p1), torch.from_numpy(p2)))


WAYS = pytest.mark.parametrize("find", [envelope, in_torch], ids=["kernels", "torch"])


@st.composite
def coarse_pairs(draw):
    """Values in eighths: ties at the ends, at crossings, of three classes, everywhere, and zeros."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 4)))
    return tuple(draw(hnp.arrays(np.float32, shape, elements=st.sampled_from(EIGHTHS))) for _ in range(2))


@WAYS
@given(pair=coarse_pairs())
def test_ties_go_to_the_lowest_id_as_in_dense_fusion(find, pair):
    assert_dense(find(*pair), *pair, QUARTERS, ties=True)


@WAYS
@given(pair=coarse_pairs(), taus=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_tau_equals_dense_fusion(find, pair, taus):
    assert_dense(find(*pair), *pair, taus, ties=False)


@WAYS
def test_a_third_class_that_touches_the_kink(find):
    p1, p2 = (np.array(values, np.float32).reshape(3, 1, 1) for values in ([1, 0, 2], [1, 2, 0]))
    found = find(p1, p2)
    assert [found.labels(tau).item() for tau in (0.0, 0.4999, 0.5, 0.5001, 1.0)] == [1, 1, 0, 2, 2]
    assert found.pixel.tolist() == [0, 0]
    assert found.time.tolist() == [0.5, np.nextafter(0.5, 1)]


@WAYS
def test_ties_at_the_ends_hold_for_the_end_alone(find):
    p1 = np.array([0.25, 0.75, 0.75], np.float32).reshape(3, 1, 1)
    p2 = np.array([0.5, 0.5, 0.0], np.float32).reshape(3, 1, 1)
    found = find(p1, p2)
    assert [found.labels(tau).item() for tau in (0.0, 1e-300, 0.5, 1.0)] == [0, 1, 1, 1]
    swapped = find(p2, p1)  # 1 and 2 tie at tau = 0, 0 and 1 at 1
    assert [swapped.labels(tau).item() for tau in (0.0, 0.5, 1 - 1e-9, 1.0)] == [1, 1, 1, 0]


@WAYS
def test_identical_lines_are_one_class(find):
    p1, p2 = (np.array(values, np.float32).reshape(4, 1, 1) for values in ([0.5, 0, 0.5, 0], [0, 0.25, 0, 0.25]))
    found = find(p1, p2)
    assert [found.labels(tau).item() for tau in (0.0, 0.3, 1 / 3, 0.4, 1.0)][::2] == [1, 0, 0]
    assert_dense(found, p1, p2, np.linspace(0, 1, 101), ties=False)
    assert set(found.label.tolist()) == {0}


def softmax(scores):
    e = np.exp(scores - scores.max(axis=0))
    return e / e.sum(axis=0)


@WAYS
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("spread", [0.01, 1.0, 6.0])  # nearly flat, usual, confident
def test_softmax_fields_equal_dense_fusion(find, spread, dtype, monkeypatch):
    monkeypatch.setattr(envelope_module, "_BLOCK", 100)
    monkeypatch.setattr(envelope_torch, "_BLOCK", 50)
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(12, 24, 30))
    p1, p2 = (softmax(spread * (shared + rng.normal(size=shared.shape))).astype(dtype) for _ in range(2))
    found = find(p1, p2)
    assert found.breakpoints > 200
    assert_dense(found, p1, p2, [*QUARTERS, *rng.random(40)], ties=False)
    assert_dense(found, p1, p2, (0.0, 1.0), ties=True)
    if dtype == np.float16:  # these tie exactly
        assert_dense(found, p1, p2, QUARTERS, ties=True)


def test_many_classes_take_turns():
    """Tangents of a parabola: every class is on top once, more changes than there was room for."""
    slopes = np.linspace(-1, 1, 200)
    p2 = np.repeat((-(slopes**2) / 4)[:, None, None], 700, axis=2)
    p2 = p2 - slopes[:, None, None] * 0.5
    p1 = p2 + slopes[:, None, None]
    found = envelope(p1, p2)
    assert found.breakpoints >= 199 * 700
    assert_dense(found, p1, p2, np.random.default_rng(0).random(60), ties=False)


def test_both_ways_find_the_same_changes():
    rng = np.random.default_rng(1)
    p1, p2 = (softmax(rng.normal(size=(9, 40, 50))).astype(np.float32) for _ in range(2))
    ours, theirs = envelope(p1, p2), in_torch(p1, p2)
    for name in ("start", "pixel", "time", "label"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_bands_and_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    p1, p2 = (torch.from_numpy(softmax(rng.normal(size=(7, 31, 17))).astype(np.float32)) for _ in range(2))
    whole = envelope(p1, p2)
    bands = [(p1[:, row : row + 8], p2[:, row : row + 8]) for row in range(0, 31, 8)]
    monkeypatch.setattr(envelope_module, "_BLOCK", 100)
    torch.set_num_threads(2)
    for found in (envelope_of_bands(bands, (31, 17)), envelope(p1, p2)):
        for name in ("start", "pixel", "time", "label"):
            assert np.array_equal(getattr(found, name), getattr(whole, name)), name
    with pytest.raises(InputError, match="bands: expected 527 pixels, got 408"):
        envelope_of_bands(bands[:-1], (31, 17))


def test_changes_are_in_order():
    rng = np.random.default_rng(3)
    found = envelope(*(rng.choice(EIGHTHS, (6, 20, 20)).astype(np.float32) for _ in range(2)))
    step = np.diff(found.pixel)
    assert (step >= 0).all()
    assert (np.diff(found.time)[step == 0] > 0).all()
    assert ((found.time > 0) & (found.time <= 1)).all()
    same = found.label[1:] == found.label[:-1]
    assert not (same & (step == 0)).any()


@pytest.mark.parametrize(
    ("p1", "p2", "message"),
    [
        (np.zeros((2, 3, 3)), np.zeros((2, 3, 4)), "second run: expected shape"),
        (np.zeros((2, 3)), np.zeros((2, 3)), "first run: expected shape"),
        (np.zeros((2, 3, 3), np.int64), np.zeros((2, 3, 3)), "first run: expected floating-point"),
        (np.full((2, 3, 3), np.nan), np.zeros((2, 3, 3)), "first run: expected probabilities, got nan"),
        (np.zeros((256, 1, 1)), np.zeros((256, 1, 1)), "classes"),
    ],
)
def test_wrong_input_is_refused(p1, p2, message):
    with pytest.raises(InputError, match=message):
        envelope(p1, p2)


def test_a_tau_outside_is_refused():
    with pytest.raises(InputError, match="tau"):
        envelope(np.zeros((2, 1, 1)), np.zeros((2, 1, 1))).labels(1.5)
