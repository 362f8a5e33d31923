"""InternImage: one block against plain NumPy, options, sizes, gradients, official keys and outputs."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.official import internimage as official
from tests.official.fixture import Fixture
from vspwlib.models.backbones.internimage import SIZES, InternImageSize, build_internimage, rename_internimage
from vspwlib.models.zoo import build_empty, count_parameters

SMALL = InternImageSize(embed_dim=8, depths=(1, 1, 2, 1), groups=(2, 2, 2, 2))
VARIANTS = {
    "norm before": SMALL,
    "norm after": replace(SMALL, post_norm=True, offset_scale=2.0),
    "norm around": replace(
        SMALL, layer_scale=None, res_post_norm=True, dw_kernel=5, center_feature_scale=True, level2_post_norms=(1,)
    ),
}


def randomised(size, *, noise=0.3, dtype=torch.float64, **options):
    """Build a backbone whose every weight matters: freshly made ones hide offsets, masks and scales."""
    torch.manual_seed(0)
    backbone = build_internimage(size, drop_path=0.0, **options).to(dtype)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
    return backbone


def norm(x, layer):
    weight, bias = (layer[-1].weight.detach().numpy(), layer[-1].bias.detach().numpy())
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6) * weight + bias


def linear(x, layer):
    return x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def pixel(plane, y, x):
    inside = 0 <= y < plane.shape[0] and 0 <= x < plane.shape[1]
    return plane[y, x] if inside else np.zeros(plane.shape[2:])


def between(plane, y, x):
    top, left = math.floor(y), math.floor(x)
    corners = [(top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)]
    return sum(pixel(plane, j, i) * (1 - abs(y - j)) * (1 - abs(x - i)) for j, i in corners)


def deform(x, dcn, size):
    """DCNv3 as the paper has it, pixel by pixel."""
    height, width, channels = x.shape
    groups, depth = dcn.groups, channels // dcn.groups
    kernel = dcn.dw_conv[0].weight.detach().numpy()  # (C, 1, k, k)
    half = kernel.shape[-1] // 2
    taps = range(-half, half + 1)
    local = np.zeros_like(x)
    for y, column in np.ndindex(height, width):
        window = sum(kernel[:, 0, dy + half, dx + half] * pixel(x, y + dy, column + dx) for dy in taps for dx in taps)
        local[y, column] = window + dcn.dw_conv[0].bias.detach().numpy()
    local = gelu(norm(local, dcn.dw_conv[1]))
    offsets = linear(local, dcn.offset).reshape(height, width, groups, 9, 2)
    scores = np.exp(linear(local, dcn.mask).reshape(height, width, groups, 9))
    mask = scores / scores.sum(axis=-1, keepdims=True)
    projected = linear(x, dcn.input_proj)
    output = np.zeros_like(x)
    for y, column, group in np.ndindex(height, width, groups):
        own = projected[:, :, group * depth : (group + 1) * depth]
        for point in range(9):  # down the columns
            dx, dy = offsets[y, column, group, point] + (point // 3 - 1, point % 3 - 1)
            value = between(own, y + size.offset_scale * dy, column + size.offset_scale * dx)
            output[y, column, group * depth : (group + 1) * depth] += mask[y, column, group, point] * value
    if size.center_feature_scale:
        weight, bias = dcn.center_feature_scale_proj_weight, dcn.center_feature_scale_proj_bias
        share = 1 / (1 + np.exp(-(local @ weight.detach().numpy().T + bias.detach().numpy())))
        share = np.repeat(share, depth, axis=-1)
        output = output * (1 - share) + projected * share
    return linear(output, dcn.output_proj)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_block_equals_plain_numpy(variant):
    size = VARIANTS[variant]
    block = randomised(size).levels[0].blocks[0]
    x = np.random.default_rng(0).normal(size=(3, 3, 8))
    expected = x
    layers = {
        1: lambda y: deform(y, block.dcn, size),
        2: lambda y: linear(gelu(linear(y, block.mlp.fc1)), block.mlp.fc2),
    }
    for number, layer in layers.items():
        own_norm = getattr(block, f"norm{number}")
        change = norm(layer(expected), own_norm) if size.post_norm else layer(norm(expected, own_norm))
        if size.res_post_norm:
            change = norm(change, getattr(block, f"res_post_norm{number}"))
        if size.layer_scale is not None:
            change = getattr(block, f"gamma{number}").detach().numpy() * change
        expected = expected + change
    with torch.inference_mode():
        own = block(torch.from_numpy(x)[None])[0]
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-10)


def test_a_stage_ends_with_its_norms():
    """A third-stage block may be followed by a norm; the stage's own comes last and before the grid is halved."""
    stage = randomised(VARIANTS["norm around"]).levels[2]
    features = torch.randn(1, 3, 4, 32, dtype=torch.float64)
    with torch.inference_mode():
        output, halved = stage(features)
        between_blocks = stage.blocks[1](stage.blocks[0](features)).numpy()
    expected = norm(norm(between_blocks, stage.post_norms[0]), stage.norm)
    np.testing.assert_allclose(output.numpy(), expected, atol=1e-10)
    assert halved.shape == (1, 2, 2, 64)


def test_norms_exist_where_they_are_called():
    def names(size):
        return {name for name, _ in build_internimage(size, drop_path=0.0).named_parameters()}

    assert "levels.0.norm.0.weight" in names(SMALL)
    assert "levels.0.norm.0.weight" not in names(VARIANTS["norm after"])
    assert "levels.0.norm.0.weight" in names(replace(SMALL, post_norm=True, center_feature_scale=True))
    around = names(VARIANTS["norm around"])
    assert {"levels.2.post_norms.0.0.weight", "levels.0.blocks.0.res_post_norm2.0.bias"} <= around
    assert not any("post_norms" in name for name in around if not name.startswith("levels.2."))
    assert not any("res_post_norm" in name for name in names(replace(SMALL, res_post_norm=True)))  # has layer scale


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 47), (1, 70)])
def test_outputs_are_rounded_up(height, width):
    outputs = build_internimage(SMALL, drop_path=0.0)(torch.randn(2, 3, height, width))
    expected = [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(SMALL.channels, (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(output.shape) for output in outputs] == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_every_parameter_and_are_equal_under_checkpointing(variant):
    images = torch.randn(2, 3, 40, 36, dtype=torch.float64)
    gradients = []
    for checkpointing in (False, True):
        backbone = randomised(VARIANTS[variant], checkpointing=checkpointing)
        for index, block in enumerate(backbone.levels[2].blocks):
            block.drop_path.p = 0.4 * index
        torch.manual_seed(1)
        sum(output.square().sum() for output in backbone(images)).backward()
        gradients.append({name: parameter.grad for name, parameter in backbone.named_parameters()})
    plain, recomputed = gradients
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient, msg=name)


def test_checkpointing_saves_activations():
    def saved(checkpointing):
        backbone = build_internimage(SMALL, drop_path=0.0, checkpointing=checkpointing)
        sizes = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda x: x
        )
        with hooks:
            backbone(torch.randn(1, 3, 64, 64))
        return sum(sizes)

    assert saved(True) < 0.5 * saved(False)


def test_drop_path_rises_over_all_blocks():
    backbone = build_internimage(SMALL, drop_path=0.4)
    rates = [block.drop_path.p for level in backbone.levels for block in level.blocks]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_fresh_offsets_and_masks_are_zero():
    dcn = build_internimage(SMALL, drop_path=0.0).levels[1].blocks[0].dcn
    assert all(parameter.abs().sum() == 0 for layer in (dcn.offset, dcn.mask) for parameter in layer.parameters())


def test_bfloat16_stays_near_float32():
    backbone = randomised(SIZES["tiny"], noise=0.02, dtype=torch.float32).eval()
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        exact = backbone(images)
        with torch.autocast("cpu", torch.bfloat16):
            rough = backbone(images)
    for one, other in zip(exact, rough, strict=True):
        assert (one - other.float()).abs().mean() < 0.05 * one.abs().mean()


def test_pretraining_files_lose_their_classifier():
    kept = {"patch_embed.conv1.weight": torch.zeros(1), "levels.0.norm.0.weight": torch.ones(1)}
    heads = {
        name: torch.zeros(1) for name in ("head.weight", "conv_head.1.0.bias", "clip_projector.v", "fc_norm.0.bias")
    }
    assert rename_internimage(kept | heads) == kept


@pytest.mark.parametrize("name", SIZES)
def test_sizes_build_without_storage(name):
    with torch.device("meta"):
        backbone = build_internimage(SIZES[name], drop_path=0.0)
    millions = {"tiny": 6.4, "xl": 328.97, "h": 1073.1}
    if name in millions:
        assert count_parameters(backbone) / 1e6 == pytest.approx(millions[name], abs=0.06)
    assert all(parameter.is_meta for parameter in backbone.parameters())


def test_the_released_file_of_xl_fits(shared):
    expected = json.loads((shared / "reference/keys/internimage_xl_upernet_keys.json").read_text())["keys"]
    own = build_empty("upernet_internimage_xl", num_classes=150).state_dict()
    assert {name: list(tensor.shape) for name, tensor in own.items()} == expected


@pytest.mark.parametrize("name", ["a", "c_tlike", "h_like"])
def test_outputs_are_the_official_ones(shared, name):
    fixture = Fixture(shared / f"reference/fixtures/internimage_{name}.npz")
    assert official.matches(fixture)
    found = list(official.run(fixture))
    assert len(found) == 8
    assert [check for check in found if check.error > 1e-5] == []
