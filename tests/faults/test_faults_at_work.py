"""What happens to a command at work: a data worker dies, files vanish, the clock goes back, a second process comes."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.utils.data import get_worker_info

from tests.faults.conftest import RUN
from tests.faults.processes import command, end_of, start, vspw, wait_for
from vspwlib.data import still_pixels
from vspwlib.data.dataset import ClipDataset
from vspwlib.predict import split as prediction_of_splits

POSITION = 5  # of the stream: in the third step of two clips


def before_position(act: Callable[[], None]) -> None:
    """Do something before a clip is read, in this process and those that it forks."""
    read = ClipDataset.__getitem__

    def reading(self, position):
        if position == POSITION and self.augment.crop == (32, 32):
            act()
        return read(self, position)

    ClipDataset.__getitem__ = reading


def with_dying_worker(arguments: list[str], said: Path) -> None:
    before_position(lambda: get_worker_info() and os.kill(os.getpid(), signal.SIGKILL))
    command(arguments, said)


def test_a_dead_data_worker_is_named_and_the_run_goes_on(training, tmp_path):
    workspace, said = training.fresh(tmp_path), tmp_path / "said"
    arguments = [*training.arguments(workspace), "--set", "train.workers=1"]
    assert end_of(start(with_dying_worker, arguments, said)) == 2, said.read_text()
    assert "vspw: data worker: expected running, got " in said.read_text()
    assert "Traceback" not in said.read_text().partition("vspw: ")[2]
    assert training.run(workspace, said) == 0, said.read_text()
    assert training.result(workspace) == training.expected


def without_a_frame(arguments: list[str], said: Path, frame: Path) -> None:
    """Delete a frame while others are read."""
    before_position(lambda: frame.unlink(missing_ok=True))
    read = prediction_of_splits.read_image

    def reading(path):
        if path.name < frame.name and path.parent == frame.parent:
            frame.unlink(missing_ok=True)
        return read(path)

    prediction_of_splits.read_image = reading
    command(arguments, said)


@pytest.fixture
def frame_of(video_data):
    """Return a function that names the last frame of a video; the frame is put back after the test."""
    kept: dict[Path, bytes] = {}

    def find(split: str) -> Path:
        video = (video_data / f"{split}.txt").read_text()
        found = max((video_data / "data" / video / "origin").iterdir())
        kept[found] = found.read_bytes()
        return found

    yield find
    for path, content in kept.items():
        path.write_bytes(content)


def test_a_frame_deleted_while_it_trains_costs_a_warning(training, frame_of, tmp_path):
    workspace, said, frame = training.fresh(tmp_path), tmp_path / "said", frame_of("train")
    arguments = [*training.arguments(workspace), "--set", "train.iterations=12"]
    assert end_of(start(without_a_frame, arguments, said, frame)) == 0, said.read_text()
    assert not frame.exists()
    assert "left out of training" in said.read_text()
    assert frame.name in said.read_text()


def test_a_frame_deleted_while_it_predicts_ends_it_until_it_is_back(prediction, frame_of, tmp_path):
    workspace, said, frame = prediction.fresh(tmp_path), tmp_path / "said", frame_of("val")
    content = frame.read_bytes()
    assert end_of(start(without_a_frame, prediction.arguments(workspace), said, frame)) == 2, said.read_text()
    assert str(frame) in said.read_text()
    frame.write_bytes(content)
    assert prediction.run(workspace, said) == 0, said.read_text()
    assert prediction.result(workspace) == prediction.expected


def with_clock_going_back(arguments: list[str], said: Path) -> None:
    """Set the clock back by an hour whenever somebody looks at it."""
    now = [2e9]

    def backwards() -> float:
        now[0] -= 3600
        return now[0]

    time.time = backwards
    command(arguments, said)


@pytest.mark.parametrize("what", ["training", "prediction"])
def test_a_clock_that_goes_back_changes_nothing(what, request, tmp_path):
    work = request.getfixturevalue(what)
    workspace, said = work.fresh(tmp_path), tmp_path / "said"
    assert end_of(start(with_clock_going_back, work.arguments(workspace), said)) == 0, said.read_text()
    assert work.result(workspace) == work.expected


def paused(arguments: list[str], said: Path, reached: Path, go: Path) -> None:
    """Run ``vspw`` up to its work on data, and on once the file ``go`` is there."""

    def pause() -> None:
        reached.touch()
        wait_for(go.exists)

    before_position(pause)
    for module, name in ((prediction_of_splits, "read_image"), (still_pixels, "count_mask")):
        pause_in(module, name, pause)
    command(arguments, said)


def pause_in(module: object, name: str, pause: Callable[[], None]) -> None:
    """Let a function pause whenever it is called."""
    function = getattr(module, name)

    def waiting(*arguments):
        pause()
        return function(*arguments)

    setattr(module, name, waiting)


@pytest.mark.parametrize("what", ["training", "prediction"])
def test_a_second_process_is_told_who_is_at_work(what, request, tmp_path):
    work = request.getfixturevalue(what)
    workspace, go = work.fresh(tmp_path), tmp_path / "go"
    first = start(paused, work.arguments(workspace), tmp_path / "first", tmp_path / "reached", go)
    wait_for((tmp_path / "reached").exists)
    assert work.run(workspace, tmp_path / "second") == 2
    told = (tmp_path / "second").read_text()
    assert f"expected no other process at work on it, got process {first.pid} on " in told
    removed = vspw("runs", "rm", RUN, "--yes", "--workspace", workspace, said=tmp_path / "removal")
    assert removed == 2, (tmp_path / "removal").read_text()
    assert f"process {first.pid} " in (tmp_path / "removal").read_text()
    go.touch()
    assert end_of(first) == 0, (tmp_path / "first").read_text()
    assert work.result(workspace) == work.expected


def test_a_second_filter_waits_and_takes_what_the_first_has_counted(filtering, tmp_path):
    workspace, go = filtering.fresh(tmp_path), tmp_path / "go"
    said = [tmp_path / "first", tmp_path / "second"]
    first = start(paused, filtering.arguments(workspace), said[0], tmp_path / "reached", go)
    wait_for((tmp_path / "reached").exists)
    second = start(command, filtering.arguments(workspace), said[1])
    wait_for(lambda: f"waiting for process {first.pid}" in (said[1].read_text() if said[1].exists() else ""))
    go.touch()
    assert [end_of(first), end_of(second)] == [0, 0], [path.read_text() for path in said]
    assert filtering.result(workspace) == filtering.expected
    (counts,) = workspace.rglob("pixels.jsonl")
    assert len(counts.read_text().splitlines()) == 1 + 12  # the header and each photograph once
