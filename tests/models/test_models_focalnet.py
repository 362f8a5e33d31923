"""FocalNet: modulation and padding against plain NumPy, options, sizes, gradients, official outputs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.official import focalnet as official
from tests.official.fixture import Fixture
from vspwlib.models.backbones.focalnet import SIZES, FocalNetSize, build_focalnet
from vspwlib.models.zoo import count_parameters

PLAIN = FocalNetSize(embed_dim=8, depths=(1, 1, 2, 1), focal_levels=(2,) * 4, focal_windows=(3,) * 4)
POST = replace(PLAIN, conv_embed=True, stem_padding=2, layer_scale=0.5, post_norm=True, modulation_norm=True)


def randomised(size, **options):
    torch.manual_seed(0)
    backbone = build_focalnet(size, drop_path=0.0, **options).double()
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return backbone


def array(tensor):
    return tensor.detach().numpy()


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def pointwise(x, layer):
    return np.einsum("oi,ihw->ohw", array(layer.weight)[:, :, 0, 0], x) + array(layer.bias)[:, None, None]


def norm(x, layer):
    centred = x - x.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).mean(axis=0) + 1e-5)
    return scaled * array(layer.weight)[:, None, None] + array(layer.bias)[:, None, None]


def modulate(x, layer, *, divide):
    """Equations 4 to 6 of the paper, one pixel at a time."""
    channels, height, width = x.shape
    mixed = pointwise(x, layer.f)
    query, context, gates = mixed[:channels], mixed[channels : 2 * channels], mixed[2 * channels :]
    total = np.zeros_like(query)
    for level, focal in enumerate(layer.focal_layers):
        kernel = array(focal[0].weight)[:, 0]
        half = kernel.shape[-1] // 2
        wider = np.zeros_like(context)
        for y, column, dy, dx in np.ndindex(height, width, *kernel.shape[1:]):
            j, i = y + dy - half, column + dx - half
            if 0 <= j < height and 0 <= i < width:
                wider[:, y, column] += kernel[:, dy, dx] * context[:, j, i]
        context = gelu(wider)
        total += context * gates[level]
    total += gelu(context.mean(axis=(1, 2)))[:, None, None] * gates[-1]
    if divide:
        total /= len(layer.focal_layers) + 1
    return query * pointwise(total, layer.h)


@pytest.mark.parametrize("divide", [False, True])
def test_modulation_equals_plain_numpy(divide):
    layer = randomised(replace(PLAIN, normalize_modulator=divide)).layers[0].blocks[0].modulation
    x = np.random.default_rng(0).normal(size=(8, 5, 4))
    expected = pointwise(modulate(x, layer, divide=divide), layer.proj)
    with torch.inference_mode():
        own = layer(torch.from_numpy(x)[None])[0]
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-10)


def test_a_block_with_norms_after_its_branches_equals_plain_numpy():
    block = randomised(POST).layers[0].blocks[0]
    x = np.random.default_rng(0).normal(size=(8, 4, 4))
    change = pointwise(norm(modulate(x, block.modulation, divide=False), block.modulation.norm), block.modulation.proj)
    middle = x + norm(change, block.norm1_post) * array(block.ls1.gamma)[:, None, None]
    change = pointwise(gelu(pointwise(middle, block.mlp.fc1)), block.mlp.fc2)
    expected = middle + norm(change, block.norm2_post) * array(block.ls2.gamma)[:, None, None]
    with torch.inference_mode():
        own = block(torch.from_numpy(x)[None])[0]
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-10)


def strided(x, layer, side):
    """Non-overlapping patches; what lies beyond the map counts as zero."""
    height, width = x.shape[1:]
    rows, columns = -(-height // side), -(-width // side)
    kernel = array(layer.proj.weight)
    output = np.zeros((kernel.shape[0], rows, columns))
    for row, column, dy, dx in np.ndindex(rows, columns, side, side):
        j, i = side * row + dy, side * column + dx
        if j < height and i < width:
            output[:, row, column] += kernel[:, :, dy, dx] @ x[:, j, i]
    return norm(output + array(layer.proj.bias)[:, None, None], layer.norm)


def test_ragged_sides_are_padded_right_and_below():
    """683 pixels, which official tests meet, are 171 patches and not 170; 171 patches halve to 86 and not 85."""
    backbone = randomised(PLAIN)
    seen = {}
    for name in ("stem", "layers.0.blocks.0", "layers.1.downsample"):
        backbone.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: seen.update({name: output[0].numpy()})
        )
    images = torch.randn(1, 3, 26, 43, dtype=torch.float64)
    with torch.inference_mode():
        outputs = backbone(images)
    np.testing.assert_allclose(seen["stem"], strided(images[0].numpy(), backbone.stem, 4), atol=1e-10)
    halved = strided(seen["layers.0.blocks.0"], backbone.layers[1].downsample, 2)
    np.testing.assert_allclose(seen["layers.1.downsample"], halved, atol=1e-10)
    np.testing.assert_allclose(outputs[0][0], norm(seen["layers.0.blocks.0"], backbone.norm0), atol=1e-10)


@pytest.mark.parametrize("size", [PLAIN, POST, replace(POST, stem_padding=3)])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 46), (1, 71)])
def test_outputs_are_rounded_up(size, height, width):
    outputs = build_focalnet(size, drop_path=0.0)(torch.randn(2, 3, height, width))
    expected = [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(size.channels, (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(output.shape) for output in outputs] == expected


def test_stem_padding_shifts_the_patches():
    two, three = randomised(POST), randomised(replace(POST, stem_padding=3))
    images = torch.randn(1, 3, 32, 32, dtype=torch.float64)
    shifted = torch.nn.functional.pad(images, (1, 0, 1, 0))[..., :32, :32]
    with torch.inference_mode():
        own, other = three.stem(images), two.stem(shifted)
    assert not torch.allclose(own, two.stem(images))
    torch.testing.assert_close(own[..., :-1, :-1], other[..., :-1, :-1])


@pytest.mark.parametrize("size", [PLAIN, POST])
def test_gradients_reach_every_parameter_and_are_equal_under_checkpointing(size):
    images = torch.randn(2, 3, 40, 36, dtype=torch.float64)
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        backbone = build_focalnet(size, drop_path=0.5, checkpointing=checkpointing).double()
        torch.manual_seed(3)
        sum(output.pow(3).sum() for output in backbone(images)).backward()
        gradients.append({name: parameter.grad for name, parameter in backbone.named_parameters()})
    plain, recomputed = gradients
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient, msg=name)


def test_checkpointing_saves_activations():
    def saved(checkpointing):
        backbone = build_focalnet(PLAIN, drop_path=0.0, checkpointing=checkpointing)
        sizes = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda x: x
        )
        with hooks:
            backbone(torch.randn(1, 3, 64, 64))
        return sum(sizes)

    assert saved(True) < 0.5 * saved(False)


def test_drop_path_rises_over_all_blocks():
    backbone = build_focalnet(PLAIN, drop_path=0.4)
    blocks = [block for stage in backbone.layers for block in stage.blocks]
    assert [getattr(block.drop_path2, "drop_prob", 0.0) for block in blocks] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_fresh_convolutions_are_not_drawn_like_linear_layers():
    block = build_focalnet(SIZES["tiny"], drop_path=0.0).layers[2].blocks[0]
    assert 0.015 < block.modulation.f.weight.std() < 0.025
    assert block.modulation.focal_layers[0][0].weight.std() > 0.1  # uniform within 1/3, as PyTorch draws 3x3 kernels


def test_bfloat16_stays_near_float32():
    torch.manual_seed(0)
    backbone = build_focalnet(SIZES["tiny"], drop_path=0.0).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        exact = backbone(images)
        with torch.autocast("cpu", torch.bfloat16):
            rough = backbone(images)
    for one, other in zip(exact, rough, strict=True):
        assert (one - other.float()).abs().mean() < 0.05 * one.abs().mean()


@pytest.mark.parametrize("name", SIZES)
def test_sizes_build_without_storage(name):
    with torch.device("meta"):
        backbone = build_focalnet(SIZES[name], drop_path=0.0)
    millions = {"tiny": 6.6, "b_lrf": 91.19, "l": 205.75}
    if name in millions:
        assert count_parameters(backbone) / 1e6 == pytest.approx(millions[name], abs=0.06)
    assert all(parameter.is_meta for parameter in backbone.parameters())


@pytest.mark.parametrize(("name", "outputs"), [("a", 4), ("c_postln_cls", 5), ("c_postln_cls_normmod", 5)])
def test_outputs_are_the_official_ones(shared, name, outputs):
    fixture = Fixture(shared / f"reference/fixtures/focalnet_{name}.npz")
    assert official.matches(fixture)
    found = list(official.run(fixture))
    assert len(found) == 2 * outputs
    assert [check for check in found if not check.passed] == []
