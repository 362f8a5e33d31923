"""The zoo: official sizes key by key, and Swin against the official code's outputs."""

import json

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.swin import SwinSize, build_swin
from vspwlib.models.segmenter import semantic_scores
from vspwlib.models.zoo import NETWORKS, Network, build, build_empty, count_parameters, register
from vspwlib.recipes import NETWORK_RECIPES, PROFILES, RECIPES, recipe
from vspwlib.train.objective import Objective

#: Millions of parameters with 150 classes, as the official pages print them.
PUBLISHED = {
    "upernet_swin_t": 60,
    "upernet_swin_s": 81,
    "upernet_swin_b": 121,
    "upernet_swin_l": 234,
    "upernet_focalnet_t_srf": 61,
    "upernet_focalnet_s_srf": 83,
    "upernet_focalnet_b_srf": 124,
    "upernet_focalnet_t_lrf": 61,
    "upernet_focalnet_s_lrf": 84,
    "upernet_focalnet_b_lrf": 126,
    "upernet_internimage_t": 59,
    "upernet_internimage_s": 80,
    "upernet_internimage_b": 128,
    "upernet_internimage_l": 256,
    "upernet_internimage_xl": 368,
    "upernet_internimage_h": 1120,
    "mask2former_beitv2_adapter_l": 571,
    "mask2former_eva_adapter_g": 1305,
    "mask2former_eva_adapter_g_8dec": 1281,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name):
    millions = count_parameters(build_empty(name, num_classes=150)) / 1e6
    assert millions == pytest.approx(PUBLISHED[name], rel=0.005, abs=0.6)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.endswith("_tiny")])
def test_tiny_networks_train_and_answer_at_any_size(name):
    torch.manual_seed(0)
    network = build(name, num_classes=5, drop_path=0.1, decoder_dropout=0.1, image_size=(64, 96))
    assert count_parameters(network) < 10e6
    output = network(torch.randn(2, 3, 64, 96))
    terms = Objective(points=64)(output, torch.randint(0, 5, (2, 64, 96)))
    torch.stack(list(terms.values())).sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    network.eval()
    with torch.inference_mode():
        output = network(torch.randn(1, 3, 50, 70))
    assert semantic_scores(output).shape == (1, 5, 13, 18)
    assert output.embedding.ndim == 4
    assert output.intermediate == ()


def test_every_network_is_a_recipe():
    assert sorted(NETWORK_RECIPES) == sorted(NETWORKS)


def test_table_1_names_its_networks_at_each_scale():
    rows = [name for name in RECIPES if name.startswith("t1_")]
    assert len(rows) == 5
    for row in rows:
        for profile in PROFILES:
            name = recipe(row, profile).model.name
            assert NETWORKS[name].name.endswith("_tiny") == (profile != "vspw")


def test_a_network_of_your_own_takes_a_name_once():
    own = Network(name="own", summary="a test's", build=lambda options: torch.nn.Conv2d(3, options.num_classes, 1))
    register(own)
    try:
        assert build("own", num_classes=3).out_channels == 3
        with pytest.raises(InputError, match="new name"):
            register(own)
        with pytest.raises(InputError, match="own"):
            own.hyper_parameters()
    finally:
        del NETWORKS["own"]


def test_unknown_names_and_rates_are_refused():
    with pytest.raises(InputError, match="did you mean 'upernet_swin_tiny'"):
        build("upernet_swin_tiney")
    with pytest.raises(InputError, match="dropout"):
        build("upernet_swin_tiny", dropout=1.5)


@pytest.mark.parity
def test_swin_l_has_the_released_keys(shared):
    """Names and shapes of the released Swin-L UperNet checkpoint."""
    expected = json.loads((shared / "reference/keys/swin_l_upernet_keys.json").read_text())["keys"]
    own = build_empty("upernet_swin_l", num_classes=150).state_dict()
    assert {name: list(tensor.shape) for name, tensor in own.items()} == expected


@pytest.mark.parity
def test_swin_equals_the_official_outputs(shared):
    fixture = np.load(shared / "reference/fixtures/swin_a.npz")
    config = json.loads(str(fixture["meta"]))["config"]
    size = SwinSize(
        embed_dim=config["embed_dims"],
        depths=tuple(config["depths"]),
        heads=tuple(config["num_heads"]),
        window=config["window_size"],
    )
    swin = build_swin(size, drop_path=config["drop_path_rate"])
    parameters = {
        name.removeprefix("param:"): torch.from_numpy(fixture[name]) for name in fixture.files if "param:" in name
    }
    missing, unexpected = swin.load_state_dict(parameters, strict=False)
    assert unexpected == []
    assert all("relative_position_index" in name for name in missing)
    swin.eval()
    with torch.inference_mode():
        outputs = swin(torch.from_numpy(fixture["input"]))
    for level, output in enumerate(outputs):
        np.testing.assert_allclose(output.numpy(), fixture[f"out{level}"], atol=5e-5)
