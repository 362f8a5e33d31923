"""Where source classes go, small enough to read: few of them singly, the rest folded; and what a threshold keeps.

Pure functions on the rows of :func:`vspwlib.report.mapping.source_rows` and on valid-pixel ratios.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vspwlib.checks import check_range
from vspwlib.labels import CLASSES, GROUPS
from vspwlib.labels.mapping import VOID_NAME
from vspwlib.report.figures import BLUE, GREY, ORANGE, SERIES, plain
from vspwlib.report.mapping import LINKS, faint

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Rows = list[dict[str, Any]]

OTHER = "other"
BINS = 20

_GROUP = {item.name: item.group for item in CLASSES} | {VOID_NAME: VOID_NAME}
_DOUBT = ("approximate", "broader", "narrower", "synonym", "exact", "none")  # what is worth a look comes first
_LINE, _LEAST = 22, 320  # pixels of height: of a node with its name, of the whole figure


def group_of(vspw_name: str) -> str:
    """Return the group of a class of VSPW; void is its own.

    >>> group_of("tree"), group_of("void")
    ('nature', 'void')
    """
    return _GROUP[vspw_name]


def flow_rows(rows: Sequence[Mapping[str, Any]], *, singly: int, groups: bool = True) -> Rows:
    """Fold the rows of a mapping into few links.

    Args:
        rows: From :func:`~vspwlib.report.mapping.source_rows`; with pixels links are as heavy as these are many, and
            classes without any are left out. Without, each class weighs one.
        singly: Source classes that get a link of their own: those with most pixels, else those whose kind leaves most
            doubt. The rest is folded by where it goes.
        groups: Links end in VSPW's groups, else in its classes; then classes that none of the single links reaches are
            folded into ``other``.

    Returns:
        Rows of ``source``, ``target``, ``weight``, ``classes`` (number of source classes), ``kind`` (None where a link
        holds several) and ``reason``, single ones first.

    Raises:
        InputError: less than one class is to stand singly.
    """
    check_range("classes that stand singly", singly, 1)
    drawn = [row for row in rows if row.get("pixels", 1)]
    counted = any("pixels" in row for row in drawn)
    drawn.sort(key=lambda row: -row["pixels"] if counted else _DOUBT.index(row["kind"]))
    alone, rest = drawn[:singly], drawn[singly:]
    reached = {row["vspw"] for row in alone}
    links = [
        {
            "source": row["source"],
            "target": group_of(row["vspw"]) if groups else row["vspw"],
            "weight": row.get("pixels", 1),
            "classes": 1,
            "kind": row["kind"],
            "reason": row["reason"],
        }
        for row in alone
    ]
    folded: dict[str, dict[str, Any]] = {}
    for row in rest:
        near = row["vspw"] if row["vspw"] in reached or row["vspw"] == VOID_NAME else OTHER
        target = group_of(row["vspw"]) if groups else near
        link = folded.setdefault(target, {"source": f"{len(rest)} others", "target": target, "weight": 0, "classes": 0})
        link["weight"] += row.get("pixels", 1)
        link["classes"] += 1
        kinds = {row["kind"], link.get("kind", row["kind"])}
        link |= {"kind": row["kind"] if len(kinds) == 1 else None, "reason": "folded"}
    return [*links, *folded.values()]


def flow_figure(links: Sequence[Mapping[str, Any]], *, unit: str) -> "Figure":
    """Draw links as a Sankey diagram.

    Args:
        links: From :func:`flow_rows`, at least one.
        unit: What the weights count, ``pixels`` or ``classes``.

    Returns:
        The figure. Blue links hold by definition, orange ones in part; grey ones are void or hold several kinds.
    """
    import plotly.graph_objects as go

    order = [*GROUPS, *(item.name for item in CLASSES), OTHER, VOID_NAME]
    present = {link["target"] for link in links}
    targets = [name for name in dict.fromkeys(order) if name in present]
    links = sorted(links, key=lambda link: targets.index(link["target"]))  # so that links of one target lie together
    sources = list(dict.fromkeys(link["source"] for link in links))
    groups = {name: GROUPS.index(_GROUP.get(name, name)) for name in targets if _GROUP.get(name, name) in GROUPS}
    shades = [SERIES[groups[name] % (len(SERIES) - 1)] if name in groups else GREY for name in targets]
    figure = go.Figure()
    figure.add_sankey(
        node={
            "label": [*sources, *targets],
            "color": [*[GREY] * len(sources), *shades],
            "pad": 10,
            "thickness": 12,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:,} " + unit + "<extra></extra>",
        },
        link={
            "source": [sources.index(link["source"]) for link in links],
            "target": [len(sources) + targets.index(link["target"]) for link in links],
            "value": [link["weight"] for link in links],
            "color": [faint(LINKS.get(link["kind"] or "", GREY)) for link in links],
            "customdata": [_described(link) for link in links],
            "hovertemplate": "%{source.label} → %{target.label}, %{value:,} "
            + unit
            + "<br>%{customdata}<extra></extra>",
        },
    )
    return plain(figure, height=max(_LEAST, _LINE * max(len(sources), len(targets)) + 40), legend=False)


def ratio_figure(ratios: Sequence[float], threshold: float) -> "Figure":
    """Draw how many images have which valid-pixel ratio, and which of them a threshold keeps.

    Args:
        ratios: One an image, 0 to 1.
        threshold: 0 to 1; images with a greater ratio are kept.

    Returns:
        A histogram of 20 bins: kept images blue, others orange.

    Raises:
        InputError: the threshold is outside 0..1.
    """
    import plotly.graph_objects as go

    check_range("threshold", threshold, 0, 1)
    edges = [step / BINS for step in range(BINS + 1)]  # numpy's own are off by a rounding
    values = np.asarray(ratios, np.float64)
    figure = go.Figure()
    for name, colour, part in (
        ("kept", BLUE, values[values > threshold]),
        ("not kept", ORANGE, values[values <= threshold]),
    ):
        bins = [f"{100 * low:.0f} to {100 * low + 5:.0f} %" for low in edges[:-1]]
        figure.add_bar(
            x=[100 * (low + 0.5 / BINS) for low in edges[:-1]],
            y=np.histogram(part, edges)[0].tolist(),
            width=100 / BINS - 0.4,
            name=name,
            marker_color=colour,
            customdata=bins,
            hovertemplate="%{customdata} valid: %{y:,} images " + name + "<extra></extra>",
        )
    figure.add_vline(x=100 * threshold, line_dash="dot", line_color=GREY)
    figure.update_layout(barmode="stack", bargap=0)
    figure.update_xaxes(title="valid pixels of an image, %", range=[0, 100])
    figure.update_yaxes(title="images")
    return plain(figure, height=360)


def _described(link: Mapping[str, Any]) -> str:
    if link["classes"] > 1 or link["kind"] is None or link["reason"] == "folded":
        return f"{link['classes']} source class{'es' * (link['classes'] != 1)}, folded"
    return f"{link['kind']}: {link['reason']}"
