"""Figures show the numbers they are given."""

import numpy as np
import pytest

from vspwlib.ensemble.result import SweepResult
from vspwlib.report.figures import (
    BLUE,
    ORANGE,
    class_difference_figure,
    effects_figure,
    paper_figure,
    tau_figure,
    training_figure,
)
from vspwlib.report.tables import PAPER_TABLE4, sweep_rows

SWEEP = SweepResult(
    taus=(0.0, 0.25, 1.0),
    miou=np.array([0.30, 0.50, 0.40]),
    per_class=np.zeros((3, 124)),
    per_video={},
    best=(0.3125, 0.55),
    best_per_class=np.zeros((124, 2)),
    best_per_video={},
    mean_miou=0.45,
    vote_miou=0.41,
    frames_scored=1,
)


def traces(figure: object) -> dict[str, tuple[list, list]]:
    """Return a figure's series by name."""
    return {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}


def test_tau_figure_marks_best_and_chosen() -> None:
    found = traces(tau_figure(sweep_rows(SWEEP), first="a", second="b", current=1.0))
    assert found["mIoU(τ), exact"] == ([0.0, 0.25, 1.0], pytest.approx([30, 50, 40]))
    assert found["the paper's τ"] == ([0.0, 1.0], pytest.approx([30, 40]))
    assert found["best: τ = 0.3125, 55.00 (upper bound)"] == ([0.3125], pytest.approx([55]))
    assert found["chosen: τ = 1, 40.00"] == ([1.0], [40.0])
    assert found["majority vote: 41.00"] == ([0.0, 1.0], pytest.approx([41, 41]))


def test_tau_figure_says_which_run_stands_at_which_end() -> None:
    figure = tau_figure(sweep_rows(SWEEP), first="first run", second="second run", upper_bound=False)
    assert "0: second run alone · 1: first run alone" in figure.layout.xaxis.title.text
    assert "best: τ = 0.3125, 55.00" in traces(figure)


def test_tau_figure_shows_a_tau_between_the_points_without_a_score() -> None:
    assert traces(tau_figure(sweep_rows(SWEEP), current=0.7))["chosen: τ = 0.7"] == ([], [])
    best = traces(tau_figure(sweep_rows(SWEEP), current=0.3125))
    assert best["chosen: τ = 0.3125, 55.00"] == ([0.3125], pytest.approx([55]))


def test_paper_figure_holds_the_printed_curve_with_hollow_ends() -> None:
    (curve,) = paper_figure(PAPER_TABLE4).data
    assert dict(zip(curve.x, curve.y, strict=True)) == PAPER_TABLE4
    assert [symbol == "circle-open" for symbol in curve.marker.symbol] == [True] + [False] * 9 + [True]


def test_training_figure_has_a_panel_for_each_quantity_that_occurs() -> None:
    rows = [
        {"run": run, "curve": curve, "step": step, "value": value}
        for run in ("a", "b")
        for curve, values in {"loss": (2.0, 1.0), "val mIoU": (0.1, 0.2)}.items()
        for step, value in enumerate(values)
    ]
    figure = training_figure(rows)
    assert [note.text for note in figure.layout.annotations] == ["loss", "val mIoU %"]
    assert [(trace.name, list(trace.y)) for trace in figure.data] == [
        ("a", [2.0, 1.0]),
        ("b", [2.0, 1.0]),
        ("a", [10.0, 20.0]),
        ("b", [10.0, 20.0]),
    ]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]
    assert figure.data[0].line.color == figure.data[2].line.color != figure.data[1].line.color


def test_training_figure_without_records_is_empty() -> None:
    assert len(training_figure([]).data) == 0


def test_difference_figure_keeps_the_largest_and_sorts_them() -> None:
    values = {"wall": -0.05, "sky": 0.3, "tree": 0.01, "sea": 0.0, "sofa": None}
    rows = [{"class": name, "iou": 0.5, "iou_other": 0.5, "difference": value} for name, value in values.items()]
    (bars,) = class_difference_figure(rows, first="a", second="b", limit=2).data
    assert list(bars.y) == ["wall", "sky"]
    assert list(bars.x) == pytest.approx([-5, 30])
    assert list(bars.marker.color) == [ORANGE, BLUE]
    (every,) = class_difference_figure(rows, first="a", second="b").data
    assert list(every.y) == ["wall", "tree", "sky"]


def test_gains_are_dots_beside_the_papers():
    empty = dict.fromkeys(["paper_effect", "effect", "low", "high"])
    rows = [
        {**empty, "row": "base"},
        {**empty, "row": "a", "paper_effect": 1.5, "effect": 2.0, "low": 1.0, "high": 3.0},
    ]
    band, paper, ours = effects_figure([*rows, {**empty, "row": "b", "effect": -1.0}]).data
    assert (list(band.x), list(band.y)) == ([1.0, 3.0], ["a", "a"])
    assert (list(paper.x), list(ours.x)) == ([1.5, None], [2.0, -1.0])
    assert list(ours.y) == ["a", "b"]
    assert len(effects_figure([]).data) == 2


def test_effects_without_an_interval_promise_none() -> None:
    row = {"row": "a", "paper_effect": 1.5, "effect": 2.0, "low": None, "high": None}
    assert [part.name for part in effects_figure([row]).data] == ["the paper's", "this run's"]
    judged = effects_figure([{**row, "low": 1.0, "high": 3.0}]).data
    assert [part.name for part in judged][1:] == ["the paper's", "this run's, 95 % over videos"]
