"""Masked attention against loops in NumPy, and against the order of steps in the official code."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from vspwlib.models.heads.masked_attention import DecoderLayer, MultiHeadAttention, attendable


def loop_attention(module, query, key, value, blocked=None):
    """Return ``module``'s output one query and head at a time; ``blocked`` ``(B, Q, S)`` is an official mask."""
    weight, bias = module.in_proj_weight.detach().numpy(), module.in_proj_bias.detach().numpy()
    wq, wk, wv = np.split(weight, 3)
    bq, bk, bv = np.split(bias, 3)
    batch, queries, channels = query.shape
    depth = channels // module.heads
    mixed = np.zeros_like(query)
    for image in range(batch):
        q, k, v = query[image] @ wq.T + bq, key[image] @ wk.T + bk, value[image] @ wv.T + bv
        for row in range(queries):
            closed = np.zeros(len(k), bool) if blocked is None else blocked[image, row]
            allowed = np.flatnonzero(~closed) if not closed.all() else np.arange(len(k))
            for head in range(module.heads):
                part = slice(head * depth, (head + 1) * depth)
                scores = k[allowed, part] @ q[row, part] / np.sqrt(depth)
                shares = np.exp(scores - scores.max())
                mixed[image, row, part] = shares @ v[allowed, part] / shares.sum()
    return mixed @ module.out_proj.weight.detach().numpy().T + module.out_proj.bias.detach().numpy()


def layer_norm(values, module):
    centred = values - values.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * module.weight.detach().numpy() + module.bias.detach().numpy()


def randomise(module):
    """Move every parameter off its initial value, zeros and ones included."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return module


@pytest.fixture
def tokens():
    """Return queries, keys, values and an official mask: the second query of the first image sees nothing."""
    torch.manual_seed(0)
    query, key, value = torch.randn(2, 3, 8), torch.randn(2, 7, 8), torch.randn(2, 7, 8)
    blocked = torch.rand(2, 3, 7) < 0.5
    blocked[0, 1] = True
    return query.double(), key.double(), value.double(), blocked


def test_masked_attention_equals_the_loop(tokens):
    query, key, value, blocked = tokens
    module = randomise(MultiHeadAttention(8, 2, dropout=0.0).double())
    attend = (~blocked | blocked.all(-1, keepdim=True))[:, None]
    own = module(query, key, value, attend)
    expected = loop_attention(module, query.numpy(), key.numpy(), value.numpy(), blocked.numpy())
    np.testing.assert_allclose(own.detach().numpy(), expected, atol=1e-12)


def test_attention_equals_torchs_own_class(tokens):
    query, key, value, blocked = tokens
    theirs = randomise(torch.nn.MultiheadAttention(8, 2, batch_first=True).double())
    own = MultiHeadAttention(8, 2, dropout=0.0).double()
    own.load_state_dict(theirs.state_dict())
    blocked[0, 1, 3] = False
    expected, _ = theirs(query, key, value, attn_mask=blocked.repeat_interleave(2, dim=0))
    torch.testing.assert_close(own(query, key, value, ~blocked[:, None]), expected)


def test_a_mask_is_what_the_official_order_of_steps_gives():
    """Logits at stride 4 first, then resized; ours resizes features. Both are linear, so the signs are the same."""
    torch.manual_seed(1)
    embeddings, features = torch.randn(2, 6, 8).double(), torch.randn(2, 8, 9, 14).double()
    embeddings[0, 2] = 0
    features[:, 0] = 1
    embeddings[0, 2, 0] = -1  # a mask that is background everywhere
    for size in ((5, 7), (3, 4), (2, 2)):
        logits = torch.einsum("bqc,bchw->bqhw", embeddings, features)
        resized = functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
        blocked = resized.sigmoid().flatten(2) < 0.5
        assert blocked[0, 2].all()
        blocked[blocked.all(-1)] = False
        coarse = functional.interpolate(features, size=size, mode="bilinear", align_corners=False)
        own = attendable(embeddings, coarse)
        assert own.shape == (2, 1, 6, size[0] * size[1])
        assert torch.equal(own[:, 0], ~blocked)


def test_no_gradient_flows_through_a_mask():
    embeddings, features = torch.randn(1, 2, 4, requires_grad=True), torch.randn(1, 4, 3, 3, requires_grad=True)
    assert not attendable(embeddings, features).requires_grad


def test_a_layer_equals_its_steps(tokens):
    query, key, value, blocked = tokens
    layer = randomise(DecoderLayer(8, heads=2, hidden=12, dropout=0.0).double())
    positions = torch.randn(3, 8).double()
    attend = (~blocked | blocked.all(-1, keepdim=True))[:, None]
    own = layer(query, positions, key, value, attend)
    cross, among = (attention["attn"] for attention in layer.attentions)
    state, place = query.numpy(), positions.numpy()
    read = loop_attention(cross, state + place, key.numpy(), value.numpy(), blocked.numpy())
    state = layer_norm(state + read, layer.norms[0])
    state = layer_norm(state + loop_attention(among, state + place, state + place, state), layer.norms[1])
    state = layer_norm(state + layer.ffns[0](torch.from_numpy(state)).detach().numpy(), layer.norms[2])
    np.testing.assert_allclose(own.detach().numpy(), state, atol=1e-12)


def test_gradients_of_a_layer(tokens):
    query, key, value, blocked = tokens
    layer = randomise(DecoderLayer(8, heads=2, hidden=4, dropout=0.0).double())
    positions = torch.randn(3, 8).double()
    attend = (~blocked | blocked.all(-1, keepdim=True))[:, None]
    inputs = [tensor.requires_grad_() for tensor in (query, positions, key, value)]
    assert torch.autograd.gradcheck(lambda *arguments: layer(*arguments, attend), inputs)


def test_dropout_acts_on_weights_and_outputs_in_training_alone(tokens):
    query, key, value, _ = tokens
    layer = DecoderLayer(8, heads=2, hidden=4, dropout=0.5).double()
    attend = torch.ones(2, 1, 3, 7, dtype=torch.bool)
    arguments = (query, torch.zeros(3, 8).double(), key, value, attend)
    assert not torch.equal(layer(*arguments), layer(*arguments))
    attention = layer.attentions[0]["attn"]
    assert not torch.equal(attention(query, key, value), attention(query, key, value))
    layer.eval()
    assert torch.equal(layer(*arguments), layer(*arguments))
    assert torch.equal(attention(query, key, value), attention(query, key, value))
