"""Snapshots of training: all that the next iteration depends on, written so that a crash never leaves half of one.

A snapshot is a folder ``step-<n>`` with the weights (and their average) as safetensors and the optimiser's state as a
torch file that is read back under ``weights_only``. It holds no random state: every iteration seeds its own generators
from (seed, iteration, rank), and the data stream is addressed by position, so the iteration number is enough.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vspwlib.checks import fail
from vspwlib.models.checkpoint import read_weights, save_weights


@dataclass(frozen=True)
class Snapshot:
    """State after ``step`` iterations.

    Attributes:
        step: Iterations done.
        model: The network's state dict.
        average: State dict of the weight average, or None.
        optimizer: The optimiser's state dict.
        best: Best validation score so far, or None.
        objective: What the objective remembers from step to step.
    """

    step: int
    model: dict[str, Tensor]
    average: dict[str, Tensor] | None
    optimizer: dict[str, Any]
    best: float | None
    objective: dict[str, Any] = field(default_factory=dict)


def save_snapshot(folder: Path, snapshot: Snapshot) -> Path:
    """Write a snapshot beside the others, rename it into place, then drop the older ones and what kills have left.

    A snapshot of that step that is there already is kept: it holds the same, and to replace it would leave a moment
    without any.

    Args:
        folder: The run's checkpoint folder.
        snapshot: What to write.

    Raises:
        InputError: when the disk is full; older snapshots are untouched then.
    """
    final = folder / f"step-{snapshot.step:08d}"
    if final.is_dir():
        return final
    temporary = folder / f".{final.name}.{os.getpid()}.tmp"
    try:
        temporary.mkdir(parents=True)
        save_weights(temporary / "model.safetensors", snapshot.model)
        if snapshot.average is not None:
            save_weights(temporary / "average.safetensors", snapshot.average)
        state = {"step": snapshot.step, "optimizer": snapshot.optimizer, "best": snapshot.best}
        state["objective"] = snapshot.objective
        _save_state(state, temporary / "optimizer.pt")
        temporary.rename(final)
    except OSError as error:
        fail(
            "checkpoint",
            expected="room to write",
            got=error.strerror or error,
            where=final,
            fix="free disk space, --resume.",
        )
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for stale in [*snapshots(folder)[:-1], *folder.glob(".*.tmp")]:
        shutil.rmtree(stale, ignore_errors=True)
    return final


def _save_state(state: dict[str, Any], path: Path) -> None:
    """Write a torch file; on a full disk PyTorch raises an error of its own, behind which is the system's."""
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def snapshots(folder: Path) -> list[Path]:
    """Return complete snapshots, oldest first."""
    return sorted(path for path in folder.glob("step-*") if path.is_dir())


def load_snapshot(folder: Path, *, mapped: bool = False) -> Snapshot:
    """Read the newest snapshot of a run.

    Args:
        folder: The run's checkpoint folder.
        mapped: Leave tensors in the files until they are read: processes of a machine then share the memory.

    Raises:
        InputError: when there is none, or it is damaged.
    """
    found = snapshots(folder)
    if not found:
        fail(
            "checkpoint", expected="a snapshot to resume from", got="none", where=folder, fix="train without --resume."
        )
    newest = found[-1]
    average = newest / "average.safetensors"
    try:
        state = torch.load(newest / "optimizer.pt", map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:  # noqa: BLE001  torch.load raises whatever its unpickler meets in a damaged file
        message = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        fail("checkpoint", expected="a readable optimiser state", got=message, where=newest, fix="delete that folder.")
    return Snapshot(
        step=state["step"],
        model=read_weights(newest / "model.safetensors"),
        average=read_weights(average) if average.is_file() else None,
        optimizer=state["optimizer"],
        best=state["best"],
        objective=state.get("objective", {}),
    )
