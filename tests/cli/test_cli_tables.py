"""``vspw tables``: what it prints of published results, what it would run, and how a failed row ends it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli import app
from vspwlib.pipeline import table_runs
from vspwlib.pipeline.table_runs import Outcome

RESULTS = Path(__file__).resolve().parents[2] / "results"
runner = CliRunner()


def test_published_tables_are_printed_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = runner.invoke(app, ["tables", "2", "--no-run", "--results", str(RESULTS)])
    assert done.exit_code == 0
    assert "Table 2. The multi-dataset model" in done.output
    assert "58.49" in done.output
    rows = json.loads(runner.invoke(app, ["tables", "--no-run", "--json", "--results", str(RESULTS)]).output)["tables"]
    assert list(rows) == ["1", "2", "3", "4", "5", "6"]
    assert [row["paper"] for row in rows["5"]] == [65.93, 65.72, 65.95, None]
    assert not list(tmp_path.iterdir())


def test_a_dry_run_says_what_would_be_run(tiny, tmp_path):
    arguments = ["tables", "5", "--dry-run", "--profile", "camvid", "--seeds", "0,1", "--data", str(tiny)]
    done = runner.invoke(app, [*arguments, "--workspace", str(tmp_path / "ws"), "--results", str(tmp_path / "none")])
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[1] for line in lines] == [
        f"{key}," for key in ("t5_vote", "t5_mean", "t4_pair", "t5_pair") for _ in "01"
    ]
    assert {line[0] for line in lines} == {"missing"}
    assert not (tmp_path / "none").exists()


def test_what_failed_is_said_after_the_table(tiny, tmp_path, monkeypatch):
    def run_steps(steps, *_, **__):
        yield Outcome(steps[0], tmp_path / "t5_vote-s0.json")
        yield Outcome(steps[1], None, InputError("no photographs"))

    monkeypatch.setattr(table_runs, "run_steps", run_steps)
    results = tmp_path / "results"
    arguments = ["tables", "5", "--profile", "camvid", "--data", str(tiny), "--results", str(results)]
    done = runner.invoke(app, [*arguments, "--workspace", str(tmp_path / "ws")])
    assert done.exit_code == 1
    assert "0 of 4 rows are published, 4 to run." in done.stderr
    assert "t5_mean, seed 0: no photographs" in done.stderr
    assert "| vote of three models | 65.93 |" in (results / "tables" / "camvid" / "table5.md").read_text()
    assert r"\begin{tabular}" in (results / "tables" / "camvid" / "table5.tex").read_text()


@pytest.fixture
def tiny(tmp_path) -> Path:
    """A folder of videos; nothing is read of it where nothing is published."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    return folder
