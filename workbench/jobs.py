"""Jobs: ``vspw`` commands that run beside the server, and outlive the page and the server that started them.

    workspace/jobs/<id>/job.json        title, arguments, what it writes to, number of its process group, start
    workspace/jobs/<id>/at_work.lock    held by every process of the job: whoever can take it knows that it has ended
    workspace/jobs/<id>/output.txt      what the command printed
    workspace/jobs/<id>/progress.json   how far it is, as `VSPW_PROGRESS` describes it
    workspace/jobs/<id>/stop.json       there once somebody asked it to stop
    workspace/jobs/<id>/ended.json      exit code and time, written by the job's own process

All state is on the disk: every session and every server on a workspace sees the same jobs.
"""

import fcntl
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import vspwlib
from vspwlib.checks import InputError, fail, require
from vspwlib.progress import ENVIRONMENT_VARIABLE as PROGRESS
from vspwlib.runs import ENVIRONMENT_VARIABLE as WORKSPACE
from vspwlib.runs import Workspace, read_json, write_json

State = Literal["running", "done", "failed", "stopped"]

GRACE = 60  # seconds between SIGINT, SIGTERM and SIGKILL: an iteration of a large network, and its snapshot

_SIGNALLED = {-2, -15, 130, 143}  # exit codes of commands that SIGINT or SIGTERM ended, or that say so themselves
_LOCK = "at_work.lock"
_TAIL = 16_384  # bytes of output that are read


@dataclass(frozen=True)
class Job:
    """A job as it was when it was read.

    Attributes:
        folder: Where its files lie.
        title: What it does, for people.
        arguments: Of ``vspw``.
        writes: What in the workspace it writes to; no two running jobs share any of it.
        state: ``running``, ``done``, ``failed`` or ``stopped``.
        started: Seconds since 1970.
        ended: Seconds since 1970; None while it runs, and where it was killed and nobody saw it end.
        exit_code: Of the command, minus the number of the signal that ended it; None like ``ended``.
    """

    folder: Path
    title: str
    arguments: tuple[str, ...]
    writes: tuple[str, ...]
    state: State
    started: float
    ended: float | None
    exit_code: int | None

    @property
    def line(self) -> str:
        """The command as it is typed in a terminal."""
        return shlex.join(["vspw", *self.arguments])

    @property
    def asked_to_stop(self) -> bool:
        """Whether somebody has asked it to stop."""
        return (self.folder / "stop.json").is_file()

    def progress(self) -> dict[str, Any] | None:
        """Return title, done and total of what it is at; None before it has said anything."""
        try:
            progress: dict[str, Any] = read_json(self.folder / "progress.json", "progress")
        except InputError:
            return None
        return progress

    def output(self, lines: int) -> list[str]:
        """Return the last lines that it printed and that are not empty."""
        try:
            with (self.folder / "output.txt").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                text = file.read().decode(errors="replace")
        except OSError:
            return []
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def start(
    workspace: Workspace, title: str, arguments: Sequence[str], writes: Sequence[str] = (), *, grace: int = GRACE
) -> Job:
    """Start ``vspw`` with arguments, on a workspace, in a process group of its own.

    Args:
        workspace: The workspace; the command gets it as ``VSPW_WORKSPACE``, which all commands understand.
        title: What the job does, for people.
        arguments: Of ``vspw``: never a shell's line.
        writes: What in the workspace the command writes to, by any names; the arguments themselves when empty.
        grace: Seconds that it has to end by itself when it is stopped.

    Returns:
        The job, running.

    Raises:
        InputError: a running job writes to the same.
    """
    root = _folder(workspace)
    targets = tuple(writes) or (" ".join(arguments),)
    root.mkdir(parents=True, exist_ok=True)
    with _alone(root):
        for job in jobs(workspace):
            if job.state == "running" and {*job.writes} & {*targets}:
                fix = "wait for it, or stop it on the page Overview."
                fail("job", expected="nothing that writes to the same", got=f"'{job.title}' at work", fix=fix)
        folder = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder.mkdir()
        process = _launch(workspace, folder, arguments, grace)
        about = {"title": title, "arguments": list(arguments), "writes": list(targets), "started": time.time()}
        write_json(folder / "job.json", {"schema": 2, **about, "pid": process.pid})
    Thread(target=process.wait, daemon=True).start()  # or it would stay a zombie of this server
    return _read(folder)


def jobs(workspace: Workspace) -> list[Job]:
    """Return all jobs of a workspace, the newest first; a folder that cannot be read is left out."""
    found = []
    for path in _folder(workspace).glob("*/job.json"):
        with suppress(InputError, KeyError, TypeError):
            found.append(_read(path.parent))
    return sorted(found, key=lambda job: job.started, reverse=True)


def stop(job: Job) -> None:
    """Ask a job to stop, as Ctrl-C does: training saves a snapshot first. One that has ended is left as it is."""
    if not job.folder.is_dir():  # another session has cleared it
        return
    about = read_json(job.folder / "job.json", "job")
    if _read(job.folder).state == "running":
        write_json(job.folder / "stop.json", {"time": time.time()})
        with suppress(ProcessLookupError):  # it may have ended by itself at this moment
            os.killpg(about["pid"], signal.SIGINT)


def remove(job: Job) -> None:
    """Delete the record of a job that has ended; what the job made stays.

    Raises:
        InputError: it runs.
    """
    if job.folder.is_dir():
        running = _read(job.folder).state == "running"
        require(not running, "job", expected="one that has ended", got=f"'{job.title}' at work", fix="stop it first.")
        shutil.rmtree(job.folder)


def _folder(workspace: Workspace) -> Path:
    return workspace.path / "jobs"


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Let one session of one server at a time start jobs."""
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _launch(workspace: Workspace, folder: Path, arguments: Sequence[str], grace: int) -> "subprocess.Popen[bytes]":
    library = Path(vspwlib.__file__).resolve().parent.parent
    environment = {
        **os.environ,
        WORKSPACE: str(workspace.path.resolve()),
        PROGRESS: str(folder.resolve() / "progress.json"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(library), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    leader = Path(__file__).resolve().with_name("job_process.py")
    # -P: the folder of the script holds modules of the workbench, and none of them shall shadow another's.
    process = [sys.executable, "-P", str(leader), str(folder.resolve() / "ended.json"), str(grace)]
    with (folder / "output.txt").open("wb") as output, (folder / _LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # goes over to the processes: it is held until the last of them has ended
        return subprocess.Popen(  # noqa: S603
            [*process, sys.executable, "-m", "vspwlib", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )


def _read(folder: Path) -> Job:
    about = read_json(folder / "job.json", "job")
    # Asked before the file is looked for: a job that ends in between has written it.
    alive = _at_work(folder)
    ended = folder / "ended.json"
    end = read_json(ended, "end of a job") if ended.is_file() else {"exit_code": None, "time": None}
    code = end["exit_code"]
    state: State
    if code is None:
        state = "running" if alive else "failed"
    else:
        state = "done" if code == 0 else "stopped" if code in _SIGNALLED else "failed"
    if state == "failed" and (folder / "stop.json").is_file():
        state = "stopped"
    arguments, writes = tuple(about["arguments"]), tuple(about["writes"])
    return Job(folder, about["title"], arguments, writes, state, about["started"], end["time"], code)


def _at_work(folder: Path) -> bool:
    """Return whether a process of a job is there: its leader, or a command whose leader was killed.

    Numbers of processes come again; a lock is nobody else's.
    """
    try:
        with (folder / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
