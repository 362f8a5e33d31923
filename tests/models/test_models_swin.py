"""Swin: sizes, any image, checkpointing."""

import copy

import pytest
import torch

from vspwlib.models.backbones.swin import SIZES, SwinSize, build_swin
from vspwlib.models.zoo import build_empty, count_parameters

SMALL = SwinSize(embed_dim=8, depths=(2, 2, 2, 2), heads=(1, 2, 2, 4), window=4)

#: Millions of parameters of the published classifiers, without classifier, with four output norms (paper, table 1).
MILLIONS = {"t": 27.5, "s": 48.8, "b": 86.7, "b_w12": 86.9, "l": 195.2, "l_w7": 194.9}


@pytest.mark.parametrize("name", MILLIONS)
def test_sizes_are_the_published_ones(name):
    backbone = build_empty(f"upernet_swin_{name}").backbone
    assert count_parameters(backbone) / 1e6 == pytest.approx(MILLIONS[name], abs=0.1)
    assert backbone.stages[0].blocks[0].attn.window_size == SIZES[name].window


@pytest.mark.parametrize(("height", "width"), [(64, 64), (33, 46), (1, 71)])
def test_outputs_are_rounded_up(height, width):
    outputs = build_swin(SMALL, drop_path=0.0)(torch.randn(2, 3, height, width))
    expected = [
        (2, channels, -(-height // stride), -(-width // stride))
        for channels, stride in zip(SMALL.channels, (4, 8, 16, 32), strict=True)
    ]
    assert [tuple(output.shape) for output in outputs] == expected


def test_gradients_reach_every_parameter_and_are_equal_under_checkpointing():
    images = torch.randn(2, 3, 40, 36, dtype=torch.float64)
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        swin = build_swin(SMALL, drop_path=0.5, checkpointing=checkpointing).double()
        torch.manual_seed(3)
        sum(output.pow(3).sum() for output in swin(images)).backward()
        gradients.append({name: parameter.grad for name, parameter in swin.named_parameters()})
    plain, recomputed = gradients
    assert all(gradient is not None for gradient in plain.values())
    for name, gradient in plain.items():
        torch.testing.assert_close(recomputed[name], gradient, msg=name)


def test_a_copy_recomputes_its_own_blocks():
    swin = build_swin(SMALL, drop_path=0.0, checkpointing=True)
    twin = copy.deepcopy(swin)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    sum(output.sum() for output in twin(torch.randn(1, 3, 32, 32))).backward()
    assert all(parameter.grad is None for parameter in swin.parameters())
    assert twin.norm0.bias.grad is not None


def test_checkpointing_saves_activations():
    def saved(checkpointing):
        swin = build_swin(SMALL, drop_path=0.0, checkpointing=checkpointing)
        sizes = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda x: x
        )
        with hooks:
            swin(torch.randn(1, 3, 64, 64))
        return sum(sizes)

    assert saved(True) < 0.5 * saved(False)
