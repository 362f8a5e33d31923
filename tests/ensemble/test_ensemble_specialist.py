"""Weights of specialists, and what they make of probabilities pixel by pixel in float64."""

import numpy as np
import pytest
import torch

from tests.ensemble.test_ensemble_soft import random_scores, resized, softmax
from vspwlib.checks import InputError
from vspwlib.ensemble.class_weights import class_shares
from vspwlib.ensemble.soft import class_weighted_labels
from vspwlib.ensemble.specialist import claimed_labels, claimed_scores, specialist_weights
from vspwlib.labels import class_named


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_specialists_have_a_say_on_their_own_classes(weight):
    weights = specialist_weights([[1, 4], [0]], weight, num_classes=6)
    expected = np.zeros((3, 6))
    expected[0] = 1
    for row, kind in ((1, 1), (1, 4), (2, 0)):
        expected[row, kind], expected[0, kind] = weight, 1 - weight
    np.testing.assert_array_equal(weights, expected)
    np.testing.assert_array_equal(class_shares(weights, 3, 6), expected)


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_other_classes_gain_nothing_among_themselves(weight):
    scores, size = random_scores(3), (19, 26)
    probs = [softmax(resized(one.astype(np.float64), size)) for one in scores]
    fused = probs[0].copy()
    for run, kind in ((1, 1), (1, 4), (2, 0)):
        fused[kind] = (1 - weight) * probs[0][kind] + weight * probs[run][kind]
    weights = specialist_weights([[1, 4], [0]], weight, num_classes=9)
    found = class_weighted_labels([torch.from_numpy(one) for one in scores], size, weights)
    first, second = np.sort(fused, 0)[:-3:-1]
    clear = first - second > 1e-6  # float32 probabilities know no better
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], fused.argmax(0)[clear])
    base = probs[0].argmax(0)
    changed = clear & (found != base)
    assert changed.any()
    assert (np.isin(found, [0, 1, 4]) | np.isin(base, [0, 1, 4]))[changed].all()


def claimed(probs: list[np.ndarray], groups: list[list[int]]) -> np.ndarray:
    """The distribution that stands at each point, (K, ...): pixel by pixel."""
    found = probs[0].copy()
    for place in np.ndindex(found.shape[1:]):
        best = 0.0
        for prob, group in zip(probs[1:], groups, strict=True):
            own = prob[(slice(None), *place)]
            if own.argmax() in group and own.max() > best:
                best = own.max()
                found[(slice(None), *place)] = own
    return found


@pytest.mark.parametrize("rows", [1, 8, 100])
def test_a_specialist_is_believed_where_it_predicts_its_classes(rows):
    scores, size, groups = random_scores(3), (19, 26), [[1, 4], [0, 5]]
    scores[1][1] += 1.5  # so that specialists meet
    scores[2][0] += 1.5
    probs = [softmax(resized(one.astype(np.float64), size)) for one in scores]
    expected = claimed(probs, groups).argmax(0)
    tensors = [torch.from_numpy(one) for one in scores]
    found = claimed_labels(tensors, size, groups, rows=rows)
    assert (found.shape, found.dtype) == (size, np.uint8)
    assert (found == expected).mean() > 0.99  # float32 probabilities know no better
    base, both = probs[0].argmax(0), np.isin(probs[1].argmax(0), groups[0]) & np.isin(probs[2].argmax(0), groups[1])
    assert (found != base).any()
    assert both.any()
    on_grid = claimed([softmax(one.astype(np.float64)) for one in scores], groups)
    np.testing.assert_allclose(claimed_scores(tensors, groups).exp(), on_grid, atol=1e-6)


def test_of_equal_claims_the_first_named_has_the_point():
    base, one, other = (
        torch.tensor(row).log().view(3, 1, 1) for row in ([0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.1, 0.7])
    )
    assert claimed_labels([base, one, other], (1, 1), [[1], [2]]).item() == 1
    assert claimed_labels([base, other, one], (1, 1), [[2], [1]]).item() == 2
    assert claimed_labels([base, one, other], (1, 1), [[2], [1]]).item() == 0


def test_what_is_no_specialist_is_refused():
    car = class_named("car").id
    with pytest.raises(InputError, match="specialists: expected one for a class, got two for car"):
        specialist_weights([[car], [3, car]], 0.0)
    for groups, weight, message in (
        ([[]], 0.5, "classes of a specialist: expected at least one, got none"),
        ([[124]], 0.5, "class of a specialist: expected 0 to 123, got 124"),
        ([[1]], 1.5, "weight of a specialist: expected 0 to 1, got 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            specialist_weights(groups, weight)
    one = torch.zeros(3, 2, 2)
    with pytest.raises(InputError, match="scores: expected those of 2 runs, got 1"):
        claimed_labels([one], (4, 4), [[1]])
    with pytest.raises(InputError, match="class of a specialist: expected 0 to 2, got 3"):
        claimed_scores([one, one], [[3]])
    with pytest.raises(InputError, match=r"expected shape \(3, 2, 2\), got \(3, 2, 3\) \(run 2\)"):
        claimed_labels([one, torch.zeros(3, 2, 3)], (4, 4), [[1]])
