"""A frame as a grid of pictures, with the figures that belong to them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.labels import PaletteName
from vspwlib.metrics.iou import confusion, miou, pixel_accuracy
from vspwlib.report.pictures import classes_in_view, enlarge, error_map, overlay
from workbench.notices import literal

Ids = NDArray[np.uint8]

_SHARPEST = 640  # small frames are enlarged to this width, before JPEG would blur the borders of classes
_UPRIGHT = 1.2  # frames of a lower width to height are shown at a fixed height, or they would fill the screen
_TALLEST = 340  # pixels
_ROW = 35  # pixels of a table row
ERRORS_OF_ONE = "Orange: wrong. Pixels without truth are not judged."
ERRORS_OF_TWO = "Blue: only {0} is right. Orange: only {1} is right. Grey: both are wrong."


class Pane(NamedTuple):
    """One picture: its title, (H, W, 3) pixels and a line below it."""

    title: str
    picture: NDArray[np.uint8]
    caption: str = ""


class Prediction(NamedTuple):
    """A predicted (H, W) label map, with a title for its pane and a short name for legends and captions."""

    short: str
    title: str
    ids: Ids


def compare_panes(
    image: NDArray[np.uint8],
    truth: Ids | None,
    predicted: Sequence[Prediction],
    *,
    palette: PaletteName,
    opacity: float,
) -> list[Pane]:
    """Lay out a frame: the frame, its truth where there is one, one or two predictions, where they are wrong or differ.

    Args:
        image: (H, W, 3) frame.
        truth: (H, W) true ids, 255 void, or None.
        predicted: One or two predictions.
        palette: Palette of the overlays.
        opacity: Opacity of the overlays, 0..1.

    Returns:
        The panes in the order in which they are read.
    """

    def paint(ids: Ids) -> NDArray[np.uint8]:
        return overlay(image, ids, opacity=opacity, palette=palette)

    shown = [Pane(item.title, paint(item.ids), frame_scores(item.ids, truth)) for item in predicted]
    maps = [item.ids for item in predicted]
    panes = [Pane("Frame", image)]
    if truth is not None:
        caption = ERRORS_OF_ONE if len(predicted) == 1 else ERRORS_OF_TWO.format(*(item.short for item in predicted))
        panes += [Pane("Truth", paint(truth)), Pane("Errors", error_map(image, truth, *maps), caption)]
    elif len(predicted) > 1:
        panes.append(Pane("Where they differ", error_map(image, *maps), "Orange: the two differ."))
    return [*panes, *shown]


def draw_panes(panes: Sequence[Pane], columns: int, *, last: Callable[[], None] | None = None) -> None:
    """Draw pictures in rows; as JPEG, since PNG of photographs is slow to make and to send.

    Args:
        panes: What to draw.
        columns: Pictures in a row.
        last: Draws something else in the cell after the last picture.
    """
    cells = len(panes) + (last is not None)
    for start in range(0, cells, columns):
        for index, column in enumerate(st.columns(columns), start=start):
            with column:
                if index < len(panes):
                    _draw_pane(panes[index])
                elif index == len(panes) and last is not None:
                    last()


def _draw_pane(pane: Pane) -> None:
    st.markdown(f"**{literal(pane.title)}**")
    height, width = pane.picture.shape[:2]
    shown: Literal["stretch"] | int = "stretch" if width >= _UPRIGHT * height else round(_TALLEST * width / height)
    st.image(enlarge(pane.picture, _SHARPEST), output_format="JPEG", width=shown, alt=pane.title)
    if pane.caption:
        st.caption(pane.caption)


def draw_legend(maps: Mapping[str, Ids], palette: PaletteName) -> None:
    """Draw which classes are in view, by area, in the colours they have."""
    rows = classes_in_view(maps, palette=palette)
    table = [
        {"colour": swatch(row["colour"]), "class": row["class"], **{name: 100 * row[name] for name in maps}}
        for row in rows
    ]
    columns = {name: st.column_config.NumberColumn(f"{name} %", format="%.1f", width=60) for name in maps}
    st.markdown("**Classes in view**")
    st.dataframe(
        table,
        hide_index=True,
        height=table_height(len(table), most=260),
        column_config={"colour": st.column_config.ImageColumn("", width=40), **columns},
    )


def table_height(rows: int, *, most: int = 560) -> int:
    """Return the height in pixels that shows so many rows, up to ``most``.

    >>> table_height(2), table_height(200)
    (108, 560)
    """
    return min(_ROW * (max(rows, 1) + 1) + 3, most)


def frame_scores(ids: Ids, truth: Ids | None) -> str:
    """Return the scores of a prediction on one frame, as a line; empty without truth."""
    if truth is None:
        return ""
    counts = confusion(ids, truth)
    return f"mIoU {percent(miou(counts))} · pixel accuracy {percent(pixel_accuracy(counts))}"


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
