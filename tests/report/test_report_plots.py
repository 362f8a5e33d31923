"""Static figures: what is drawn is what the rows say."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.similarity import BINS, PairSimilarity, PairSums
from vspwlib.report.figures import BLUE, GREY, ORANGE
from vspwlib.report.plots import (
    class_effects_plot,
    effects_plot,
    frequency_plot,
    scores_plot,
    similarity_plot,
    tau_plot,
)

EMPTY = dict.fromkeys(["paper", "mean", "spread", "paper_effect", "effect", "low", "high"])


def points(axes, colour):
    """Centres of the round marks of a colour."""
    marks = [
        line for line in axes.lines if line.get_marker() == "o" and line.get_color() == colour and len(line.get_xdata())
    ]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in marks]


def test_gains_stand_beside_the_papers():
    base = {**EMPTY, "row": "base", "mean": 20.0}
    rows = [base, {**EMPTY, "row": "a", "paper_effect": 1.5, "effect": 2.0, "low": 1.0, "high": 3.0}]
    (axes,) = effects_plot([*rows, {**EMPTY, "row": "ours", "effect": -1.0}]).axes
    assert points(axes, GREY) == [(1.5, 0)]
    assert points(axes, BLUE) == [(2.0, 0), (-1.0, 1)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "ours"]
    assert [1.0, 3.0] in [list(line.get_xdata()) for line in axes.lines]
    with pytest.raises(InputError, match="expected a row with a gain"):
        effects_plot([base])


def test_scores_are_bars_and_the_papers_are_marks():
    rows = [{**EMPTY, "row": "a", "mean": 21.0, "spread": 0.5, "paper": 58.5}, {**EMPTY, "row": "b", "paper": 60.0}]
    (axes,) = scores_plot(rows, {"a": [20.5, 21.5]}).axes
    assert [bar.get_width() for bar in axes.patches] == [21.0]
    assert [list(line.get_xdata()) for line in axes.lines if line.get_color() == GREY][:2] == [[58.5] * 2, [60.0] * 2]
    dots = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "."]
    assert np.concatenate(dots).tolist() == [20.5, 21.5]


def test_a_curve_is_drawn_with_its_best_and_the_paper_apart():
    taus = (0.0, 0.5, 1.0)
    curve = SweepResult(
        taus=taus,
        miou=np.array([0.1, 0.3, 0.2]),
        per_class=np.full((3, 2), np.nan),
        per_video={},
        best=(0.45, 0.31),
        best_per_class=np.full((2, 2), np.nan),
        best_per_video={},
        mean_miou=0.3,
        vote_miou=0.2,
        frames_scored=1,
    )
    ours, theirs = tau_plot({"seed 0": curve}, {0.0: 63.0, 0.5: 66.0, 1.0: 65.0}).axes
    lines = [(list(line.get_xdata()), list(line.get_ydata())) for line in ours.lines]
    assert (list(taus), [10.0, 30.0, 20.0]) in [(x, [round(value, 6) for value in y]) for x, y in lines]
    star = next(line for line in ours.lines if line.get_marker() == "*")
    assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.45, 31.0)
    crosses = next(line for line in theirs.lines if line.get_marker() == "x")
    assert dict(zip(crosses.get_xdata(), crosses.get_ydata(), strict=True)) == {0.0: 65.0, 1.0: 63.0}


def class_row(name, before, after, share):
    return {"class": name, "iou_other": before, "iou": after, "difference": after - before, "share": share}


def test_classes_that_did_not_move_are_no_bars():
    rows = [class_row("a", 10, 20, 5), class_row("b", 5, 5, 1), class_row("c", 9, 3, 2)]
    (axes,) = class_effects_plot(rows, first="x", second="y").axes
    assert [bar.get_width() for bar in axes.patches] == [10, -6]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c"]
    (axes,) = class_effects_plot(rows, first="x", second="y", limit=1).axes
    assert len(axes.patches) == 2
    (axes,) = frequency_plot(rows, first="x", second="y").axes
    clouds = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_xdata()) for line in clouds] == [[5, 1, 2]] * 2
    assert list(clouds[1].get_ydata()) == [20, 5, 3]


def test_similarities_are_densities():
    histogram = np.zeros(BINS, np.int64)
    histogram[75] = 8
    one = PairSimilarity(PairSums(4.0, 8, histogram), PairSums(0.8, 8, histogram), 1)
    (axes,) = similarity_plot({"run": one}).axes
    values, edges, _ = axes.patches[0].get_data()
    assert (values * np.diff(edges)).sum() == pytest.approx(1)
    assert edges[75] == pytest.approx(0.5)
    assert [(line.get_color(), line.get_xdata()[0]) for line in axes.lines] == [(BLUE, 0.5), (ORANGE, 0.1)]
