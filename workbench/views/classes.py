"""Classes: IoU of each class, where two runs differ, and which classes are taken for each other."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.summary import SplitScore
from vspwlib.report.figures import class_difference_figure, tau_figure
from vspwlib.report.tables import Row, class_rows, class_sweep_rows, confused_pairs
from workbench import data
from workbench.controls import pick, pick_second
from workbench.exporting import offer_csv
from workbench.notices import no_predictions, no_scores
from workbench.panes import draw_scores, table_height
from workbench.worst import ANCHOR, show_matrix, show_worst, take_row

PERCENTAGES = ("iou", "iou_other", "difference", "truth_share")
PAIRS = 50
PAIR = ["truth", "predicted", "share_of_truth", "share_of_errors"]
TALLEST = 390  # pixels of a table: what lies below shall be seen to be there
NAME = 122  # width in pixels of a column of class names
BAR: dict[str, Any] = {"format": "%.1f", "min_value": 0, "max_value": 100, "width": 115}
TILES = {"miou": "mIoU", "pixel_acc": "Pixel accuracy", "fwiou": "Weighted IoU", "vc8": "VC8", "vc16": "VC16"}


def show_classes(rows: list[Row]) -> None:
    """Draw the classes as a sortable table; a click on a row chooses its class."""
    scaled = [{key: 100 * v if key in PERCENTAGES and v is not None else v for key, v in row.items()} for row in rows]
    bar, number = st.column_config.ProgressColumn, st.column_config.NumberColumn
    st.dataframe(
        scaled,
        hide_index=True,
        height=table_height(len(rows), most=TALLEST),
        placeholder="–",
        key="class_table",
        on_select=partial(take_row, rows, "class_table"),
        selection_mode="single-row",
        column_order=["class", "group", *(key for key in PERCENTAGES if key in scaled[0])],
        column_config={
            "class": st.column_config.TextColumn(width=NAME),
            "iou": bar("IoU %", **BAR),
            "iou_other": bar("second run %", **BAR),
            "difference": number(
                "difference", format="%+.1f", help="Points of IoU; positive: the first run is better."
            ),
            "truth_share": number("truth %", format="%.2f", width=65, help="Share of the split's true pixels."),
        },
    )


def show_pairs(rows: list[Row]) -> None:
    """Draw which classes are taken for which, most pixels first."""
    if not rows:
        st.success("No pixel is wrong.")
        return
    number = st.column_config.NumberColumn
    table = [{**row, **{key: 100 * row[key] for key in ("share_of_truth", "share_of_errors")}} for row in rows]
    st.dataframe(
        table,
        hide_index=True,
        height=table_height(len(rows), most=TALLEST),
        column_order=PAIR,
        column_config={
            "truth": st.column_config.TextColumn("true class", width=NAME),
            "predicted": st.column_config.TextColumn("predicted as", width=NAME),
            "share_of_truth": number("of class %", format="%.1f", width=75, help="Share of the true class's pixels."),
            "share_of_errors": number(
                "of errors %", format="%.1f", width=85, help="Share of the split's wrong pixels."
            ),
        },
    )


def show(scores: dict[str, SplitScore], stores: dict[str, Path], split: str) -> None:
    """Draw the scores of one run, or of two and their difference, and the frames to look at."""
    first, *others = scores.values()
    run = next(iter(scores))
    tiles = [{name: score.summary()[key] for key, name in TILES.items()} for score in scores.values()]
    draw_scores(*tiles)
    rows = class_rows(first, others[0] if others else None)
    groups = list(dict.fromkeys(row["group"] for row in rows))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        chosen = st.pills("Groups", groups, selection_mode="multi", key="group", bind="query-params", width="content")
        st.markdown(f"[Frames to look at :material/arrow_downward:](#{ANCHOR})", width="content")
    kept = [row for row in rows if not chosen or row["group"] in chosen]
    left, right = st.columns([3, 2], gap="large")
    with left:
        heading, note = f"##### Classes of the split's truth: {len(kept)}", "These classes; figures are fractions."
        offer_csv(heading, kept, list(rows[0]), f"classes-{'-'.join(scores)}-{split}", note)
        show_classes(kept)
    with right:
        pairs, whose = confused_pairs(first, PAIRS), " of the first run" if others else ""
        heading = f"##### Most frequent mistakes{whose}"
        offer_csv(heading, pairs, PAIR, f"mistakes-{run}-{split}", "These pairs; figures are fractions.")
        show_pairs(pairs)
    number = show_worst(run, stores[run], split, first)
    st.markdown("##### What is taken for what")
    show_matrix(first, {row["class"] for row in kept})
    if others:
        show_class_curve([stores[name] for name in scores], list(scores), number)
        st.markdown("##### Where the two runs differ most")
        one, other = scores
        st.plotly_chart(class_difference_figure(kept, first=one, second=other), config={"displaylogo": False})


def show_class_curve(pair: list[Path], names: list[str], number: int) -> None:
    """Draw the IoU of one class over τ, where the pair was swept."""
    sweep = data.sweep(place, pair[0], pair[1])
    if sweep is None or np.isnan(sweep.best_per_class[number]).any():
        return
    st.markdown(f"##### {CLASS_NAMES[number]} over τ")
    figure = tau_figure(
        class_sweep_rows(sweep, number),
        first=names[0],
        second=names[1],
        upper_bound=sweep.upper_bound,
        score=f"IoU of {CLASS_NAMES[number]}",
    )
    st.plotly_chart(figure, config={"displaylogo": False})


place = data.workspace()
stores = data.predictions(place, hard=True)
if not stores:
    no_predictions(place.path)
    st.stop()
columns = st.columns([2, 4, 2, 4], vertical_alignment="bottom")
with columns[0]:
    split = pick("Split", list(stores), "split")
    runs = stores[split]
with columns[1]:
    first = pick("Run", list(runs), "run")
second = pick_second(runs, first, columns[2], columns[3])
chosen = [first, *([second] if second else [])]
scores = {run: data.score(runs[run]) for run in chosen}
for run in (run for run, score in scores.items() if score is None):
    no_scores(run, runs[run])
found = {run: score for run, score in scores.items() if score is not None}
if first in found:
    show(found, runs, split)
