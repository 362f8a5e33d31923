"""Jobs, with real processes: what they leave on disk, how they are stopped, what is taken for them and what is not."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.runs import Workspace, read_json, write_json
from workbench import job_process, jobs

QUICK = ("--help",)


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def wait_for_jobs(workspace: Workspace) -> list[jobs.Job]:
    """Return the jobs of a workspace, newest first, once all have ended."""
    wait_for(lambda: all(job.state != "running" for job in jobs.jobs(workspace)))
    return jobs.jobs(workspace)


def commands_of(job: jobs.Job) -> list[int]:
    """Return the processes that the leader of a job has started."""
    leader = read_json(job.folder / "job.json", "job")["pid"]
    shown = subprocess.run(["pgrep", "-P", str(leader)], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in shown.split()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    """Yield an empty workspace; what is still at work there is killed afterwards."""
    workspace = Workspace(tmp_path / "workspace")
    yield workspace
    for job in jobs.jobs(workspace):
        if job.state == "running":
            os.killpg(read_json(job.folder / "job.json", "job")["pid"], signal.SIGKILL)


@pytest.fixture
def long(place: Workspace) -> jobs.Job:
    """Return a job that draws the embedded data, for longer than a test needs, and is at it."""
    arguments = ("data", "make-mini", str(place.path / "drawn"), "--workers", "1")
    job = jobs.start(place, "Draw", arguments, ["drawn"], grace=20)
    wait_for(lambda: (job.progress() or {}).get("done"))
    return job


def test_a_command_runs_to_its_end_and_leaves_its_output(place: Workspace) -> None:
    started = jobs.start(place, "Show the help", QUICK)
    assert started.state == "running"
    (job,) = wait_for_jobs(place)
    assert (job.state, job.exit_code, job.title, job.arguments) == ("done", 0, "Show the help", QUICK)
    assert job.ended is not None
    assert job.ended >= job.started
    assert "VSPW_PROGRESS" in "".join(job.output(5))
    assert job.line == "vspw --help"
    jobs.remove(job)
    jobs.remove(job)  # another session may have been first
    jobs.stop(job)
    assert jobs.jobs(place) == []


def test_the_command_gets_the_workspace_and_says_what_is_wrong(place: Workspace) -> None:
    jobs.start(place, "Show", ("runs", "show", "no; run $(x)"))
    (job,) = wait_for_jobs(place)
    assert (job.state, job.exit_code) == ("failed", 2)
    said = "".join(job.output(9))
    assert "'no; run $(x)'" in said
    assert str(place.path) in said


def test_a_job_leaves_no_zombie(place: Workspace) -> None:
    job = jobs.start(place, "List", QUICK)
    pid = read_json(job.folder / "job.json", "job")["pid"]
    wait_for_jobs(place)

    def gone() -> bool:
        try:
            os.kill(pid, 0)  # a zombie can still be sent signals
        except ProcessLookupError:
            return True
        return False

    wait_for(gone)


def test_the_newest_comes_first(place: Workspace) -> None:
    for title in ("one", "two", "three"):
        jobs.start(place, title, ("--version",), [title])
    assert [job.title for job in wait_for_jobs(place)] == ["three", "two", "one"]


def test_a_job_tells_how_far_it_is_and_stops_when_asked(place: Workspace, long: jobs.Job) -> None:
    told = long.progress()
    assert told is not None
    assert told["title"] == "drawing"
    assert 0 < told["done"] < told["total"]
    with pytest.raises(InputError, match="stop it first"):
        jobs.remove(long)
    jobs.stop(long)
    assert long.asked_to_stop
    (job,) = wait_for_jobs(place)
    assert job.state == "stopped"
    assert not commands_of(job)


def test_a_command_that_does_not_answer_is_stopped_harder(place: Workspace, tmp_path: Path) -> None:
    """The process of a job itself, on a command that notes the signals and stays."""
    code = (
        "import signal, time\n"
        "for n in (2, 15): signal.signal(n, lambda n, _: print(n, flush=True))\n"
        "print('up', flush=True)\n"
        "while True: time.sleep(0.1)"
    )
    leader = Path(jobs.__file__).with_name("job_process.py")
    ended, said = tmp_path / "ended.json", tmp_path / "said.txt"
    command = [sys.executable, "-P", str(leader), str(ended), "1", sys.executable, "-c", code]
    with said.open("w") as output, subprocess.Popen(command, stdout=output, start_new_session=True) as process:
        wait_for(lambda: "up" in said.read_text())
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    assert said.read_text().split() == ["up", "2", "15"]
    assert read_json(ended, "end")["exit_code"] == -signal.SIGKILL


def test_a_job_that_is_asked_to_stop_at_once_starts_nothing(place: Workspace, tmp_path: Path) -> None:
    """Where SIGINT is ignored, as below a shell's `&`, the signal itself is lost while Python is starting."""
    ended, made = tmp_path / "ended.json", tmp_path / "made"
    write_json(tmp_path / "stop.json", {"time": 0})
    leader = Path(jobs.__file__).with_name("job_process.py")
    command = [sys.executable, "-P", str(leader), str(ended), "1", "touch", str(made)]
    subprocess.run(command, check=True)
    assert read_json(ended, "end")["exit_code"] == -signal.SIGINT
    assert not made.exists()


def test_a_signal_that_comes_while_the_command_is_started_is_passed_on(tmp_path: Path, monkeypatch) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    start = subprocess.Popen

    def interrupted(*arguments: object, **rest: object) -> subprocess.Popen:
        os.kill(os.getpid(), signal.SIGINT)
        return start(*arguments, **rest)

    monkeypatch.setattr(job_process.subprocess, "Popen", interrupted)
    try:
        job_process.run(tmp_path / "ended.json", 60, ["sleep", "60"])
    finally:
        signal.alarm(0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert read_json(tmp_path / "ended.json", "end")["exit_code"] == -signal.SIGINT


def test_a_killed_command_has_failed(place: Workspace, long: jobs.Job) -> None:
    (pid,) = commands_of(long)
    os.kill(pid, signal.SIGKILL)
    (job,) = wait_for_jobs(place)
    assert (job.state, job.exit_code) == ("failed", -signal.SIGKILL)


def test_a_job_that_nobody_saw_end_has_failed(place: Workspace, long: jobs.Job) -> None:
    os.killpg(read_json(long.folder / "job.json", "job")["pid"], signal.SIGKILL)
    (job,) = wait_for_jobs(place)
    assert (job.state, job.exit_code, job.ended) == ("failed", None, None)


def test_a_command_whose_leader_was_killed_is_still_at_work(place: Workspace, long: jobs.Job) -> None:
    (command,) = commands_of(long)
    leader = read_json(long.folder / "job.json", "job")["pid"]
    os.kill(leader, signal.SIGKILL)
    wait_for(lambda: not commands_of(long))  # the command has another parent now
    done = (long.progress() or {})["done"]
    wait_for(lambda: (long.progress() or {})["done"] > done)
    (job,) = jobs.jobs(place)
    assert job.state == "running"
    with pytest.raises(InputError, match="'Draw' at work"):
        jobs.start(place, "Draw again", QUICK, ["drawn"])
    jobs.stop(job)
    (job,) = wait_for_jobs(place)
    assert (job.state, job.exit_code) == ("stopped", None)
    assert not Path(f"/proc/{command}/cmdline").exists() or not Path(f"/proc/{command}/cmdline").read_bytes()


def test_a_recycled_process_number_is_not_taken_for_the_job(place: Workspace) -> None:
    jobs.start(place, "Show the help", QUICK)
    (job,) = wait_for_jobs(place)
    (job.folder / "ended.json").unlink()
    deadline = time.monotonic() + 20
    while jobs.jobs(place)[0].state == "running" and time.monotonic() < deadline:  # its leader is about to end
        time.sleep(0.02)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as other:
        write_json(job.folder / "job.json", read_json(job.folder / "job.json", "job") | {"pid": other.pid})
        (job,) = jobs.jobs(place)
        assert job.state == "failed"
        jobs.stop(job)  # sends no signal to a process that is not the job's
        assert not job.asked_to_stop
        other.communicate(b"\n")
    assert other.returncode == 0


def test_the_same_work_is_not_started_twice(place: Workspace, long: jobs.Job) -> None:
    with pytest.raises(InputError, match="'Draw' at work"):
        jobs.start(place, "Draw again", ("--version",), ["other", "drawn"])
    jobs.start(place, "Something else", ("--version",), ["other"])
    assert len(jobs.jobs(place)) == 2
    jobs.stop(long)
    wait_for_jobs(place)
    jobs.start(place, "Draw again", ("--version",), ["drawn"])
    assert len(wait_for_jobs(place)) == 3


def test_a_job_outlives_the_server_that_started_it(place: Workspace, repository: Path) -> None:
    arguments = ["data", "make-mini", str(place.path / "drawn"), "--workers", "1"]
    code = (
        "import sys; from pathlib import Path; from vspwlib.runs import Workspace; from workbench import jobs\n"
        f"jobs.start(Workspace(Path({str(place.path)!r})), 'Draw', {arguments!r})"
    )
    subprocess.run([sys.executable, "-c", code], cwd=repository, check=True)
    (job,) = jobs.jobs(place)
    wait_for(lambda: (job.progress() or {}).get("done"))
    assert jobs.jobs(place)[0].state == "running"
    jobs.stop(job)
    assert wait_for_jobs(place)[0].state == "stopped"


def test_folders_that_cannot_be_read_are_left_out(place: Workspace) -> None:
    for name, text in {"empty": None, "broken": "{", "strange": json.dumps({"title": "x"})}.items():
        folder = place.path / "jobs" / name
        folder.mkdir(parents=True)
        if text is not None:
            (folder / "job.json").write_text(text)
    assert jobs.jobs(place) == []
