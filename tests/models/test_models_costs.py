"""Costs: the counter against arithmetic done by hand, the kept figures against the code."""

import pytest
import torch
from torch import nn

from vspwlib.models import costs
from vspwlib.models.costs import Cost, known_costs, known_speeds, measure, write_costs
from vspwlib.models.zoo import NETWORKS, Network


@pytest.fixture
def small(monkeypatch):
    """A network of one convolution and one attention product, whose costs are known."""

    class Small(nn.Module):
        def __init__(self, num_classes):
            super().__init__()
            self.conv = nn.Conv2d(3, num_classes, 4, stride=4, bias=False)

        def forward(self, images):
            tokens = self.conv(images).flatten(2)
            return tokens.transpose(1, 2) @ tokens

    entry = Network(name="small", summary="", build=lambda options: Small(options.num_classes), crop=32)
    monkeypatch.setitem(NETWORKS, "small", entry)


def test_operations_are_those_counted_by_hand(small):
    cells, classes = (32 // 4) ** 2, 124
    convolution, product = 2 * cells * classes * 3 * 4 * 4, 2 * cells * cells * classes
    assert measure("small") == Cost(
        network="small", parameters=classes * 3 * 4 * 4, crop=32, flops=convolution + product
    )


def test_a_table_is_written_in_one_step(small, tmp_path, monkeypatch):
    path = tmp_path / "costs.csv"
    write_costs(path, ["small"])
    assert path.read_text().splitlines() == ["network,parameters,crop,flops", f"small,5952,32,{measure('small').flops}"]
    monkeypatch.setattr(costs, "measure", lambda network: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_costs(path, ["small"])
    assert [file.name for file in tmp_path.iterdir()] == ["costs.csv"]
    assert "small" in path.read_text()


def test_every_network_has_its_costs():
    assert list(known_costs()) == [name for name, network in NETWORKS.items() if network.family]
    for name, cost in known_costs().items():
        assert cost.crop == NETWORKS[name].crop


@pytest.mark.parametrize("name", ["upernet_swin_t", "upernet_internimage_tiny", "mask2former_eva_adapter_tiny"])
def test_kept_costs_are_those_of_the_code(name):
    assert measure(name) == known_costs()[name], "run python -m vspwlib.models.costs"


@pytest.mark.parametrize(
    ("name", "multiplications"), [("upernet_swin_t", 236e9), ("upernet_internimage_h", 3566e9)], ids=str
)
def test_costs_are_near_those_that_the_authors_print(name, multiplications):
    """mmsegmentation's and InternImage's pages count a multiplication and an addition as one."""
    assert known_costs()[name].flops / 2 == pytest.approx(multiplications, rel=0.01)


def test_measured_speeds_name_their_source(monkeypatch):
    assert all(speed.source and speed.network in NETWORKS for speed in known_speeds())
    row = {"network": "a", "device": "x", "height": "4", "width": "6", "precision": "bf16", "source": "log"}
    rows = [row | {"images_per_second": "1.5"}, row | {"images_per_second": "20"}]
    monkeypatch.setattr(costs, "_rows", lambda name: rows)
    known_speeds.cache_clear()
    try:
        assert [speed.images_per_second for speed in known_speeds()] == [20.0, 1.5]
        assert known_speeds()[0].width == 6
    finally:
        known_speeds.cache_clear()


def test_counting_leaves_no_trace(small):
    measure("small")
    assert torch.is_grad_enabled()
