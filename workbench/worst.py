"""From a class, or from a confusion, to the frames to look at: one click to Clips."""

from pathlib import Path
from typing import Any

import streamlit as st

from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.frames import FoundFrame
from vspwlib.metrics.summary import SplitScore
from vspwlib.report.pictures import enlarge, error_map
from vspwlib.report.tables import class_rows
from workbench import data
from workbench.controls import pick
from workbench.notices import guard, literal

ANY = "any class"
_LARGEST = 40  # classes of the matrix: more cannot be read, nor hit
_WIDTH = 420  # pixels of a thumbnail, before the page scales it
_IN_A_ROW = 6


def show_matrix(score: SplitScore) -> None:
    """Draw which classes are taken for which, as a share of the true class's pixels; a click chooses the pair."""
    import altair as alt

    counts = score.counts
    order = sorted((n for n in range(len(counts.truth)) if counts.truth[n]), key=lambda n: -counts.truth[n])[:_LARGEST]
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
    clicked = alt.selection_point(name="cell", fields=["true class", "predicted as"])
    chart = (
        alt.Chart(alt.Data(values=cells))
        .mark_rect()
        .encode(
            x=alt.X("predicted as:N", sort=names, axis=alt.Axis(labelAngle=-60, labelOverlap=False)),
            y=alt.Y("true class:N", sort=names, axis=alt.Axis(labelOverlap=False)),
            color=alt.Color("share %:Q", scale=alt.Scale(scheme="blues", type="sqrt", domain=[0, 100])),
            opacity=alt.condition(clicked, alt.value(1), alt.value(0.35)),
            tooltip=["true class:N", "predicted as:N", alt.Tooltip("share %:Q", format=".1f")],
        )
        .add_params(clicked)
        .properties(height=max(240, 16 * len(names)))
    )
    st.altair_chart(chart, on_select=_take_cell, key="matrix")
    if len(counts.truth.nonzero()[0]) > _LARGEST:
        st.caption(f"The {_LARGEST} largest classes of the split's truth.")


def _take_cell() -> None:
    chosen: Any = st.session_state.get("matrix")
    for cell in (chosen or {}).get("selection", {}).get("cell", []):
        st.session_state["class"] = cell["true class"]
        same = cell["predicted as"] == cell["true class"]
        st.session_state["taken"] = ANY if same else cell["predicted as"]


def show_worst(run: str, store: Path, split: str, score: SplitScore) -> None:
    """Draw the frames with most wrong pixels of a class, or of one confusion.

    Args:
        run: Name of the run.
        store: Its predictions.
        split: Data set and split, as in the URL.
        score: Its scores; the class with the lowest IoU comes first.
    """
    st.markdown("##### Frames to look at")
    rows = sorted(class_rows(score), key=lambda row: row["iou"])
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
        confusions = data.frame_confusions(store)
        if confusions is None:
            st.info("These scores were made before frames were kept. Score once more:", icon=":material/rule:")
            st.code(f"vspw score {store}", language="bash")
            return
        found = (
            confusions.worst_of_class(number)
            if taken == ANY
            else confusions.worst_of_confusion(number, CLASS_NAMES.index(taken))
        )
        if not found:
            st.success("No pixel is wrong.")
        for start in range(0, len(found), _IN_A_ROW):
            for column, frame in zip(st.columns(_IN_A_ROW), found[start : start + _IN_A_ROW], strict=False):
                with column:
                    _draw(run, store, split, frame)


def _draw(run: str, store: Path, split: str, found: FoundFrame) -> None:
    image, truth = data.picture(store, found.video, found.frame), data.truth(store, found.video, found.frame)
    labels = data.labels(store, found.video, found.frame)
    picture = image if truth is None else error_map(image, truth, labels)
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
