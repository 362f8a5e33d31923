"""What the page Tables reads: published results, and the rows of the paper's tables; kept while no file changes."""

from pathlib import Path

import streamlit as st

from vspwlib.report.paper_tables import table_rows, team_rows
from vspwlib.report.tables import Row
from vspwlib.runs import Workspace


def results_folder(place: Workspace) -> Path:
    """Return the published results: the workspace's own where it has some, else those of this checkout."""
    own = place.path / "results"
    return own if own.is_dir() else Path(__file__).resolve().parents[1] / "results"


def rows_of(number: int, profile: str, results: Path) -> list[Row]:
    """Return the rows of one of the paper's tables, from :mod:`vspwlib.report.paper_tables`."""
    files = sorted(results.glob(f"table*/{profile}/*.json"))
    return _rows(number, profile, str(results), tuple((str(path), path.stat().st_mtime_ns) for path in files))


@st.cache_data(max_entries=32, show_spinner="Reading results")
def _rows(number: int, profile: str, results: str, stamps: tuple[tuple[str, int], ...]) -> list[Row]:  # noqa: ARG001
    return team_rows(profile, Path(results)) if number == 6 else table_rows(number, profile, Path(results))
