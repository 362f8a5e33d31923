"""Parameter groups and the schedule, against a step-by-step account."""

import pytest
import torch
from torch import nn

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
