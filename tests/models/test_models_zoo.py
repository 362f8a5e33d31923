"""The zoo: official sizes key by key, and Swin against the official code's outputs."""

import json

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.swin import SwinSize, build_swin
from vspwlib.models.zoo import NETWORKS, build, build_empty, count_parameters


@pytest.mark.parametrize(
    ("name", "millions"), [("upernet_swin_tiny", 7), ("upernet_swin_t", 60), ("upernet_swin_l", 234)]
)
def test_sizes(name, millions):
    assert round(count_parameters(build_empty(name, num_classes=150)) / 1e6) == pytest.approx(millions, abs=1)


def test_every_network_of_the_list_builds():
    assert len(NETWORKS) >= 3
    for name in NETWORKS:
        assert build_empty(name).decode_head.num_classes == 124


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
