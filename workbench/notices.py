"""What the pages say when there is nothing to show, or something is wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from vspwlib.checks import InputError


@contextmanager
def guard() -> Iterator[None]:
    """Show wrong input (a broken file, a folder that is gone) as its message; the rest of the page stays."""
    try:
        yield
    except InputError as error:
        show_error(error)


def show_error(error: InputError | str) -> None:
    """Show a message as it is: file names keep their stars and underscores."""
    st.error(literal(str(error)), icon=":material/error:")


def literal(text: str) -> str:
    r"""Escape what Markdown and Streamlit would interpret.

    >>> print(literal("no_such_run (a*b)"))
    no\_such\_run (a\*b)
    """
    return re.sub(r"([\\`*_{}\[\]<>#$~|:])", r"\\\1", text)


def no_predictions(workspace: Path) -> None:
    """Say that no run has predicted anything yet, and how to make one do so."""
    st.info(f"No stored predictions in {literal(str(workspace))} yet.", icon=":material/inbox:")
    st.page_link("views/overview.py", label="Build the demo workspace", icon=":material/rocket_launch:")
    st.markdown("With a trained run of your own:")
    st.code("vspw predict RUN --split SPLIT\nvspw score workspace/predictions/RUN/DATA-SPLIT.zarr", language="bash")


def no_trained_runs(workspace: Path) -> None:
    """Say that no run has weights yet, and how to get one."""
    st.info(f"No trained runs in {literal(str(workspace))} yet.", icon=":material/inbox:")
    st.page_link("views/overview.py", label="Build the demo workspace", icon=":material/rocket_launch:")
    st.markdown("With data of your own:")
    st.code("vspw train RECIPE --data PATH", language="bash")


def no_pair() -> None:
    """Say that fusing takes two runs, and how to get a second one."""
    st.info("Fusing takes the predictions of two runs on one split; here is only one.", icon=":material/join_inner:")
    st.code("vspw train RECIPE --data PATH\nvspw predict RUN --split SPLIT", language="bash")


def no_scores(run: str, store: Path) -> None:
    """Say that a run's predictions have not been scored, and how to do it."""
    st.info(f"{literal(run)} has predictions on this split but no scores yet. Score them with", icon=":material/rule:")
    st.code(f"vspw score {store}", language="bash")
