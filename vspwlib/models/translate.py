"""Weights of others under our names: what kind of file it is, and its family's rename table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vspwlib.checks import InputError, fail
from vspwlib.models.backbones.relative_position import RelPos
from vspwlib.models.compare import Comparison, Shape, compare
from vspwlib.models.zoo import Network

BACKBONE, HEADS = "backbone.", ("decode_head.", "auxiliary_head.")


@dataclass(frozen=True)
class Target:
    """What a file shall fill.

    Attributes:
        network: Its entry in the zoo.
        shapes: Its names and shapes.
        image_size: ``(H, W)`` at which it stores position tables; None for the network's own.
        relpos: How position tables of a file change their grid.
    """

    network: Network
    shapes: Mapping[str, Shape]
    image_size: tuple[int, int] | None = None
    relpos: RelPos = "interpolate"


def is_backbone_only(names: Mapping[str, Any]) -> bool:
    """Return whether a file holds a pre-trained backbone and no head."""
    return not any(name.startswith("decode_head.") for name in names)


def translate(state: Mapping[str, Tensor], target: Target) -> dict[str, Tensor]:
    """Return a file's weights under the names of our whole network, position tables at the target's size.

    Args:
        state: A whole network, or a backbone alone with or without the prefix ``backbone.``. Tensors may be on the meta
            device.
        target: What they shall fill.

    Raises:
        InputError: when the family's rename table does not know the names.
    """
    family = target.network.family
    if family is None:
        return dict(state)
    alone = is_backbone_only(state)
    backbone = {
        name.removeprefix(BACKBONE): tensor
        for name, tensor in state.items()
        if name.startswith(BACKBONE) or (alone and not name.startswith(HEADS))
    }
    rest = {name: tensor for name, tensor in state.items() if name.removeprefix(BACKBONE) not in backbone}
    if not backbone:
        fail("checkpoint", expected="the weights of a backbone", got=f"{len(rest)} keys such as {next(iter(rest), '')}")
    renamed = _rename(backbone, target, alone=alone)
    return {**{BACKBONE + name: tensor for name, tensor in renamed.items()}, **rest}


def _rename(state: dict[str, Tensor], target: Target, *, alone: bool) -> dict[str, Tensor]:
    """Translate a backbone's names, given without prefix, by its family's table."""
    size = target.network.hyper_parameters()
    match target.network.family:
        case "swin":
            from vspwlib.models.rename_swin import rename_swin

            return rename_swin(state)
        case "focalnet":
            from vspwlib.models.rename_focalnet import rename_focalnet

            return rename_focalnet(state, size)
        case "internimage":
            from vspwlib.models.backbones.internimage import rename_internimage

            return rename_internimage(state)
        case "vit_adapter":
            from vspwlib.models.pretrained_vit import convert_beit, resize_positions

            image_size = target.image_size or size.image_size
            if alone and "level_embed" not in state:
                return convert_beit(state, size, image_size, target.relpos)
            try:  # files are taken to be of square images, as all released ones are
                return resize_positions(state, image_size, target.relpos)
            except InputError:
                if _is_at_home(state, target):  # ours, of images that are not square
                    return state
                raise
    fail("network", expected="a family with a rename table", got=target.network.family)


def _is_at_home(state: Mapping[str, Tensor], target: Target) -> bool:
    """Return whether position tables have the target's shapes already."""
    tables = {name: tensor for name, tensor in state.items() if name.endswith(("_bias_table", "pos_embed"))}
    return all(target.shapes.get(BACKBONE + name) == tuple(tensor.shape) for name, tensor in tables.items())


class _Traced(Tensor):
    """A tensor without storage that remembers the name under which it stood in a file, through any operation."""

    origin: str

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})
        origins = [tensor.origin for tensor in _traced([args, kwargs]) if hasattr(tensor, "origin")]
        for tensor in _traced(result):
            tensor.origin = getattr(tensor, "origin", origins[0])
        return result


def _traced(values: Any) -> Iterator[_Traced]:
    """Yield the traced tensors within arguments or results."""
    if isinstance(values, _Traced):
        yield values
    elif isinstance(values, dict):
        yield from _traced(list(values.values()))
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _traced(value)


def compare_with(target: Target, shapes: Mapping[str, Shape]) -> Comparison:
    """Translate a file's names and shapes, and compare them with the target's.

    Args:
        target: The network.
        shapes: Names and shapes as they stand in the file.

    Raises:
        InputError: when the family's rename table does not know the names.
    """
    state: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        traced = torch.empty(shape, device="meta").as_subclass(_Traced)
        traced.origin = name
        state[name] = traced
    filled = {name: tensor for name, tensor in translate(state, target).items() if name in target.shapes}
    origin = {name: tensor.origin for name, tensor in filled.items() if isinstance(tensor, _Traced)}
    used = set(origin.values())
    return compare(
        {name: tuple(tensor.shape) for name, tensor in filled.items()},
        target.shapes,
        origin={ours: theirs for ours, theirs in origin.items() if ours not in {theirs, BACKBONE + theirs}},
        left_out={name: shape for name, shape in shapes.items() if name not in used},
        backbone_only=is_backbone_only(shapes),
        skipped_positions=target.relpos == "skip",
    )
