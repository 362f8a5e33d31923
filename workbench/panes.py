"""A frame as a grid of pictures, with the figures that belong to them."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.report.pictures import enlarge
from workbench.notices import literal

Ids = NDArray[np.uint8]

_SHARPEST = 640  # small frames are enlarged to this width, before JPEG would blur the borders of classes
_UPRIGHT = 1.2  # frames of a lower width to height are shown at a fixed height, or they would fill the screen
_TALLEST = 340  # pixels
_ROW = 35  # pixels of a table row


class Pane(NamedTuple):
    """One picture: its title, (H, W, 3) pixels and a line below it."""

    title: str
    picture: NDArray[np.uint8]
    caption: str = ""


def draw_panes(panes: Sequence[Pane], columns: int) -> None:
    """Draw pictures in rows; as JPEG, since PNG of photographs is slow to make and to send.

    Args:
        panes: What to draw.
        columns: Pictures in a row.
    """
    for start in range(0, len(panes), columns):
        for pane, column in zip(panes[start : start + columns], st.columns(columns), strict=False):
            with column:
                _draw_pane(pane)


def _draw_pane(pane: Pane) -> None:
    st.markdown(f"**{literal(pane.title)}**")
    height, width = pane.picture.shape[:2]
    shown: Literal["stretch"] | int = "stretch" if width >= _UPRIGHT * height else round(_TALLEST * width / height)
    st.image(enlarge(pane.picture, _SHARPEST), output_format="JPEG", width=shown, alt=pane.title)
    if pane.caption:
        st.caption(pane.caption)


def table_height(rows: int, *, most: int = 560) -> int:
    """Return the height in pixels that shows so many rows, up to ``most``.

    >>> table_height(2), table_height(200)
    (108, 560)
    """
    return min(_ROW * (max(rows, 1) + 1) + 3, most)


def swatch(colour: str) -> str:
    """Return a small square of a colour as the address of a picture.

    >>> swatch("#ff0000")[:18]
    'data:image/svg+xml'
    """
    square = f'<rect width="20" height="20" fill="{colour}"/>'
    return "data:image/svg+xml;utf8," + quote(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{square}</svg>'
    )


def percent(value: float | None) -> str:
    """Write a fraction as a percentage, a dash where there is none.

    >>> percent(0.12346), percent(None), percent(float("nan"))
    ('12.35 %', '–', '–')
    """
    return "–" if value is None or np.isnan(value) else f"{100 * value:.2f} %"


def draw_scores(scores: Mapping[str, float | None], than: Mapping[str, float | None] | None = None) -> None:
    """Draw named fractions as a row of tiles.

    Args:
        scores: Fractions by name, None where there is nothing to score.
        than: Those of a second run, to state the difference from in points.
    """
    for column, (name, value) in zip(st.columns(len(scores)), scores.items(), strict=True):
        other = (than or {}).get(name)
        delta = None if value is None or other is None else f"{100 * (value - other):+.2f}"
        note = None if delta is None else "vs second"
        column.metric(name, percent(value), delta, delta_color="off", delta_description=note, border=True)
