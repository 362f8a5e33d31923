"""The first page: the runs of a workspace, and what to do when there is none."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.test_workbench_jobs import wait_for_jobs
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.runs import Workspace, scores_file
from workbench import jobs

FIRST, SECOND = "alpha", "beta"


def test_overview_lists_the_runs_with_their_scores(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("overview")
    (runs,) = (element.value for element in app.dataframe)
    assert list(zip(runs["run"], runs["split"], strict=True)) == [(FIRST, "all"), (FIRST, "test2"), (SECOND, "test2")]
    unscored, *scored = runs.to_dict("records")
    assert math.isnan(unscored["miou"])
    for shown in scored:
        run = shown["run"]
        summary = measured.score(run).summary()
        assert shown["miou"] == pytest.approx(100 * summary["miou"])
        assert shown["pixel_acc"] == pytest.approx(100 * summary["pixel_acc"])
        assert (shown["state"], shown["split"], shown["dataset"]) == ("finished", "test2", "vspw")
    assert list(runs["iterations"]) == [300, 300, 300]
    assert runs["cores"].notna().all()
    (chart,) = app.get("plotly_chart")
    assert '"name":"alpha"' in chart.proto.spec
    assert '"y":[3.0,1.5,1.0]' in chart.proto.spec


def test_overview_lists_an_ensemble_by_how_it_was_made(workspace: Workspace, open_page: Any) -> None:
    write_ensemble(workspace, [FIRST, SECOND], "test2", choose_rule(2, vote=True), "votes")
    (runs,) = (element.value for element in open_page("overview").dataframe)
    shown = runs.to_dict("records")[-1]
    assert (shown["run"], shown["kind"], shown["made"]) == ("votes", "ensemble", "--vote of alpha, beta")


def test_overview_draws_the_curves_of_the_chosen_runs(workspace: Workspace, open_page: Any) -> None:
    app = open_page("overview", runs=SECOND)
    (chart,) = app.get("plotly_chart")
    assert '"name":"beta"' in chart.proto.spec
    assert '"name":"alpha"' not in chart.proto.spec


def test_the_table_is_offered_as_csv(workspace: Workspace, open_page: Any) -> None:
    (button,) = open_page("overview").download_button
    assert button.label == "CSV"


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


def test_an_empty_workspace_offers_the_demo_as_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any, texts: Any
) -> None:
    place = Workspace(tmp_path / "workspace")
    monkeypatch.setenv("VSPW_WORKSPACE", str(place.path))
    app = open_page("overview")
    assert "--data PATH" in app.code[0].value
    app.button[0].click().run()
    (job,) = jobs.jobs(place)
    assert (job.state, job.arguments) == ("running", ("demo",))
    assert "Build the demo workspace" in texts(app)
    app.button[0].click().run()
    assert "at work" in app.error[0].value
    app.button(key=f"stop_{job.folder.name}").click().run()
    assert wait_for_jobs(place)[0].state == "stopped"


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
    assert done.stdout.split() == ["0", "1"], done.stderr
