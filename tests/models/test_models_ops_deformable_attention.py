"""Deformable attention: shares of a level's sides against plain loops, and its layer against the definition."""

import math

import numpy as np
import pytest
import torch

from vspwlib.models.ops.deformable_attention import DeformableAttention, deformable_attention, pixel_centres

LEVELS = [(4, 6), (2, 3), (1, 1)]
PIXELS = sum(height * width for height, width in LEVELS)


def by_loops(value: np.ndarray, locations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each sample on its own; pixel i of n has its centre at (i + 0.5) / n and reaches 1 / n to both sides."""
    (images, _, heads, depth), queries = value.shape, locations.shape[1]
    out = np.zeros((images, queries, heads, depth))
    for image, query, head, level, point in np.ndindex(weights.shape):
        height, width = LEVELS[level]
        start = sum(h * w for h, w in LEVELS[:level])
        x, y = locations[image, query, head, level, point]
        across = np.maximum(0, 1 - np.abs(x - (np.arange(width) + 0.5) / width) * width)
        along = np.maximum(0, 1 - np.abs(y - (np.arange(height) + 0.5) / height) * height)
        level_map = value[image, start : start + height * width, head].reshape(height, width, depth)
        weight = weights[image, query, head, level, point]
        out[image, query, head] += weight * np.einsum("h,w,hwd->d", along, across, level_map)
    return out.reshape(images, queries, -1)


def make(heads: int = 2, queries: int = 5) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(2, PIXELS, heads, 3, generator=generator, dtype=torch.float64)
    locations = torch.rand(2, queries, heads, len(LEVELS), 4, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3
    weights = torch.rand(2, queries, heads, len(LEVELS), 4, generator=generator, dtype=torch.float64)
    return [value, locations, weights]


@pytest.mark.parametrize("backend", ["auto", "grid_sample", "embedding_bag"])
def test_equals_plain_loops(backend):
    value, locations, weights = make()
    locations[0, 0, 0, :, 0] = 0.5  # on a centre in the one-pixel level, between pixels in the others
    locations[0, 1, 0, :, 0] = torch.tensor([0.0, 1.0])  # on the map's edges
    own = deformable_attention(value, LEVELS, locations, weights, backend=backend)
    np.testing.assert_allclose(own.numpy(), by_loops(value.numpy(), locations.numpy(), weights.numpy()), atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "grid_sample", "embedding_bag"])
def test_gradients(backend):
    inputs = [tensor[:1].clone().requires_grad_() for tensor in make(heads=1, queries=1)]
    assert torch.autograd.gradcheck(
        lambda value, locations, weights: deformable_attention(value, LEVELS, locations, weights, backend=backend),
        inputs,
    )


def test_centres_read_the_pixels_themselves():
    value = torch.randn(1, PIXELS, 1, 3, dtype=torch.float64)
    centres = pixel_centres(LEVELS, device=None, dtype=torch.float64)
    assert centres.shape == (1, PIXELS, 1, 2)
    locations = centres[:, :, :, None, None].expand(1, PIXELS, 1, len(LEVELS), 1, 2)
    weights = torch.zeros(1, PIXELS, 1, len(LEVELS), 1, dtype=torch.float64)
    start = 0
    for level, (height, width) in enumerate(LEVELS):
        weights[:, start : start + height * width, :, level] = 1
        start += height * width
    torch.testing.assert_close(deformable_attention(value, LEVELS, locations, weights), value.flatten(2))


def layer_and_inputs() -> tuple[DeformableAttention, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    layer = DeformableAttention(16, heads=4, levels=len(LEVELS), points=2, ratio=0.5)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    query, value = torch.randn(2, 5, 16), torch.randn(2, PIXELS, 16)
    return layer, query, torch.rand(1, 5, 1, 2), value


def test_offsets_are_pixels_of_their_level():
    """location = reference + offset / (width, height), weights by one softmax over levels and points."""
    layer, query, reference, value = layer_and_inputs()
    layer, query, reference, value = layer.double(), query.double(), reference.double(), value.double()
    offsets = layer.sampling_offsets(query).view(2, 5, 4, 3, 2, 2)
    weights = layer.attention_weights(query).view(2, 5, 4, 6).softmax(-1).view(2, 5, 4, 3, 2)
    sizes = torch.tensor([(width, height) for height, width in LEVELS])[:, None]
    locations = reference[:, :, None, :, None] + offsets / sizes
    values = layer.value_proj(value).view(2, PIXELS, 4, 2)
    arrays = (tensor.detach().numpy() for tensor in (values, locations, weights))
    expected = layer.output_proj(torch.from_numpy(by_loops(*arrays)))
    torch.testing.assert_close(layer(query, reference, value, LEVELS), expected)


def test_every_parameter_is_reached():
    layer, query, reference, value = layer_and_inputs()
    layer(query, reference, value, LEVELS).square().sum().backward()
    assert {name for name, parameter in layer.named_parameters() if not parameter.grad.abs().max() > 0} == set()


def test_starts_with_points_on_a_ring_and_equal_weights():
    layer = DeformableAttention(16, heads=8, levels=2, points=3)
    bias = layer.sampling_offsets.bias.detach().view(8, 2, 3, 2)
    for head in range(8):
        angle = 2 * math.pi * head / 8
        largest = max(abs(math.cos(angle)), abs(math.sin(angle)))
        for point in range(3):
            expected = [(point + 1) * math.cos(angle) / largest, (point + 1) * math.sin(angle) / largest]
            np.testing.assert_allclose(bias[head, 1, point].numpy(), expected, atol=1e-5)
    assert not layer.sampling_offsets.weight.any()
    assert not layer.attention_weights.weight.any()


def test_under_autocast_a_wide_map_keeps_its_pixels():
    """Points are added up in float32: in bfloat16 a share of 1000 pixels would be off by four of them."""
    torch.manual_seed(0)
    layer = DeformableAttention(16, heads=2, levels=1)
    levels, waves = [(1, 1000)], torch.arange(1000.0).mul(0.4).sin()[None, :, None].expand(1, 1000, 16)
    centres = pixel_centres(levels, device=None, dtype=torch.float32)
    query = torch.zeros(1, 1000, 16)
    layer.sampling_offsets.bias.data.zero_()
    with torch.autocast("cpu", torch.bfloat16):
        own = layer(query, centres, waves, levels).detach()
    expected = layer(query, centres, waves, levels).detach()
    assert own.dtype == torch.bfloat16
    assert float((own - expected).abs().max()) < 0.03 * float(expected.abs().max())


def test_runs_without_storage():
    with torch.device("meta"):
        layer = DeformableAttention(16, heads=4, levels=3)
        centres = pixel_centres(LEVELS, device=torch.device("meta"), dtype=torch.float32)
        tokens = torch.empty(2, PIXELS, 16)
        assert layer(tokens, centres, tokens, LEVELS).shape == (2, PIXELS, 16)
