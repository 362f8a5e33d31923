"""Weights in and out: safetensors, written atomically, loaded strictly, nothing in a file ever executed."""

import os
from pathlib import Path

import torch
from torch import Tensor, nn

from vspwlib.checks import fail


def save_weights(path: Path, state: dict[str, Tensor], *, metadata: dict[str, str] | None = None) -> None:
    """Write a state dict as safetensors under a temporary name, then rename it.

    Args:
        path: File to write; an existing one is replaced in one step.
        state: Parameter names to tensors on any device.
        metadata: Text kept in the file's header.
    """
    from safetensors.torch import save_file

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(
            {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}, temporary, metadata
        )
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict from safetensors, or from a torch file under ``weights_only``.

    Raises:
        InputError: when the file is missing, truncated or holds more than tensors and plain containers.
    """
    if not path.is_file():
        fail("checkpoint", expected="a file", got="nothing there", where=path, fix="check the path.")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  torch.load raises whatever its unpickler meets in a damaged file
        message = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        fail(
            "checkpoint",
            expected="a torch file of tensors",
            got=message,
            where=path,
            fix="download or export it again.",
        )
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        fail("checkpoint", expected="a state dict of tensors", got=type(loaded).__name__, where=path)
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


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
    state = read_weights(path)
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
            where=path,
            fix="name the network that this file was trained as.",
        )
    model.load_state_dict(state, strict=True)
