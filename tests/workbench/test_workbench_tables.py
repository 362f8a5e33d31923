"""Tables: the paper's figures beside published runs, on the page and as files."""

from pathlib import Path
from typing import Any

import pytest

from vspwlib.report.paper_tables import table_rows
from vspwlib.runs import Workspace
from workbench.table_data import results_folder

RESULTS = Path(__file__).resolve().parents[2] / "results"


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


def test_figures_of_different_data_stand_apart(workspace: Workspace, open_page: Any) -> None:
    app = open_page("tables", table="Table 6: Teams of the challenge")
    challenge, published, here = (element.value for element in app.dataframe)
    assert challenge["mean"][0] == 65.95
    assert set(published["data"]) == {"VSPW val"}
    assert set(here["data"]) == {"mini test2"}
    assert not app.get("plotly_chart")


def test_a_workspace_has_its_own_results(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    assert results_folder(place) == RESULTS
    (tmp_path / "results").mkdir()
    assert results_folder(place) == tmp_path / "results"
