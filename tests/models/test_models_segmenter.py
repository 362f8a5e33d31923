"""Segmenter: shapes, gradients, and the scores of both kinds of head."""

import numpy as np
import pytest
import torch

from vspwlib.models.segmenter import SegOutput, semantic_probs, semantic_scores
from vspwlib.models.zoo import build


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("upernet_swin_tiny", num_classes=7)


@pytest.mark.parametrize("size", [(64, 96), (61, 83)])
def test_every_size_gives_stride_4(network, size):
    network.eval()
    with torch.inference_mode():
        output = network(torch.randn(2, 3, *size))
    grid = tuple(-(-side // 4) for side in size)
    assert output.logits.shape == (2, 7, *grid)
    assert output.embedding.shape == (2, 96, *grid)
    assert output.auxiliary == ()
    probs = semantic_probs(output, size)
    assert probs.shape == (2, 7, *size)
    torch.testing.assert_close(probs.sum(1), torch.ones(2, *size))


def test_training_reaches_every_parameter(network):
    network.train()
    output = network(torch.randn(2, 3, 64, 64))
    assert [tuple(logits.shape) for logits in output.auxiliary] == [(2, 7, 4, 4)]
    (output.logits.square().mean() + output.auxiliary[0].square().mean()).backward()
    untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert untouched == []
    network.zero_grad()


def test_query_scores_follow_the_official_formula():
    """Sum over queries of softmax(class)[..., :-1] * sigmoid(mask), against plain NumPy loops."""
    generator = torch.Generator().manual_seed(3)
    classes = torch.randn(2, 4, 6, generator=generator)  # 4 queries, 5 classes + "no object"
    masks = torch.randn(2, 4, 3, 2, generator=generator)
    expected = np.zeros((2, 5, 3, 2))
    for b in range(2):
        for q in range(4):
            weights = np.exp(classes[b, q].numpy())
            weights /= weights.sum()
            expected[b] += weights[:-1, None, None] / (1 + np.exp(-masks[b, q].numpy()))
    scores = semantic_scores(SegOutput(class_logits=classes, mask_logits=masks))
    np.testing.assert_allclose(scores.numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize(("given", "expected"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
def test_scores_are_wide_under_autocast_too(given, expected):
    output = SegOutput(class_logits=torch.randn(1, 4, 6, dtype=given), mask_logits=torch.randn(1, 4, 3, 2, dtype=given))
    with torch.autocast("cpu", torch.bfloat16):
        scores = semantic_scores(output)
    assert scores.dtype == expected
    torch.testing.assert_close(scores, semantic_scores(output), rtol=0, atol=0)


def test_an_empty_output_is_refused():
    with pytest.raises(TypeError, match="expected logits"):
        semantic_scores(SegOutput())
