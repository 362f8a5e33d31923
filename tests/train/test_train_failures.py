"""Processes that end before the training that leans on them."""

import signal

import pytest

from vspwlib.checks import InputError
from vspwlib.pipeline.building import build_fabric
from vspwlib.train.failures import named_failures


def test_a_death_that_is_known_after_the_pipe_broke_is_waited_for() -> None:
    def heard(_number: int, _frame: object) -> None:
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    before = signal.signal(signal.SIGALRM, heard)
    try:
        fabric, said = (
            build_fabric("fp32", device="cpu"),
            r"got DataLoader worker \(pid 7\) is killed by signal: Killed",
        )
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(InputError, match=said), named_failures(fabric):
            raise ConnectionResetError(104, "Connection reset by peer")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), EOFError("at the end")])
def test_a_broken_pipe_alone_is_named(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vspwlib.train.failures._SECONDS", 0)
    fabric = build_fabric("fp32", device="cpu")
    with pytest.raises(InputError, match="data worker: expected running"), named_failures(fabric):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), named_failures(build_fabric("fp32", device="cpu")):
        raise RuntimeError("shape")
