"""Weights in and out: safetensors, written atomically, loaded strictly, nothing in a file ever executed."""

import json
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vspwlib.checks import fail
from vspwlib.models.archive import is_mappable, unpacked

#: Where a training program keeps the weights among other things: mmseg; the authors of BEiT and InternImage; DeepSpeed.
LAYOUTS = ("state_dict", "model", "module")


def save_weights(path: Path, state: dict[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write a state dict as safetensors under a temporary name, then rename it.

    Args:
        path: File to write; an existing one is replaced in one step.
        state: Parameter names to tensors on any device.
        metadata: Text kept in the file's header.

    Raises:
        OSError: it cannot be written, for example because the disk is full.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(
            {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}, temporary, metadata
        )
        temporary.replace(path)
    except SafetensorError as error:  # which hides the system's error in its text
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), os.fspath(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict, as :func:`read_checkpoint` does, and nothing beside it."""
    return read_checkpoint(path)[0]


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a state dict from safetensors, a PyTorch file under ``weights_only``, or a zip file that holds one of them.

    Weights may lie below any of :data:`LAYOUTS`, under names that begin with ``module.``; what else the file holds
    (options, NumPy scalars, the optimiser, mmengine's logs) is left alone. Large files are mapped into memory, not
    read.

    Returns:
        Names to tensors on the CPU, in the file's order; and what mmseg's training noted beside them (``meta``), empty
        in other files.

    Raises:
        InputError: when the file is missing, damaged, or asks for code: it names the function and runs nothing.
    """
    if not path.is_file():
        fail("checkpoint", expected="a file", got="nothing there", where=path, fix="check the path.")
    with unpacked(path) as file:
        if file.suffix == ".safetensors":
            return _read_safetensors(file), {}
        loaded = _read_torch(file, named=path, mapped=file == path and is_mappable(file))
    state = _state_of(loaded)
    strange = [str(name) for name, value in state.items() if not isinstance(value, Tensor)]
    if strange or not state:
        got = f"{len(state)} entries, {len(strange)} of them others ({', '.join(strange[:3])})" if state else "none"
        fail("checkpoint", expected="a state dict of tensors", got=got, where=path)
    meta = loaded.get("meta")
    named = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return named, dict(meta) if isinstance(meta, Mapping) else {}


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read names and shapes from JSON: ``{name: shape}`` or ``{"keys": {name: shape}}``.

    A shape is a list, or a mapping that holds one as ``shape``.

    Raises:
        InputError: when the file is missing or holds anything else.
    """
    if not path.is_file():
        fail("--keys", expected="a file", got="nothing there", where=path, fix="check the path.")
    try:
        loaded = json.loads(path.read_text("utf-8"))
        entries = loaded["keys"] if isinstance(loaded.get("keys"), dict) else loaded
        shapes = {name: value["shape"] if isinstance(value, dict) else value for name, value in entries.items()}
        sound = all(isinstance(size, int) and size >= 0 for shape in shapes.values() for size in shape)
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        fail("--keys", expected="JSON of names and shapes", got=f"{type(error).__name__}: {error}", where=path)
    if not (shapes and sound):
        fail("--keys", expected="shapes as lists of sizes", got="other values" if shapes else "none", where=path)
    return {name: tuple(shape) for name, shape in shapes.items()}


def _state_of(loaded: Any) -> Mapping[str, Any]:
    """Find the state dict in what a file held."""
    if not isinstance(loaded, Mapping):
        return {}
    inner = (loaded[key] for key in LAYOUTS if isinstance(loaded.get(key), Mapping))
    return next(inner, loaded)


def _read_torch(file: Path, *, named: Path, mapped: bool) -> Any:
    try:
        with torch.serialization.safe_globals(list(_harmless())):
            return torch.load(file, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # noqa: BLE001  torch.load raises whatever its unpickler meets in a damaged file
        message = str(error)
        said = f"{type(error).__name__}: {message.partition(chr(10))[0].partition('. ')[0]}"
    refused = re.search(r"GLOBAL (\S+) (?:was not|whose module)", message)
    if refused:
        fail(
            "checkpoint",
            expected="tensors and plain values",
            got=f"a call of {refused[1]}, which was not executed",
            where=named,
            fix="have whoever made the file save its state dict alone: torch.save(model.state_dict(), FILE).",
        )
    fail(
        "checkpoint",
        expected="a torch file of tensors",
        got=f"a damaged or another one ({said})",
        where=named,
        fix="download or export it again.",
    )


@cache
def _harmless() -> tuple[tuple[Callable[..., Any], str], ...]:
    """Return what a file may name besides tensors, and what is taken for it; none of it runs code of the file's.

    NumPy's numbers and arrays stand for themselves, under the names of NumPy 1 and 2. Option holders of the authors'
    training programs and the logs that mmengine's Runner keeps become dicts: their own classes are never imported.
    """
    from numpy._core import multiarray

    kinds = [type(np.dtype(code)) for code in "?bBhHiIlLqQefd"]
    numbers = [(kind, f"numpy.dtypes.{kind.__name__}") for kind in kinds]
    parts = [(getattr(multiarray, name), name) for name in ("scalar", "_reconstruct")]
    return (
        (np.dtype, "numpy.dtype"),
        (np.ndarray, "numpy.ndarray"),
        *numbers,
        *((part, f"{module}.multiarray.{name}") for module in ("numpy.core", "numpy._core") for part, name in parts),
        (OrderedDict, "argparse.Namespace"),
        (OrderedDict, "yacs.config.CfgNode"),
        (OrderedDict, "mmengine.logging.history_buffer.HistoryBuffer"),
        (_method_name, "builtins.getattr"),
    )


def _method_name(owner: Any, name: str) -> str:
    """Stand for ``getattr``, by which mmengine's logs name their own methods: the name will do. Others are refused."""
    if owner is not OrderedDict:
        raise pickle.UnpicklingError("GLOBAL builtins.getattr was not allowed")
    return name


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        fail(
            "checkpoint", expected="a safetensors file", got=f"a broken one: {error}", where=path, fix="copy it again."
        )


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a file into ``model`` strictly: every key and shape must match.

    Raises:
        InputError: naming missing, unexpected and differently shaped keys.
    """
    load_state(model, read_weights(path), where=path)


def load_state(
    model: nn.Module,
    state: Mapping[str, Tensor],
    *,
    where: object,
    fix: str = "name the network that this file was trained as.",
) -> None:
    """Load a state dict into ``model`` strictly: every key and shape must match.

    Args:
        model: The network.
        state: Parameter names to tensors.
        where: The file that they come from, for the message.
        fix: What to do where they do not fit.

    Raises:
        InputError: naming missing, unexpected and differently shaped keys.
    """
    own = model.state_dict()
    missing = sorted(own.keys() - state.keys())
    unexpected = sorted(state.keys() - own.keys())
    reshaped = [
        f"{name} {tuple(state[name].shape)} for {tuple(own[name].shape)}"
        for name in sorted(own.keys() & state.keys())
        if own[name].shape != state[name].shape
    ]
    differences = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
        if names
    ]
    if differences:
        fail(
            "checkpoint",
            expected=f"the {len(own)} keys of this network",
            got="; ".join(differences),
            where=where,
            fix=fix,
        )
    model.load_state_dict(state, strict=True)
