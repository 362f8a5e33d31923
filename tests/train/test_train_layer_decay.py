"""Learning rates by layer, against the official list of ViT-Adapter and a retelling of InternImage's rules."""

import json

import pytest

from vspwlib.checks import InputError
from vspwlib.train.layer_decay import layer_scales

KEYS = "reference/keys"


def internimage_layer(name: str, depths: tuple[int, ...]) -> int:
    """The official numbering, read off InternImage's optimiser constructor."""
    parts = name.split(".")
    if name.startswith("backbone.patch_embed"):
        return 0
    if not name.startswith("backbone.levels"):
        return sum(depths) + 1
    stage = int(parts[2])
    before = [0, depths[0], depths[0] + depths[1], depths[0] + depths[1] + depths[2]]
    if parts[3] in ("downsample", "norm"):
        return 1 + before[min(stage + 1, 3)]
    return 1 + before[stage] + int(parts[4])


def test_vit_adapter_equals_the_official_scales(shared):
    keys = json.loads((shared / KEYS / "vit_adapter_beitv2_l_mask2former_ade20k_keys.json").read_text())["keys"]
    official = {name: entry["lr_scale"] for name, entry in keys.items() if entry["kind"] == "param"}
    assert len(official) == 888
    assert layer_scales(official, rate=0.9) == pytest.approx(official, abs=1e-9)


def test_eva_has_forty_layers(shared):
    keys = json.loads((shared / KEYS / "eva_g_mask2former_keys.json").read_text())["keys"]
    scales = layer_scales(keys, rate=0.9)
    assert scales["backbone.pos_embed"] == scales["decode_head.query_feat.weight"] == pytest.approx(0.9**41)
    assert scales["backbone.blocks.0.attn.qkv.weight"] == pytest.approx(0.9**40)
    assert scales["backbone.blocks.39.attn.qkv.weight"] == pytest.approx(0.9)
    assert scales["backbone.interactions.0.injector.gamma"] == 1


def test_internimage_equals_the_official_numbering(shared):
    keys = json.loads((shared / KEYS / "internimage_xl_upernet_keys.json").read_text())["keys"]
    depths = (5, 5, 24, 5)
    expected = {name: 0.94 ** (40 - internimage_layer(name, depths)) for name in keys}
    assert layer_scales(keys, rate=0.94) == pytest.approx(expected)
    assert len({round(scale, 9) for scale in expected.values()}) == 41


def test_the_parts_between_blocks_of_the_largest_internimages():
    """Level norms belong to the next stage, post-norms are numbered like blocks."""
    depths = (1, 2, 6, 2)
    names = [f"backbone.levels.{i}.blocks.{j}.gamma1" for i, depth in enumerate(depths) for j in range(depth)]
    names += [f"backbone.levels.{i}.norm.0.weight" for i in range(4)]
    names += ["backbone.levels.2.downsample.conv.weight", "backbone.levels.2.post_norms.1.0.weight"]
    names += ["backbone.patch_embed.conv1.weight", "decode_head.conv_seg.weight", "auxiliary_head.conv_seg.bias"]
    expected = {name: 0.5 ** (12 - internimage_layer(name, depths)) for name in names}
    assert layer_scales(names, rate=0.5) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("start", "steps_down"),
    [("patch_embed.projection", "stages.0.downsample.norm"), ("stem.proj", "layers.1.downsample.proj")],
)
def test_swin_and_focalnet_count_alike(start, steps_down):
    """mmseg's Swin steps down at the end of a stage, timm's FocalNet at the start of the next: the same layer."""
    stages = steps_down.partition(".")[0]
    layers = {start: 0, f"{stages}.0.blocks.0": 1, steps_down: 2, f"{stages}.1.blocks.0": 2, f"{stages}.1.blocks.1": 3}
    expected = {f"backbone.{name}.weight": 0.5 ** (4 - layer) for name, layer in (layers | {"norm0": 4}).items()}
    assert layer_scales(expected, rate=0.5) == expected


def test_without_the_quirk_the_head_learns_alike():
    head = ["cls_embed.weight", "mask_embed.0.weight", "level_embed.weight", "query_embed.weight", "query_feat.weight"]
    names = ["backbone.blocks.0.w", *(f"decode_head.{name}" for name in head), "decode_head.pixel_decoder.w"]
    assert list(layer_scales(names, rate=0.5).values()) == [0.5, *[0.25] * 5, 1.0]
    assert list(layer_scales(names, rate=0.5, head_quirk=False).values()) == [0.5, *[1.0] * 6]


def test_a_network_without_blocks_is_refused():
    with pytest.raises(InputError, match=r"expected a network whose blocks .* Fix: set optim\.layer_decay=none"):
        layer_scales(["body.0.weight"], rate=0.9)
