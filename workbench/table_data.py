"""What the page Tables reads: published results, and what follows from them; kept while no file changes."""

from pathlib import Path

import streamlit as st

from vspwlib.ensemble.result import SweepResult
from vspwlib.report.paper_tables import results_of
from vspwlib.report.printing import PrintedTable, printed_table
from vspwlib.report.settings import changed_settings
from vspwlib.report.tables import Row
from vspwlib.runs import Workspace
from vspwlib.tables import TABLES

Stamps = tuple[tuple[str, int], ...]


def results_folder(place: Workspace) -> Path:
    """Return the published results: the workspace's own where it has some, else those of this checkout."""
    own = place.path / "results"
    return own if own.is_dir() else Path(__file__).resolve().parents[1] / "results"


def table_of(number: int, profile: str, results: Path) -> PrintedTable:
    """Return one of the paper's tables, from :mod:`vspwlib.report.printing`."""
    return _table(number, profile, str(results), _stamps(profile, results))


def changes_of(number: int, profile: str, results: Path) -> list[Row]:
    """Return the settings of a table's results that have changed since, from :mod:`vspwlib.report.settings`."""
    return _changes(number, profile, str(results), _stamps(profile, results))


def sweeps_of(profile: str, split: str, results: Path) -> dict[str, SweepResult]:
    """Return the curves of Table 4's pair on a split by seed; none where none is published."""
    return _sweeps(profile, split, str(results), _stamps(profile, results))


def _stamps(profile: str, results: Path) -> Stamps:
    files = sorted(results.glob(f"table*/{profile}/*.json"))
    return tuple((str(path), path.stat().st_mtime_ns) for path in files)


@st.cache_resource(max_entries=32, show_spinner="Reading results")
def _table(number: int, profile: str, results: str, stamps: Stamps) -> PrintedTable:  # noqa: ARG001
    return printed_table(number, profile, Path(results))


@st.cache_data(max_entries=32, show_spinner=False)
def _changes(number: int, profile: str, results: str, stamps: Stamps) -> list[Row]:  # noqa: ARG001
    keys = dict.fromkeys(row.key for row in TABLES[number].rows if row.key)
    return changed_settings((result for key in keys for result in results_of(key, profile, Path(results))), profile)


@st.cache_resource(max_entries=8, show_spinner=False)
def _sweeps(profile: str, split: str, results: str, stamps: Stamps) -> dict[str, SweepResult]:  # noqa: ARG001
    found = {str(result.seed): result.sweep(split) for result in results_of("t4_pair", profile, Path(results))}
    return {seed: curve for seed, curve in found.items() if curve is not None}
