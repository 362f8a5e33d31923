"""Sampling as ContrastiveSeg's: how many of each class, of which kind, and what is left out."""

import pytest
import torch

from tests.losses.contrast_oracle import make
from vspwlib.checks import InputError
from vspwlib.losses.contrast.sampled import sample_anchors
from vspwlib.losses.contrastive import pixel_contrast_loss


def patches(*groups):
    """A row of labels and predictions from (label, right, wrong) triples; a wrong prediction is 99."""
    labels = torch.cat([torch.full((right + wrong,), label) for label, right, wrong in groups])
    predicted = torch.cat([torch.tensor([label] * right + [99] * wrong) for label, right, wrong in groups])
    return labels[None], predicted[None]


@pytest.mark.parametrize(
    ("right", "wrong", "easy", "hard"),
    [(50, 50, 5, 5), (50, 2, 8, 2), (3, 50, 3, 7), (0, 50, 0, 10), (50, 0, 10, 0), (5, 6, 5, 5)],
)
def test_half_hard_half_easy_as_far_as_there_are(right, wrong, easy, hard):
    labels, predicted = patches((4, right, wrong))
    places = sample_anchors(labels, predicted, max_samples=1000, max_views=10)
    assert len(places) == len(places.unique()) == easy + hard
    assert int((predicted[0, places] == 4).sum()) == easy


def test_views_are_shared_among_the_groups_of_the_batch():
    first = patches((1, 20, 20), (2, 30, 10), (3, 4, 1), (255, 100, 0))
    second = patches((1, 40, 0), (7, 40, 0), (255, 65, 0), (-1, 20, 0), (3, 10, 10))
    labels, predicted = (torch.cat(part) for part in zip(first, second, strict=True))
    places = sample_anchors(labels, predicted, max_samples=33, max_views=10)
    drawn = labels.flatten()[places]
    assert drawn.tolist() == [1] * 6 + [2] * 6 + [1] * 6 + [3] * 6 + [7] * 6  # 33 // 5 each; five patches are too few
    assert places[:12].max() < labels.shape[1] <= places[12:].min()


def test_draws_follow_the_generator_and_differ():
    labels, predicted = patches((1, 200, 200))
    draws = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        draws.append(sample_anchors(labels, predicted))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_nothing_to_draw_is_no_error_and_no_loss():
    labels, predicted = patches((1, 3, 3))
    places = sample_anchors(labels, predicted)
    assert places.shape == (0,)
    x = torch.randn(6, 4, requires_grad=True)
    loss = pixel_contrast_loss(x[places], labels[0, places])
    loss.backward()
    assert float(loss.detach()) == 0.0


def test_the_sample_is_another_quantity_than_the_whole():
    """Fewer negatives, smaller sums: the sampled loss lies nats below the exact one."""
    x, labels = make(6000, 16, 10, dtype=torch.float32)
    places = sample_anchors(labels[None], labels[None], max_samples=256)
    gap = pixel_contrast_loss(x, labels) - pixel_contrast_loss(x[places], labels[places])
    assert 2.0 < float(gap) < 4.0


def test_shapes_must_agree():
    with pytest.raises(InputError, match="predictions: expected shape"):
        sample_anchors(torch.zeros(2, 5), torch.zeros(2, 4))
