"""Plotly figures drawn from rows of :mod:`vspwlib.report.tables`: pure functions, nothing is read or written.

Colours are of middle lightness, so that they stand on a light page and on a dark one. Blue is the first run or a gain,
orange the second run or a loss; red against green is never asked of the eye.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vspwlib.ensemble.result import PAPER_TAUS

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Rows = Sequence[Mapping[str, Any]]

BLUE, ORANGE, GREY = "#3b82f6", "#ee8833", "#8a8f98"
SERIES = (BLUE, ORANGE, "#12a182", "#c05fc4", "#c9a10a", "#e0556f", "#5fa8d3", GREY)
"""Colours of series, in the order in which they are handed out."""


def tau_figure(
    rows: Rows,
    *,
    first: str = "P1",
    second: str = "P2",
    current: float | None = None,
    upper_bound: bool = True,
    likely: tuple[float, float] | None = None,
    score: str = "mIoU",
) -> "Figure":
    """Draw mIoU over tau, the weight of the first run.

    Args:
        rows: From :func:`~vspwlib.report.tables.sweep_rows` or, of one class, ``class_sweep_rows``.
        first: Name of the run that is alone at tau = 1.
        second: Name of the run that is alone at tau = 0.
        current: Tau to mark as chosen.
        upper_bound: Whether the best tau was picked on the split it is scored on; its label says so.
        likely: Ends of the interval in which the best tau falls when videos are drawn anew; shaded.
        score: What the rows hold, as the axis names it.

    Returns:
        The curve in per cent with its best point, the chosen point and the vote as a dotted line.
    """
    import plotly.graph_objects as go

    curve = [(row["tau"], 100 * row["miou"]) for row in rows if row["method"] == "τ"]
    taus, scores = zip(*curve, strict=True)
    figure = go.Figure()
    hover = "τ %{x:g}: %{y:.2f}<extra></extra>"
    if likely is not None:
        figure.add_vrect(*likely, fillcolor=ORANGE, opacity=0.12, line_width=0, layer="below")
    line = {"color": BLUE, "width": 2.5}
    figure.add_scatter(x=taus, y=scores, mode="lines", name=f"{score}(τ), exact", hovertemplate=hover, line=line)
    points = [point for point in curve if point[0] in PAPER_TAUS]
    across, up = zip(*points, strict=True) if points else ((), ())
    dots = {"size": 8, "color": BLUE}
    figure.add_scatter(x=across, y=up, mode="markers", name="the paper's τ", hovertemplate=hover, marker=dots)
    best_tau, best = next((row["tau"], 100 * row["miou"]) for row in rows if row["method"] == "best")
    label = f"best: τ = {best_tau:g}, {best:.2f}" + (" (upper bound)" if upper_bound else "")
    marker = {"symbol": "star", "size": 17, "color": ORANGE, "line": {"color": "white", "width": 1}}
    figure.add_scatter(x=[best_tau], y=[best], mode="markers", name=label, marker=marker, hovertemplate=hover)
    if current is not None:
        figure.add_vline(x=current, line={"color": GREY, "width": 1.5, "dash": "dash"})
        ring = {"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 3}}
        there = [point[1] for point in (*curve, (best_tau, best)) if point[0] == current][:1]
        name = f"chosen: τ = {current:g}" + (f", {there[0]:.2f}" if there else "")
        figure.add_scatter(x=[current] * len(there), y=there, mode="markers", name=name, marker=ring, hoverinfo="skip")
    vote = next((100 * row["miou"] for row in rows if row["method"] == "vote"), None)
    if vote is not None:
        dotted = {"color": GREY, "width": 1.5, "dash": "dot"}
        ends = {"x": [min(taus), max(taus)], "y": [vote, vote]}
        figure.add_scatter(**ends, mode="lines", name=f"majority vote: {vote:.2f}", line=dotted, hoverinfo="skip")
    runs = f"τ<br>0: {second} alone · 1: {first} alone"
    figure.update_xaxes(title={"text": runs, "font": {"size": 12}}, range=[-0.03, 1.03], dtick=0.1)
    figure.update_yaxes(title=f"{score} %")
    return plain(figure, height=380)


def paper_figure(points: Mapping[float, float]) -> "Figure":
    """Draw the paper's curve of Table 4, small and apart: other data and other networks than a run's.

    Args:
        points: Tau to mIoU in per cent, as :data:`~vspwlib.report.tables.PAPER_TABLE4`.

    Returns:
        The curve, its endpoints hollow since their labels look swapped.
    """
    import plotly.graph_objects as go

    taus = sorted(points)
    symbols = ["circle-open" if tau in (taus[0], taus[-1]) else "circle" for tau in taus]
    figure = go.Figure()
    figure.add_scatter(
        x=taus,
        y=[points[tau] for tau in taus],
        mode="lines+markers",
        line={"color": GREY, "width": 2},
        marker={"symbol": symbols, "size": 8},
        hovertemplate="τ %{x:g}: %{y:.2f}<extra></extra>",
    )
    figure.update_xaxes(title="τ, weight of the contrastive model", range=[-0.03, 1.03], dtick=0.1)
    figure.update_yaxes(title="mIoU %")
    return plain(figure, height=260, legend=False)


def training_figure(rows: Rows) -> "Figure":
    """Draw training curves side by side, one panel a quantity, one colour a run.

    Args:
        rows: From :func:`~vspwlib.report.tables.curve_rows`, of any number of runs.

    Returns:
        Panels for those of loss, lr and validation mIoU (in per cent) that occur.
    """
    from plotly.subplots import make_subplots

    occurring = {row["curve"] for row in rows}
    curves = [curve for curve in ("loss", "lr", "val mIoU") if curve in occurring]
    runs = list(dict.fromkeys(row["run"] for row in rows))
    titles = ["val mIoU %" if curve == "val mIoU" else curve for curve in curves]
    figure = make_subplots(1, max(len(curves), 1), subplot_titles=titles, horizontal_spacing=0.07)
    for column, curve in enumerate(curves, start=1):
        for index, run in enumerate(runs):
            points = [row for row in rows if row["curve"] == curve and row["run"] == run]
            scale = 100 if curve == "val mIoU" else 1
            figure.add_scatter(
                x=[row["step"] for row in points],
                y=[scale * row["value"] for row in points],
                name=run,
                legendgroup=run,
                showlegend=column == 1,
                mode="lines+markers" if len(points) < 10 else "lines",
                line={"color": SERIES[index % len(SERIES)], "width": 2},
                row=1,
                col=column,
            )
        if curve == "lr":
            figure.update_yaxes(tickformat=".1~e", col=column)
    figure.update_xaxes(title="iteration", matches="x", rangemode="tozero")
    return plain(figure, height=320)


def class_difference_figure(rows: Rows, *, first: str, second: str, limit: int = 30) -> "Figure":
    """Draw by how much two runs differ on each class, largest gain of the first run on top.

    Args:
        rows: From :func:`~vspwlib.report.tables.class_rows` of two runs.
        first: Name of the run whose gains point to the right, in blue.
        second: Name of the run whose gains point to the left, in orange.
        limit: Number of classes; those with the largest absolute difference are kept.

    Returns:
        Horizontal bars in points of IoU (per cent).
    """
    import plotly.graph_objects as go

    differing = [row for row in rows if row["difference"]]
    kept = sorted(differing, key=lambda row: -abs(row["difference"]))[:limit]
    bars = sorted(kept, key=lambda row: row["difference"])
    values = [100 * row["difference"] for row in bars]
    texts = [f"{100 * row['iou']:.1f} against {100 * row['iou_other']:.1f}" for row in bars]
    figure = go.Figure()
    figure.add_bar(
        x=values,
        y=[row["class"] for row in bars],
        orientation="h",
        marker={"color": [BLUE if value > 0 else ORANGE for value in values]},
        customdata=texts,
        hovertemplate="%{y}: %{x:+.2f} (%{customdata})<extra></extra>",
    )
    figure.update_xaxes(title=f"points of IoU: ← {second} better · {first} better →", zeroline=True, zerolinecolor=GREY)
    figure.update_yaxes(dtick=1)
    return plain(figure, height=max(220, 110 + 20 * len(bars)), legend=False)


def effects_figure(rows: Rows) -> "Figure":
    """Draw what each row of a table gains over its first: the paper's gain, ours, and the interval of ours.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.table_rows`; points.

    Returns:
        Dots on a line a row, grey for the paper's; without a row that gains anything, an empty figure.
    """
    import plotly.graph_objects as go

    shown = [row for row in rows if row["effect"] is not None or row["paper_effect"] is not None]
    figure = go.Figure()
    names = [row["row"] for row in shown]
    for row in shown:
        if row["low"] is not None:
            band = {"color": BLUE, "width": 8}
            ends = {"x": [row["low"], row["high"]], "y": [row["row"]] * 2}
            figure.add_scatter(**ends, mode="lines", line=band, opacity=0.3, showlegend=False, hoverinfo="skip")
    ours = "this run's" + ", 95 % over videos" * any(row["low"] is not None for row in shown)
    for name, key, colour in (("the paper's", "paper_effect", GREY), (ours, "effect", BLUE)):
        figure.add_scatter(
            x=[row[key] for row in shown],
            y=names,
            mode="markers",
            name=name,
            marker={"size": 12, "color": colour},
            hovertemplate="%{y}: %{x:+.2f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": GREY, "width": 1})
    over = f"points of mIoU over “{rows[0]['row']}”" if rows else ""
    keys = ("paper_effect", "effect", "low", "high")
    drawn = [0.0, *(float(row[key]) for row in shown for key in keys if row[key] is not None)]
    low, high = min(drawn), max(drawn)
    margin = 0.04 * (high - low) or 1
    figure.update_xaxes(title=over, range=[low - margin, high + margin])
    figure.update_yaxes(categoryorder="array", categoryarray=names[::-1])
    return plain(figure, height=130 + 34 * len(shown))


def plain(figure: "Figure", *, height: int, legend: bool = True) -> "Figure":
    """Give a figure the house margins, a legend above the plot, and no more."""
    place = {"orientation": "h", "yanchor": "bottom", "y": 1.08, "x": 0}
    margin = {"l": 10, "r": 10, "t": 60 if legend else 20, "b": 10}
    figure.update_layout(height=height, margin=margin, legend=place, showlegend=legend)
    return figure
