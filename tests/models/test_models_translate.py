"""Others' names to ours: whole networks and backbones of every family, and where each tensor came from."""

import json
from pathlib import Path

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.compare import classes_of
from vspwlib.models.initialise import TIMM_VITS
from vspwlib.models.translate import Target, compare_with, is_backbone_only, translate
from vspwlib.models.zoo import NETWORKS, Network, build_empty

#: Key lists of the reference material by the network that they are of.
KEY_LISTS = {
    "eva_g_mask2former_keys": "mask2former_eva_adapter_g",
    "eva_g_mask2former_norelpos_8dec_keys": "mask2former_eva_adapter_g_8dec",
    "focalnet_b_lrf_upernet_keys": "upernet_focalnet_b_lrf",
    "focalnet_l_upernet_keys": "upernet_focalnet_l",
    "internimage_xl_upernet_keys": "upernet_internimage_xl",
    "swin_l_upernet_keys": "upernet_swin_l",
    "vit_adapter_beitv2_l_mask2former_ade20k_keys": "mask2former_beitv2_adapter_l",
}
#: Networks that timm has ImageNet weights for; one of each kind, for building timm's models takes its time.
TIMM = ("upernet_swin_l", "upernet_focalnet_t_srf", "upernet_focalnet_l_fl4", "mask2former_beitv2_adapter_l")


def shapes_of(model) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def target(name, *, classes=150, image_size=None, relpos="interpolate") -> Target:
    model = build_empty(name, num_classes=classes, image_size=image_size)
    return Target(NETWORKS[name], shapes_of(model), image_size, relpos)


@pytest.mark.parity
def test_there_is_a_network_for_every_key_list(shared):
    assert {path.stem for path in (shared / "reference/keys").glob("*.json")} == set(KEY_LISTS)


@pytest.mark.parity
@pytest.mark.parametrize("stem", KEY_LISTS)
def test_official_keys_fit_with_nothing_missing_or_unexpected(stem, shared):
    entries = json.loads((Path(shared) / f"reference/keys/{stem}.json").read_text())["keys"]
    shapes = {name: tuple(entry["shape"] if isinstance(entry, dict) else entry) for name, entry in entries.items()}
    aim = target(KEY_LISTS[stem], classes=classes_of(shapes))
    found = compare_with(aim, shapes)
    assert (found.missing, found.unexpected, found.reshaped, found.classifier) == ({}, {}, {}, {})
    assert len(found.matched) == len(aim.shapes)
    assert all(name.endswith("relative_position_index") for name in found.allowed)
    assert len(found.matched) + len(found.allowed) == len(shapes)


@pytest.mark.parametrize("name", TIMM)
def test_names_and_shapes_of_timms_imagenet_models_fit(name):
    import timm

    network = NETWORKS[name]
    model_name = TIMM_VITS.get(network.size) or network.hyper_parameters().timm_name
    with torch.device("meta"):
        model = timm.create_model(model_name, pretrained=False)
    found = compare_with(target(name), shapes_of(model))
    assert found.fits, (found.missing, found.unexpected, found.reshaped)
    assert len(found.matched) > 100
    assert found.renamed or network.family != "swin"


def test_every_imagenet_name_is_one_of_timms():
    import timm

    names = {getattr(network.hyper_parameters(), "timm_name", None) for network in NETWORKS.values()} - {None}
    assert len(names) > 10
    assert names | set(TIMM_VITS.values()) <= set(timm.list_pretrained())


def test_a_rename_is_traced_to_the_name_in_the_file():
    aim = target("upernet_focalnet_tiny")
    official = {name.replace("backbone.stem.", "backbone.patch_embed."): shape for name, shape in aim.shapes.items()}
    official = {name.replace("layers.1.down", "layers.0.down"): shape for name, shape in official.items()}
    official = {name.replace("layers.2.down", "layers.1.down"): shape for name, shape in official.items()}
    official = {name.replace("layers.3.down", "layers.2.down"): shape for name, shape in official.items()}
    official["odd.weight"] = (3,)
    found = compare_with(aim, official)
    assert found.unexpected == {"odd.weight": (3,)}
    assert found.missing == {}
    assert found.renamed["backbone.stem.proj.weight"] == "backbone.patch_embed.proj.weight"
    assert found.renamed["backbone.layers.1.downsample.proj.bias"] == "backbone.layers.0.downsample.proj.bias"
    assert len(found.renamed) == 4 + 3 * 4


def test_what_has_no_name_of_ours_is_reported_under_its_own():
    aim = target("upernet_swin_tiny")
    own = {name.removeprefix("backbone."): shape for name, shape in aim.shapes.items() if "_head" not in name}
    found = compare_with(aim, own | {"head.weight": (9, 9), "stages.7.weight": (2,)})
    assert found.unexpected == {"stages.7.weight": (2,)}
    assert "classifier" in found.allowed["head.weight"]


def test_a_whole_file_of_the_swin_authors_fits():
    """Their names, written down from the reference's rename rules read backwards, and the masks that they store."""
    aim = target("upernet_swin_tiny")
    rules = {
        "patch_embed.projection": "patch_embed.proj",
        "backbone.stages": "backbone.layers",
        ".attn.w_msa.": ".attn.",
        ".ffn.layers.0.0.": ".mlp.fc1.",
        ".ffn.layers.1.": ".mlp.fc2.",
    }
    theirs = {}
    for name, shape in aim.shapes.items():
        official = name
        for ours, other in rules.items():
            official = official.replace(ours, other)
        theirs[official] = shape
    theirs["backbone.layers.0.blocks.1.attn_mask"] = (4, 36, 36)
    found = compare_with(aim, theirs)
    assert found.fits, (found.missing, found.unexpected, found.reshaped)
    assert list(found.allowed) == ["backbone.layers.0.blocks.1.attn_mask"]
    assert len(found.matched) == len(aim.shapes)
    assert found.renamed["backbone.stages.0.downsample.norm.bias"] == "backbone.layers.0.downsample.norm.bias"


def test_pre_training_of_internimage_fills_its_backbone():
    aim = target("upernet_internimage_tiny")
    own = {name.removeprefix("backbone."): shape for name, shape in aim.shapes.items() if "_head" not in name}
    classifier = {"head.weight": (9, 9), "conv_head.0.weight": (9, 9, 1, 1), "conv_head.1.0.weight": (9,)}
    found = compare_with(aim, own | classifier)
    assert found.fits
    assert len(found.matched) == len(own)
    assert set(classifier) < set(found.allowed)


def beit_file(size, *, shared, patches=14, patch=16):
    """Names and shapes of a BEiT pre-training file at 14x14 patches, as published ones have them."""
    width, rows = size.embed_dim, (2 * patches - 1) ** 2 + 3
    shapes = {"cls_token": (1, 1, width), "mask_token": (1, 1, width), "patch_embed.proj.bias": (width,)}
    shapes |= {"patch_embed.proj.weight": (width, 3, patch, patch), "head.weight": (9, width), "head.bias": (9,)}
    shapes |= {"norm.weight": (width,), "norm.bias": (width,)}
    if size.absolute_position:
        shapes["pos_embed"] = (1, 1 + patches**2, width)
    if shared:
        shapes["rel_pos_bias.relative_position_bias_table"] = (rows, size.heads)
        shapes["rel_pos_bias.relative_position_index"] = (patches**2 + 1,) * 2
    hidden = int(width * size.mlp_ratio)
    for block in range(size.depth):
        layers = {"norm1.weight": (width,), "norm1.bias": (width,), "norm2.weight": (width,), "norm2.bias": (width,)}
        layers |= {"attn.qkv.weight": (3 * width, width), "attn.q_bias": (width,), "attn.v_bias": (width,)}
        layers |= {"attn.proj.weight": (width, width), "attn.proj.bias": (width,)}
        layers |= {"mlp.fc1.weight": (hidden, width), "mlp.fc1.bias": (hidden,)}
        layers |= {"mlp.fc2.weight": (width, hidden), "mlp.fc2.bias": (width,)}
        layers |= {"gamma_1": (width,), "gamma_2": (width,)} if size.layer_scale is not None else {}
        if size.relative_position and not shared:
            layers["attn.relative_position_bias_table"] = (rows, size.heads)
            layers["attn.relative_position_index"] = (patches**2 + 1,) * 2
        shapes |= {f"blocks.{block}.{layer}": shape for layer, shape in layers.items()}
    return shapes


@pytest.mark.parametrize("name", ["mask2former_beitv2_adapter_tiny", "mask2former_eva_adapter_tiny"])
@pytest.mark.parametrize("shared", [False, True], ids=["tables of blocks", "a shared table"])
@pytest.mark.parametrize("relpos", ["interpolate", "crop", "skip"])
def test_pre_training_of_a_vit_fills_the_transformer(name, shared, relpos):
    aim = target(name, image_size=(128, 192), relpos=relpos)
    size = aim.network.hyper_parameters()
    found = compare_with(aim, beit_file(size, shared=shared))
    assert found.fits, (found.missing, found.unexpected, found.reshaped)
    transformer = [key for key in aim.shapes if key.startswith(("backbone.blocks", "backbone.patch", "backbone.cls"))]
    tables = [key for key in transformer if key.endswith("bias_table")]
    positions = tables + ["backbone.pos_embed"] * size.absolute_position
    taken = set(transformer) | set(positions)
    assert set(found.matched) == (taken - set(positions) if relpos == "skip" else taken)
    assert ("another grid" in found.allowed.get(tables[0], "")) == (relpos == "skip")
    assert (found.renamed.get(tables[1]) == "rel_pos_bias.relative_position_bias_table") == (
        shared and relpos != "skip"
    )


def test_a_block_that_pre_training_lacks_is_missing():
    aim = target("mask2former_beitv2_adapter_tiny")
    shapes = beit_file(aim.network.hyper_parameters(), shared=False)
    cut = {name: shape for name, shape in shapes.items() if name != "blocks.3.attn.proj.bias"}
    assert list(compare_with(aim, cut).missing) == ["backbone.blocks.3.attn.proj.bias"]
    scaled = {name: shape for name, shape in shapes.items() if name != "blocks.3.gamma_1"}
    assert list(compare_with(aim, scaled).missing) == ["backbone.blocks.3.gamma_1"]


@pytest.mark.parametrize("prefix", ["", "backbone."])
@pytest.mark.parametrize("name", [name for name in NETWORKS if name.endswith("_tiny")])
def test_our_own_backbone_fits_alone(name, prefix):
    aim = target(name)
    own = {key: shape for key, shape in aim.shapes.items() if key.startswith("backbone.")}
    theirs = {prefix + key.removeprefix("backbone."): shape for key, shape in own.items()}
    assert is_backbone_only(theirs)
    found = compare_with(aim, theirs)
    assert found.fits
    assert found.matched == tuple(own)
    assert found.renamed == {}


def test_position_tables_of_ours_need_not_be_square():
    aim = target("mask2former_eva_adapter_tiny", image_size=(64, 96))
    assert compare_with(aim, aim.shapes).fits
    other = target("mask2former_eva_adapter_tiny", image_size=(96, 128))
    with pytest.raises(InputError, match="square grid"):
        compare_with(other, aim.shapes)


def test_a_network_of_your_own_keeps_its_names():
    own = Network(name="own", summary="a test's", build=lambda options: torch.nn.Conv2d(3, options.num_classes, 1))
    state = {"weight": torch.ones(2, 3, 1, 1), "bias": torch.ones(2)}
    assert translate(state, Target(own, {})) == state


def test_a_file_without_a_backbone_is_refused():
    with pytest.raises(InputError, match=r"weights of a backbone, got 1 keys such as decode_head\.conv_seg\.weight"):
        translate({"decode_head.conv_seg.weight": torch.zeros(1)}, target("upernet_swin_tiny"))
