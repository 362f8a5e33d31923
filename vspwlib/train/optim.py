"""Optimiser and schedule as pure functions of their settings."""

import torch
from torch import nn
from torch.optim import AdamW


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Split parameters into those that decay and those that do not.

    Norms, biases and relative-position tables do not decay, as in the official Swin recipe: each is one-dimensional or
    carries ``relative_position_bias_table`` or ``absolute_pos_embed`` in its name.

    Args:
        model: The network.
        weight_decay: Decay of the first group.

    Returns:
        Two AdamW groups that hold every trainable parameter once.
    """
    kept: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            still = parameter.ndim <= 1 or "relative_position_bias_table" in name or "absolute_pos_embed" in name
            (kept if still else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]


def build_optimizer(model: nn.Module, *, lr: float, weight_decay: float, betas: tuple[float, float]) -> AdamW:
    """Build AdamW over :func:`parameter_groups`; fused where parameters lie on a GPU."""
    on_gpu = all(parameter.is_cuda for parameter in model.parameters())
    groups = parameter_groups(model, weight_decay)
    return AdamW(groups, lr=lr, betas=betas, fused=on_gpu or None, foreach=None if on_gpu else True)


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


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Give every parameter group the learning rate ``lr``, times the group's ``lr_scale`` where it has one."""
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("lr_scale", 1.0)
