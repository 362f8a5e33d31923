"""Label mapping: what labels of other data sets become in VSPW's classes, which images that keeps, and changing it."""

from typing import Any

import streamlit as st

from vspwlib.config import MixConfig
from vspwlib.data.still_filter import check_denominator
from vspwlib.data.stills import STILL_SETS
from vspwlib.labels import GROUPS
from vspwlib.labels.mapping import VOID_NAME, LabelMapping
from vspwlib.labels.sources import SOURCE_SETS, SourceSet
from vspwlib.pipeline.filtering import CountedStills, counted_stills
from vspwlib.pipeline.mapping_files import own_mappings
from vspwlib.report.mapping import Pixels, mapping_summary, source_rows
from vspwlib.report.mapping_flow import flow_figure, flow_rows, group_of, ratio_figure
from workbench import data, mapping_data
from workbench.controls import pick
from workbench.exporting import offer_csv
from workbench.mapping_edit import edited, show_editor
from workbench.mapping_samples import show_samples
from workbench.notices import guard, show_error
from workbench.panes import percent, table_height

CLASSES, FLOW, KEPT, SAMPLES, CHANGE = PARTS = ("Classes", "Flow", "Kept images", "Before and after", "Change")
DENOMINATORS = ("all", "labelled")
SINGLY = 30  # source classes that the figure draws singly at first


def show_tiles(table: LabelMapping, facts: SourceSet, pixels: Pixels | None) -> None:
    """Draw what a mapping amounts to."""
    summary = mapping_summary(table, facts, pixels)
    gaining = len(summary["gaining"])
    tiles = {
        "Source classes mapped": f"{summary['mapped']} of {summary['classes']}",
        "VSPW classes that gain": f"{gaining} of {gaining + len(summary['never'])}",
    }
    if pixels is not None:
        whole = max(summary["pixels"], 1)
        tiles |= {
            "Valid pixels": percent(summary["valid"] / whole),
            "Void by the mapping": percent(summary["void"] / whole),
            "Without a label": percent(summary["unlabelled"] / whole),
        }
    with st.container(horizontal=True):
        for name, value in tiles.items():
            st.metric(name, value, border=True, width="content")


def show_classes(rows: list[dict[str, Any]], name: str) -> None:
    """Draw the mapping as a table that can be sorted and searched."""
    search, choose = st.columns([1, 2], vertical_alignment="bottom")
    find = search.text_input("Find", key="find", bind="query-params", placeholder="in names and reasons").lower()
    groups = [group for group in (*GROUPS, VOID_NAME) if any(group_of(row["vspw"]) == group for row in rows)]
    chosen = choose.multiselect("VSPW's groups", groups, key="to", bind="query-params", placeholder="all")
    shown = [
        {**row, "group": group_of(row["vspw"]), **({"share": 100 * row["share"]} if "share" in row else {})}
        for row in rows
        if any(find in row[key].lower() for key in ("source", "vspw", "reason"))
    ]
    shown = [row for row in shown if not chosen or row["group"] in chosen]
    if not shown:
        st.info("No row fits: clear what to find, or the groups.", icon=":material/search_off:")
        return
    said = f":gray[{len(shown)} of {len(rows)} rows.]"
    counted = ["pixels", "share"] if "pixels" in rows[0] else []
    order = ["value", "source", "vspw", "group", "kind", *counted, "reason"]
    offer_csv(said, shown, order, f"mapping-{name}", "These rows.")
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    st.dataframe(
        shown,
        hide_index=True,
        height=table_height(len(shown), most=420),
        column_order=order,
        column_config={
            "value": number(width=60, help="As in the mask files."),
            "source": text("source class", width=140),
            "vspw": text("VSPW class", width=190),
            "group": text(width=90),
            "kind": text(width=100, help="How the source's class relates to VSPW's."),
            "pixels": number(format="localized", width=100),
            "share": number("share %", format="%.2f", width=75, help="Share of all counted pixels."),
            "reason": text("why", width="large"),
        },
    )


def show_flow(rows: list[dict[str, Any]], facts: SourceSet) -> None:
    """Draw where source classes go."""
    labelled = [row for row in rows if row["value"] not in {facts.unlabelled, *facts.never}]
    weighted = any(row.get("pixels") for row in labelled)
    if not weighted:
        labelled = [{key: value for key, value in row.items() if key != "pixels"} for row in labelled]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        ends = st.segmented_control(
            "Ends in", ["groups", "classes"], default="groups", required=True, key="ends", bind="query-params"
        )
    with right:
        singly = st.slider("Source classes drawn singly", 5, 60, SINGLY, step=5, key="singly", bind="query-params")
    links = flow_rows(labelled, singly=singly, groups=ends == "groups")
    st.plotly_chart(flow_figure(links, unit="pixels" if weighted else "classes"), config={"displaylogo": False})
    first = "those with most pixels" if weighted else "those whose kind leaves most doubt"
    weight = "as wide as the pixels are many" if weighted else "one wide a class, as no pixels are counted"
    folded = sum(link["classes"] for link in links if link["reason"] == "folded")
    rest = f" Drawn singly: {first}; {folded} classes are folded into others." if folded else ""
    without = " Pixels without a label and classes without pixels are left out." if weighted else ""
    st.caption(
        f"Links are {weight}.{rest} Blue holds by definition, orange in part, grey is void or holds several kinds."
        f"{without}"
    )


def show_kept(ratios: list[float], images: int, threshold: float) -> None:
    """Draw how many images have which share of valid pixels."""
    st.plotly_chart(ratio_figure(ratios, threshold), config={"displaylogo": False})
    unusable = images - len(ratios)
    st.caption(
        "An image is kept when more than this share of its pixels gets one of VSPW's classes; the paper keeps above "
        f"80 %.{f' {unusable} images cannot be used: `vspw map filter` names them.' if unusable else ''}"
    )


def no_counts(dataset: str) -> None:
    """Say that no image of a set has been counted, and how to do it."""
    if dataset not in STILL_SETS:
        st.info(f"{SOURCE_SETS[dataset].title} holds videos: its images are not filtered.", icon=":material/movie:")
        st.code(f"vspw map report --dataset {dataset} --root PATH", language="bash")
        return
    st.info("The workspace has no pixel counts of this data set yet. This makes them:", icon=":material/inbox:")
    st.code(f"vspw map filter --dataset {dataset} --root PATH", language="bash")


def show_images(part: str, counted: CountedStills, table: LabelMapping) -> None:
    """Draw which images are kept, or some of them."""
    left, middle, right = st.columns([2, 5, 2], vertical_alignment="bottom")
    with left:
        share = st.segmented_control(
            "Valid pixels as a share of", DENOMINATORS, default="all", required=True, key="of", bind="query-params"
        )
    usual = round(100 * MixConfig.threshold)
    with middle:
        percentage = st.slider("Threshold, % valid pixels", 0, 100, usual, key="threshold", bind="query-params")
    ratios = mapping_data.ratios(counted, table, check_denominator(share))
    images, threshold = len(mapping_data.records(counted)), percentage / 100
    kept = sum(ratio > threshold for ratio in ratios.values())
    right.metric("Images kept", f"{kept:,} of {images:,}")
    if part == KEPT:
        show_kept(list(ratios.values()), images, threshold)
    else:
        show_samples(counted, table, ratios, threshold)


def show(base: LabelMapping, dataset: str, counted: CountedStills | None) -> None:
    """Draw a mapping with what this session has changed in it."""
    table, facts = edited(base, dataset), SOURCE_SETS[dataset]
    pixels = mapping_data.pixels(counted) if counted else None
    show_tiles(table, facts, pixels)
    part = st.segmented_control(
        "Part", PARTS, default=CLASSES, required=True, key="part", bind="query-params", label_visibility="collapsed"
    )
    if part in (KEPT, SAMPLES):
        if counted is None:
            no_counts(dataset)
        else:
            show_images(part, counted, table)
    elif part == CHANGE:
        show_editor(base, dataset, place, pixels)
    elif part == FLOW:
        show_flow(source_rows(table, pixels), facts)
    else:
        show_classes(source_rows(table, pixels), dataset)


place = data.workspace()
columns = st.columns(3, vertical_alignment="bottom")
with columns[0]:
    dataset = pick("Data set", list(SOURCE_SETS), "set")
own, errors = own_mappings(place, dataset)
with columns[1]:
    name = pick("Mapping", [dataset, *own], "mapping")
with columns[2], guard():
    sets = {item.folder.name: item for item in counted_stills(place, dataset)}
    counted = sets[pick("Counted images", list(sets), "counts")] if sets else None
for error in errors:
    show_error(error)
with guard():
    show(mapping_data.mapping(own.get(name, name), dataset), dataset, counted)
