"""What leaves the app: tables as CSV, and clips as mp4, which a job draws from stored predictions."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from vspwlib.report.spreadsheet import csv_text
from vspwlib.runs import Workspace
from workbench import jobs
from workbench.actions import start
from workbench.commands import movie_command
from workbench.job_list import show_jobs

_ASKED = "movie"
_LARGEST = 500 * 2**20  # bytes that pass through the server's memory for a download


def offer_csv(heading: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str, note: str) -> None:
    """Draw a heading, and beside it a table as CSV in which no text is a formula.

    Args:
        heading: Of the table, as Markdown.
        rows: Its rows.
        columns: Keys of the rows, in order.
        name: Name of the file, without its ending.
        note: What the file holds.
    """
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.markdown(heading, width="content")
        st.download_button(
            "CSV",
            csv_text(rows, columns),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            help=note,
            key=f"csv_{name}",
        )


def ask_for_movie(workspace: Workspace, runs: Sequence[str], split: str, video: str, state: Mapping[str, Any]) -> None:
    """Start the job that draws the clip on show; of two runs the one fused at the view's tau is a panel too."""
    tau = state.get("tau") if len(runs) == 2 else None
    command = movie_command(workspace, runs, split, video, None if tau is None else float(tau))
    st.session_state[_ASKED] = {"writes": command.writes, "file": command.writes[0]}
    start(workspace, command)


def show_movie(workspace: Workspace) -> None:
    """Draw how far the clip asked for last is, and offer it once it is done."""
    asked = st.session_state.get(_ASKED)
    if not asked:
        return
    show_jobs(workspace, writes=asked["writes"])
    path = workspace.path / asked["file"]
    ended = [job.state for job in jobs.jobs(workspace) if {*job.writes} & {*asked["writes"]}][:1]
    if ended == ["done"] and path.is_file() and path.stat().st_size <= _LARGEST:
        st.download_button(path.name, path.read_bytes, path.name, "video/mp4", icon=":material/download:")
