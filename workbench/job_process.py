"""The process of a job: runs one command and writes down how it ended. :mod:`workbench.jobs` starts it, by its path.

It leads the job's process group, so that a job ends properly whether or not a server is there to see it. Nothing else
of the workbench is imported: a job costs one small process more.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path

from vspwlib.runs import write_json


def run(ended: Path, grace: int, command: list[str]) -> None:
    """Run a command to its end.

    SIGINT and SIGTERM reach the command by its group, and are only noted here: a command that is still there ``grace``
    seconds later is sent SIGTERM, and SIGKILL after as long again. One that comes before there is a command is not
    lost: ``stop.json``, which is written before the signal is sent, says that nothing is to be started.

    Args:
        ended: File to write ``{"exit_code", "time"}`` to; minus the signal's number for a command ended by one.
        grace: Seconds that a command has to save what it holds, at least 1.
        command: The program and its arguments.
    """
    harder = iter((signal.SIGTERM, signal.SIGKILL))
    asked: list[int] = []

    def wait_for_it(number: int, _frame: object) -> None:
        asked.append(number)
        signal.alarm(grace)

    def insist(*_: object) -> None:
        process.send_signal(next(harder, signal.SIGKILL))
        signal.alarm(grace)

    # A handler, unlike SIG_IGN, is not inherited: the command starts with Python's own answer to each signal.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, wait_for_it)
    if ended.with_name("stop.json").is_file():  # the signal came while Python was starting here
        write_json(ended, {"exit_code": -signal.SIGINT, "time": time.time()})
        return
    # The lock that says that the job is at work came open into this process, and goes on into the command.
    process = subprocess.Popen(command, close_fds=False)  # noqa: S603
    signal.signal(signal.SIGALRM, insist)
    if asked:  # it may have come while the command was being started
        process.send_signal(asked[0])
    write_json(ended, {"exit_code": process.wait(), "time": time.time()})


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
