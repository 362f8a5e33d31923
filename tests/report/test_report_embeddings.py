"""PCA colours against an SVD of the data; figures show the numbers and pictures they are given."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.metrics.similarity import BINS, PairSimilarity, PairSums, pair_similarity
from vspwlib.report.embeddings import embedding_figure, embedding_page, pca_colours, similarity_figure
from vspwlib.report.figures import BLUE, ORANGE


def correlated(seed: int = 0, shape: tuple[int, ...] = (2, 9, 11), channels: int = 6) -> np.ndarray:
    """Features whose variances along mixed directions differ clearly."""
    rng = np.random.default_rng(seed)
    return (
        rng.normal(2, 1, (*shape, channels))
        * [5, 3, 2, 1, 0.5, 0.1][:channels]
        @ rng.normal(0, 1, (channels, channels))
    )


def pca_by_definition(features: np.ndarray) -> np.ndarray:
    """Colours from the right singular vectors of the centred data itself, channel by channel."""
    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    centred = rows - rows.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    colours = np.full((len(rows), 3), 128, np.uint8)
    for channel, axis in enumerate(axes[:3]):
        upright = axis if max(axis, key=abs) > 0 else -axis
        score = centred @ upright
        low, high = np.percentile(score, 1), np.percentile(score, 99)
        colours[:, channel] = [int(255 * min(max((s - low) / (high - low), 0), 1) + 0.5) for s in score]
    return colours.reshape(*features.shape[:-1], 3)


@pytest.mark.parametrize("seed", range(4))
def test_colours_are_the_principal_components(seed):
    features = correlated(seed)
    found, expected = pca_colours(features), pca_by_definition(features)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= 1  # a score on the edge between two grey levels
    assert (found == expected).mean() > 0.99


def test_one_basis_serves_all_frames():
    features = correlated()
    features[1] = features[0]
    assert np.array_equal(*pca_colours(features))
    alone = pca_colours(np.stack([features[0], 3 * features[0]]))
    assert not np.array_equal(alone[0], alone[1])


def test_signs_do_not_depend_on_the_order_of_patches():
    features = correlated()
    assert np.array_equal(pca_colours(features[:, ::-1]), pca_colours(features)[:, ::-1])


def test_single_outliers_do_not_dim_the_rest():
    features = correlated(shape=(1, 30, 30))
    before = pca_colours(features)
    features[0, 0, 0] *= 3
    assert np.abs(pca_colours(features)[0, 1:].astype(int) - before[0, 1:]).mean() < 6


@pytest.mark.parametrize("channels", [1, 2])
def test_missing_components_are_grey(channels):
    colours = pca_colours(correlated(channels=channels))
    assert (colours[..., channels:] == 128).all()
    assert all(np.ptp(colours[..., channel]) == 255 for channel in range(channels))


def test_features_without_variety_are_grey_and_not_amplified_rounding():
    features = np.full((2, 4, 4, 8), 0.1, np.float32)
    assert (pca_colours(features) == 128).all()
    features += np.random.default_rng(0).normal(0, 1e-9, features.shape).astype(np.float32)
    assert (pca_colours(features) == 128).all()


@pytest.mark.parametrize("features", [np.zeros((4, 4, 3)), np.full((1, 2, 2, 3), np.nan)])
def test_wrong_features_are_refused(features):
    with pytest.raises(InputError, match="features"):
        pca_colours(features)


def shown(source: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(b64decode(source.partition("base64,")[2]))))


def test_embedding_figure_has_a_row_a_frame_and_a_column_a_run():
    frames = [np.full((24, 40, 3), value, np.uint8) for value in (40, 200)]
    maps = {run: pca_colours(correlated(seed, (2, 3, 5))) for seed, run in enumerate(("before", "after"))}
    figure = embedding_figure(frames, maps, names=("00000004", "00000005"))
    assert [note.text for note in figure.layout.annotations] == ["frame", "before", "after"]
    places = {(trace.name, trace.yaxis): shown(trace.source) for trace in figure.data}
    assert len(places) == 6
    for row, yaxes in enumerate((("y", "y2", "y3"), ("y4", "y5", "y6"))):
        assert np.abs(places["frame", yaxes[0]].astype(int) - frames[row]).max() <= 2  # JPEG
        for run, yaxis in zip(maps, yaxes[1:], strict=True):
            picture = places[run, yaxis]
            times = picture.shape[0] // 3
            assert np.array_equal(picture[::times, ::times], maps[run][row])
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis4.title.text) == ("00000004", "00000005")


def test_embedding_figure_refuses_maps_of_other_frames():
    with pytest.raises(InputError, match="maps of after"):
        embedding_figure([np.zeros((4, 4, 3), np.uint8)], {"after": np.zeros((2, 1, 1, 3), np.uint8)})


def test_similarity_figure_shows_shares_of_each_kind_with_their_means():
    rng = np.random.default_rng(0)
    runs = {
        "before": pair_similarity(rng.normal(0, 1, (30, 3)), rng.integers(0, 3, 30)),
        "after": pair_similarity(rng.normal(2, 1, (30, 3)), rng.integers(0, 3, 30)),
    }
    figure = similarity_figure(runs)
    assert [(trace.name, trace.marker.color) for trace in figure.data] == [
        ("same class", BLUE),
        ("different classes", ORANGE),
    ] * 2
    sums = [item for run in runs.values() for item in (run.positive, run.negative)]
    for trace, expected in zip(figure.data, sums, strict=True):
        assert list(trace.y) == pytest.approx(100 * expected.histogram / expected.pairs)
        assert sum(trace.y) == pytest.approx(100)
        assert trace.x[0] == pytest.approx(-1 + 1 / BINS)
    assert [line.x0 for line in figure.layout.shapes] == pytest.approx([item.mean for item in sums])
    texts = [note.text for note in figure.layout.annotations]
    assert texts[:2] == ["before", "after"]
    assert texts[2:] == [f"mean {item.mean:.2f}" for item in sums]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]
    assert figure.layout.xaxis.range == (-1.02, 1.02)
    highest = max(max(trace.y) for trace in figure.data)
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert highest < figure.layout.yaxis.range[1] < 1.2 * highest


def test_similarity_figure_leaves_out_an_empty_half_and_a_mean_without_pairs():
    only = np.zeros(BINS, np.int64)
    only[80] = 4
    figure = similarity_figure({"run": PairSimilarity(PairSums(2.5, 4, only), PairSums.zeros(), 1)})
    assert figure.layout.xaxis.range == (-0.02, 1.02)
    assert len(figure.layout.shapes) == 1
    assert sum(figure.data[1].y) == 0


def test_the_page_stands_alone_and_escapes_names():
    page = embedding_page("a <b>", {"one & two": similarity_figure({}), "three": similarity_figure({})})
    assert page.startswith("<!doctype html>")
    assert "<h1>a &lt;b&gt;</h1>" in page
    assert "<h2>one &amp; two</h2>" in page
    assert page.count("plotly-graph-div") == 2
    assert re.findall(r'<script[^>]*src="', page) == []
