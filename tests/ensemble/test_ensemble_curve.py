"""The curve against dense fusion and counting pixel sets; the grid of large splits against the exact curve."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble.curve import TauCounts, TauCurve, tau_curve
from vspwlib.ensemble.envelope import Envelope, envelope

K = 6


def frames(count: int, seed: int = 0):
    """Return correlated softmax fields of two runs around a truth with void; class 5 is never true."""
    rng = np.random.default_rng(seed)
    made = []
    for index in range(count):
        truth = rng.choice([0, 1, 2, 3, 4, 255], (11 + index, 13)).astype(np.uint8)
        base = 1.5 * (np.arange(K)[:, None, None] == truth)
        p1, p2 = (np.exp(base + rng.normal(size=(K, *truth.shape))) for _ in range(2))
        made.append(((p1 / p1.sum(axis=0)).astype(np.float32), (p2 / p2.sum(axis=0)).astype(np.float32), truth))
    return made


FRAMES = frames(4)


def ious_dense(made, tau):
    pred = np.concatenate([(tau * a.astype(float) + (1 - tau) * b).argmax(0)[t != 255] for a, b, t in made])
    true = np.concatenate([t[t != 255] for *_, t in made])
    sets = [((pred == c) & (true == c), (pred == c) | (true == c), (true == c).any()) for c in range(K)]
    return np.array([both.sum() / either.sum() if there else np.nan for both, either, there in sets])


def curve_of(made) -> TauCurve:
    return tau_curve((envelope(a, b) for a, b, _ in made), (truth for *_, truth in made), K)


@pytest.fixture(scope="module")
def curve():
    return curve_of(FRAMES)


TAUS = np.linspace(0, 1, 201)


def test_every_tau_equals_dense_fusion(curve):
    assert curve.resolution == 0
    want = np.array([ious_dense(FRAMES, tau) for tau in TAUS])
    for tau, row in zip(TAUS, want, strict=True):
        np.testing.assert_allclose(curve.iou(tau), row, rtol=1e-13)
        assert curve.miou(tau) == pytest.approx(np.nanmean(row), rel=1e-13)
    np.testing.assert_allclose(curve.at(TAUS), want, rtol=1e-13)


def test_the_best_is_the_best_of_all_intervals(curve):
    edges = np.unique(np.concatenate([[0.0, 1.0], curve.time]))
    middles = (edges[:-1] + edges[1:]) / 2
    scores = [np.nanmean(ious_dense(FRAMES, tau)) for tau in (*edges, *middles)]
    tau, score = curve.best()
    assert score == pytest.approx(max(scores), rel=1e-13)
    assert curve.miou(tau) == score
    assert len(str(tau)) < 10
    assert score > max(np.nanmean(ious_dense(FRAMES, tau)) for tau in np.linspace(0, 1, 11))


def test_the_best_of_a_class(curve):
    for number in range(5):
        tau, score = curve.best_of_class(number)
        assert curve.iou(tau)[number] == pytest.approx(score, rel=1e-13)
        assert score == pytest.approx(max(curve.iou(t)[number] for t in (0.0, *curve.time)), rel=1e-13)
    assert np.isnan(curve.best_of_class(5)[1])


def test_videos_merge(curve):
    parts = [curve_of(FRAMES[:1]), curve_of(FRAMES[1:])]
    merged = TauCurve.merged(parts)
    np.testing.assert_array_equal(merged.at(TAUS), curve.at(TAUS))
    assert merged.best() == curve.best()


def test_beyond_the_bound_multiples_of_the_resolution_are_exact(curve):
    counts = TauCounts(K, most=50, cells=100)
    for a, b, truth in FRAMES:
        counts.add(envelope(a, b), truth)
    coarse = counts.curve()
    assert coarse.resolution == 0.01
    assert len({*coarse.time.tolist()}) <= 101 < len({*curve.time.tolist()})
    grid = np.arange(101) / 100
    np.testing.assert_array_equal(coarse.at(grid), curve.at(grid))
    assert coarse.best()[1] == max(np.nanmean(curve.at(grid), axis=1))


def test_changes_at_the_ends_count_there():
    p1 = np.array([0.25, 0.75, 0.75], np.float32).reshape(3, 1, 1)
    p2 = np.array([0.5, 0.5, 0.0], np.float32).reshape(3, 1, 1)
    truth = np.array([[1]], np.uint8)
    one, other = envelope(p1, p2), envelope(p2, p1)
    assert [tau_curve([one], [truth], 3).miou(tau) for tau in (0.0, 0.001, 1.0)] == [0.0, 1.0, 1.0]
    assert [tau_curve([other], [truth], 3).miou(tau) for tau in (0.0, 0.999, 1.0)] == [1.0, 1.0, 0.0]
    assert tau_curve([one], [truth], 3).best() == (0.1, 1.0)
    for cells in (10, 10_000):  # what happens right after 0 is seen at the next grid point
        grid = tau_curve([one], [truth], 3).gridded(cells)
        assert [grid.miou(tau) for tau in (0.0, 1 / cells, 1.0)] == [0.0, 1.0, 1.0]


def test_a_grid_takes_each_change_at_or_after_its_tau():
    start = tau_curve([envelope(np.zeros((2, 1, 1)), np.zeros((2, 1, 1)))], [np.zeros((1, 1), np.uint8)], 2).start
    rng = np.random.default_rng(0)
    time = np.sort(np.concatenate([rng.random(500), np.arange(1, 101) / 100, np.nextafter(np.arange(100) / 100, 2)]))
    one = np.ones(len(time), np.int64)
    curve = TauCurve(start, time, np.zeros(len(time), np.uint8), one, one)
    for cells in (100, 7, 10_000):
        grid = curve.gridded(cells)
        for tau in np.arange(cells + 1)[:: max(1, cells // 100)] / cells:
            assert grid.counts(tau).predicted[0] == curve.counts(tau).predicted[0]


def test_nothing_to_score():
    blank = np.full((2, 3), 255, np.uint8)
    p = np.random.default_rng(0).random((3, 2, 3))
    curve = tau_curve([envelope(p, p[::-1].copy())], [blank], 3)
    assert np.isnan(curve.miou(0.5))
    assert np.isnan(curve.best()[1])
    with pytest.raises(InputError, match="at least one frame"):
        tau_curve([], [], 3)


def test_wrong_input_is_refused(curve):
    a, b, truth = FRAMES[0]
    found = envelope(a, b)
    with pytest.raises(InputError, match="truth: expected shape"):
        tau_curve([found], [truth[1:]], K)
    with pytest.raises(InputError, match=r"expected ids 0\.\.1 or 255"):
        tau_curve([found], [truth], 2)
    strange = Envelope(np.zeros((1, 1), np.uint8), np.zeros(1, np.int32), np.array([0.5]), np.array([9], np.uint8))
    with pytest.raises(InputError, match="class"):
        tau_curve([strange], [np.zeros((1, 1), np.uint8)], 3)
    with pytest.raises(InputError, match="tau"):
        curve.miou(-0.1)
    with pytest.raises(InputError, match="ascending"):
        curve.at([0.5, 0.2])
