"""Fits of the weights of every class: scores counted densely, steps no worse than any share of a fine grid."""

import numpy as np
import pytest

from tests.ensemble.test_ensemble_class_weights import dense_by_class, reduced_by_class
from tests.ensemble.test_ensemble_search import FIELDS, FRAMES, TRUTHS, K
from vspwlib.checks import InputError
from vspwlib.ensemble import class_fit
from vspwlib.ensemble.class_fit import fit_class_weights
from vspwlib.ensemble.class_search import cross_fit_classes, summed_by_class, transfer_classes
from vspwlib.ensemble.labelled import labelled_frame
from vspwlib.ensemble.search import count_frames, fit_weights, total_miou

OPEN = [
    labelled_frame(f"v{index}", reduced_by_class(field), truth, K)
    for index, (field, truth) in enumerate(zip(FIELDS, TRUTHS, strict=True))
]


def dense_miou(weights, chosen=(0, 1, 2, 3)):
    """mIoU of the sum as it is defined, over pixel sets."""
    pred = np.concatenate([dense_by_class(FIELDS[i], weights).argmax(axis=0)[TRUTHS[i] != 255] for i in chosen])
    true = np.concatenate([TRUTHS[i][TRUTHS[i] != 255] for i in chosen])
    return np.mean([((pred == c) & (true == c)).sum() / ((pred == c) | (true == c)).sum() for c in range(5)])


def test_the_score_is_that_of_the_weights_and_no_class_can_be_moved_for_more():
    fit = fit_class_weights(OPEN, [1, 1, 1], num_classes=K, least=0.0)
    assert np.allclose(fit.weights.sum(axis=0), 1)
    assert fit.common == pytest.approx(dense_miou(np.full((3, K), 1 / 3)), rel=1e-12)
    assert fit.miou == pytest.approx(dense_miou(fit.weights), rel=1e-12)
    assert fit.miou > fit.common + 0.01
    assert fit.moved == tuple(np.flatnonzero((fit.weights != 1 / 3).any(axis=0)))
    for number in range(K):
        for run in range(3):
            for share in np.linspace(0, 1, 21):
                tried = fit.weights.copy()
                tried[:, number] = class_fit._moved(fit.weights[:, number], run, share)
                assert dense_miou(tried) <= fit.miou + 1e-12


def test_it_never_falls_below_weights_that_all_classes_share():
    shared = fit_weights(lambda: FRAMES, 3, num_classes=K)
    fit = fit_class_weights(OPEN, shared.weights, num_classes=K)
    assert fit.common == pytest.approx(shared.miou, rel=1e-12)
    assert fit.miou >= fit.common


def test_a_gain_too_small_moves_nothing():
    fit = fit_class_weights(OPEN, [1, 1, 1], num_classes=K, least=0.9)
    assert (fit.moved, fit.miou) == ((), fit.common)


def test_one_frame_of_several():
    fit = fit_class_weights(OPEN, [1, 2, 1], num_classes=K, every=3)
    assert fit.every == 3
    assert fit.miou == pytest.approx(dense_miou(fit.weights, [0, 3]), rel=1e-12)


def test_held_out_videos_are_scored_under_weights_of_the_others():
    found = cross_fit_classes(lambda: OPEN, 3, folds=2, num_classes=K)
    total, common = {}, {}
    for fold in range(2):
        others = [frame for index, frame in enumerate(OPEN) if index % 2 != fold]
        own = [frame for index, frame in enumerate(OPEN) if index % 2 == fold]
        shared = fit_weights(lambda others=others: others, 3, num_classes=K).weights
        weights = fit_class_weights(others, shared, num_classes=K).weights
        total |= count_frames(own, summed_by_class(weights), K)
        common |= count_frames(own, summed_by_class(np.tile(np.array(shared)[:, None], K)), K)
    assert found.held_out == total_miou(total)
    assert found.common == total_miou(common)
    assert found.optimism == found.fit.miou - found.held_out
    assert found.shared == fit_weights(lambda: OPEN, 3, num_classes=K).weights
    assert found.equal == pytest.approx(dense_miou(np.full((3, K), 1 / 3)), rel=1e-12)


def test_weights_of_one_split_on_another():
    found = transfer_classes(lambda: OPEN[:2], lambda: OPEN[2:], 3, num_classes=K)
    fit = fit_class_weights(OPEN[:2], found.shared, num_classes=K)
    assert np.array_equal(found.fit.weights, fit.weights)
    assert found.held_out == pytest.approx(dense_miou(fit.weights, [2, 3]), rel=1e-12)
    assert found.common == pytest.approx(dense_miou(np.tile(np.array(found.shared)[:, None], K), [2, 3]), rel=1e-12)
    assert found.equal == pytest.approx(dense_miou(np.full((3, K), 1 / 3), [2, 3]), rel=1e-12)
    assert found.best >= found.held_out - 1e-9
    assert found.optimism == found.best - found.held_out


def test_no_truth_and_too_many_open_classes_are_refused(monkeypatch):
    void = [
        labelled_frame("v", reduced_by_class(p), np.full_like(t, 255), K) for p, t in zip(FIELDS, TRUTHS, strict=True)
    ]
    with pytest.raises(InputError, match="no true pixel"):
        fit_class_weights(void, [1, 1, 1], num_classes=K)
    monkeypatch.setattr(class_fit, "MOST", 100)
    with pytest.raises(InputError, match="fit to fewer frames: one of 2"):
        fit_class_weights(OPEN, [1, 1, 1], num_classes=K)
