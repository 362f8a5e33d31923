"""Weights of every class: what they leave open, against dense sums in float64."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.ensemble.test_ensemble_joint import coarse_runs, dense, softmax_runs
from vspwlib.checks import InputError
from vspwlib.ensemble import kernels
from vspwlib.ensemble.class_weights import (
    class_frame,
    class_labels,
    class_shares,
    class_weights_from_json,
    class_weights_to_json,
)
from vspwlib.ensemble.joint import reduce_bands
from vspwlib.predict.scores import probabilities


def reduced_by_class(p):
    """A frame of (N, K, H, W) probabilities in bands of two rows."""
    bands = ([torch.from_numpy(own[:, row : row + 2]) for own in p] for row in range(0, p.shape[2], 2))
    return reduce_bands(bands, p.shape[2:], kernels.contenders)


def dense_by_class(p, weights):
    """Sum as the definition reads: (K, H, W) float64."""
    return sum(weights[i][:, None, None] * p[i].astype(np.float64) for i in range(len(p)))


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    reduced_by_class(np.eye(2, dtype=np.float32).reshape(2, 2, 1, 1))


@given(p=coarse_runs(), data=st.data())
def test_labels_under_any_class_weights_equal_dense_sums(p, data):
    frame = reduced_by_class(p)
    runs, classes = p.shape[:2]
    quarters = [c for c in itertools.product([0.0, 0.25, 0.5, 1.0], repeat=runs) if sum(c) == 1]  # ties stay ties
    weights = np.array([data.draw(st.sampled_from(quarters)) for _ in range(classes)]).T
    assert np.array_equal(class_labels(frame, weights), dense_by_class(p, weights).argmax(axis=0))


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_softmax_fields_and_any_weights(runs):
    p = softmax_runs(runs, seed=runs, size=(9, 11))
    frame = reduced_by_class(p)
    rng = np.random.default_rng(0)
    for _ in range(5):
        weights = class_shares(rng.random((runs, p.shape[1])) ** 3, runs, p.shape[1])
        assert np.array_equal(class_labels(frame, weights), dense_by_class(p, weights).argmax(axis=0))
    same = class_shares(np.tile(np.arange(1.0, runs + 1)[:, None], p.shape[1]), runs, p.shape[1])
    assert np.array_equal(class_labels(frame, same), dense(p, range(1, runs + 1)).argmax(axis=0))


def test_the_open_classes_are_those_that_reach_the_best_floor():
    p = softmax_runs(3, size=(6, 7))
    frame = reduced_by_class(p)
    opened = {
        (int(pixel), int(number))
        for pixel, number in zip(np.repeat(frame.pixel, np.diff(frame.first)), frame.number, strict=True)
    }
    for pixel in range(42):
        values = p.reshape(3, p.shape[1], -1)[:, :, pixel]
        can = [
            k
            for k in range(p.shape[1])
            if max(values[:, k]) >= max(min(values[:, other]) for other in range(p.shape[1]))
        ]
        if len(can) > 1:
            assert {(pixel, k) for k in can} == {entry for entry in opened if entry[0] == pixel}
        else:
            assert not [entry for entry in opened if entry[0] == pixel]
            assert frame.agreed.reshape(-1)[pixel] == can[0]


def test_scores_are_reduced_as_their_probabilities():
    scores = [np.random.default_rng(seed).normal(0, 2, (6, 3, 4)).astype(np.float32) for seed in range(2)]
    p = np.stack([probabilities(own, (10, 13)).numpy() for own in scores])
    weights = class_shares(np.random.default_rng(5).random((2, 6)), 2, 6)
    assert np.array_equal(
        class_labels(class_frame(scores, (10, 13)), weights), dense_by_class(p, weights).argmax(axis=0)
    )


def test_shares_of_every_class():
    assert class_shares([[1, 3], [1, 1]], 2, 2).tolist() == [[0.5, 0.75], [0.5, 0.25]]
    with pytest.raises(InputError, match=r"class weights.*\[0.0, 0.0\] for class 1"):
        class_shares([[1, 0], [1, 0]], 2, 2)
    with pytest.raises(InputError, match="for class 0"):
        class_shares([[-1, 0.5], [2, 1]], 2, 2)
    with pytest.raises(InputError, match="class weights"):
        class_shares([[1, 1]], 2, 2)


def test_a_file_of_weights_names_classes_and_runs():
    table = class_shares(np.random.default_rng(0).random((2, 124)), 2)
    data = json.loads(json.dumps(class_weights_to_json(table, ["a", "b"])))
    assert data["weights"]["wall"] == table[:, 0].tolist()
    np.testing.assert_allclose(class_weights_from_json(data, ["a", "b"]), table, rtol=1e-12)
    np.testing.assert_allclose(class_weights_from_json(data, ["b", "a"]), table[::-1], rtol=1e-12)
    with pytest.raises(InputError, match=r"expected those of a, c, got a, b \(w\.json\).*--per-class"):
        class_weights_from_json(data, ["a", "c"], where="w.json")
    ragged = {**data, "weights": {**data["weights"], "sky": [1.0]}}
    with pytest.raises(InputError, match="2 numbers a class"):
        class_weights_from_json(ragged, ["a", "b"])
    del data["weights"]["sky"]
    with pytest.raises(InputError, match="sky"):
        class_weights_from_json(data, ["a", "b"])
