"""Matching: costs against NumPy, assignments against every permutation."""

from itertools import permutations

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.losses.matching import Matches, assign, candidate_classes, matching_costs


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def numpy_costs(class_logits: np.ndarray, logits: np.ndarray, mask: np.ndarray, kind: int) -> tuple[float, ...]:
    """Unweighted costs of one query (logits at the points) for one mask of class ``kind``."""
    p = np.exp(class_logits) / np.exp(class_logits).sum()
    share = sigmoid(logits)
    entropy = -np.mean(mask * np.log(share) + (1 - mask) * np.log(1 - share))
    dice = 1 - (2 * (share * mask).sum() + 1) / (share.sum() + mask.sum() + 1)
    return -p[kind], entropy, dice


def test_costs_equal_numpy():
    generator = torch.Generator().manual_seed(0)
    class_logits = torch.randn(2, 3, 5, generator=generator, dtype=torch.float64)
    mask_logits = 4 * torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    cells = torch.randint(0, 8, (2, 11, 2), generator=generator)
    points = (cells + 0.5) / 8.0  # pixel centres: the sample is the pixel
    masks = torch.rand(2, 2, 11, generator=generator, dtype=torch.float64)
    classes = torch.tensor([[0, 3], [2, 1]])
    costs = matching_costs(class_logits, mask_logits, masks, classes, points.double(), weights=(2.0, 5.0, 7.0))
    for b in range(2):
        for q in range(3):
            logits = mask_logits[b, q, cells[b, :, 1], cells[b, :, 0]].numpy()
            for g in range(2):
                expected = numpy_costs(class_logits[b, q].numpy(), logits, masks[b, g].numpy(), int(classes[b, g]))
                found = [float(cost[b, q, g]) for cost in costs]
                np.testing.assert_allclose(found, np.array(expected) * (2, 5, 7), rtol=1e-12)
    assert torch.equal(costs.total, costs.classification + costs.mask + costs.dice)


def test_costs_of_sure_queries_stay_finite():
    """Logits of ±1000 would be log(0) in a naive cross-entropy."""
    logits = torch.tensor([1000.0, -1000.0])[None, :, None, None].expand(1, 2, 4, 4)
    masks = torch.ones(1, 1, 6)
    points = torch.full((1, 6, 2), 0.5)
    classes = torch.zeros(1, 1, dtype=torch.long)
    costs = matching_costs(torch.zeros(1, 2, 3), logits, masks, classes, points, weights=(1.0, 1.0, 1.0))
    assert costs.mask[0, :, 0].tolist() == [0.0, 1000.0]


def test_candidates_are_the_classes_of_each_image():
    labels = torch.full((3, 4, 4), 255)
    labels[0, 0], labels[0, 2] = 5, 1
    labels[1, 0] = 3
    classes, counts = candidate_classes(labels, 6, cut=True)
    assert counts.tolist() == [2, 1, 0]
    assert classes.shape == (3, 2)
    assert classes[0].tolist() == [1, 5]
    assert classes[1, 0].item() == 3


def test_uncut_candidates_begin_with_the_same():
    labels = torch.randint(0, 6, (3, 2, 2), generator=torch.Generator().manual_seed(2))
    cut, every = (candidate_classes(labels, 6, cut=cut) for cut in (True, False))
    assert torch.equal(cut.counts, every.counts)
    for few, all_six, count in zip(cut.classes, every.classes, cut.counts, strict=True):
        assert sorted(all_six.tolist()) == list(range(6))
        assert few[:count].tolist() == all_six[:count].tolist() == sorted(few[:count].tolist())


def test_void_may_carry_another_number():
    classes, counts = candidate_classes(torch.tensor([[[0, 2], [2, 1]]]), 2, ignore_index=2, cut=True)
    assert (classes.tolist(), counts.tolist()) == ([[0, 1]], [2])


def cheapest(cost: np.ndarray) -> float:
    """Least total cost of a (Q, G) table over all ways to pair its shorter side."""
    short, long = sorted(cost.shape)
    table = cost if cost.shape[0] == short else cost.T
    return min(sum(table[i, j] for i, j in enumerate(way)) for way in permutations(range(long), short))


@pytest.mark.parametrize("counts", [[2, 4], [5, 3], [0, 1], [0, 0]])
def test_assignments_are_the_cheapest(counts):
    """Two outputs, two images, four queries; fewer masks than queries, more, and none."""
    generator = torch.Generator().manual_seed(1)
    costs = [torch.randn(2, 4, 5, generator=generator, dtype=torch.float64) for _ in range(2)]
    matches = assign(costs, torch.tensor(counts))
    assert all(part.shape == (2, sum(min(4, count) for count in counts)) for part in matches)
    for layer, table in enumerate(costs):
        for image, count in enumerate(counts):
            here = matches.image[layer] == image
            queries, columns = matches.query[layer][here], matches.column[layer][here]
            assert queries.tolist() == sorted(set(queries.tolist()))
            assert len(set(columns.tolist())) == len(columns)
            assert (columns < count).all()
            if count:
                found = table[image, queries, columns].sum().item()
                assert found == pytest.approx(cheapest(table[image, :, :count].numpy()), abs=1e-12)


def test_images_follow_each_other():
    matches = assign([torch.rand(3, 4, 2)], torch.tensor([2, 0, 1]))
    assert isinstance(matches, Matches)
    assert matches.image.tolist() == [[0, 0, 2]]


def test_a_diverged_training_is_told_so():
    costs = torch.rand(1, 2, 2)
    costs[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="training has diverged"):
        assign([costs], torch.tensor([2]))


def test_the_device_is_waited_for_once(monkeypatch):
    """All outputs and images travel in one copy, however many they are."""
    copies = []
    to_host = torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: copies.append(1) or to_host(self))
    assign([torch.rand(3, 4, 2) for _ in range(5)], torch.tensor([2, 0, 1]))
    assert len(copies) == 1
