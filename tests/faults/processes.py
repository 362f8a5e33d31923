"""Real processes that run ``vspw`` and are killed at chosen points.

They are forked from a server that has imported PyTorch and done nothing else, so that each starts in milliseconds. A
kill at a point is one at a file operation: Python's audit events of opening for writing, renaming, linking, making and
deleting below a folder are counted, and the process sends itself SIGKILL before the chosen one.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

PRELOADED = [
    "tests.faults.processes",
    "vspwlib.cli",
    "vspwlib.pipeline.training",
    "vspwlib.pipeline.prediction",
    "vspwlib.pipeline.scoring",
    "vspwlib.pipeline.ensembling",
    "vspwlib.pipeline.filtering",
    "vspwlib.pipeline.fusing",
    "vspwlib.models.zoo",
    "vspwlib.recipes",
    "vspwlib.report.tables",
    "torch.utils.tensorboard",
    "mmseg.models",
    "numba",
    "zarr.codecs",
    "rich.progress",
    "rich.table",
    "pydantic.errors",
    "typer._adapters",
]
CHANGES = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}
WAIT = 240  # seconds until a process counts as hanging

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(PRELOADED)


def start(function: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """Start a process that calls a function."""
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


def end_of(process: BaseProcess) -> int:
    """Return the exit code of a process: negative where a signal ended it."""
    process.join(WAIT)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError("the process hangs")
    return process.exitcode


def vspw(*arguments: Any, said: Path | None = None, kill_at: int | None = None, below: Path | None = None) -> int:
    """Run ``vspw`` in a process and return its exit code.

    Args:
        arguments: Of the command line.
        said: File for what it prints.
        kill_at: Number of the file operation at which it is killed, from 0; None: never.
        below: Folder whose file operations count; their number is appended to ``said``.
    """
    return end_of(start(command, list(map(str, arguments)), said, kill_at, below))


def command(arguments: Sequence[str], said: Path | None, kill_at: int | None = None, below: Path | None = None) -> None:
    """Do what ``vspw`` does, in this process."""
    import torch

    from vspwlib.cli import main

    torch.set_num_threads(1)
    multiprocessing.set_start_method("fork", force=True)  # what a process that was not forked from a server has
    with Path(said or os.devnull).open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    counted = count_operations(below, kill_at) if below else [0]
    sys.argv = ["vspw", *arguments]
    try:
        main()
    finally:
        sys.stdout.write(f"\noperations: {counted[0]}\n")
        sys.stdout.flush()


def count_operations(below: Path, kill_at: int | None) -> list[int]:
    """Count the changes of files below a folder from now on; at the chosen one the process dies."""
    folder, counted = os.fspath(below), [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                return
        elif event not in CHANGES:
            return
        place = arguments[0]
        if not isinstance(place, str | os.PathLike) or not os.fspath(place).startswith(folder):
            return
        if counted[0] == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        counted[0] += 1

    sys.addaudithook(hook)
    return counted


def wait_for(condition: Callable[[], object]) -> None:
    """Return once a condition holds."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def operations(said: Path) -> int:
    """Return how many file operations the last command has done."""
    return int(said.read_text().rpartition("operations: ")[2])
