"""Embeddings for people: PCA maps beside their frames, similarities within and between classes. Pure functions.

Letters: T frames, H×W pixels, h×w patches, C channels.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape, require
from vspwlib.metrics.similarity import BINS, PairSimilarity, PairSums
from vspwlib.report.figures import BLUE, ORANGE, plain
from vspwlib.report.pictures import Picture, enlarge

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KINDS = {"same class": BLUE, "different classes": ORANGE}
"""The two kinds of patch pairs and their colours."""

_TAILS = (1, 99)  # percentiles that become the ends of a colour channel: single patches do not dim the rest
_NOTHING = 1e-6  # a component that varies by less than this share of the features' length is rounding
_PAGE = 1180  # width in pixels that heights are reckoned for
_STYLE = (
    "body{font-family:sans-serif;max-width:1200px;margin:1em auto;padding:0 1em}h1{font-size:1.5em}h2{font-size:1.15em}"
)
_SHARPEST = 640  # width to which maps of few patches are enlarged: a browser would blur them otherwise


def pca_colours(features: NDArray[Any]) -> Picture:
    """Colour patches by the three directions in which the features of a clip differ most.

    One basis serves all frames, so that a colour means the same in each. Bases of two runs have nothing to do with each
    other: compare how cleanly the colours part the classes and how they hold from frame to frame, not their hues. Each
    component fills the range of its channel, so a weak one looks as strong as the first.

    Args:
        features: (T, h, w, C) of any float type.

    Returns:
        (T, h, w, 3) uint8. Red, green and blue are the first three components, each from its 1st to its 99th
        percentile over all frames; a component that is missing (C below 3) or constant is 128. The channel that weighs
        most in a component weighs positively, which settles its sign.

    Raises:
        InputError: for another shape, or features that are not finite.

    Source: Oquab et al., DINOv2, 2023, figure 1 (features to colours by PCA).

    >>> pca_colours(np.array([[[[0.0, 0, 0], [1, 0, 0]]]])).tolist()
    [[[[0, 128, 128], [255, 128, 128]]]]
    """
    check_shape("features", features.shape, ("T", "h", "w", "C"))
    require(bool(np.isfinite(features).all()), "features", expected="finite numbers", got="nan or infinity")
    channels = features.shape[-1]
    frames = [frame.reshape(-1, channels) for frame in features]
    count = sum(map(len, frames))
    mean = np.sum([frame.sum(axis=0, dtype=np.float64) for frame in frames], axis=0) / count
    covariance, energy = np.zeros((channels, channels)), 0.0
    for frame in frames:  # in float64, which for all frames at once would be the largest array of all
        centred = frame - mean
        covariance += centred.T @ centred / count
        energy += float(np.square(frame, dtype=np.float64).sum()) / count
    axes = np.linalg.svd(covariance, hermitian=True).Vh[:3]
    axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    scores = np.stack([(frame - mean) @ axes.T for frame in frames])  # (T, h*w, up to 3)
    low, high = np.percentile(scores, _TAILS, axis=(0, 1))
    varies = high - low > _NOTHING * np.sqrt(energy)
    shares = np.where(varies, (scores - low) / np.where(varies, high - low, 1), 0.5).clip(0, 1)
    colours = np.full((*scores.shape[:2], 3), 128, np.uint8)
    colours[..., : len(axes)] = np.floor(255 * shares + 0.5)
    return colours.reshape(*features.shape[:3], 3)


def embedding_figure(
    frames: Sequence[Picture], maps: Mapping[str, NDArray[np.uint8]], *, names: Sequence[str] = ()
) -> "Figure":
    """Draw frames and their PCA maps: a row for each frame, a column for each run.

    Args:
        frames: T pictures (H, W, 3) uint8.
        maps: (T, h, w, 3) uint8 of each run from :func:`pca_colours`, by its name; before and after, say.
        names: Names of the frames, for the left edge.

    Returns:
        The figure; its pictures are embedded, so that it stands alone.

    Raises:
        InputError: when a run has another number of maps than there are frames.
    """
    from plotly.subplots import make_subplots

    for run, coloured in maps.items():
        check_shape(f"maps of {run}", coloured.shape, (len(frames), "h", "w", 3))
    columns: dict[str, Sequence[Picture]] = {"frame": frames, **{run: list(pictures) for run, pictures in maps.items()}}
    gap = 0.012
    titles = [name if row == 0 else "" for row in range(len(frames)) for name in columns]
    figure = make_subplots(
        len(frames), len(columns), subplot_titles=titles, horizontal_spacing=gap, vertical_spacing=gap
    )
    for column, (title, pictures) in enumerate(columns.items(), start=1):
        for row, picture in enumerate(pictures, start=1):
            figure.add_image(source=_source(picture, photograph=column == 1), name=title, row=row, col=column)
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    bare = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "constrain": "domain"}
    figure.update_xaxes(bare)
    figure.update_yaxes(bare, title_standoff=4)
    for row, name in enumerate(names, start=1):
        figure.update_yaxes(title={"text": name, "font": {"size": 11}}, row=row, col=1)
    height, width = frames[0].shape[:2]
    row_height = min(_PAGE / len(columns) * height / width, 420)
    plain(figure, height=round(row_height * len(frames)) + 40, legend=False)
    return figure.update_layout(margin={"t": 30})


def similarity_figure(similarities: Mapping[str, PairSimilarity]) -> "Figure":
    """Draw how alike pairs of patches are, within and between classes: a panel for each run, on one scale.

    Args:
        similarities: By name of the run; before and after, say.

    Returns:
        Histograms of cosines in per cent of the pairs of their kind, the means as dashed lines.
    """
    from plotly.subplots import make_subplots

    edges = np.linspace(-1, 1, BINS + 1)
    panels = max(len(similarities), 1)
    figure = make_subplots(panels, 1, shared_xaxes=True, subplot_titles=list(similarities), vertical_spacing=0.12)
    below = False
    for row, similarity in enumerate(similarities.values(), start=1):
        kinds = zip(KINDS.items(), (similarity.positive, similarity.negative), strict=True)
        for (kind, colour), sums in kinds:
            below = below or bool(sums.histogram[: BINS // 2].any())
            figure.add_bar(
                x=(edges[:-1] + edges[1:]) / 2,
                y=100 * sums.histogram / max(sums.pairs, 1),
                width=2 / BINS,
                name=kind,
                legendgroup=kind,
                showlegend=row == 1,
                marker={"color": colour, "opacity": 0.6, "line": {"width": 0}},
                hovertemplate="cosine %{x:.2f} ± 0.01: %{y:.2f} %<extra>" + kind + "</extra>",
                row=row,
                col=1,
            )
            _mark_mean(figure, kind, colour, sums, row)
    figure.update_xaxes(range=[-1.02 if below else -0.02, 1.02])
    figure.update_xaxes(title="cosine of two patches of a clip", row=panels)
    figure.update_yaxes(title="% of pairs", range=[0, 1.08 * max((max(bars.y) for bars in figure.data), default=1)])
    figure.update_layout(barmode="overlay", bargap=0)
    plain(figure, height=110 + 190 * panels)
    return figure.update_layout(legend={"y": 1 + 0.16 / panels, "xanchor": "right", "x": 1}, margin={"t": 40})


def embedding_page(title: str, figures: Mapping[str, "Figure"]) -> str:
    """Return an HTML page of figures that opens without a network.

    Args:
        title: Title of the page.
        figures: The figures by their headings.
    """
    parts = [
        f"<h2>{escape(heading)}</h2>\n{figure.to_html(full_html=False, include_plotlyjs=index == 0)}"
        for index, (heading, figure) in enumerate(figures.items())
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title>'
    style = f"<style>{_STYLE}</style>"
    body = f"<h1>{escape(title)}</h1>\n" + "\n".join(parts)
    return f"<!doctype html>\n<html>\n<head>{head}{style}</head>\n<body>\n{body}\n</body>\n</html>\n"


def _mark_mean(figure: "Figure", kind: str, colour: str, sums: PairSums, row: int) -> None:
    """Mark the mean of a kind of pairs, its figure on the side that is away from the other kind."""
    if not sums.pairs:
        return
    side = "top right" if kind == "same class" else "top left"
    figure.add_vline(
        x=sums.mean,
        line={"color": colour, "width": 2, "dash": "dash"},
        annotation={"text": f"mean {sums.mean:.2f}", "font": {"color": colour, "size": 12}},
        annotation_position=side,
        row=row,
        col=1,
    )


def _source(picture: Picture, *, photograph: bool) -> str:
    """Return a picture as an address that holds it: as JPEG what a camera has seen, else as PNG."""
    from io import BytesIO

    from PIL import Image

    buffer = BytesIO()
    if photograph:
        Image.fromarray(picture).save(buffer, "JPEG", quality=90)
    else:
        Image.fromarray(enlarge(picture, _SHARPEST)).save(buffer, "PNG")
    return f"data:image/{'jpeg' if photograph else 'png'};base64,{b64encode(buffer.getvalue()).decode()}"
