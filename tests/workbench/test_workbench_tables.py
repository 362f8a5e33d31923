"""Tables: the paper's figures beside published runs, on the page and as files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import SplitScore, VideoScore
from vspwlib.report.paper_tables import table_rows
from vspwlib.runs import Workspace, write_json
from vspwlib.tables import TABLES
from workbench.table_data import results_folder, sweeps_of

RESULTS = Path(__file__).resolve().parents[2] / "results"
NAME4 = f"Table 4: {TABLES[4].title}"
MATRIX = np.diag([10] * 124)
SCORES = SplitScore({"v": VideoScore(ClassCounts.of(MATRIX), {}, 1)}, MATRIX).to_json()


def test_a_table_shows_the_papers_figures_and_the_runs(workspace: Workspace, open_page: Any) -> None:
    app = open_page("tables", table="Table 2: The multi-dataset model")
    (table,) = (element.value for element in app.dataframe)
    rows = table_rows(2, "mini", RESULTS)
    assert list(table["paper"])[:4] == [58.49, 60.3, 60.77, 61.32]
    assert list(table["mean"]) == pytest.approx([row["mean"] for row in rows])
    assert list(table["clear"])[1] == "✓"
    assert "as printed" in app.caption[0].value
    (chart,) = app.get("plotly_chart")
    assert "the paper's" in chart.proto.spec
    assert [button.proto.label for button in app.get("download_button")] == ["CSV", "Markdown", "LaTeX"]


def test_a_profile_without_runs_names_the_command(workspace: Workspace, open_page: Any) -> None:
    app = open_page("tables", table="Table 3: The contrastive loss", profile="vspw")
    assert app.code[0].value == "vspw tables 3 --profile vspw --data PATH"
    assert list(app.dataframe[0].value["paper"])[:3] == [58.05, 60.0, 60.95]
    assert "no difference is given" in app.caption[0].value


def test_figures_of_different_data_stand_apart(workspace: Workspace, open_page: Any, measured: Any) -> None:
    app = open_page("tables", table="Table 6: Teams of the challenge")
    challenge, published, here, own = (element.value for element in app.dataframe)
    assert challenge["mean"][0] == 65.95
    assert set(published["data"]) == {"VSPW val"}
    assert set(here["data"]) == {"mini test2"}
    assert not app.get("plotly_chart")
    assert list(own["row"]) == ["alpha", "beta"]
    assert list(own["mean"]) == pytest.approx([100 * measured.score(run).miou for run in ("alpha", "beta")])
    assert "not published" in app.markdown[-1].value


def test_results_of_other_settings_and_rows_without_a_run_are_named(workspace: Workspace, open_page: Any) -> None:
    for seed, iterations in enumerate((7, 300)):
        train = {"seed": seed, "iterations": iterations}
        path = workspace.path / "results" / "table2" / "mini" / f"t2_480-s{seed}.json"
        made = {"recipe": {"name": "t2_480", "train": train}, "environment": {}, "splits": {"test1": SCORES}}
        write_json(path, {"schema": 1, "table": "table2", **made})
    app = open_page("tables", table="Table 2: The multi-dataset model")
    assert "train.iterations was 7 or 300 and is 300 now" in app.warning[0].value.replace("\\", "")
    assert "Not run yet: crop 896; crop 896, COCO-Stuff;" in app.info[0].value
    assert app.code[0].value == "vspw tables 2 --profile mini --seeds 0,1"
    assert list(app.dataframe[0].value["mean"].isna()) == [False, True, True, True, True]


def test_results_of_todays_settings_are_shown_without_a_word(workspace: Workspace, open_page: Any) -> None:
    app = open_page("tables", table="Table 2: The multi-dataset model")
    assert not app.warning
    assert not app.info
    assert not app.code


def test_table_4_is_drawn_at_every_tau_beside_the_papers_curve(workspace: Workspace, open_page: Any) -> None:
    curves = sweeps_of("mini", "test2", RESULTS)
    assert list(curves) == ["0", "1", "2"]
    app = open_page("tables", table=NAME4, seed="1")
    ours, theirs = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    assert ours["data"][0]["x"] == list(curves["1"].taus)
    assert ours["data"][0]["x"] != list(curves["0"].taus)
    best = curves["1"]
    label = f"best: τ = {best.best_tau:g}, {100 * best.best_miou:.2f}"
    assert sum(part["name"].startswith(label) for part in ours["data"]) == 1
    assert max(theirs["data"][0]["y"]) == 65.95
    assert "The paper, VSPW Test2" in app.markdown[-1].value


def test_a_workspace_has_its_own_results(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    assert results_folder(place) == RESULTS
    (tmp_path / "results").mkdir()
    assert results_folder(place) == tmp_path / "results"
