"""ViT-Adapter as a whole: official keys and outputs, any image size, autocast, checkpointing, drop path."""

import gc
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.official import eva
from tests.official.fixture import Fixture
from tests.official.vit_backbone import backbone_checks
from vspwlib.models.backbones.vit_adapter import SIZES, ViTAdapterSize, build_vit_adapter
from vspwlib.models.pretrained_vit import resize_positions

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


@pytest.mark.parity
@pytest.mark.parametrize("file", ["eva_adapter_a", "eva_adapter_c_norelpos"])
def test_official_outputs(shared, file):
    fixture = Fixture(shared / f"reference/fixtures/{file}.npz")
    assert eva.matches(fixture)
    found = list(eva.run(fixture))
    assert len(found) == 4
    assert [check for check in found if not check.passed] == []


@pytest.mark.parity
@pytest.mark.parametrize(("dtype", "outputs"), [(torch.float32, 27), (torch.float64, 1)])
def test_official_inner_outputs(shared, dtype, outputs):
    found = list(backbone_checks(Fixture(shared / "reference/fixtures/vit_adapter_a.npz"), dtype))
    assert len(found) == outputs
    assert [check for check in found if not check.passed] == []


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


@pytest.mark.parametrize("gradients", [False, True])
def test_autocast_halves_the_bias_and_stays_close(gradients):
    network = small().eval()
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(5))
    seen = []
    network.blocks[1].attn.register_forward_pre_hook(
        lambda module, _inputs, options: seen.append(
            options["shared_rel_pos_bias"](module.relative_position_bias_table).dtype
        ),
        with_kwargs=True,
    )
    with torch.set_grad_enabled(gradients):
        whole = network(image)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(image)
    assert seen == [torch.float32, torch.bfloat16]
    for own, other in zip(half, whole, strict=True):
        assert (own.float() - other).abs().max() < 0.03 * other.abs().max()


def test_builds_and_runs_without_storage():
    with torch.device("meta"):
        network = build_vit_adapter(SIZES["beitv2_l"], drop_path=0.3).eval()
        maps = network(torch.empty(1, 3, 70, 96))
    assert [features.shape[1] for features in maps] == SIZES["beitv2_l"].channels
    assert [tuple(features.shape[2:]) for features in maps] == [(18, 24), (9, 12), (5, 6), (3, 3)]


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


def test_no_map_at_stride_4_outlives_its_use():
    """At paper size each weighs 59 MB: the map and its sum with the tokens, no more."""
    network, alive = small().eval(), []

    def count(module, inputs):
        shape = inputs[0].shape
        alive.append(sum(isinstance(found, torch.Tensor) and found.shape == shape for found in gc.get_objects()))

    network.norm1.register_forward_pre_hook(count)
    with torch.no_grad():
        network(torch.randn(1, 3, 96, 160))
    assert alive == [2]
