"""The registered losses are the library's, weighted, under names that mmengine trains on."""

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from tests.losses.contrast_oracle import by_loops
from vspwlib.checks import InputError
from vspwlib.mmseg_bridge.losses import VSPWDice, VSPWPixelContrast


def test_contrast_is_the_loss_by_loops_over_each_clip():
    torch.manual_seed(0)
    embedding = torch.randn(3, 4, 3, 5, dtype=torch.float64)
    labels = torch.randint(0, 3, (3, 3, 5))
    labels[0, 0] = 255
    loss = MODELS.build({"type": "VSPWPixelContrast", "temperature": 0.3, "loss_weight": 0.5})
    unit = (embedding / embedding.norm(dim=1, keepdim=True)).movedim(1, -1)
    clips = [(unit[:2], labels[:2]), (unit[2:], labels[2:])]
    want = [by_loops(x.reshape(-1, 4).numpy(), ids.flatten().numpy(), 0.3) for x, ids in clips]
    assert loss(embedding, labels, clip_ids=[0, 0, 1]).item() == pytest.approx(0.5 * np.mean(want), rel=1e-12)
    raw = VSPWPixelContrast(temperature=0.3, loss_weight=1.0, normalize=False)
    one = by_loops(embedding.movedim(1, -1).reshape(-1, 4).numpy(), labels.flatten().numpy(), 0.3)
    assert raw(embedding, labels).item() == pytest.approx(one, rel=1e-12)


def test_contrast_hands_on_its_options():
    torch.manual_seed(1)  # 15, 8 and 7 pixels of the three classes
    embedding, labels = torch.randn(2, 4, 3, 5), torch.randint(0, 3, (2, 3, 5))
    values = {
        VSPWPixelContrast(**options)(embedding, labels).item()
        for options in ({}, {"anchor_weights": "balanced"}, {"negatives": "image"}, {"temperature": 1.0})
    }
    assert len(values) == 4
    assert VSPWPixelContrast().loss_weight == 0.1
    seven = torch.where(labels == 2, 7, labels)
    void = VSPWPixelContrast()(embedding, seven, ignore_index=7)
    assert torch.equal(void, VSPWPixelContrast()(embedding, torch.where(labels == 2, 255, labels)))


def test_dice_is_its_formula():
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 4, 6, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 4, 6))
    labels[0, 0] = 255
    probs, ids = logits.softmax(1).numpy(), labels.numpy()
    terms = []
    for k in range(4):  # class 4 does not occur
        p, t = probs[:, k][ids != 255], (ids == k)[ids != 255]
        terms.append(1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1))
    loss = MODELS.build({"type": "VSPWDice", "loss_weight": 3.0})
    assert loss(logits, labels, weight=None, ignore_index=255).item() == pytest.approx(3 * np.mean(terms), rel=1e-12)
    with pytest.raises(InputError, match="no pixel weights"):
        loss(logits, labels, weight=torch.ones(2, 4, 6))


@pytest.mark.parametrize("kind", [VSPWPixelContrast, VSPWDice])
def test_a_name_that_would_only_be_logged_is_refused(kind):
    assert "loss" in kind().loss_name
    with pytest.raises(InputError, match='a name with "loss" in it'):
        kind(loss_name="nce")
