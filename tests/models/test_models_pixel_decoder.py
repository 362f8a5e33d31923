"""The pixel decoder: each step against NumPy, every size, equal gradients with less memory."""

import gc

import numpy as np
import pytest
import torch

from vspwlib.models.heads.pixel_decoder import Encoder, EncoderLayer, PixelDecoder
from vspwlib.models.heads.sine_positions import sine_positions

WIDTHS = (6, 7, 8, 9)


def build(*, layers=2, dropout=0.0, checkpointing=False, seed=0):
    torch.manual_seed(seed)
    stack = [EncoderLayer(16, heads=4, points=2, hidden=24, dropout=dropout) for _ in range(layers)]
    encoder = Encoder(stack, checkpointing=checkpointing)
    decoder = PixelDecoder(WIDTHS, channels=16, mask_channels=12, groups=4, encoder=encoder)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return decoder


def maps(sizes=((16, 24), (8, 12), (4, 6), (2, 3)), *, seed=1, dtype=torch.float32):
    torch.manual_seed(seed)
    return [torch.randn(2, width, *size, dtype=dtype) for width, size in zip(WIDTHS, sizes, strict=True)]


def bilinear(values, size):
    """Resize ``(C, h, w)`` pixel by pixel, centres at halves, edges held."""
    out = np.zeros((len(values), *size))
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = (
                min(max((place + 0.5) * have / want - 0.5, 0), have - 1)
                for place, have, want in zip((row, column), values.shape[1:], size, strict=True)
            )
            top, left = int(y), int(x)
            down, right = min(top + 1, values.shape[1] - 1), min(left + 1, values.shape[2] - 1)
            upper = values[:, top, left] * (1 - x + left) + values[:, top, right] * (x - left)
            lower = values[:, down, left] * (1 - x + left) + values[:, down, right] * (x - left)
            out[:, row, column] = upper * (1 - y + top) + lower * (y - top)
    return out


def group_norm(values, module):
    grouped = values.reshape(module.num_groups, -1)
    grouped = (grouped - grouped.mean(1, keepdims=True)) / np.sqrt(grouped.var(1, keepdims=True) + 1e-5)
    scale, shift = (tensor.detach().numpy()[:, None, None] for tensor in (module.weight, module.bias))
    return grouped.reshape(values.shape) * scale + shift


def convolve(values, module):
    """Apply a 1x1 or 3x3 convolution to ``(C, h, w)``, zeros around."""
    weight = module.weight.detach().numpy()
    reach = weight.shape[2] // 2
    padded = np.pad(values, ((0, 0), (reach, reach), (reach, reach)))
    height, width = values.shape[1:]
    out = sum(
        np.einsum("oc,chw->ohw", weight[:, :, dy, dx], padded[:, dy : dy + height, dx : dx + width])
        for dy in range(weight.shape[2])
        for dx in range(weight.shape[3])
    )
    return out if module.bias is None else out + module.bias.detach().numpy()[:, None, None]


@pytest.mark.parametrize("finest", [(16, 24), (15, 23), (9, 9)])
def test_the_step_to_stride_4_equals_numpy(finest):
    decoder = build().double()
    features = maps((finest, (8, 12), (4, 6), (2, 3)), dtype=torch.float64)
    mask_features, memories = decoder(features)
    assert mask_features.shape == (2, 12, *finest)
    for image in range(2):
        lateral = decoder.lateral_convs[0]
        state = group_norm(convolve(features[0][image].numpy(), lateral.conv), lateral.gn)
        state = state + bilinear(memories[2][image].detach().numpy(), finest)
        output = decoder.output_convs[0]
        state = np.maximum(group_norm(convolve(state, output.conv), output.gn), 0)
        expected = convolve(state, decoder.mask_feature)
        np.testing.assert_allclose(mask_features[image].detach().numpy(), expected, atol=1e-10)


def test_without_layers_memories_are_the_projected_maps_coarse_to_fine():
    decoder = build(layers=0).double()
    features = maps(dtype=torch.float64)
    _, memories = decoder(features)
    assert [tuple(memory.shape) for memory in memories] == [(2, 16, 2, 3), (2, 16, 4, 6), (2, 16, 8, 12)]
    for block, memory, level in zip(decoder.input_convs, memories, reversed(features[1:]), strict=True):
        expected = group_norm(convolve(level[1].numpy(), block.conv), block.gn)
        np.testing.assert_allclose(memory[1].detach().numpy(), expected, atol=1e-10)


def test_a_layer_adds_positions_where_pixels_ask_alone():
    """Attention is asked with positions and reads without; both norms come after their residual."""
    torch.manual_seed(0)
    layer = build().encoder.layers[0]
    shapes = [(2, 3), (4, 6), (8, 12)]
    tokens, positions, centres = torch.randn(2, 126, 16), torch.randn(126, 16), torch.rand(1, 126, 1, 2)
    own = layer(tokens, positions, centres, shapes)
    read = layer.attentions[0](tokens + positions, centres, tokens, shapes)
    state = torch.layer_norm(tokens + read, (16,), layer.norms[0].weight, layer.norms[0].bias)
    hidden = torch.relu(state @ layer.ffns[0].layers[0][0].weight.T + layer.ffns[0].layers[0][0].bias)
    state = state + hidden @ layer.ffns[0].layers[1].weight.T + layer.ffns[0].layers[1].bias
    expected = torch.layer_norm(state, (16,), layer.norms[1].weight, layer.norms[1].bias)
    torch.testing.assert_close(own, expected)
    assert not torch.allclose(own, layer(tokens, torch.zeros_like(positions), centres, shapes))


def test_the_encoder_is_told_the_level_and_place_of_every_pixel():
    decoder = build()
    seen = []
    decoder.encoder.layers[0].register_forward_pre_hook(lambda _, arguments: seen.extend(arguments))
    decoder(maps())
    _, positions, centres, shapes = seen
    assert shapes == [(2, 3), (4, 6), (8, 12)]
    levels = decoder.level_encoding.weight
    torch.testing.assert_close(positions[:6], sine_positions(2, 3, 16) + levels[0])
    torch.testing.assert_close(positions[30:], sine_positions(8, 12, 16) + levels[2])
    torch.testing.assert_close(
        centres[0, 6 + 2 * 6 + 1, 0], torch.tensor([1.5 / 6, 2.5 / 4])
    )  # (x, y): row 2, column 1


def test_reference_points_stay_float32_under_autocast():
    seen = []
    decoder = build()
    decoder.encoder.layers[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[2].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        decoder(maps())
    assert seen == [torch.float32]


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_checkpointing_gives_the_same_gradients(dropout):
    gradients = []
    for checkpointing in (False, True):
        decoder = build(dropout=dropout, checkpointing=checkpointing)
        calls = []
        decoder.encoder.layers[0].register_forward_pre_hook(lambda *_, calls=calls: calls.append(1))
        torch.manual_seed(2)
        mask_features, memories = decoder(maps())
        (mask_features.square().mean() + memories[0].square().mean()).backward()
        assert len(calls) == 1 + checkpointing
        gradients.append({name: parameter.grad for name, parameter in decoder.named_parameters()})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(gradients[1][name], gradient, msg=name)


def test_initial_weights_are_the_official_ones():
    torch.manual_seed(0)
    encoder = Encoder([EncoderLayer(64, heads=4, points=4, hidden=256, dropout=0.0)], checkpointing=False)
    decoder = PixelDecoder((32, 32, 32, 96), channels=64, mask_channels=64, groups=32, encoder=encoder)
    layer = encoder.layers[0]
    assert layer.attentions[0].sampling_offsets.weight.abs().max() == 0  # Xavier first, then the ring
    assert layer.attentions[0].sampling_offsets.bias.abs().max() == 4
    assert float(layer.ffns[0].layers[0][0].weight.std()) == pytest.approx((2 / (64 + 256)) ** 0.5, rel=0.05)
    bounds = {
        decoder.input_convs[0].conv: (6 / (96 + 64)) ** 0.5,
        decoder.lateral_convs[0].conv: (3 / 32) ** 0.5,
        decoder.output_convs[0].conv: (3 / (64 * 9)) ** 0.5,
        decoder.mask_feature: (3 / 64) ** 0.5,
    }
    for convolution, bound in bounds.items():
        assert float(convolution.weight.abs().max()) == pytest.approx(bound, rel=0.01)
        assert convolution.bias is None or convolution.bias.abs().max() == 0


def test_no_map_at_stride_4_outlives_its_use():
    """At paper size each weighs 59 MB: what comes in and what is at work, no more."""
    decoder, alive = build().eval(), []

    def count(module, inputs):
        size = inputs[0].shape[2:]
        alive.append(sum(isinstance(found, torch.Tensor) and found.shape[2:] == size for found in gc.get_objects()))

    for layer in (*decoder.output_convs[0].children(), decoder.mask_feature):
        layer.register_forward_pre_hook(count)
    with torch.no_grad():
        decoder(maps(((20, 28), (8, 12), (4, 6), (2, 3))))
    assert alive == [2] * 4
