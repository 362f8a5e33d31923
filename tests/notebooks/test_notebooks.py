"""The notebooks: as thin as they should be, honest about whose figures they show, and running from top to bottom."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from vspwlib.tables import TABLES

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
LONGEST = 15  # lines of a cell

#: Figures of the paper with two digits, as text: those that a reader could take for ours.
PRINTED = {f"{row.paper:.2f}" for table in TABLES.values() for row in table.rows if row.paper is not None}


@pytest.fixture(scope="module")
def render() -> ModuleType:
    """The script that makes the notebooks."""
    spec = importlib.util.spec_from_file_location("render_notebooks", FOLDER / "render.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_a_notebook_for_every_table():
    assert [name[:6] for name in NAMES if name.startswith("table")] == [f"table{number}" for number in TABLES]
    assert "00_start_here" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_its_source_without_outputs(name, render):
    stored = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    made = render.notebook(FOLDER / f"{name}.py")
    assert stored.cells == made.cells, "make notebooks"
    nbformat.validate(stored)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert len(code) > 4
    assert not [cell for cell in code if cell.outputs or cell.execution_count]
    assert [tag for cell in code for tag in cell.metadata.get("tags", [])] == ["parameters"]


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_thin_and_claims_are_guarded(name):
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    assert not [source for source in code if re.search(r"^\s*(def|class|lambda)\b", source, re.MULTILINE)]
    assert [source for source in code if len(source.splitlines()) > LONGEST] == []
    assert any(re.search(r"^assert ", source, re.MULTILINE) for source in code)
    assert cells[0].source.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_figures_of_the_paper_are_called_the_papers(name):
    cells = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    texts = [text for cell in cells if cell.cell_type == "markdown" for text in re.split(r"\n\n|\n(?=- )", cell.source)]
    printed = [text for text in texts if PRINTED & set(re.findall(r"\d+\.\d+", text))]
    assert [text for text in printed if "paper" not in text.lower()] == []
    code = " ".join(cell.source for cell in cells if cell.cell_type == "code")
    assert not PRINTED & set(re.findall(r"\d+\.\d+", code)), "figures come from vspwlib.tables"


def parameters(made, **values) -> None:
    """Put other values in place of a notebook's parameters."""
    cell = next(cell for cell in made.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in values.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_from_what_is_published(name, render, tmp_path):
    made = render.notebook(FOLDER / f"{name}.py")
    if name.startswith("00"):
        parameters(made, WORKSPACE=str(tmp_path / "ws"))
    done = render.run(made)
    shown = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in shown if output.output_type == "error"]
    pictures = sum("image/png" in output.get("data", {}) for output in shown)
    assert pictures >= (0 if name == "table6_teams" else 1)


@pytest.mark.parametrize("name", ["table1_backbones", "table2_multidataset", "table4_tau"])
def test_a_notebook_also_runs_at_another_scale(name, render):
    made = render.notebook(FOLDER / f"{name}.py")
    parameters(made, PROFILE="camvid")
    render.run(made)


def test_without_results_a_notebook_names_the_command(render):
    from nbclient.exceptions import CellExecutionError

    made = render.notebook(FOLDER / "table2_multidataset.py")
    parameters(made, PROFILE="vspw")
    with pytest.raises(CellExecutionError, match="run `vspw tables 2 --profile vspw`"):
        render.run(made)


def test_one_trains_for_itself(render, tmp_path):
    made = render.notebook(FOLDER / "00_start_here.py")
    parameters(made, RUN=True, ITERATIONS=4, WORKSPACE=str(tmp_path / "ws"))
    done = render.run(made)
    runs = sorted(path.name for path in (tmp_path / "ws" / "runs").iterdir())
    assert runs == ["mini-t2_896-s0", "mini-t3_baseline-s0"]
    assert any("best" in str(output) for cell in done.cells for output in cell.get("outputs", []))


def test_the_script_makes_what_is_named(tmp_path):
    for name in ("render.py", "table6_teams.py", "table4_tau.py"):
        (tmp_path / name).write_text((FOLDER / name).read_text("utf-8"), "utf-8")
    subprocess.run([sys.executable, str(tmp_path / "render.py"), "table6_teams"], check=True)
    assert [path.name for path in tmp_path.glob("*.ipynb")] == ["table6_teams.ipynb"]
    assert (tmp_path / "table6_teams.ipynb").read_text("utf-8") == (FOLDER / "table6_teams.ipynb").read_text("utf-8")
