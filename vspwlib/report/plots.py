"""Static figures of the tables for notebooks and rendered pages, in matplotlib.

Every function returns a figure and draws nothing else; figures of the paper are grey, ours blue, losses orange.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vspwlib.checks import require
from vspwlib.ensemble.result import PAPER_TAUS, SweepResult
from vspwlib.metrics.similarity import BINS, PairSimilarity
from vspwlib.report.figures import BLUE, GREY, ORANGE, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]

WIDTH = 8.0  # inches

_LEAST = 0.05  # points of IoU: a bar that cannot be seen


def effects_plot(rows: Rows) -> "Figure":
    """Draw what each row gains over the table's first: the paper's gain beside ours, with the interval of ours.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.table_rows`.

    Raises:
        InputError: no row has a gain.
    """
    shown = [row for row in rows if row["effect"] is not None or row["paper_effect"] is not None]
    require(bool(shown), "effects", expected="a row with a gain over the first", got="none", fix="run the table.")
    figure, axes = _axes(0.42 * len(shown) + 1.1)
    axes.axvline(0, color=GREY, linewidth=0.8)
    for place, row in enumerate(shown):
        ends = [row["paper_effect"], row["effect"]]
        if None not in ends:
            axes.plot(ends, [place, place], color=GREY, linewidth=1, alpha=0.6, zorder=1)
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=BLUE, linewidth=5, alpha=0.25, zorder=2)
        for value, colour in zip(ends, (GREY, BLUE), strict=True):
            if value is not None:
                axes.plot(value, place, "o", color=colour, markersize=8, zorder=3)
    _name_rows(axes, [row["row"] for row in shown])
    axes.set_xlabel(f"points of mIoU over “{rows[0]['row']}”")
    handles = [axes.plot([], [], "o", color=colour)[0] for colour in (GREY, BLUE)]
    axes.legend(handles, ["the paper's", "this run's, with 95 % interval over videos"], **_ABOVE, ncols=2)
    return figure


def scores_plot(rows: Rows, values: Mapping[str, Sequence[float]] | None = None) -> "Figure":
    """Draw the mIoU of each row as a bar with the spread of its seeds; the paper's figure as a grey mark.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.table_rows`.
        values: mIoU in per cent of every seed by a row's title, drawn as dots.
    """
    figure, axes = _axes(0.42 * len(rows) + 1.1)
    for place, row in enumerate(rows):
        if row["mean"] is not None:
            axes.barh(place, row["mean"], color=BLUE, alpha=0.75, height=0.6, xerr=row["spread"], ecolor="#333333")
        for value in (values or {}).get(row["row"], ()):
            axes.plot(value, place, ".", color="#222222", markersize=5)
        if row["paper"] is not None:
            axes.plot([row["paper"]] * 2, [place - 0.32, place + 0.32], color=GREY, linewidth=3)
    _name_rows(axes, [row["row"] for row in rows])
    axes.set_xlabel("mIoU %")
    handles = [axes.plot([], [], color=colour, linewidth=width)[0] for colour, width in ((GREY, 3), (BLUE, 9))]
    axes.legend(handles, ["the paper, VSPW's test part", "this run, ± spread of seeds"], **_ABOVE, ncols=2)
    return figure


def tau_plot(curves: Mapping[str, SweepResult], paper: Mapping[float, float]) -> "Figure":
    """Draw mIoU over tau, exact, a curve a seed, and beside it the paper's eleven points on a scale of their own.

    Args:
        curves: Sweeps by name. The paper's eleven tau are dots, the best of all tau a star, and where it falls when
            videos are drawn anew a band.
        paper: Tau to printed mIoU in per cent; the two endpoints are drawn hollow, since their labels look swapped.
    """
    figure, (ours, theirs) = _panels(2, 3.6, widths=(3, 2))
    for (name, curve), colour in zip(curves.items(), SERIES, strict=False):
        scores = dict(zip(curve.taus, 100 * curve.miou, strict=True))
        ours.plot(list(scores), list(scores.values()), color=colour, linewidth=1.8, label=name)
        dots = [tau for tau in PAPER_TAUS if tau in scores]
        ours.plot(dots, [scores[tau] for tau in dots], ".", color=colour, markersize=7)
        ours.plot(curve.best_tau, 100 * curve.best_miou, "*", color=colour, markersize=14, markeredgecolor="white")
        if curve.intervals is not None and curve.intervals.tau.judged:
            ours.axvspan(curve.intervals.tau.low, curve.intervals.tau.high, color=colour, alpha=0.08, linewidth=0)
    ours.set(xlabel="τ, weight of the contrastive model", ylabel="mIoU %")
    ours.set_title("this run: exact, at every τ", loc="left", fontsize=10)
    ours.legend(frameon=False, fontsize=9)
    taus = sorted(paper)
    theirs.plot(taus[1:-1], [paper[tau] for tau in taus[1:-1]], "o-", color=GREY, label="as printed")
    for start, end in ((taus[0], taus[1]), (taus[-1], taus[-2])):
        theirs.plot([start, end], [paper[start], paper[end]], ":", color=GREY)
    swapped = {taus[0]: paper[taus[-1]], taus[-1]: paper[taus[0]]}
    theirs.plot(taus[:1] + taus[-1:], [paper[taus[0]], paper[taus[-1]]], "o", mfc="none", color=GREY)
    theirs.plot(list(swapped), list(swapped.values()), "x", color=ORANGE, label="endpoints exchanged")
    theirs.set(xlabel="τ")
    theirs.set_title("the paper, VSPW Test2", loc="left", fontsize=10)
    theirs.legend(frameon=False, fontsize=9, loc="lower center")
    return figure


def class_effects_plot(rows: Rows, *, first: str, second: str, limit: int = 12) -> "Figure":
    """Draw the classes that gained and that lost most; those that did neither are left out.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.class_effect_rows`.
        first: What the second is compared with.
        second: Whose gains point to the right.
        limit: Classes at either end.
    """
    moved = [row for row in rows if abs(row["difference"]) >= _LEAST]
    shown = moved if len(moved) <= 2 * limit else [*moved[:limit], *moved[-limit:]]
    figure, axes = _axes(0.23 * len(shown) + 1.0)
    gains = [row["difference"] for row in shown]
    axes.barh(range(len(shown)), gains, color=[BLUE if gain > 0 else ORANGE for gain in gains], height=0.7)
    axes.axvline(0, color=GREY, linewidth=0.8)
    _name_rows(axes, [row["class"] for row in shown], size=8)
    axes.set_xlabel(f"points of IoU: ← {first} better · {second} better →")
    return figure


def frequency_plot(rows: Rows, *, first: str, second: str) -> "Figure":
    """Draw the IoU of each class against how frequent it is, before and after.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.class_effect_rows`.
        first: Name of what ``iou_other`` is of.
        second: Name of what ``iou`` is of.
    """
    figure, axes = _axes(3.4)
    for row in rows:
        axes.plot([row["share"]] * 2, [row["iou_other"], row["iou"]], color=GREY, linewidth=0.8, alpha=0.6, zorder=1)
    for name, key, colour in ((first, "iou_other", GREY), (second, "iou", BLUE)):
        axes.plot([row["share"] for row in rows], [row[key] for row in rows], "o", ms=4, color=colour, label=name)
    axes.set(xscale="log", xlabel="share of the labelled pixels, %", ylabel="IoU %")
    axes.legend(frameon=False, fontsize=9)
    return figure


def similarity_plot(similarities: Mapping[str, PairSimilarity]) -> "Figure":
    """Draw how alike patches of one class and of different classes are, a panel a run.

    Args:
        similarities: By name of the run, from :mod:`vspwlib.metrics.similarity`.
    """
    figure, panels = _panels(len(similarities), 2.9)
    edges = [-1 + 2 * place / BINS for place in range(BINS + 1)]
    for axes, (name, found) in zip(panels, similarities.items(), strict=True):
        for sums, colour, said in ((found.positive, BLUE, "same class"), (found.negative, ORANGE, "different classes")):
            density = sums.histogram / max(1, sums.histogram.sum()) * BINS / 2
            axes.stairs(density, edges, color=colour, fill=True, alpha=0.35, label=said)
            axes.axvline(sums.mean, color=colour, linewidth=1.5)
        axes.set_title(name, loc="left", fontsize=10)
        axes.set(xlabel="cosine similarity", xlim=(-1, 1), xticks=[-1, -0.5, 0, 0.5, 1], yticks=[])
    panels[0].legend(frameon=False, fontsize=9)
    return figure


_ABOVE: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "frameon": False, "fontsize": 9}


def _axes(height: float) -> "tuple[Figure, Axes]":
    figure, (axes,) = _panels(1, height)
    return figure, axes


def _panels(number: int, height: float, *, widths: Sequence[float] | None = None) -> "tuple[Figure, list[Axes]]":
    """Make a figure that no notebook state knows of, so that it is shown once, where it is returned."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    panels = figure.subplots(1, number, squeeze=False, width_ratios=widths)[0]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(panels)


def _name_rows(axes: "Axes", names: Sequence[str], size: float = 9) -> None:
    """Put names beside rows, the first on top."""
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
