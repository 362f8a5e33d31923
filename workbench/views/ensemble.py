"""Ensemble: P = τ·P1 + (1−τ)·P2, its curve, and what it does to a frame."""

from pathlib import Path

import streamlit as st

from vspwlib.ensemble.result import SweepResult
from vspwlib.report.figures import paper_figure, tau_figure
from vspwlib.report.tables import PAPER_TABLE4, PAPER_TABLE4_NOTE, intervals_text, sweep_rows
from workbench import data
from workbench.actions import offer_sweep
from workbench.controls import pick, pick_frame, pick_look, pick_tau
from workbench.notices import guard, no_pair, no_predictions
from workbench.panes import Prediction, compare_panes, draw_panes, draw_scores

PLAIN = {"displaylogo": False}


@st.fragment
def show_sweep(sweep: SweepResult, stores: dict[str, Path]) -> None:
    """Draw the curve and the fused frame at the chosen tau; moving tau reruns only this."""
    with guard():
        draw_scores(endpoints(sweep))
        curve, preview = st.columns([5, 6], gap="large")
        with curve:
            tau = pick_tau(sweep.best_tau)
            show_curve(sweep, list(stores), tau)
        with preview:
            show_preview(sweep, stores, tau)


def endpoints(sweep: SweepResult) -> dict[str, float]:
    """Name the scores that a sweep is measured by."""
    ends = {"P1 alone (τ = 1)": 1.0, "P2 alone (τ = 0)": 0.0}
    found = {name: sweep.at(tau) for name, tau in ends.items()}
    best = f"Best, τ = {sweep.best_tau:g}" + (" (upper bound)" if sweep.upper_bound else "")
    return {**found, "Mean": sweep.mean_miou, "Majority vote": sweep.vote_miou, best: sweep.best_miou}


def show_curve(sweep: SweepResult, runs: list[str], tau: float) -> None:
    """Draw mIoU(τ), and the paper's curve when asked for."""
    drawn = sweep.intervals if sweep.intervals and sweep.intervals.tau.judged else None
    figure = tau_figure(
        sweep_rows(sweep),
        first=runs[0],
        second=runs[1],
        current=tau,
        upper_bound=sweep.upper_bound,
        likely=(drawn.tau.low, drawn.tau.high) if drawn else None,
    )
    st.plotly_chart(figure, config=PLAIN)
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


def show_preview(sweep: SweepResult, stores: dict[str, Path], tau: float) -> None:
    """Draw a frame fused at the chosen tau, against the better of the two runs."""
    first, second = stores.values()
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        video = pick("Video", data.videos(first), "video")
    with right:
        palette, opacity = pick_look()
    frame = pick_frame(data.frames(first, video))
    ends = dict(zip(stores, (sweep.miou[-1], sweep.miou[0]), strict=True))
    better = max(ends, key=lambda run: ends[run])
    fused = data.fused(first, second, video, frame, tau)
    predicted = [
        Prediction("the fusion", f"Fused, τ = {tau:g}", fused),
        Prediction("the run", f"{better}, the better alone", data.labels(stores[better], video, frame)),
    ]
    image, truth = data.picture(first, video, frame), data.truth(first, video, frame)
    panes = compare_panes(image, truth, predicted, palette=palette, opacity=opacity)
    draw_panes([pane for pane in panes if pane.title != "Frame"], columns=2)


place = data.workspace()
stores = {key: runs for key, runs in data.predictions(place).items() if len(runs) > 1}
if not stores:
    no_pair() if data.predictions(place) else no_predictions(place.path)
    st.stop()

columns = st.columns([2, 4, 4])
with columns[0]:
    split = pick("Split", list(stores), "split")
    runs = stores[split]
# The page opens on a pair that has a curve to show: the newest.
swept = data.newest_sweep(place, split, runs)
names = [*swept, *(run for run in runs if run not in swept)]
with columns[1]:
    first = pick("First run, P1", names, "first")
with columns[2]:
    second = pick("Second run, P2", [run for run in names if run != first], "second")
found = data.sweep(place, runs[first], runs[second])
if found is None:
    offer_sweep(place, first, second, *data.dataset_and_split(runs[first]))
else:
    show_sweep(found, {first: runs[first], second: runs[second]})
