"""How far a command is, as other programs read it."""

import json

import pytest
from typer.testing import CliRunner

from vspwlib import progress
from vspwlib.cli import app
from vspwlib.cli.options import progress_bar
from vspwlib.cli.train import TrainingProgress
from vspwlib.pipeline import demo
from vspwlib.progress import ProgressFile


class StoppedError(Exception):
    """Ends a command in the middle."""


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Return a function that reads the file, without its time; the commands of this test write it."""
    path = tmp_path / "progress.json"
    monkeypatch.setenv("VSPW_PROGRESS", str(path))
    return lambda: {key: value for key, value in json.loads(path.read_text()).items() if key != "time"}


@pytest.fixture
def clock(monkeypatch):
    """Return the time that the files see, in seconds; a test moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress.time, "time", lambda: now[0])
    return now


def test_the_file_holds_the_first_state_and_then_four_a_second_at_most(told, clock):
    file = ProgressFile("reading")
    assert told() == {"title": "reading", "done": 0, "total": None}
    clock[0] += 0.2
    file.report(1, 9)
    assert told()["done"] == 0
    clock[0] += 0.1
    file.report(2, 9)
    assert told() == {"title": "reading", "done": 2, "total": 9}


def test_the_last_state_is_always_there(told, clock, tmp_path):
    file = ProgressFile("reading")
    file.report(9, 9, "the rest")
    assert told()["done"] == 0
    file.close()
    assert json.loads((tmp_path / "progress.json").read_text()) == {
        "title": "the rest",
        "done": 9,
        "total": 9,
        "time": 100.0,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_nothing_is_written_where_no_file_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("VSPW_PROGRESS", raising=False)
    monkeypatch.chdir(tmp_path)
    file = ProgressFile("reading", 4)
    file.report(4, 4)
    file.close()
    assert not list(tmp_path.iterdir())


def test_a_bar_tells_it_even_when_it_is_quiet_or_breaks(told):
    def read():
        with progress_bar("reading", quiet=True) as report:
            for done in range(1, 4):
                report(done, 7)
            raise StoppedError

    with pytest.raises(StoppedError):
        read()
    assert told() == {"title": "reading", "done": 3, "total": 7}


def test_training_tells_its_steps(told):
    with TrainingProgress(300, quiet=True) as shown:
        shown.show({"kind": "train", "step": 120, "loss": 1.0, "images_per_s": 9.0})
    assert told() == {"title": "training", "done": 120, "total": 300}
    with TrainingProgress(300, quiet=True) as shown:
        shown.reading("reading images", 5, 20)
    assert told() == {"title": "reading images", "done": 5, "total": 20}


def test_the_demo_tells_its_stage(told, monkeypatch, tmp_path):
    def run_demo(workspace, *, on_progress, device):
        on_progress("training", 0.25)
        raise StoppedError

    monkeypatch.setattr(demo, "run_demo", run_demo)
    result = CliRunner().invoke(app, ["demo", "--workspace", str(tmp_path / "ws"), "--json"])
    assert isinstance(result.exception, StoppedError)
    assert told() == {"title": "training", "done": 0.25, "total": 1.0}


def test_the_help_names_it():
    assert "VSPW_PROGRESS" in CliRunner().invoke(app, ["--help"]).output
