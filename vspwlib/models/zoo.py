"""The networks by name: what each is, and how to build it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from vspwlib.checks import check_choice, check_range
from vspwlib.models.segmenter import Segmenter


@dataclass(frozen=True, kw_only=True)
class Network:
    """One entry of the zoo.

    Attributes:
        name: The name used on the command line and in recipes.
        summary: One line for the list.
        build: Called as ``build(num_classes=, drop_path=, dropout=)``.
        drop_path: Default stochastic depth rate.
    """

    name: str
    summary: str
    build: Callable[..., Segmenter]
    drop_path: float


def _upernet_swin(*, size: str, channels: int, num_classes: int, drop_path: float, dropout: float) -> Segmenter:
    from vspwlib.models.backbones.swin import SIZES, build_swin
    from vspwlib.models.heads.uper import build_fcn_head, build_uper_head

    swin = SIZES[size]
    head = build_uper_head(swin.channels, channels=channels, num_classes=num_classes, dropout=dropout)
    auxiliary = build_fcn_head(swin.channels, channels=channels // 2, num_classes=num_classes, dropout=dropout)
    return Segmenter(build_swin(swin, drop_path=drop_path), head, auxiliary)


NETWORKS = {
    network.name: network
    for network in (
        Network(
            name="upernet_swin_tiny",
            summary="UperNet on a 7 M-parameter Swin; trains from scratch in minutes on a CPU",
            build=partial(_upernet_swin, size="tiny", channels=96),
            drop_path=0.1,
        ),
        Network(
            name="upernet_swin_t",
            summary="UperNet on Swin-T, window 7, the official hyper-parameters",
            build=partial(_upernet_swin, size="t", channels=512),
            drop_path=0.3,
        ),
        Network(
            name="upernet_swin_l",
            summary="UperNet on Swin-L, window 12, the official hyper-parameters (Table 1)",
            build=partial(_upernet_swin, size="l", channels=512),
            drop_path=0.3,
        ),
    )
}


def build(name: str, *, num_classes: int = 124, drop_path: float | None = None, dropout: float = 0.1) -> Segmenter:
    """Build a network with fresh weights, in training mode.

    Args:
        name: One of :data:`NETWORKS`.
        num_classes: Classes K of the classifier.
        drop_path: Stochastic depth rate in [0, 1); None takes the network's default.
        dropout: Dropout rate before the classifiers, in [0, 1).

    Returns:
        The network; its random numbers come from torch's global generator.

    Raises:
        InputError: for an unknown name (the nearest one is named) or a rate out of range.
    """
    network = NETWORKS[check_choice("network", name, NETWORKS)]
    rate = network.drop_path if drop_path is None else drop_path
    check_range("drop_path", rate, 0.0, 0.999)
    check_range("dropout", dropout, 0.0, 0.999)
    return network.build(num_classes=num_classes, drop_path=rate, dropout=dropout)


class _RatesOnCpu(TorchFunctionMode):
    """Keeps ``linspace`` on the CPU: backbones read their stochastic depth rates from it while they are built."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.linspace:
            return func(*args, **{**(kwargs or {}), "device": "cpu"})
        return func(*args, **(kwargs or {}))


def build_empty(name: str, *, num_classes: int = 124) -> Segmenter:
    """Build a network whose tensors have shapes but no storage (torch's meta device), for counting and checking keys.

    Args:
        name: One of :data:`NETWORKS`.
        num_classes: Classes K of the classifier.
    """
    with torch.device("meta"), _RatesOnCpu():
        return build(name, num_classes=num_classes)


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
