"""The networks by name: what each is, and how to build it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from vspwlib.checks import check_choice, check_range, fail
from vspwlib.models.segmenter import Segmenter


@dataclass(frozen=True, kw_only=True)
class Options:
    """What can be chosen when a network is built.

    Attributes:
        num_classes: Classes K of the classifier.
        drop_path: Stochastic depth rate of the backbone, in [0, 1).
        dropout: Rate before the classifiers of per-pixel heads, over whole channels. Query heads have no such place.
        decoder_dropout: Rate inside a query head: attention and feed-forward of both its decoders, officially 0.
        checkpointing: Recompute activations in the backward pass: less memory, the same results.
        image_size: ``(H, W)`` at which position tables are stored; None takes the network's own. Only ViTs have them.
    """

    num_classes: int = 124
    drop_path: float = 0.0
    dropout: float = 0.1
    decoder_dropout: float = 0.0
    checkpointing: bool = False
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Network:
    """One entry of the zoo.

    Attributes:
        name: The name used on the command line and in recipes.
        summary: One line for the list.
        build: Makes the network from :class:`Options`: images ``(B, 3, H, W)`` to
            :class:`~vspwlib.models.segmenter.SegOutput`.
        drop_path: Default stochastic depth rate.
        crop: Side in pixels of the square crops that it is officially trained at.
        family: Module of :mod:`vspwlib.models.backbones` that it is built on; None for a network of your own.
        size: Name of its hyper-parameters in that module's ``SIZES``.
        head: ``upernet`` or ``mask2former``; None for a network of your own.
    """

    name: str
    summary: str
    build: Callable[[Options], nn.Module]
    drop_path: float = 0.0
    crop: int = 480
    family: str | None = None
    size: str | None = None
    head: str | None = None

    def hyper_parameters(self) -> Any:
        """Return the dataclass of the backbone's hyper-parameters.

        Raises:
            InputError: for a network of your own, which has none here.
        """
        if self.family is None or self.size is None:
            fail("network", expected="one built on a backbone of vspwlib", got=self.name)
        return import_module(f"vspwlib.models.backbones.{self.family}").SIZES[self.size]


def _build_backbone(family: str, size: str, options: Options) -> tuple[nn.Module, list[int]]:
    module = import_module(f"vspwlib.models.backbones.{family}")
    hyper_parameters = module.SIZES[size]
    extra = {"image_size": options.image_size} if family == "vit_adapter" else {}
    backbone = getattr(module, f"build_{family}")(
        hyper_parameters, drop_path=options.drop_path, checkpointing=options.checkpointing, **extra
    )
    return backbone, hyper_parameters.channels


def upernet(family: str, size: str, *, drop_path: float, crop: int = 512, summary: str, channels: int = 512) -> Network:
    """Describe UperNet on a backbone; the auxiliary head is half as wide as the main one."""

    def build_network(options: Options) -> nn.Module:
        from vspwlib.models.heads.uper import build_fcn_head, build_uper_head

        backbone, widths = _build_backbone(family, size, options)
        classes, dropout = options.num_classes, options.dropout
        head = build_uper_head(widths, channels=channels, num_classes=classes, dropout=dropout)
        auxiliary = build_fcn_head(widths, channels=channels // 2, num_classes=classes, dropout=dropout)
        return Segmenter(backbone, head, auxiliary)

    return Network(
        name=f"upernet_{family}_{size}",
        summary=summary,
        build=build_network,
        drop_path=drop_path,
        crop=crop,
        family=family,
        size=size,
        head="upernet",
    )


def mask2former(name: str, size: str, *, head_size: str, drop_path: float, crop: int, summary: str) -> Network:
    """Describe Mask2Former on a ViT-Adapter."""

    def build_network(options: Options) -> nn.Module:
        from vspwlib.models.heads.mask2former import SIZES, build_mask2former

        backbone, widths = _build_backbone("vit_adapter", size, options)
        head = build_mask2former(
            widths,
            SIZES[head_size],
            num_classes=options.num_classes,
            dropout=options.decoder_dropout,
            checkpointing=options.checkpointing,
        )
        return Segmenter(backbone, head)

    return Network(
        name=name,
        summary=summary,
        build=build_network,
        drop_path=drop_path,
        crop=crop,
        family="vit_adapter",
        size=size,
        head="mask2former",
    )


_FROM_SCRATCH = "sized to train from scratch in minutes on a CPU"
_SRF, _LRF = "two focal levels: small receptive field", "three focal levels: large receptive field"
_T1 = "the paper's Table 1"

#: Every network by name. :func:`register` adds yours.
NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        upernet("swin", "tiny", drop_path=0.1, crop=128, channels=96, summary=f"Swin, {_FROM_SCRATCH}"),
        upernet("swin", "t", drop_path=0.3, summary="Swin-T, window 7"),
        upernet("swin", "s", drop_path=0.3, summary="Swin-S, window 7"),
        upernet("swin", "b", drop_path=0.3, summary="Swin-B, window 7"),
        upernet("swin", "b_w12", drop_path=0.3, summary="Swin-B, window 12, pre-trained on ImageNet-22K"),
        upernet("swin", "l", drop_path=0.3, summary=f"Swin-L, window 12: {_T1}"),
        upernet("swin", "l_w7", drop_path=0.3, summary="Swin-L, window 7"),
        upernet("focalnet", "tiny", drop_path=0.1, crop=128, channels=96, summary=f"FocalNet, {_FROM_SCRATCH}"),
        upernet("focalnet", "t_srf", drop_path=0.3, summary=f"FocalNet-T, {_SRF}"),
        upernet("focalnet", "s_srf", drop_path=0.3, summary=f"FocalNet-S, {_SRF}"),
        upernet("focalnet", "b_srf", drop_path=0.3, summary=f"FocalNet-B, {_SRF}"),
        upernet("focalnet", "t_lrf", drop_path=0.3, summary=f"FocalNet-T, {_LRF}"),
        upernet("focalnet", "s_lrf", drop_path=0.3, summary=f"FocalNet-S, {_LRF}"),
        upernet("focalnet", "b_lrf", drop_path=0.3, summary=f"FocalNet-B, {_LRF}"),
        upernet("focalnet", "l", drop_path=0.3, summary="FocalNet-L as the official segmentation code builds it"),
        upernet("focalnet", "l_fl3", drop_path=0.3, summary="FocalNet-L, three focal levels"),
        upernet("focalnet", "l_fl4", drop_path=0.3, summary=f"FocalNet-L, four focal levels: {_T1}"),
        upernet("focalnet", "xl_fl3", drop_path=0.3, summary="FocalNet-XL, three focal levels"),
        upernet("focalnet", "xl_fl4", drop_path=0.3, summary="FocalNet-XL, four focal levels"),
        upernet("internimage", "tiny", drop_path=0.1, crop=128, channels=96, summary=f"InternImage, {_FROM_SCRATCH}"),
        upernet("internimage", "t", drop_path=0.2, summary="InternImage-T"),
        upernet("internimage", "s", drop_path=0.3, summary="InternImage-S"),
        upernet("internimage", "b", drop_path=0.4, summary="InternImage-B"),
        upernet("internimage", "l", drop_path=0.4, crop=640, summary="InternImage-L"),
        upernet("internimage", "xl", drop_path=0.4, crop=640, summary=f"InternImage-XL: {_T1}"),
        upernet("internimage", "h", drop_path=0.4, crop=896, summary="InternImage-H"),
        upernet("internimage", "g", drop_path=0.5, crop=896, summary="InternImage-G"),
        mask2former(
            "mask2former_beitv2_adapter_tiny",
            "tiny",
            head_size="tiny",
            drop_path=0.1,
            crop=128,
            summary=f"ViT-Adapter, {_FROM_SCRATCH}",
        ),
        mask2former(
            "mask2former_eva_adapter_tiny",
            "eva_tiny",
            head_size="tiny",
            drop_path=0.1,
            crop=128,
            summary=f"ViT-Adapter in EVA's manner (absolute positions too), {_FROM_SCRATCH}",
        ),
        mask2former(
            "mask2former_beitv2_adapter_l",
            "beitv2_l",
            head_size="large",
            drop_path=0.3,
            crop=896,
            summary=f"BEiTv2-L with ViT-Adapter: {_T1}",
        ),
        mask2former(
            "mask2former_eva_adapter_g",
            "eva_g",
            head_size="eva_9dec",
            drop_path=0.5,
            crop=896,
            summary=f"EVA-g with ViT-Adapter, relative positions, 9 decoder layers: {_T1}",
        ),
        mask2former(
            "mask2former_eva_adapter_g_8dec",
            "eva_g_plain",
            head_size="eva_8dec",
            drop_path=0.5,
            crop=896,
            summary="EVA-g with ViT-Adapter, absolute positions only, 8 decoder layers",
        ),
    )
}


def register(network: Network) -> None:
    """Add a network of your own; recipes, training and prediction then know its name.

    Raises:
        InputError: when the name is taken.
    """
    if network.name in NETWORKS:
        fail("network", expected="a new name", got=network.name, fix="choose another name.")
    NETWORKS[network.name] = network


def build(
    name: str,
    *,
    num_classes: int = 124,
    drop_path: float | None = None,
    dropout: float = 0.1,
    decoder_dropout: float = 0.0,
    checkpointing: bool = False,
    image_size: tuple[int, int] | None = None,
) -> Any:
    """Build a network with fresh weights, in training mode; the arguments are those of :class:`Options`.

    Args:
        name: One of :data:`NETWORKS`.
        num_classes: Classes K of the classifier.
        drop_path: Stochastic depth rate; None takes the network's default.
        dropout: Rate before the classifiers of per-pixel heads.
        decoder_dropout: Rate inside a query head.
        checkpointing: Trade time for memory in training.
        image_size: ``(H, W)`` at which position tables are stored.

    Returns:
        The network; its random numbers come from torch's global generator.

    Raises:
        InputError: for an unknown name (the nearest one is named) or a rate out of range.
    """
    network = NETWORKS[check_choice("network", name, NETWORKS)]
    rate = network.drop_path if drop_path is None else drop_path
    for what, value in (("drop_path", rate), ("dropout", dropout), ("decoder_dropout", decoder_dropout)):
        check_range(what, value, 0.0, 0.999)
    options = Options(
        num_classes=num_classes,
        drop_path=rate,
        dropout=dropout,
        decoder_dropout=decoder_dropout,
        checkpointing=checkpointing,
        image_size=image_size,
    )
    return network.build(options)


class _RatesOnCpu(TorchFunctionMode):
    """Keeps ``linspace`` on the CPU: backbones read their stochastic depth rates from it while they are built."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.linspace:
            return func(*args, **{**(kwargs or {}), "device": "cpu"})
        return func(*args, **(kwargs or {}))


def build_empty(name: str, **options: Any) -> Any:
    """Build a network whose tensors have shapes but no storage (torch's meta device), for counting and checking keys.

    Args:
        name: One of :data:`NETWORKS`.
        options: As for :func:`build`.
    """
    with torch.device("meta"), _RatesOnCpu():
        return build(name, **options)


def count_parameters(model: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
