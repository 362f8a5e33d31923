"""Parameter groups and the schedule, against a step-by-step account."""

import json

import pytest
import torch
from torch import nn

from vspwlib.checks import InputError
from vspwlib.models.zoo import build
from vspwlib.train.optim import build_optimizer, lr_factor, parameter_groups, set_lr


def test_every_parameter_is_in_one_group_and_norms_do_not_decay():
    model = build("upernet_swin_tiny", num_classes=3)
    decayed, kept = parameter_groups(model, 0.05)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    listed = [names[id(parameter)] for group in (decayed, kept) for parameter in group["params"]]
    assert sorted(listed) == sorted(names.values())
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.05, 0.0)
    still = {names[id(parameter)] for parameter in kept["params"]}
    assert "backbone.stages.0.blocks.0.attn.w_msa.relative_position_bias_table" in still
    assert "backbone.stages.0.blocks.0.norm1.weight" in still
    assert "decode_head.conv_seg.bias" in still
    assert "decode_head.conv_seg.weight" not in still


def test_the_schedule_equals_mmseg():
    """The linear warm-up and the polynomial decay multiply, as mmseg's two schedulers do in the official configs."""
    iterations, warmup, ratio = 100, 10, 1e-6
    for step in range(iterations):
        decay = 1 - step / iterations
        ramp = ratio + (1 - ratio) * step / warmup if step < warmup else 1.0
        factor = lr_factor(step, iterations=iterations, warmup=warmup, warmup_ratio=ratio, power=1.0)
        assert factor == pytest.approx(decay * ramp, rel=1e-12)
    assert lr_factor(50, iterations=100, warmup=0, warmup_ratio=0, power=0.9) == pytest.approx(0.5**0.9)


def test_group_scales_are_kept():
    model = nn.Linear(2, 2)
    optimizer = build_optimizer(model, lr=1.0, weight_decay=0.1, betas=(0.9, 0.99))
    optimizer.param_groups[0]["lr_scale"] = 0.5
    set_lr(optimizer, 0.2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.2]


def test_adamw_decays_only_what_it_should():
    model = nn.Linear(2, 2)
    nn.init.ones_(model.weight)
    nn.init.ones_(model.bias)
    optimizer = build_optimizer(model, lr=0.1, weight_decay=0.5, betas=(0.9, 0.99))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(model.weight.detach(), torch.full((2, 2), 1 - 0.1 * 0.5))
    torch.testing.assert_close(model.bias.detach(), torch.ones(2))


class Layered(nn.Module):
    """A backbone of two blocks with a table, and a query head's embedding, under the official names."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.cls_token = nn.Parameter(torch.zeros(1, 1, 2))
        self.backbone.blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(2))
        self.backbone.blocks[1].relative_position_bias_table = nn.Parameter(torch.zeros(3, 2))
        self.decode_head = nn.Module()
        self.decode_head.query_feat = nn.Embedding(3, 2)
        self.decode_head.norm = nn.LayerNorm(2)


def described(groups: list[dict], model: nn.Module) -> dict[tuple[float, float], set[str]]:
    """Names of each group's parameters by learning-rate scale and decay."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {(group["lr_scale"], group["weight_decay"]): {names[id(p)] for p in group["params"]} for group in groups}
    assert len(found) == len(groups)
    return found


def test_layer_decay_makes_a_group_per_rate_and_decay():
    model = Layered()
    model.backbone.blocks[0].bias.requires_grad_(requires_grad=False)
    table = "backbone.blocks.1.relative_position_bias_table"
    groups = described(parameter_groups(model, 0.1, layer_decay=0.5, decay_rule="beit"), model)
    assert groups == {
        (0.125, 0.1): {"backbone.cls_token", "decode_head.query_feat.weight"},
        (0.25, 0.1): {"backbone.blocks.0.weight"},
        (0.5, 0.1): {"backbone.blocks.1.weight", table},
        (0.5, 0.0): {"backbone.blocks.1.bias"},
        (1.0, 0.0): {"decode_head.norm.weight", "decode_head.norm.bias"},
    }
    spared = described(parameter_groups(model, 0.1, layer_decay=0.5, decay_rule="swin", head_quirk=False), model)
    assert spared[0.5, 0.0] == {"backbone.blocks.1.bias", table}
    assert spared[1.0, 0.1] == {"decode_head.query_feat.weight"}


def test_groups_equal_the_official_ones(shared):
    """Every parameter of the released ViT-Adapter gets the learning rate and the decay it was trained with."""
    path = shared / "reference/keys/vit_adapter_beitv2_l_mask2former_ade20k_keys.json"
    official = {key: entry for key, entry in json.loads(path.read_text())["keys"].items() if entry["kind"] == "param"}
    model = nn.Module()
    for key, entry in official.items():
        *parents, leaf = key.split(".")
        owner = model
        for part in parents:
            if part not in owner._modules:
                owner.add_module(part, nn.Module())
            owner = owner._modules[part]
        owner.register_parameter(leaf, nn.Parameter(torch.empty(entry["shape"], device="meta")))
    groups = described(parameter_groups(model, 0.05, layer_decay=0.9, decay_rule="beit"), model)
    assert len(groups) == 52
    found = {name: group for group, names in groups.items() for name in names}
    assert found.keys() == official.keys()
    for name, (scale, decay) in found.items():
        assert (scale, decay) == pytest.approx((official[name]["lr_scale"], official[name]["weight_decay"]), abs=1e-9)


def test_the_optimiser_starts_at_scaled_rates():
    optimizer = build_optimizer(Layered(), lr=0.2, weight_decay=0.1, betas=(0.9, 0.99), layer_decay=0.5)
    assert {group["lr"] for group in optimizer.param_groups} == {0.025, 0.05, 0.1, 0.2}
    set_lr(optimizer, 0.4)
    assert {group["lr"] for group in optimizer.param_groups} == {0.05, 0.1, 0.2, 0.4}


def test_an_unknown_rule_is_refused():
    with pytest.raises(InputError, match="decay rule: expected one of beit, swin"):
        parameter_groups(nn.Linear(1, 1), 0.1, decay_rule="bert")
