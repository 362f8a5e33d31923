"""Images of a counted set, one by one: the labels they came with and what a mapping makes of them."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.labels import CLASS_NAMES, VOID, palette
from vspwlib.labels.mapping import LabelMapping
from vspwlib.labels.sources import SOURCE_SETS
from vspwlib.pipeline.filtering import CountedStills
from vspwlib.report.pictures import overlay
from workbench import mapping_data
from workbench.controls import pick, pick_frame
from workbench.mapping_data import Sample
from workbench.notices import guard, literal
from workbench.panes import Pane, draw_panes, percent, swatch, table_height

Ids = NDArray[np.uint8]

ANY = "any class"


@st.fragment
def show_samples(counted: CountedStills, table: LabelMapping, ratios: Mapping[str, float], threshold: float) -> None:
    """Draw one image of a set; scrubbing reruns only this."""
    with guard():
        if counted.root is None:
            st.info("Where the counted images lie is not known here (any more). Name their folder once:")
            st.code(f"vspw map filter --dataset {counted.name} --root PATH", language="bash")
            return
        names = {f"{row.source_value} · {row.source_name}": row.source_value for row in table.rows}
        left, right = st.columns([1, 3], vertical_alignment="bottom")
        with left:
            chosen = pick("Images that show", [ANY, *names], "shows")
        images = mapping_data.offered(counted, names.get(chosen))
        if not images:
            st.info(f"No counted image holds {literal(chosen)}.", icon=":material/image_not_supported:")
            return
        with right:
            image = pick_frame(images, "still")
        found = mapping_data.sample(counted, counted.root, image)
        _draw(found, table, counted.name, _verdict(ratios.get(image), threshold))
        order = "evenly from all" if chosen == ANY else "those with most of it first"
        st.caption(f"{literal(image)}. At most 100 images are offered, {order}.")


def source_ranks(mask: Ids, unlabelled: int) -> tuple[Ids, list[int]]:
    """Number the values of a mask anew, so that each has a colour of its own in the picture.

    Args:
        mask: (H, W) uint8 in the source's values.
        unlabelled: The value that is no label.

    Returns:
        (H, W) uint8: rank of the value among those present, 255 without a label; and the values by rank.
    """
    values = [int(value) for value in np.unique(mask) if value != unlabelled]
    lookup = np.full(256, VOID, np.uint8)
    lookup[values] = np.arange(len(values)) % len(CLASS_NAMES)
    return lookup[mask], values


def _draw(found: Sample, table: LabelMapping, name: str, verdict: str) -> None:
    """Draw the image, its own labels, the mapped ones, and which became which."""
    ranks, values = source_ranks(found.mask, SOURCE_SETS[name].unlabelled)
    mapped = table.apply(found.mask)
    panes = [
        Pane("Image", found.image),
        Pane(f"{SOURCE_SETS[name].title}'s labels", overlay(found.image, ranks, opacity=0.75)),
        Pane(f"In VSPW's classes by {table.name}", overlay(found.image, mapped, opacity=0.75), verdict),
    ]
    draw_panes(panes, columns=3)
    counts, rows = np.bincount(found.mask.ravel(), minlength=256), {row.source_value: row for row in table.rows}
    shades = ["#{:02x}{:02x}{:02x}".format(*colour) for colour in palette().tolist()]
    legend = [
        {
            "from": swatch(shades[rank % len(CLASS_NAMES)]),
            "source": rows[value].source_name if value in rows else f"{value}, unknown",
            "to": swatch(shades[int(table.lookup[value])]) if table.lookup[value] != VOID else swatch("none"),
            "VSPW": rows[value].vspw_name if value in rows else "void",
            "share": 100 * int(counts[value]) / found.mask.size,
        }
        for rank, value in enumerate(values)
    ]
    legend.sort(key=lambda row: -float(str(row["share"])))
    picture, number = st.column_config.ImageColumn, st.column_config.NumberColumn
    st.dataframe(
        legend,
        hide_index=True,
        height=table_height(len(legend), most=300),
        column_config={
            "from": picture("", width=40),
            "to": picture("", width=40),
            "share": number("of image %", format="%.1f"),
        },
    )


def _verdict(ratio: float | None, threshold: float) -> str:
    """Say what an image keeps.

    >>> _verdict(0.9, 0.8)
    '90.00 % of its pixels are valid: kept above 80 %.'
    """
    if ratio is None:
        return ""
    word = "kept above" if ratio > threshold else "not above"
    return f"{percent(ratio)} of its pixels are valid: {word} {100 * threshold:g} %."
