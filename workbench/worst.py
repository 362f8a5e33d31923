"""From a class, or from a confusion, to the frames to look at: one click to Clips."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.metrics.frames import FoundFrame
from vspwlib.metrics.summary import SplitScore
from vspwlib.report.figures import BLUE, ORANGE
from vspwlib.report.pictures import enlarge, error_map
from vspwlib.report.tables import Row, class_rows
from workbench import data
from workbench.controls import pick
from workbench.notices import guard, literal

Ids = NDArray[np.uint8]

ANY = "any class"
ANCHOR = "frames-to-look-at"  # Streamlit's own, of the heading's words
_LARGEST = 40  # classes of the matrix: more cannot be read, nor hit
_WIDTH = 420  # pixels of a thumbnail, before the page scales it
_TILE = 185  # pixels of a thumbnail on the page: six in a row of a laptop's screen


def show_matrix(score: SplitScore, kept: Collection[str]) -> None:
    """Draw which classes are taken for which, as a share of the true class's pixels; a click chooses the pair.

    Args:
        score: Scores of a run.
        kept: Names of the true classes to show.
    """
    import altair as alt

    counts = score.counts
    there = [number for number in np.flatnonzero(counts.truth).tolist() if CLASS_NAMES[number] in kept]
    order = sorted(there, key=lambda number: -counts.truth[number])[:_LARGEST]
    cells = [
        {
            "true class": CLASS_NAMES[row],
            "predicted as": CLASS_NAMES[column],
            "share %": 100 * float(score.confusion[row, column] / counts.truth[row]),
        }
        for row in order
        for column in order
        if score.confusion[row, column]
    ]
    names = [CLASS_NAMES[number] for number in order]
    clicked = alt.selection_point(name="cell", fields=["true class", "predicted as"], empty=False)
    whole = alt.Scale(domain=names)  # a class that is never predicted has a column too
    share = alt.Scale(type="sqrt", domain=[0, 100], range=[0.04, 1])
    chart = (
        alt.Chart(alt.Data(values=cells))
        .mark_rect(color=BLUE, strokeWidth=2)
        .encode(
            x=alt.X("predicted as:N", sort=names, scale=whole, axis=alt.Axis(labelAngle=-60, labelOverlap=False)),
            y=alt.Y("true class:N", sort=names, scale=whole, axis=alt.Axis(labelOverlap=False)),
            opacity=alt.Opacity("share %:Q", scale=share),  # of one colour, so that more is more on a dark page too
            stroke=alt.condition(clicked, alt.value(ORANGE), alt.value(None)),
            tooltip=["true class:N", "predicted as:N", alt.Tooltip("share %:Q", format=".1f")],
        )
        .add_params(clicked)
        .properties(height=max(240, 16 * len(names)))
    )
    st.altair_chart(chart, on_select=_take_cell, key="matrix")
    if len(there) > _LARGEST:
        st.caption(f"The {_LARGEST} largest of {len(there)} classes.")


def take_row(rows: Sequence[Row], key: str) -> None:
    """Choose the class of the row that was clicked in a table of classes."""
    chosen: Any = st.session_state.get(key)
    for index in (chosen or {}).get("selection", {}).get("rows", []):
        st.session_state["class"], st.session_state["taken"] = rows[index]["class"], ANY


def _take_cell() -> None:
    chosen: Any = st.session_state.get("matrix")
    for cell in (chosen or {}).get("selection", {}).get("cell", []):
        st.session_state["class"] = cell["true class"]
        same = cell["predicted as"] == cell["true class"]
        st.session_state["taken"] = ANY if same else cell["predicted as"]


def show_worst(run: str, store: Path, split: str, score: SplitScore) -> int:
    """Draw the frames with most wrong pixels of a class, or of one confusion.

    Args:
        run: Name of the run.
        store: Its predictions.
        split: Data set and split, as in the URL.
        score: Its scores; the class with the lowest IoU comes first, of several the one with most wrong pixels.

    Returns:
        The class that was chosen.
    """
    st.markdown("##### Frames to look at")
    lost = score.counts.truth + score.counts.predicted - 2 * score.counts.intersection
    rows = sorted(class_rows(score), key=lambda row: (row["iou"], -lost[row["id"]]))
    left, right, _ = st.columns([2, 2, 4])
    with left:
        name = pick("Class", [row["class"] for row in rows], "class")
    number = CLASS_NAMES.index(name)
    wrong = score.confusion[number].copy()
    wrong[number] = 0
    others = [CLASS_NAMES[other] for other in wrong.argsort()[::-1] if wrong[other]]
    with right:
        taken = pick("Taken for", [ANY, *others], "taken")
    with guard():
        _draw_frames(run, store, split, number, None if taken == ANY else CLASS_NAMES.index(taken))
    return number


def _draw_frames(run: str, store: Path, split: str, number: int, taken: int | None) -> None:
    confusions = data.frame_confusions(store)
    if confusions is None:
        st.info("These scores were made before frames were kept. Score once more:", icon=":material/rule:")
        st.code(f"vspw score {store}", language="bash")
        return
    found = confusions.worst_of_class(number) if taken is None else confusions.worst_of_confusion(number, taken)
    if not found:
        st.success("No pixel is wrong.")
    with st.container(horizontal=True):
        for frame in found:
            with st.container(width=_TILE):
                image, truth = data.picture(store, *frame[:2]), data.truth(store, *frame[:2])
                if truth is not None:
                    in_question = question(truth, data.labels(store, *frame[:2]), number, taken)
                    image = error_map(image, in_question, np.full_like(truth, VOID))
                _draw(run, split, frame, image)


def question(truth: Ids, labels: Ids, number: int, taken: int | None) -> Ids:
    """Return the true ids of the pixels in question, void elsewhere: wrong ones of a class, or of one confusion.

    >>> question(np.array([[1, 1, 2, 2]], np.uint8), np.array([[1, 2, 1, 3]], np.uint8), 1, None).tolist()
    [[255, 1, 2, 255]]
    """
    of_class = (truth == number) | (labels == number) if taken is None else (truth == number) & (labels == taken)
    return np.where(of_class & (truth != labels), truth, np.uint8(VOID))


def _draw(run: str, split: str, found: FoundFrame, picture: Ids) -> None:
    st.image(enlarge(picture, _WIDTH), output_format="JPEG", alt=f"errors of {found.video}, frame {found.frame}")
    st.caption(f"{literal(found.video)} · {found.wrong} wrong pixels, {100 * found.share:.0f} % of the class here")
    link = {"split": split, "run": run, "video": found.video, "frame": found.frame}
    st.page_link(
        "views/clips.py",
        label=f"Frame {found.frame}",
        help="Open it in Clips",
        icon=":material/movie:",
        query_params=link,
    )
