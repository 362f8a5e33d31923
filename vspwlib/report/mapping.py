"""What a label mapping does, as rows for tables and as a figure: pure functions, nothing is read or written.

Pixels are int64 arrays (256,), counted over masks by source value; without them rows tell of classes alone. Values
that a mapping does not name count as void here and are told apart in the summary.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape
from vspwlib.labels import CLASS_NAMES, VOID, palette
from vspwlib.labels.mapping import KINDS, VOID_NAME, LabelMapping, MappingRow
from vspwlib.labels.sources import SourceSet
from vspwlib.report.figures import BLUE, GREY, ORANGE, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Pixels = NDArray[np.int64]
Rows = list[dict[str, Any]]

LINKS = {**dict.fromkeys(("exact", "synonym", "narrower"), BLUE), **dict.fromkeys(("broader", "approximate"), ORANGE)}
"""Colours of the figure's links by kind: blue holds by definition, orange in part; void is grey."""

_LINE = 24  # pixels of height for a node with its name


def mapping_summary(mapping: LabelMapping, facts: SourceSet, pixels: Pixels | None = None) -> dict[str, Any]:
    """Say in figures what a mapping does.

    Args:
        mapping: The mapping.
        facts: The data set it is for; what stands for "no label" and what is never drawn are no classes.
        pixels: Pixels by source value.

    Returns:
        ``classes`` that masks can hold and how many are ``mapped``, both also in ``kinds`` by kind; ``gaining`` and
        ``never``, the names of VSPW's classes; with pixels ``pixels`` in all, and those ``valid`` (given a class),
        ``void`` (a class without counterpart), ``unlabelled`` and ``unknown`` (not named), which add up to them.

    Raises:
        InputError: when the pixels are not (256,).

    >>> from vspwlib.labels.mapping import load_mapping
    >>> from vspwlib.labels.sources import SOURCE_SETS
    >>> summary = mapping_summary(load_mapping("camvid"), SOURCE_SETS["camvid"])
    >>> summary["mapped"], summary["classes"], len(summary["never"])
    (11, 11, 113)
    """
    rows = [row for row in mapping.rows if row.source_value not in {facts.unlabelled, *facts.never}]
    kinds = Counter(row.kind for row in rows)
    targets = {row.target for row in rows}
    summary: dict[str, Any] = {
        "classes": len(rows),
        "mapped": sum(row.target != VOID for row in rows),
        "kinds": {kind: kinds[kind] for kind in KINDS},
        "gaining": [name for number, name in enumerate(CLASS_NAMES) if number in targets],
        "never": [name for number, name in enumerate(CLASS_NAMES) if number not in targets],
    }
    if pixels is not None:
        _check_pixels(pixels)
        valid = mapping.lookup != VOID
        empty = np.arange(256) == facts.unlabelled
        summary |= {
            "pixels": int(pixels.sum()),
            "valid": int(pixels[valid].sum()),
            "void": int(pixels[~valid & mapping.known & ~empty].sum()),
            "unlabelled": int(pixels[~valid & empty].sum()),
            "unknown": int(pixels[~mapping.known & ~empty].sum()),
        }
    return summary


def source_rows(mapping: LabelMapping, pixels: Pixels | None = None) -> Rows:
    """Return one row a value of the source, in the order of the table.

    Args:
        mapping: The mapping.
        pixels: Pixels by source value.

    Returns:
        Rows of ``value``, ``source``, ``vspw``, ``kind`` and ``reason``; with pixels also ``pixels`` and ``share`` (0
        to 1 of all pixels).
    """
    rows = []
    for row in mapping.rows:
        cells = {"value": row.source_value, "source": row.source_name, "vspw": row.vspw_name, "kind": row.kind}
        rows.append({**cells, "reason": row.reason, **_counted(pixels, [row.source_value])})
    return rows


def target_rows(mapping: LabelMapping, pixels: Pixels | None = None) -> Rows:
    """Return one row for each of VSPW's 124 classes: where it gains from.

    Args:
        mapping: The mapping.
        pixels: Pixels by source value.

    Returns:
        Rows of ``id``, ``vspw`` and ``sources``, the names of source classes, those with most pixels first; with
        pixels also ``pixels`` and ``share`` (0 to 1 of all pixels).
    """
    by_target = _by_target(mapping)
    rows = []
    for number, name in enumerate(CLASS_NAMES):
        sources = by_target.get(number, [])
        if pixels is not None:
            sources = sorted(sources, key=lambda row: -int(pixels[row.source_value]))
        values = [row.source_value for row in sources]
        cells = {"id": number, "vspw": name, "sources": [row.source_name for row in sources]}
        rows.append({**cells, **_counted(pixels, values)})
    return rows


def difference_rows(first: LabelMapping, second: LabelMapping, pixels: Pixels | None = None) -> Rows:
    """Return the source values that two mappings take elsewhere, those with most pixels first.

    Args:
        first: The mapping that is in use.
        second: The one to compare it with.
        pixels: Pixels by source value.

    Returns:
        Rows of ``value``, ``source``, ``first`` and ``second`` (names of VSPW's classes, ``void``, or None where a
        mapping does not name the value), ``first_kind``, ``second_kind``; with pixels ``pixels`` and ``share``.
    """
    one, other = ({row.source_value: row for row in mapping.rows} for mapping in (first, second))
    rows = []
    for value in sorted(one.keys() | other.keys()):
        a, b = one.get(value), other.get(value)
        if a is not None and b is not None and a.target == b.target:
            continue
        cells = {
            "value": value,
            "source": next(row.source_name for row in (a, b) if row is not None),
            "first": a and a.vspw_name,
            "second": b and b.vspw_name,
            "first_kind": a and a.kind,
            "second_kind": b and b.kind,
        }
        rows.append({**cells, **_counted(pixels, [value])})
    return sorted(rows, key=lambda row: -row.get("pixels", 0))


def change_rows(first: LabelMapping, second: LabelMapping, pixels: Pixels | None = None) -> Rows:
    """Return the VSPW classes that gain or lose when the second mapping takes the place of the first.

    Args:
        first: The mapping that is in use.
        second: The one to compare it with.
        pixels: Pixels by source value.

    Returns:
        Rows of ``vspw`` (void last), ``gained`` and ``lost`` (names of source classes); with pixels ``first_pixels``,
        ``second_pixels`` and their ``difference``.
    """
    one, other = _by_target(first), _by_target(second)
    rows = []
    for number, name in [*enumerate(CLASS_NAMES), (VOID, VOID_NAME)]:
        before = {row.source_value: row.source_name for row in one.get(number, [])}
        after = {row.source_value: row.source_name for row in other.get(number, [])}
        if before.keys() == after.keys():
            continue
        gained = [name for value, name in after.items() if value not in before]
        lost = [name for value, name in before.items() if value not in after]
        cells: dict[str, Any] = {"vspw": name, "gained": gained, "lost": lost}
        if pixels is not None:
            counts = [int(pixels[list(values)].sum()) for values in (before, after)]
            cells |= {"first_pixels": counts[0], "second_pixels": counts[1], "difference": counts[1] - counts[0]}
        rows.append(cells)
    return rows


def mapping_figure(rows: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw where source classes go: names of the source on the left, VSPW's classes and void on the right.

    Args:
        rows: From :func:`source_rows`. Where they carry pixels, links are as wide as the pixels are many and classes
            without any are left out; otherwise each class counts one.

    Returns:
        A Sankey diagram. Blue links hold by definition, orange ones in part, grey ones end in void.
    """
    import plotly.graph_objects as go

    drawn = [row for row in rows if row.get("pixels", 1)]
    unit = "pixels" if any("pixels" in row for row in rows) else "classes"
    targets = [name for name in (*CLASS_NAMES, VOID_NAME) if any(row["vspw"] == name for row in drawn)]
    drawn = sorted(drawn, key=lambda row: targets.index(row["vspw"]))  # so that links of one class lie together
    place = {name: len(drawn) + index for index, name in enumerate(targets)}
    colours = dict(zip((*CLASS_NAMES, VOID_NAME), [*palette()[: len(CLASS_NAMES)], palette()[VOID]], strict=True))
    nodes = [colours[name] for name in (*(row["vspw"] for row in drawn), *targets)]
    figure = go.Figure()
    figure.add_sankey(
        node={
            "label": [*(row["source"] for row in drawn), *targets],
            "color": [f"rgb({red},{green},{blue})" for red, green, blue in nodes],
            "pad": 14,
            "thickness": 12,
            "line": {"width": 0},
            "hovertemplate": "%{label}: %{value:,} " + unit + "<extra></extra>",
        },
        link={
            "source": list(range(len(drawn))),
            "target": [place[row["vspw"]] for row in drawn],
            "value": [row.get("pixels", 1) for row in drawn],
            "color": [faint(LINKS.get(row["kind"], GREY)) for row in drawn],
            "customdata": [f"{row['kind']}: {row['reason']}" for row in drawn],
            "hovertemplate": "%{source.label} → %{target.label}, %{value:,} "
            + unit
            + "<br>%{customdata}<extra></extra>",
        },
    )
    return plain(figure, height=max(240, _LINE * max(len(drawn), len(targets)) + 40), legend=False)


def _by_target(mapping: LabelMapping) -> dict[int, list[MappingRow]]:
    """Return the rows by where they go."""
    found: dict[int, list[MappingRow]] = {}
    for row in mapping.rows:
        found.setdefault(row.target, []).append(row)
    return found


def _counted(pixels: Pixels | None, values: list[int]) -> dict[str, Any]:
    """Return the cells ``pixels`` and ``share`` of some source values, or none at all."""
    if pixels is None:
        return {}
    _check_pixels(pixels)
    count, whole = int(pixels[values].sum()), int(pixels.sum())
    return {"pixels": count, "share": count / whole if whole else 0.0}


def _check_pixels(pixels: Pixels) -> None:
    check_shape("pixels by source value", pixels.shape, (256,))


def faint(colour: str) -> str:
    """Return a colour that lets others through.

    >>> faint("#3b82f6")
    'rgba(59,130,246,0.4)'
    """
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgba({red},{green},{blue},0.4)"
