"""Pixel losses against plain NumPy, in float64."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.losses.pixel import pixel_losses


def numpy_losses(
    logits: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None, dice_weights: np.ndarray | None = None
) -> tuple[float, float]:
    """Cross-entropy and Dice pixel by pixel and class by class; logits (B, K, H, W) on the label grid."""
    weights, dice_weights = (np.ones(logits.shape[1]) if each is None else each for each in (weights, dice_weights))
    nll, weight, overlap, predicted, true = 0.0, 0.0, {}, {}, {}
    for b, y, x in np.argwhere(labels != 255):
        row = logits[b, :, y, x]
        p = np.exp(row - row.max())
        p /= p.sum()
        label = int(labels[b, y, x])
        nll, weight = nll - weights[label] * np.log(p[label]), weight + weights[label]
        overlap[label] = overlap.get(label, 0.0) + p[label]
        true[label] = true.get(label, 0) + 1
        for k, mass in enumerate(p):
            predicted[k] = predicted.get(k, 0.0) + mass
    dice = {k: 1 - (2 * overlap[k] + 1) / (predicted[k] + true[k] + 1) for k in true}
    return nll / weight, sum(dice_weights[k] * dice[k] for k in dice) / sum(dice_weights[k] for k in dice)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(2, 5, 6, 7, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 6, 7), generator=generator)  # class 4 never occurs
    labels[0, :2] = 255
    return logits, labels


def test_equals_numpy(batch):
    logits, labels = batch
    losses = pixel_losses(logits, labels)
    cross_entropy, dice = numpy_losses(logits.numpy(), labels.numpy())
    assert losses.cross_entropy.item() == pytest.approx(cross_entropy, rel=1e-12)
    assert losses.dice.item() == pytest.approx(dice, rel=1e-12)


def test_gradients_are_exact(batch):
    logits, labels = batch

    def both(values):
        losses = pixel_losses(values, labels)
        return losses.cross_entropy, losses.dice

    assert torch.autograd.gradcheck(both, logits.clone().requires_grad_())


WEIGHTS = torch.tensor([0.5, 3.0, 0.0, 1.25, 9.0], dtype=torch.float64)
EMPHASIS = torch.tensor([1.0, 1.0, 10.0, 1.0, 1.0], dtype=torch.float64)


def test_weights_equal_loops_and_pytorch(batch):
    logits, labels = batch
    losses = pixel_losses(logits, labels, class_weights=WEIGHTS, dice_weights=EMPHASIS)
    cross_entropy, dice = numpy_losses(logits.numpy(), labels.numpy(), WEIGHTS.numpy(), EMPHASIS.numpy())
    assert losses.cross_entropy.item() == pytest.approx(cross_entropy, rel=1e-12)
    assert losses.dice.item() == pytest.approx(dice, rel=1e-12)
    official = torch.nn.functional.cross_entropy(logits, labels, weight=WEIGHTS, ignore_index=255)
    assert losses.cross_entropy.item() == pytest.approx(official.item(), rel=1e-12)
    plain = pixel_losses(logits, labels)
    assert losses.cross_entropy.item() != pytest.approx(plain.cross_entropy.item(), rel=1e-2)
    assert losses.dice.item() != pytest.approx(plain.dice.item(), rel=1e-2)


def test_gradients_under_weights_are_exact(batch):
    logits, labels = batch

    def both(values):
        losses = pixel_losses(values, labels, class_weights=WEIGHTS, dice_weights=EMPHASIS)
        return losses.cross_entropy, losses.dice

    assert torch.autograd.gradcheck(both, logits.clone().requires_grad_())


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_equal_weights_are_none_whatever_their_size(batch, factor):
    logits, labels = batch
    even = torch.full((5,), factor, dtype=torch.float64)
    weighted, plain = pixel_losses(logits, labels, class_weights=even, dice_weights=even), pixel_losses(logits, labels)
    assert weighted.cross_entropy.item() == pytest.approx(plain.cross_entropy.item(), rel=1e-12)
    assert weighted.dice.item() == pytest.approx(plain.dice.item(), rel=1e-12)


def test_labels_that_weigh_nothing_cost_nothing(batch):
    logits, _ = batch
    logits = logits.clone().requires_grad_()
    alone = torch.full((2, 6, 7), 2)
    losses = pixel_losses(logits, alone, class_weights=WEIGHTS, dice_weights=WEIGHTS)
    (losses.cross_entropy + losses.dice).backward()
    assert losses.cross_entropy.item() == losses.dice.item() == 0
    assert not logits.grad.any()


def test_void_pixels_have_no_gradient(batch):
    logits, labels = batch
    logits = logits.clone().requires_grad_()
    losses = pixel_losses(logits, labels)
    (losses.cross_entropy + losses.dice).backward()
    assert logits.grad is not None
    assert not logits.grad[0, :, :2].any()
    assert logits.grad[0, :, 2:].abs().sum() > 0


def test_nothing_labelled_costs_nothing(batch):
    logits, labels = batch
    logits = logits.clone().requires_grad_()
    losses = pixel_losses(logits, torch.full_like(labels, 255))
    (losses.cross_entropy + losses.dice).backward()
    assert losses.cross_entropy.item() == 0
    assert losses.dice.item() == 0
    assert not logits.grad.any()


def test_perfect_prediction_is_nearly_free(batch):
    _, labels = batch
    target = torch.where(labels == 255, 0, labels)
    logits = 50.0 * torch.nn.functional.one_hot(target, 5).permute(0, 3, 1, 2).double()
    losses = pixel_losses(logits, labels)
    assert losses.cross_entropy.item() < 1e-12
    assert losses.dice.item() < 1e-12


@pytest.mark.parametrize("stride", [2, 3])
def test_stride_supervises_the_centres(batch, stride):
    """nearest-exact takes the label under the centre of each coarse cell."""
    _, labels = batch
    height, width = -(-6 // stride), -(-7 // stride)
    rows = [min(int((i + 0.5) * 6 / height), 5) for i in range(height)]
    columns = [min(int((i + 0.5) * 7 / width), 6) for i in range(width)]
    coarse = labels[:, rows][:, :, columns]
    logits = torch.randn(2, 5, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    strided, direct = pixel_losses(logits, labels, stride=stride), pixel_losses(logits, coarse)
    assert torch.equal(strided.cross_entropy, direct.cross_entropy)
    assert torch.equal(strided.dice, direct.dice)


def test_logits_are_resized_to_the_labels(batch):
    _, labels = batch
    coarse = torch.randn(2, 5, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    fine = torch.nn.functional.interpolate(coarse, size=(6, 7), mode="bilinear", align_corners=False)
    assert torch.equal(pixel_losses(coarse, labels).cross_entropy, pixel_losses(fine, labels).cross_entropy)


def test_unknown_normaliser_is_refused(batch):
    with pytest.raises(InputError, match="one of global, local"):
        pixel_losses(*batch, normalizer="golbal")
