"""One process at a time on a folder or file: a lock that names its holder and that the system releases with it.

The lock is a POSIX record lock on a small hidden file beside what it guards; the file says who holds it. It ends with
the process, however that ends, so nothing has to be cleaned up after a crash. Data workers do not inherit it: those
that outlive a killed training for a moment keep nobody out.
"""

import errno
import json
import logging
import os
import platform
import shlex
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from vspwlib.checks import fail

logger = logging.getLogger(__name__)

_TAKEN = (errno.EACCES, errno.EAGAIN)
_UNKNOWN = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # of file systems without locks

# Record locks do not keep threads of one process apart, and closing any handle of the file would drop them: so a
# process looks here before it opens one. By file: who holds it (a forked child inherits the entry, not the lock).
_held: dict[Path, int] = {}
_guard = threading.Lock()


@contextmanager
def locked(place: Path, what: str, *, part: tuple[int, int] = (0, 1), wait: bool = False) -> Iterator[None]:
    """Hold a folder or a file for this process while the block runs.

    Args:
        place: What to guard; it need not exist. Its parent is made, and taken away again where the block leaves it
            empty.
        what: Its name in messages.
        part: ``(index, count)``: the part of it that is worked on. Different parts do not keep each other out; the
            whole and a part do.
        wait: Wait for the holder to end, and say so, instead of refusing.

    Raises:
        InputError: another process holds it, or a thread of this one; the message says who.
    """
    place = place.resolve()
    whole = place.with_name(f".{place.name}.lock")
    index, count = part
    made = [folder for folder in place.parents if not folder.exists()]
    with ExitStack() as stack:
        stack.callback(_take_away, made)
        if count > 1:
            stack.enter_context(_lock(whole, place, what, shared=True, wait=wait))
            whole = place.with_name(f".{place.name}.{index}-of-{count}.lock")
        stack.enter_context(_lock(whole, place, what, shared=False, wait=wait))
        yield


def holder(place: Path) -> str:
    """Return who holds a place, in words, as the files beside it say; empty where none does."""
    place = place.resolve()
    for file in sorted(place.parent.glob(f".{place.name}.*lock")):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return f"process {found['pid']} on {found['host']} since {found['started']} ({found['command']})"
        except (OSError, ValueError, KeyError, TypeError):  # not written yet, or gone by now
            continue
    return ""


@contextmanager
def _lock(file: Path, place: Path, what: str, *, shared: bool, wait: bool) -> Iterator[None]:
    """Hold one lock file."""
    with _guard:
        mine = _held.get(file) == os.getpid()
        if not mine:
            _held[file] = os.getpid()
    if mine:  # reading the file would drop the lock
        _refuse(place, what, "another thread of this process")
    try:
        handle = _acquire(file, place, what, shared=shared, wait=wait)
        try:
            yield
        finally:
            if handle is not None and _held.get(file) == os.getpid():
                _release(file, handle, shared=shared)
    finally:
        if _held.get(file) == os.getpid():
            del _held[file]


def _acquire(file: Path, place: Path, what: str, *, shared: bool, wait: bool) -> int | None:
    """Return the handle that holds the lock; None where the file system has no locks, which is said aloud."""
    import fcntl

    kind, told = fcntl.LOCK_SH if shared else fcntl.LOCK_EX, False
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:  # another process has just taken the empty folder away
            continue
        try:
            fcntl.lockf(handle, kind | (0 if told else fcntl.LOCK_NB))
        except OSError as error:
            os.close(handle)
            if error.errno in _UNKNOWN:
                logger.warning("%s: no locks on this file system; let no other process write to %s", what, place)
                return None
            if error.errno not in _TAKEN:
                raise
            if not wait:
                _refuse(place, what)
            logger.warning("%s: waiting for %s", what, holder(place) or "another process")
            told = True
            continue
        if _is_still(file, handle):
            os.ftruncate(handle, 0)
            if not shared:
                os.pwrite(handle, json.dumps(_own_words()).encode(), 0)
            return handle
        os.close(handle)  # its last holder has deleted it: begin again with the file that is there now


def _take_away(folders: Sequence[Path]) -> None:
    """Delete folders that are empty, the innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _is_still(file: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


def _release(file: Path, handle: int, *, shared: bool) -> None:
    """Let go; the last holder deletes the file."""
    import fcntl

    try:
        if shared:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.unlink(missing_ok=True)
    except OSError:  # others hold it too
        pass
    finally:
        os.close(handle)


def _own_words() -> dict[str, str | int]:
    """Return what a lock file says."""
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": platform.node(), "started": started, "command": command}


def _refuse(place: Path, what: str, who: str = "") -> NoReturn:
    fail(
        what,
        expected="no other process at work on it",
        got=who or holder(place) or "another process",
        where=place,
        fix="wait until it has ended, or end it.",
    )
