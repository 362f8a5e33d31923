"""Ensemble: P = τ·P1 + (1−τ)·P2 and sums of more runs, live on a clip, and their scores on the whole split."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from vspwlib.ensemble.result import SweepResult
from vspwlib.report.figures import paper_figure, tau_figure
from vspwlib.report.tables import PAPER_TABLE4, PAPER_TABLE4_NOTE, intervals_text, sweep_rows
from workbench import data
from workbench.actions import offer_sweep
from workbench.clip_view import linked_state, show_clip
from workbench.controls import pick, pick_more
from workbench.exporting import ask_for_movie, show_movie
from workbench.notices import no_pair, no_predictions
from workbench.panes import draw_scores
from workbench.writing import ask_to_write, show_asked

PLAIN = {"displaylogo": False}
ACTIONS = {"write": "Write this ensemble", "movie": "Clip as MP4"}


def endpoints(sweep: SweepResult) -> dict[str, float]:
    """Name the scores that a sweep is measured by."""
    ends = {"P1 alone (τ = 1)": 1.0, "P2 alone (τ = 0)": 0.0}
    found = {name: sweep.at(tau) for name, tau in ends.items()}
    best = f"Best, τ = {sweep.best_tau:g}" + (" (upper bound)" if sweep.upper_bound else "")
    return {**found, "Mean": sweep.mean_miou, "Majority vote": sweep.vote_miou, best: sweep.best_miou}


def show_curve(sweep: SweepResult, runs: list[str]) -> None:
    """Draw mIoU(τ) of the split, and the paper's curve when asked for."""
    st.markdown("##### The whole split")
    draw_scores(endpoints(sweep))
    state: dict[str, Any] = linked_state() or {}
    drawn = sweep.intervals if sweep.intervals and sweep.intervals.tau.judged else None
    figure = tau_figure(
        sweep_rows(sweep),
        first=runs[0],
        second=runs[1],
        current=state.get("tau"),
        upper_bound=sweep.upper_bound,
        likely=(drawn.tau.low, drawn.tau.high) if drawn else None,
    )
    st.plotly_chart(figure, config=PLAIN)
    name = f"tau-{runs[0]}+{runs[1]}.html"
    st.download_button("Curve as HTML", figure.to_html, name, "text/html", icon=":material/download:")
    if drawn:
        st.caption(intervals_text(drawn))
    bound = (
        "Upper bound: τ was chosen on the split it is scored on; expect less on another. " if sweep.upper_bound else ""
    )
    st.caption(f"{bound}Of two runs the mean is τ = 0.5, and a tied vote goes to the first.")
    if st.toggle("Show the paper's curve", key="paper", bind="query-params"):
        st.markdown("**Paper, Table 4 (VSPW Test2)**: other data and networks; compare the shape, not the height.")
        st.plotly_chart(paper_figure(PAPER_TABLE4), config=PLAIN)
        st.caption(PAPER_TABLE4_NOTE)


def show_more(runs: list[str], split: str) -> None:
    """Say how exact figures of more than two runs come about."""
    st.info(
        "The view rounds probabilities to 16 bits, and scores one frame. On the whole split, exactly:",
        icon=":material/function:",
    )
    st.code(f"vspw ensemble search {' '.join(runs)} --split {split}", language="bash")


def show(chosen: dict[str, Path], video: str) -> None:
    """Draw an ensemble of two runs or more."""
    runs = list(chosen)
    dataset, split = data.dataset_and_split(chosen[runs[0]])
    sweep = data.sweep(place, *chosen.values()) if len(runs) == 2 else None

    def act(name: str, state: Mapping[str, Any]) -> None:
        if name == "movie":
            ask_for_movie(place, runs, split, video, state)
        else:
            ask_to_write(runs, split, state)

    show_clip(
        list(chosen.values()),
        video,
        key="fusion",
        actions=ACTIONS,
        on_action=act,
    )
    show_asked(place)
    show_movie(place)
    if sweep is not None:
        show_curve(sweep, runs)
    elif len(runs) == 2:
        offer_sweep(place, runs[0], runs[1], dataset, split)
    else:
        show_more(runs, split)


place = data.workspace()
stores = {key: runs for key, runs in data.predictions(place).items() if len(runs) > 1}
if not stores:
    no_pair() if data.predictions(place) else no_predictions(place.path)
    st.stop()

columns = st.columns([2, 3, 3, 3, 3])
with columns[0]:
    key = pick("Split", list(stores), "split")
    known = stores[key]
# The page opens on a pair that has a curve to show: the newest.
swept = data.newest_sweep(place, key, known)
names = [*swept, *(run for run in known if run not in swept)]
with columns[1]:
    first = pick("First run, P1", names, "first")
with columns[2]:
    second = pick("Second run, P2", [run for run in names if run != first], "second")
with columns[3]:
    more = pick_more("More runs", [run for run in names if run not in {first, second}], "more", most=6)
with columns[4]:
    video = pick("Video", data.videos(known[first]), "video")
show({run: known[run] for run in (first, second, *more)}, video)
