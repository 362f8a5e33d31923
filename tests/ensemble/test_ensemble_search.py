"""The search against a fine grid of weights, dense; folds against fits made by hand."""

import itertools

import numpy as np
import pytest

from tests.ensemble.test_ensemble_joint import dense, reduced
from vspwlib.checks import InputError
from vspwlib.ensemble import search
from vspwlib.ensemble.labelled import labelled_frame
from vspwlib.ensemble.search import count_frames, cross_fit, fit_weights, score_weights, summed
from vspwlib.metrics.iou import ClassCounts, confusion

K = 6


def make_frames(runs=3, videos=4, seed=0):
    """Runs of different noise around a truth with void, and the dense probabilities beside the joint frames."""
    rng = np.random.default_rng(seed)
    frames, fields, truths = [], [], []
    for index in range(videos):
        truth = rng.choice([0, 1, 2, 3, 4, 255], (10, 12 + index)).astype(np.uint8)
        base = np.arange(K)[:, None, None] == truth
        scores = [(1.2 + run / 2) * base + rng.normal(size=(K, *truth.shape)) for run in range(runs)]
        p = np.stack([np.exp(s) / np.exp(s).sum(axis=0) for s in scores]).astype(np.float32)
        fields.append(p)
        truths.append(truth)
        frames.append(labelled_frame(f"v{index}", reduced(p), truth, K))
    return frames, fields, truths


FRAMES, FIELDS, TRUTHS = make_frames()


def dense_miou(weights):
    pred, true = [], []
    for field, truth in zip(FIELDS, TRUTHS, strict=True):
        pred.append(dense(field, weights).argmax(axis=0)[truth != 255])
        true.append(truth[truth != 255])
    a, b = np.concatenate(pred), np.concatenate(true)
    return np.mean([((a == c) & (b == c)).sum() / ((a == c) | (b == c)).sum() for c in range(5)])


def test_counts_are_those_of_dense_fusion():
    counts = count_frames(FRAMES, summed([0.2, 0.3, 0.5]), K)
    assert list(counts) == ["v0", "v1", "v2", "v3"]
    for index, video in enumerate(counts):
        labels, truth = dense(FIELDS[index], [0.2, 0.3, 0.5]).argmax(axis=0), TRUTHS[index]
        hits = [((labels == c) & (truth == c)).sum() for c in range(K)]
        assert counts[video].intersection.tolist() == hits


def test_many_weights_are_scored_in_one_reading():
    read = []
    choices = [[1, 0, 0], [0.2, 0.3, 0.5], [1, 1, 1]]
    found = score_weights(lambda: read.append(1) or FRAMES, choices, K)
    assert found == pytest.approx([dense_miou(weights) for weights in choices], rel=1e-12)
    assert len(read) == 1


def test_the_search_beats_a_grid_of_66_points():
    fit = fit_weights(lambda: FRAMES, 3, num_classes=K)
    assert sum(fit.weights) == pytest.approx(1)
    assert fit.miou == pytest.approx(dense_miou(fit.weights), rel=1e-12)
    grid = [(a, b, 10 - a - b) for a, b in itertools.product(range(11), repeat=2) if a + b <= 10]
    assert len(grid) == 66
    assert fit.miou >= max(dense_miou(point) for point in grid)
    gains = [score for _, score in fit.steps]
    assert gains == sorted(gains)
    assert fit.steps[-1] == (fit.weights, fit.miou)


def test_two_runs_reach_the_best_of_all_weights():
    frames, fields, truths = make_frames(runs=2, seed=3)
    fit = fit_weights(lambda: frames, 2, num_classes=K)

    def score(weights):
        pred = np.concatenate([dense(p, weights).argmax(0)[t != 255] for p, t in zip(fields, truths, strict=True)])
        true = np.concatenate([t[t != 255] for t in truths])
        return np.mean([((pred == c) & (true == c)).sum() / ((pred == c) | (true == c)).sum() for c in range(5)])

    assert fit.miou == pytest.approx(score(fit.weights), rel=1e-12)
    assert fit.miou >= max(score((t, 1 - t)) for t in np.linspace(0, 1, 400))


def test_every_video_is_scored_under_weights_that_have_not_seen_it():
    found = cross_fit(lambda: FRAMES, 3, folds=2, num_classes=K)
    hits = np.zeros((3, K), np.int64)
    for fold, chosen in enumerate(([0, 2], [1, 3])):
        others = [FRAMES[index] for index in range(4) if index not in chosen]
        fit = fit_weights(lambda others=others: others, 3, num_classes=K)
        assert found.folds[fold] == fit
        for counts in count_frames([FRAMES[index] for index in chosen], summed(fit.weights), K).values():
            hits += np.stack([counts.intersection, counts.truth, counts.predicted])
    want = np.mean([hits[0, c] / (hits[1, c] + hits[2, c] - hits[0, c]) for c in range(5)])
    assert found.held_out == pytest.approx(want, rel=1e-12)
    assert found.optimism == found.fit.miou - found.held_out
    assert found.equal == pytest.approx(dense_miou([1, 1, 1]), rel=1e-12)
    assert found.alone == pytest.approx([dense_miou(w) for w in np.eye(3)], rel=1e-12)
    assert {*found.counts} == {"v0", "v1", "v2", "v3"}


def test_what_is_settled_and_what_is_open_make_the_frame():
    frame, truth = reduced(FIELDS[1]), TRUTHS[1]
    part = labelled_frame("v1", frame, truth, K)
    assert part.truth.size == (truth.reshape(-1)[frame.pixel] != 255).sum() < (truth != 255).sum()
    for weights in ([1, 0, 0], [0.2, 0.3, 0.5]):
        whole = ClassCounts.of(confusion(frame.labels(weights), truth, K))
        parts = part.settled + ClassCounts.of(confusion(part.frame.labels(weights), part.truth, K))
        np.testing.assert_equal(vars(parts), vars(whole))


def test_many_changes_are_looked_at_in_steps(monkeypatch):
    exact = fit_weights(lambda: FRAMES, 3, num_classes=K)
    monkeypatch.setattr(search, "MOST", 10)
    found = fit_weights(lambda: FRAMES, 3, num_classes=K)
    assert found.miou == pytest.approx(dense_miou(found.weights), rel=1e-12)
    assert found.miou == pytest.approx(exact.miou, abs=0.01)


def test_one_run_has_one_weight():
    frames, _, _ = make_frames(runs=1)
    assert fit_weights(lambda: frames, 1, num_classes=K).weights == (1.0,)


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match=r"videos: expected 5 or more, one a fold, got 4\. Fix: take at most 4 folds"):
        cross_fit(lambda: FRAMES, 3, num_classes=K)
    with pytest.raises(InputError, match="no true pixel"):
        fit_weights(list, 3, num_classes=K)
    with pytest.raises(InputError, match="weights: expected 3"):
        fit_weights(lambda: FRAMES, 3, starts=[[1, 2]], num_classes=K)
