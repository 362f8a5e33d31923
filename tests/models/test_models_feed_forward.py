"""The feed-forward part against NumPy, its names, its dropout."""

import numpy as np
import torch

from vspwlib.models.heads.feed_forward import FeedForward


def test_equals_two_matrix_products():
    torch.manual_seed(0)
    part = FeedForward(6, 10, dropout=0.0)
    weights = {name: tensor.numpy() for name, tensor in part.state_dict().items()}
    assert set(weights) == {"layers.0.0.weight", "layers.0.0.bias", "layers.1.weight", "layers.1.bias"}
    tokens = torch.randn(2, 3, 6)
    hidden = np.maximum(tokens.numpy() @ weights["layers.0.0.weight"].T + weights["layers.0.0.bias"], 0)
    expected = hidden @ weights["layers.1.weight"].T + weights["layers.1.bias"]
    np.testing.assert_allclose(part(tokens).detach().numpy(), expected, atol=1e-6)


def test_dropout_acts_in_training_alone():
    torch.manual_seed(0)
    part, plain = FeedForward(64, 64, dropout=0.5), FeedForward(64, 64, dropout=0.0)
    plain.load_state_dict(part.state_dict())
    tokens = torch.randn(1, 8, 64)
    dropped = part(tokens)
    assert 0.4 < float((dropped == 0).float().mean()) < 0.6
    assert torch.equal(part.eval()(tokens), plain(tokens))
