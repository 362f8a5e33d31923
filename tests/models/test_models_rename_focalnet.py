"""FocalNet files of others: every name and shape, and the same numbers from wider kernels."""

import json
from dataclasses import replace

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.focalnet import SIZES, FocalNetSize, build_focalnet
from vspwlib.models.rename_focalnet import rename_focalnet

SMALL = FocalNetSize(embed_dim=8, depths=(1, 1, 2, 1), focal_levels=(3,) * 4, focal_windows=(3,) * 4)
WIDE = replace(SMALL, focal_windows=(9,) * 4)
OUT_NORMS = {f"norm{level}.{part}" for level in range(4) for part in ("weight", "bias")}


def shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def officially_named(state, size):
    """Undo the renaming, written down the other way round: what official code calls timm's parameters."""
    words = [("stem.", "patch_embed."), (".ls1.gamma", ".gamma_1"), (".ls2.gamma", ".gamma_2")]
    words += [("modulation.norm", "modulation.ln")] + [("_post.", ".")] * size.post_norm
    words += [(f"layers.{stage + 1}.downsample", f"layers.{stage}.downsample") for stage in range(3)]
    linear = (".f.weight", "modulation.proj.weight", ".fc1.weight", ".fc2.weight")
    names = {name: name for name in state}
    for ours, theirs in words:
        names = {own: name.replace(ours, theirs) for own, name in names.items()}
    return {names[own]: tensor[:, :, 0, 0] if own.endswith(linear) else tensor for own, tensor in state.items()}


@pytest.mark.parametrize("post_norm", [False, True])
def test_official_names_come_back(post_norm):
    size = replace(SMALL, conv_embed=True, layer_scale=1e-4, post_norm=post_norm, modulation_norm=True)
    own = build_focalnet(size, drop_path=0.0).state_dict()
    official = officially_named(own, size)
    assert sum("blocks.0.norm1.weight" in name for name in official) == 4
    classifier = {"head.weight": torch.zeros(9, 64), "norm.weight": torch.zeros(64), "norm.bias": torch.zeros(64)}
    renamed = rename_focalnet(official | classifier, size)
    assert renamed.keys() == own.keys()
    assert all(torch.equal(renamed[name], tensor) for name, tensor in own.items())


def test_wider_kernels_compute_the_same():
    """Zeros around a pre-trained kernel change nothing; our own names pass as they are."""
    torch.manual_seed(0)
    narrow, wide = build_focalnet(SMALL, drop_path=0.0).eval(), build_focalnet(WIDE, drop_path=0.0).eval()
    renamed = rename_focalnet(officially_named(narrow.state_dict(), SMALL), WIDE)
    assert renamed["layers.2.blocks.1.modulation.focal_layers.1.0.weight"].shape == (32, 1, 11, 11)
    wide.load_state_dict(renamed)
    images = torch.randn(1, 3, 50, 70)
    with torch.inference_mode():
        for one, other in zip(narrow(images), wide(images), strict=True):
            torch.testing.assert_close(one, other)
    assert shapes(rename_focalnet(wide.state_dict(), WIDE)) == shapes(wide.state_dict())


def test_kernels_that_do_not_fit_are_left_for_the_loader_to_name():
    state = build_focalnet(WIDE, drop_path=0.0).state_dict()
    assert shapes(rename_focalnet(state, SMALL)) == shapes(state)


def test_strangers_are_refused():
    with pytest.raises(InputError, match="patch_embed"):
        rename_focalnet({"conv1.weight": torch.zeros(1)}, SMALL)


@pytest.mark.parametrize("name", [name for name, size in SIZES.items() if size.timm_name])
def test_weights_of_timm_fit(name):
    import timm

    size = SIZES[name]
    assert size.timm_name in timm.list_pretrained()
    with torch.device("meta"):
        own = build_focalnet(size, drop_path=0.0).state_dict()
        timms = timm.create_model(size.timm_name.partition(".")[0]).state_dict()
    renamed = rename_focalnet(timms, size)
    assert shapes(renamed) == {key: shape for key, shape in shapes(own).items() if key not in OUT_NORMS}


@pytest.mark.parametrize("name", ["b_lrf", "l"])
def test_official_segmentation_files_fit(shared, name):
    listed = json.loads((shared / f"reference/keys/focalnet_{name}_upernet_keys.json").read_text())["keys"]
    official = {
        key.removeprefix("backbone."): torch.empty(shape, device="meta")
        for key, shape in listed.items()
        if key.startswith("backbone.")
    }
    with torch.device("meta"):
        own = build_focalnet(SIZES[name], drop_path=0.0).state_dict()
    assert shapes(rename_focalnet(official, SIZES[name])) == shapes(own)
