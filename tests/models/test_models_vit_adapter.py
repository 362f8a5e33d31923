"""ViT-Adapter: official keys, its parts against explicit loops, any image size, checkpointing, pre-training files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.interaction import Extractor, Injector, PyramidConvolution, pyramid_shapes
from vspwlib.models.backbones.relative_position import resize_table, table_rows
from vspwlib.models.backbones.vit_adapter import SIZES, ViTAdapterSize, build_vit_adapter
from vspwlib.models.pretrained_vit import SHARED_TABLE, TABLE, convert_beit, resize_positions

SMALL = ViTAdapterSize(
    embed_dim=24,
    depth=4,
    heads=2,
    image_size=(64, 64),
    layer_scale=0.5,
    injector_scale=0.5,
    conv_channels=4,
    deform_heads=3,
    interactions=((0, 0), (1, 1), (2, 2), (3, 3)),
)


def small(size=SMALL, **options):
    torch.manual_seed(0)
    network = build_vit_adapter(size, drop_path=0.0, **options)
    for name, parameter in network.named_parameters():  # tables and offsets start at zero: give every part a say
        if "bias" in name or "offsets" in name or "attention_weights" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return network


@pytest.mark.parity
@pytest.mark.parametrize(
    ("listed", "size"),
    [
        ("vit_adapter_beitv2_l_mask2former_ade20k", "beitv2_l"),
        ("eva_g_mask2former", "eva_g"),
        ("eva_g_mask2former_norelpos_8dec", "eva_g_plain"),
    ],
)
def test_keys_are_the_official_ones(shared, listed, size):
    official = json.loads((shared / f"reference/keys/{listed}_keys.json").read_text())["keys"]
    expected = {
        name.removeprefix("backbone."): entry["shape"] if isinstance(entry, dict) else entry
        for name, entry in official.items()
        if name.startswith("backbone.") and "relative_position_index" not in name
    }
    with torch.device("meta"):
        own = build_vit_adapter(SIZES[size], drop_path=0.3).state_dict()
    assert {name: list(tensor.shape) for name, tensor in own.items()} == expected


@pytest.mark.parametrize("shape", [(64, 64), (96, 64), (50, 77), (128, 160)])
def test_any_size_gives_four_strides(shape):
    network = small().eval()
    with torch.inference_mode():
        maps = network(torch.randn(2, 3, *shape))
    for features, stride in zip(maps, (4, 8, 16, 32), strict=True):
        assert features.shape == (2, 24, *(-(-side // stride) for side in shape))
        assert features.isfinite().all()


def test_padding_is_zeros_right_and_below():
    network = small().eval()
    image = torch.randn(1, 3, 50, 60)
    padded = torch.nn.functional.pad(image, (0, 4, 0, 14))
    with torch.inference_mode():
        for own, whole in zip(network(image), network(padded), strict=True):
            torch.testing.assert_close(own, whole[:, :, : own.shape[2], : own.shape[3]])


def test_another_grid_uses_the_resized_table():
    """What the forward pass does on the fly equals a network built for that size with converted tables."""
    network = small().eval()
    other = small(image_size=(96, 160)).eval()
    other.load_state_dict(resize_positions(network.state_dict(), (96, 160)))
    image = torch.randn(1, 3, 96, 160)
    with torch.inference_mode():
        for own, built in zip(network(image), other(image), strict=True):
            torch.testing.assert_close(own, built, atol=2e-5, rtol=1e-5)


def test_absolute_positions_follow_the_grid_and_spare_the_class_token():
    network = small(replace(SMALL, absolute_position=True, relative_position=False, layer_scale=None)).eval()
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(image)[3]
        network.pos_embed[:, 0] += 5.0
        torch.testing.assert_close(network(image)[3], before)
        network.pos_embed[:, 1:] += torch.randn(1, 16, 24)
        assert (network(image)[3] - before).abs().max() > 1e-3
        assert network(torch.randn(1, 3, 64, 96))[3].shape == (1, 24, 2, 3)


def naive_deformable(attention, query, places, value, shapes):
    """Deformable attention point by point."""
    values = attention.value_proj(value)[0].reshape(
        -1, attention.heads, attention.value_proj.out_features // attention.heads
    )
    count = len(query[0])
    offsets = attention.sampling_offsets(query)[0].reshape(
        count, attention.heads, attention.levels, attention.points, 2
    )
    weights = attention.attention_weights(query)[0].reshape(count, attention.heads, -1).softmax(-1)
    weights = weights.reshape(count, attention.heads, attention.levels, attention.points)
    mixed = torch.zeros(count, attention.heads, values.shape[2])
    for token in range(count):
        for head in range(attention.heads):
            start = 0
            for level, (height, width) in enumerate(shapes):
                for point in range(attention.points):
                    dx, dy = offsets[token, head, level, point]
                    x, y = places[token][0] * width + dx - 0.5, places[token][1] * height + dy - 0.5
                    for row in (int(np.floor(y)), int(np.floor(y)) + 1):
                        for column in (int(np.floor(x)), int(np.floor(x)) + 1):
                            if 0 <= row < height and 0 <= column < width:
                                share = (1 - abs(y - row)) * (1 - abs(x - column)) * weights[token, head, level, point]
                                mixed[token, head] += share * values[start + row * width + column, head]
                start += height * width
    return attention.output_proj(mixed.flatten(1))


@torch.inference_mode()
def test_injector_and_extractor_by_loops():
    torch.manual_seed(1)
    grid = (2, 4)
    shapes = pyramid_shapes(grid)
    patches, pyramid = torch.randn(1, 8, 12), torch.randn(1, sum(h * w for h, w in shapes), 12)
    injector = Injector(12, heads=3, points=2, ratio=0.5, gamma=0.7)
    extractor = Extractor(12, heads=3, points=2, ratio=0.5, hidden=6, drop_path=0.5).eval()
    for part in (injector, extractor):
        torch.nn.init.normal_(part.attn.sampling_offsets.weight, std=0.3)
        torch.nn.init.normal_(part.attn.attention_weights.weight)

    def centres(height, width):
        return [((x + 0.5) / width, (y + 0.5) / height) for y in range(height) for x in range(width)]

    normed, features = injector.query_norm(patches), injector.feat_norm(pyramid)
    expected = patches + 0.7 * naive_deformable(injector.attn, normed, centres(*grid), features, shapes)
    torch.testing.assert_close(injector(patches, pyramid, grid), expected, atol=1e-5, rtol=1e-5)

    normed, features = extractor.query_norm(pyramid), extractor.feat_norm(patches)
    places = [place for shape in shapes for place in centres(*shape)]
    read = pyramid + naive_deformable(extractor.attn, normed, places, features, (grid,))
    inner = extractor.ffn.fc1(extractor.ffn_norm(read))
    inner = extractor.ffn.fc2(torch.nn.functional.gelu(naive_depthwise(extractor.ffn.dwconv, inner, shapes)))
    torch.testing.assert_close(extractor(pyramid, patches, grid), read + inner, atol=1e-5, rtol=1e-5)


def naive_depthwise(layer: PyramidConvolution, tokens, shapes):
    """The depthwise convolution of each scale, pixel by pixel."""
    weight, bias = layer.dwconv.weight[:, 0], layer.dwconv.bias
    parts, start = [], 0
    for height, width in shapes:
        scale = tokens[0, start : start + height * width].reshape(height, width, -1)
        start += height * width
        padded = torch.nn.functional.pad(scale, (0, 0, 1, 1, 1, 1))
        for y in range(height):
            for x in range(width):
                window = padded[y : y + 3, x : x + 3]  # (3, 3, C)
                parts.append((window * weight.permute(1, 2, 0)).sum((0, 1)) + bias)
    return torch.stack(parts)[None]


@pytest.mark.parametrize("absolute", [False, True])
def test_checkpointing_changes_no_gradient(absolute):
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(3))
    gradients = []
    for checkpointing in (False, True):
        network = small(replace(SMALL, absolute_position=absolute), checkpointing=checkpointing).train()
        torch.stack([features.square().mean() for features in network(image)]).sum().backward()
        untouched = [name for name, parameter in network.named_parameters() if parameter.grad is None]
        assert untouched == []
        gradients.append([parameter.grad for parameter in network.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_drop_path_rises_over_the_blocks_and_is_constant_in_the_adapter():
    network = build_vit_adapter(SMALL, drop_path=0.3)
    rates = [getattr(block.drop_path1, "drop_prob", 0.0) for block in network.blocks]
    np.testing.assert_allclose(rates, [0.0, 0.1, 0.2, 0.3])
    assert {part.drop_path.drop_prob for run in network.interactions for part in run.extractors} == {0.3}
    assert [len(run.extractors) for run in network.interactions] == [1, 1, 1, 3]


def pretraining_file(patch=16, side=2, shared=False):
    """What a BEiT pre-training file of this width holds."""
    own = small(image_size=(32, 32)).state_dict()
    state = {name: tensor for name, tensor in own.items() if name.startswith(("cls_token", "patch_embed", "blocks"))}
    table = torch.randn(table_rows((side, side)), 2)
    for index in range(4):
        if shared:
            del state[f"blocks.{index}.{TABLE}"]
        else:
            state[f"blocks.{index}.{TABLE}"] = table + index
        state[f"blocks.{index}.attn.relative_position_index"] = torch.zeros(5, 5, dtype=torch.long)
    if shared:
        state[SHARED_TABLE] = table
    state["patch_embed.proj.weight"] = torch.randn(24, 3, patch, patch)
    return state | {"head.weight": torch.zeros(10, 24), "fc_norm.bias": torch.zeros(24), "mask_token": torch.zeros(1)}


@pytest.mark.parametrize("shared_table", [False, True])
def test_pretraining_files_fill_the_transformer(shared_table):
    file = pretraining_file(shared=shared_table)
    network = small(image_size=(64, 96))
    converted = convert_beit(file, SMALL, (64, 96))
    result = network.load_state_dict(converted, strict=False)
    assert result.unexpected_keys == []
    assert not any(name.startswith(("blocks", "cls_token", "patch_embed")) for name in result.missing_keys)
    source = file[SHARED_TABLE] if shared_table else file[f"blocks.3.{TABLE}"]
    torch.testing.assert_close(converted[f"blocks.3.{TABLE}"], resize_table(source, (2, 2), (4, 6)))


def test_patches_of_14_pixels_become_16_by_plain_bicubic():
    file = pretraining_file(patch=14)
    weight = convert_beit(file, SMALL, (64, 64))["patch_embed.proj.weight"]
    expected = torch.nn.functional.interpolate(file["patch_embed.proj.weight"], size=(16, 16), mode="bicubic")
    torch.testing.assert_close(weight, expected)


def test_tables_can_be_left_out_and_must_be_square():
    tables = {f"blocks.0.{TABLE}": torch.zeros(table_rows((2, 2)), 2), "cls_token": torch.zeros(1)}
    assert list(resize_positions(tables, (64, 64), "skip")) == ["cls_token"]
    assert list(resize_positions(tables, (32, 32), "skip")) == list(tables)
    with pytest.raises(InputError, match="square grid"):
        resize_positions({f"blocks.0.{TABLE}": torch.zeros(table_rows((2, 3)), 2)}, (64, 64))
    embedding = torch.randn(1, 5, 8)
    resized = resize_positions({"pos_embed": embedding}, (64, 96))["pos_embed"]
    assert resized.shape == (1, 25, 8)
    assert torch.equal(resized[:, 0], embedding[:, 0])
