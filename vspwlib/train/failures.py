"""Processes that a training leans on and that end before it: data workers, and the other processes of a group."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from lightning.fabric import Fabric

from vspwlib.checks import fail

#: What gloo and NCCL say when the other end of a connection is gone.
_GONE = re.compile(
    r"connection (was )?(closed|reset|refused)|broken pipe|socket (closed|timeout)|remote process exited|"
    r"timed out waiting|collective operation timeout|NCCL communicator was aborted",
    re.IGNORECASE,
)


_SECONDS = 1.0  # in which a death is known after the pipe has broken


def _first_line(error: RuntimeError) -> str:
    return str(error).strip().partition("\n")[0]


def _fail_worker(got: str) -> NoReturn:
    fix = "--resume goes on from the last snapshot; where memory ran out, with fewer train.workers."
    fail("data worker", expected="running", got=got, fix=fix)


@contextmanager
def named_failures(fabric: Fabric) -> Iterator[None]:
    """Turn what PyTorch raises inside when such a process dies into one message with the mend.

    Nothing is saved: PyTorch raises the death of a worker from a signal handler, perhaps in the middle of a step.

    Args:
        fabric: The processes that train.

    Raises:
        InputError: in place of those errors.
    """
    try:
        yield
    except (ConnectionError, EOFError) as error:
        # A worker that dies while it hands over a tensor breaks the pipe before its death is known. PyTorch raises that
        # wherever the signal finds the process: waited for here, it cannot come while a lock is let go.
        got = repr(error)
        try:
            time.sleep(_SECONDS)
        except RuntimeError as death:
            got = _first_line(death).rstrip(".")
        _fail_worker(got)
    except RuntimeError as error:
        text = _first_line(error)
        if text.startswith("DataLoader worker"):
            _fail_worker(text.rstrip("."))
        if fabric.world_size > 1 and _GONE.search(str(error)):
            fail(
                "processes",
                expected=f"all {fabric.world_size} at work",
                got=f"one has ended ({text})",
                where=f"seen by process {fabric.global_rank}",
                fix="its own message says why; start all again with --resume.",
            )
        raise
