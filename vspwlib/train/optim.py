"""Optimiser and schedule as pure functions of their settings."""

from typing import Any, Literal

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import AdamW

from vspwlib.checks import check_choice
from vspwlib.train.layer_decay import layer_scales
from vspwlib.train.sharding import shards

DecayRule = Literal["swin", "beit"]


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    *,
    layer_decay: float | None = None,
    decay_rule: DecayRule = "swin",
    head_quirk: bool = True,
) -> list[dict[str, Any]]:
    """Split parameters by whether they decay and, with layer decay, by their learning rate.

    Args:
        model: The network.
        weight_decay: Decay of those that decay.
        layer_decay: Factor on the learning rate from each layer to the one below; None gives all the same.
        decay_rule: What does not decay. ``swin``: norms, biases and all that is one-dimensional, relative-position
            tables and absolute position embeddings, as for Swin and InternImage. ``beit``: one-dimensional parameters
            and biases alone, as for ViT-Adapter and EVA, whose tables and class token do decay.
        head_quirk: With layer decay, give the query head's embeddings the smallest rate, as officially
            (see :func:`~vspwlib.train.layer_decay.layer_scales`).

    Returns:
        AdamW groups that hold every trainable parameter once. Without layer decay there are two, the decayed one first;
        with it one per learning rate and decay, smallest rate first, whose ``lr_scale`` :func:`set_lr` honours.
    """
    check_choice("decay rule", decay_rule, ("swin", "beit"))
    named = dict(model.named_parameters())
    if layer_decay is None:
        scales = dict.fromkeys(named, 1.0)
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {(1.0, True): [], (1.0, False): []}
    else:
        scales = layer_scales(named, rate=layer_decay, head_quirk=head_quirk)
        groups = {(scale, decays): [] for scale in sorted(set(scales.values())) for decays in (True, False)}
    for name, parameter in named.items():
        if parameter.requires_grad:
            groups[scales[name], _decays(name, parameter, decay_rule)].append(parameter)
    return [
        {"params": parameters, "weight_decay": weight_decay if decays else 0.0, "lr_scale": scale}
        for (scale, decays), parameters in groups.items()
        if parameters or layer_decay is None
    ]


def _decays(name: str, parameter: nn.Parameter, rule: DecayRule) -> bool:
    if parameter.ndim <= 1 or name.endswith(".bias"):
        return False
    return rule == "beit" or not ("relative_position_bias_table" in name or "absolute_pos_embed" in name)


def build_optimizer(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    betas: tuple[float, float],
    layer_decay: float | None = None,
    decay_rule: DecayRule = "swin",
    head_quirk: bool = True,
) -> AdamW:
    """Build AdamW over :func:`parameter_groups`; fused where parameters lie on a GPU.

    Args:
        model: The network.
        lr: Learning rate.
        weight_decay: As for :func:`parameter_groups`.
        betas: Decay of the two moments.
        layer_decay: As for :func:`parameter_groups`.
        decay_rule: As for :func:`parameter_groups`.
        head_quirk: As for :func:`parameter_groups`.
    """
    on_gpu = all(parameter.is_cuda for parameter in model.parameters())
    groups = parameter_groups(
        model, weight_decay, layer_decay=layer_decay, decay_rule=decay_rule, head_quirk=head_quirk
    )
    optimizer = AdamW(groups, lr=lr, betas=betas, fused=on_gpu or None, foreach=None if on_gpu else True)
    set_lr(optimizer, lr)
    return optimizer


def lr_factor(step: int, *, iterations: int, warmup: int, warmup_ratio: float, power: float) -> float:
    """Return the learning rate of a step as a share of its peak: linear warm-up times polynomial decay to 0.

    Args:
        step: Iteration, from 0.
        iterations: Length of training.
        warmup: Iterations of warm-up; 0 starts at the peak.
        warmup_ratio: Share at step 0.
        power: Power of the decay; 1 is linear.

    >>> [round(lr_factor(s, iterations=10, warmup=2, warmup_ratio=0.0, power=1.0), 2) for s in (0, 1, 2, 5, 9)]
    [0.0, 0.45, 0.8, 0.5, 0.1]
    """
    decay = (1 - step / iterations) ** power
    if step >= warmup:
        return decay
    return decay * (warmup_ratio + (1 - warmup_ratio) * step / warmup)


def clip_gradients(
    fabric: Fabric, model: nn.Module, optimizer: torch.optim.Optimizer, max_norm: float | None
) -> Tensor:
    """Clip the gradient of a network and return the norm that it had, finite or not.

    Args:
        fabric: Clips as its strategy asks.
        model: The network, as ``fabric.setup`` returned it.
        optimizer: Likewise.
        max_norm: Largest norm; None leaves the gradient as it is.

    Returns:
        Scalar on the device, the 2-norm over all parameters.
    """
    if max_norm is None or shards(fabric):
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        total = torch.nn.utils.get_total_norm(gradients)
        whole = total.full_tensor() if isinstance(total, DTensor) else total  # that of the shards of all processes
        if max_norm is not None:
            torch.nn.utils.clip_grads_with_norm_(model.parameters(), max_norm, whole)
        return whole
    norm = fabric.clip_gradients(model, optimizer, max_norm=max_norm, error_if_nonfinite=False)
    return norm if norm is not None else torch.zeros((), device=fabric.device)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the learning rate ``lr``, times the group's ``lr_scale`` where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
