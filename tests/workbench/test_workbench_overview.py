"""The first page: the runs of a workspace, and what to do when there is none."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vspwlib.checks import InputError
from vspwlib.pipeline import demo
from vspwlib.runs import Workspace, scores_file

FIRST, SECOND = "alpha", "beta"


def test_overview_lists_the_runs_with_their_scores(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("overview")
    runs, machines = (element.value for element in app.dataframe)
    assert list(runs["run"]) == [FIRST, SECOND]
    for run, shown in zip(runs["run"], runs.to_dict("records"), strict=True):
        summary = measured.score(run).summary()
        assert shown["miou"] == pytest.approx(100 * summary["miou"])
        assert shown["pixel_acc"] == pytest.approx(100 * summary["pixel_acc"])
        assert (shown["state"], shown["split"], shown["dataset"]) == ("finished", "test2", "vspw")
    assert list(machines["iterations"]) == [300, 300]
    (chart,) = app.get("plotly_chart")
    assert '"name":"alpha"' in chart.proto.spec
    assert '"y":[3.0,1.5,1.0]' in chart.proto.spec


def test_overview_draws_the_curves_of_the_chosen_runs(workspace: Workspace, open_page: Any) -> None:
    app = open_page("overview", runs=SECOND)
    assert list(app.dataframe[1].value["run"]) == [SECOND]
    assert '"name":"alpha"' not in app.get("plotly_chart")[0].proto.spec


def test_overview_names_a_broken_file_and_shows_the_rest(workspace: Workspace, open_page: Any) -> None:
    scores_file(workspace.predictions(FIRST, "vspw", "test2")).write_text("{")
    app = open_page("overview")
    assert "vspw-test2.scores.json" in app.error[0].value
    assert list(app.dataframe[0].value["run"]) == [FIRST, SECOND]
    assert app.dataframe[0].value["miou"].isna().tolist() == [True, False]


@pytest.mark.parametrize("page", ["overview", "clips", "ensemble", "classes"])
def test_an_empty_workspace_says_so_on_every_page(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any, texts: Any
) -> None:
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "none"))
    app = open_page(page)
    assert "yet" in app.info[0].value
    assert "none" in app.info[0].value
    assert not app.dataframe
    assert "vspw predict" in texts(app)


def test_an_empty_workspace_offers_the_demo_and_shows_its_progress(
    tmp_path: Path, finished_workspace: Workspace, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    stages = []

    def build(place: Workspace, *, on_progress: Callable[[str, float], None]) -> None:
        for stage, share in (("making data", 0.0), ("training", 0.5), ("sweeping", 1.0)):
            on_progress(stage, share)
            stages.append(stage)
        shutil.copytree(finished_workspace.path, place.path)

    monkeypatch.setattr(demo, "run_demo", build)
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "workspace"))
    app = open_page("overview")
    assert "--data PATH" in app.code[0].value
    app.button[0].click().run()
    assert stages == ["making data", "training", "sweeping"]
    assert list(app.dataframe[0].value["run"]) == [FIRST, SECOND]


def test_a_demo_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise InputError("disk: expected room, got none.")

    monkeypatch.setattr(demo, "run_demo", fail)
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "workspace"))
    app = open_page("overview")
    for _ in range(2):  # the second attempt shows that the first has let go of the lock
        app.button[0].click().run()
        assert "disk" in app.error[0].value


def test_a_choice_holds_on_the_next_page(workspace: Workspace, open_page: Any) -> None:
    app = open_page("clips")
    app.selectbox(key="run").set_value(SECOND).run()
    app.switch_page("views/classes.py").run()
    assert app.selectbox(key="run").value == SECOND


def test_overview_opens_without_torch(workspace: Workspace, repository: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None  # any import of it fails
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("workbench/main.py", default_timeout=60).run()
print(len(app.exception), len(app.dataframe))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["0", "2"], done.stderr
