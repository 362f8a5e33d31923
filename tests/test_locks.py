"""One process at a time: who is refused, who waits, what a dead holder leaves."""

import json
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.locks import holder, locked

WAIT = 60
context = multiprocessing.get_context("spawn")


def hold(place: Path, part: tuple[int, int], ready, leave) -> None:
    with locked(place, "store", part=part):
        ready.set()
        leave.wait(WAIT)


class Holder:
    """A process that holds a place until it is told to leave, or is killed."""

    def __init__(self, place: Path, part: tuple[int, int] = (0, 1)) -> None:
        ready, self.leave = context.Event(), context.Event()
        self.process = context.Process(target=hold, args=(place, part, ready, self.leave))
        self.process.start()
        assert ready.wait(WAIT)

    def end(self) -> None:
        self.leave.set()
        self.process.join(WAIT)

    def kill(self) -> None:
        self.process.kill()
        self.process.join(WAIT)


@pytest.fixture
def start():
    """Return what starts holders; none outlives its test."""
    started = []

    def begin(*arguments) -> Holder:
        started.append(Holder(*arguments))
        return started[-1]

    yield begin
    for one in started:
        one.kill()


def test_the_second_process_is_told_who_holds_it_until_that_dies(tmp_path, start):
    place = tmp_path / "store.zarr"
    first = start(place)
    with (
        pytest.raises(InputError, match=rf"store: expected no other process .*process {first.process.pid} on ") as told,
        locked(place, "store"),
    ):
        pass
    assert str(place) in str(told.value)
    first.kill()
    assert holder(place)  # the file of the dead is still there, and keeps nobody out
    with locked(place, "store"):
        assert f"process {os.getpid()} " in holder_elsewhere(place)
    assert list(tmp_path.iterdir()) == []


def holder_elsewhere(place: Path) -> str:
    """Ask from another process: here the question would end the lock."""
    with context.Pool(1) as pool:
        return pool.apply(holder, (place,))


def test_parts_keep_out_the_whole_and_themselves_only(tmp_path, start):
    place = tmp_path / "store.zarr"
    first = start(place, (0, 2))
    second = start(place, (1, 2))
    for part in ((0, 1), (0, 2), (1, 2)):
        with pytest.raises(InputError, match="no other process"), locked(place, "store", part=part):
            pass
    first.end()
    with pytest.raises(InputError, match=f"process {second.process.pid} "), locked(place, "store"):
        pass
    with locked(place, "store", part=(0, 2)):
        pass
    second.end()
    with locked(place, "store"):
        pass
    assert list(tmp_path.iterdir()) == []


def add(file: Path, times: int) -> None:
    for _ in range(times):
        with locked(file, "numbers", wait=True):
            numbers = json.loads(file.read_text())
            file.write_text(json.dumps([*numbers, len(numbers)]))


def test_those_that_wait_come_one_after_the_other(tmp_path):
    """Without the lock processes that read, add and write lose what others have added."""
    file = tmp_path / "numbers.json"
    file.write_text("[]")
    processes = [context.Process(target=add, args=(file, 40)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(WAIT)
    assert json.loads(file.read_text()) == list(range(120))
    assert list(tmp_path.iterdir()) == [file]


def test_another_thread_is_refused_and_takes_nothing_away(tmp_path):
    place, caught = tmp_path / "run", []

    def again() -> None:
        try:
            with locked(place, "run"):
                pass
        except InputError as error:
            caught.append(str(error))

    with locked(place, "run"):
        thread = threading.Thread(target=again)
        thread.start()
        thread.join()
        with context.Pool(1) as pool:
            assert not pool.apply(is_free, (place,))
    assert ["another thread of this process" in text for text in caught] == [True]
    assert is_free(place)


def is_free(place: Path) -> bool:
    try:
        with locked(place, "run"):
            return True
    except InputError:
        return False


def test_a_file_system_without_locks_is_said_aloud(tmp_path, monkeypatch, caplog):
    import errno
    import fcntl

    def lockf(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", lockf)
    with locked(tmp_path / "run", "run"):
        pass
    assert "no locks on this file system" in caplog.text
