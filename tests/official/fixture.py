"""One fixture file, and one comparison."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Check:
    """One output held to what the official code gave.

    Attributes:
        name: The output's name in the fixture.
        dtype: ``float32`` or ``float64``: the numbers that ours was computed in.
        error: Largest absolute difference; NaN or a difference in shape count as infinite.
        tolerance: Largest difference that passes.
    """

    name: str
    dtype: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Tell whether the error stays within the tolerance."""
        return self.error <= self.tolerance


#: How names of arrays begin that are no outputs.
INPUTS = ("in/", "input", "feat", "param:", "state/", "meta")


@dataclass(frozen=True)
class Fixture:
    """A ``.npz`` file of plain arrays, read array by array; it remembers which were asked for."""

    path: Path
    _read: set[str] = field(default_factory=set, repr=False)

    @cached_property
    def _file(self) -> Any:
        return np.load(self.path, allow_pickle=False)

    @property
    def names(self) -> list[str]:
        """Names of all arrays."""
        return list(self._file.files)

    def __contains__(self, name: str) -> bool:
        return name in self._file.files

    def array(self, name: str) -> np.ndarray:
        """Return one array as stored."""
        self._read.add(name)
        return self._file[name]

    def tensor(self, name: str, dtype: torch.dtype | None = None) -> Tensor:
        """Return one array as a tensor, in ``dtype`` where it holds floats."""
        tensor = torch.from_numpy(np.array(self.array(name)))
        return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor

    @cached_property
    def meta(self) -> dict[str, Any]:
        """What the fixture says about itself (``meta`` or ``meta_json``)."""
        name = "meta" if "meta" in self else "meta_json"
        return json.loads(str(self.array(name))) if name in self else {}

    @property
    def forgotten(self) -> list[str]:
        """Names of outputs that nobody has asked for; text is none."""
        left = (name for name in self.names if name not in self._read and not name.startswith(INPUTS))
        return [name for name in left if self._file[name].dtype.kind != "U"]

    def under(self, prefix: str) -> Iterator[str]:
        """Yield the names that start with ``prefix``."""
        return (name for name in self.names if name.startswith(prefix))

    def state(self, prefix: str = "param:") -> dict[str, Tensor]:
        """Return the parameters stored under ``prefix``, without it."""
        return {name.removeprefix(prefix): self.tensor(name) for name in self.under(prefix)}

    def sibling(self, name: str) -> "Fixture":
        """Return the fixture of that file name beside this one."""
        return Fixture(self.path.with_name(name))


def compare(name: str, own: Tensor | None, official: Tensor | np.ndarray, tolerance: float) -> Check:
    """Return the largest absolute difference of two arrays; infinity where we have none."""
    theirs = torch.as_tensor(np.array(official) if isinstance(official, np.ndarray) else official)
    dtype = str((theirs if own is None else own).dtype).removeprefix("torch.")
    if own is None:
        return Check(name=name, dtype=dtype, error=float("inf"), tolerance=tolerance)
    if own.shape != theirs.shape and own.numel() == theirs.numel() == 1:
        own, theirs = own.reshape(()), theirs.reshape(())
    if own.shape != theirs.shape:
        return Check(name=name, dtype=dtype, error=float("inf"), tolerance=tolerance)
    difference = (own.detach().double() - theirs.double()).abs()
    error = float(difference.max()) if difference.numel() else 0.0
    return Check(name=name, dtype=dtype, error=error if error == error else float("inf"), tolerance=tolerance)


def stages(outputs: Sequence[Tensor], config: dict[str, Any]) -> dict[str, Tensor]:
    """Return a backbone's maps as ``out0``, ``out1`` …: those of its ``out_indices``, or all."""
    chosen = config.get("out_indices", range(len(outputs)))
    return {f"out{number}": outputs[stage] for number, stage in enumerate(chosen)}


def unused_norms(config: dict[str, Any]) -> tuple[str, ...]:
    """Return how the names of output norms begin which the official code makes for its ``out_indices`` alone."""
    return tuple(f"norm{stage}." for stage in range(4) if stage not in config.get("out_indices", range(4)))


def load_exactly(
    module: nn.Module, state: dict[str, Tensor], *, allowed: tuple[str, ...] = (), spare: tuple[str, ...] = ()
) -> None:
    """Load weights; every key must fit, but for those that contain one of ``allowed`` or begin with one of ``spare``.

    Raises:
        AssertionError: naming keys that are missing or unexpected.
    """
    result = module.load_state_dict(state, strict=False)
    wrong = [
        name
        for name in (*result.missing_keys, *result.unexpected_keys)
        if not (any(part in name for part in allowed) or name.startswith(spare))
    ]
    assert not wrong, f"keys that do not fit: {wrong[:10]}"
