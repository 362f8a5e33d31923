"""Similarity of patch pairs against plain loops over all of them."""

import json
import math
import tracemalloc

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.metrics.similarity import BINS, PairSimilarity, pair_similarity


def loops(features, labels, void=255) -> dict[str, list[float]]:
    """Return the cosine of every pair i < j, by kind, in float64."""
    found: dict[str, list[float]] = {"positive": [], "negative": []}
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            if labels[i] in (void, -1) or labels[j] in (void, -1):
                continue
            x, y = (np.asarray(features[k], np.float64) for k in (i, j))
            lengths = math.sqrt(sum(x * x)) * math.sqrt(sum(y * y))
            cosine = float(sum(x * y)) / lengths if lengths else 0.0
            found["positive" if labels[i] == labels[j] else "negative"].append(cosine)
    return found


def patches(seed: int, count: int = 90, channels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Features that lean towards their class, of unequal lengths; among them are zeros, void and a lone class."""
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 3, 7, 123, 255], count).astype(np.int64)
    labels[5], labels[6] = 50, -1
    features = rng.normal(0, 1, (count, channels)) + rng.normal(0, 1, (300, channels))[labels]
    features *= rng.uniform(0.1, 10, (count, 1))
    features[np.flatnonzero(labels == 3)[0]] = 0
    return features, labels


def same(one: PairSimilarity, other: PairSimilarity, tolerance: float = 1e-12) -> bool:
    kinds = zip((one.positive, one.negative), (other.positive, other.negative), strict=True)
    return one.clips == other.clips and all(
        a.pairs == b.pairs
        and np.array_equal(a.histogram, b.histogram)
        and a.total == pytest.approx(b.total, rel=tolerance, abs=tolerance)
        for a, b in kinds
    )


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("seed", [0, 1])
def test_sums_and_histograms_are_those_of_plain_loops(seed, chunk):
    features, labels = patches(seed)
    found, pairs = pair_similarity(features, labels, chunk=chunk), loops(features, labels)
    assert min(map(len, pairs.values())) > 300
    for kind, sums in (("positive", found.positive), ("negative", found.negative)):
        assert sums.pairs == len(pairs[kind])
        assert sums.mean == pytest.approx(np.mean(pairs[kind]), abs=1e-12)
        assert np.array_equal(sums.histogram, np.histogram(pairs[kind], BINS, (-1, 1))[0])
    assert found.gap == pytest.approx(np.mean(pairs["positive"]) - np.mean(pairs["negative"]), abs=1e-12)
    assert found.gap > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_narrow_features_lose_nothing_but_their_own_rounding(dtype):
    features, labels = patches(2)
    found, pairs = pair_similarity(features.astype(dtype), labels), loops(features.astype(dtype), labels)
    assert found.within == pytest.approx(np.mean(pairs["positive"]), abs=1e-6)
    assert found.between == pytest.approx(np.mean(pairs["negative"]), abs=1e-6)
    moved = np.abs(found.negative.histogram - np.histogram(pairs["negative"], BINS, (-1, 1))[0]).sum()
    assert moved <= 2  # one pair may sit on an edge


def test_parallel_opposite_and_orthogonal_vectors_fall_into_the_outer_and_the_middle_bins():
    found = pair_similarity(np.array([[2.0, 0], [5.0, 0], [-1.0, 0], [0, 1.0]], np.float32), [1, 1, 2, 3])
    assert found.positive.histogram.nonzero()[0].tolist() == [BINS - 1]
    assert found.negative.histogram[[0, BINS // 2]].tolist() == [2, 3]
    assert (found.within, found.between) == (1.0, pytest.approx(-2 / 5))


def test_very_long_and_very_short_vectors_keep_their_direction():
    found = pair_similarity(np.array([[3e30, 4e30], [3e-30, 4e-30]], np.float32), [1, 1])
    assert found.within == pytest.approx(1, abs=1e-6)


def test_clips_add_up_and_never_mix():
    clips = [patches(seed, count) for seed, count in ((3, 40), (4, 60))]
    pairs = [loops(*clip) for clip in clips]
    merged = sum((pair_similarity(*clip) for clip in clips), PairSimilarity.empty())
    assert merged.clips == 2
    assert merged.within == pytest.approx(np.mean(pairs[0]["positive"] + pairs[1]["positive"]), abs=1e-12)
    assert merged.negative.pairs == sum(len(clip["negative"]) for clip in pairs)
    assert merged.negative.histogram.sum() == merged.negative.pairs


@pytest.mark.parametrize(("labels", "kinds"), [([255, 255], (0, 0)), ([4, 4], (1, 0)), ([4, 5], (0, 1)), ([], (0, 0))])
def test_a_kind_without_pairs_has_no_mean(labels, kinds):
    found = pair_similarity(np.ones((len(labels), 3)), np.array(labels, np.uint8))
    assert (found.positive.pairs, found.negative.pairs) == kinds
    for name, count in zip(("within", "between"), kinds, strict=True):
        assert found.summary()[name] == (pytest.approx(1) if count else None)
    assert found.summary()["gap"] is None


def test_json_there_and_back():
    similarity = pair_similarity(*patches(5))
    assert same(PairSimilarity.from_json(json.loads(json.dumps(similarity.to_json()))), similarity, tolerance=0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.pop("negative"), "no negative"),
        (lambda data: data.update(schema=2), "schema 1, got 2"),
        (lambda data: data["positive"].pop("total"), "total"),
        (lambda data: data["positive"]["histogram"].pop(), r"\(100\)"),
        (lambda data: data["negative"].update(pairs=1), "expected 1 pairs"),
    ],
)
def test_a_broken_file_is_refused(spoil, message):
    data = pair_similarity(*patches(6)).to_json()
    spoil(data)
    with pytest.raises(InputError, match=message):
        PairSimilarity.from_json(data, where="a.json")


@pytest.mark.parametrize(
    ("features", "labels", "message"),
    [
        (np.zeros((2, 3, 4)), [0, 0], "features"),
        (np.zeros((2, 3)), [0, 0, 0], "labels"),
        (np.zeros((2, 3)), [0.0, 0.0], "integer"),
        (np.array([[np.nan], [1.0]]), [0, 0], "finite"),
    ],
)
def test_wrong_input_is_refused(features, labels, message):
    with pytest.raises(InputError, match=message):
        pair_similarity(features, labels, where="walk/00000004")


def test_memory_grows_with_the_chunk_and_not_with_the_square():
    rng = np.random.default_rng(7)
    features, labels = rng.normal(size=(3000, 4)).astype(np.float32), rng.integers(0, 3, 3000)
    tracemalloc.start()
    try:
        pair_similarity(features, labels, chunk=16)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3000 * 3000  # bytes; a square of float32 alone has four times as many
