"""Two runs on the same videos: against plain loops that merge videos and score the merged split, and known answers."""

from dataclasses import replace

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.metrics.bootstrap import draw_videos
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.paired import compare_scores, mean_difference
from vspwlib.metrics.summary import ClipSum, SplitScore, VideoScore

C = 4
DRAWS = 200
RARE = 3  # a class that stands in two videos only


def score_of(matrices, clips=()):
    """Score of videos v0, v1, …; ``clips`` holds the clip scores of each by clip length."""
    clips = clips or [{}] * len(matrices)
    videos = {
        f"v{i}": VideoScore(ClassCounts.of(m), {n: ClipSum.of(s) for n, s in by_length.items()}, 10)
        for i, (m, by_length) in enumerate(zip(matrices, clips, strict=True))
    }
    return SplitScore(videos, np.sum(matrices, axis=0))


def two_runs(videos=8, seed=0):
    """Two runs on the same random truth: (V, C, C) matrices of equal rows of truth, and clip scores."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 40, (videos, C))
    truth[:, RARE] = [7, 9] + [0] * (videos - 2)
    runs = []
    for _ in range(2):
        matrices = rng.multinomial(truth, rng.dirichlet(np.ones(C), C))
        # The last video is too short for VC8, the last two are for VC16.
        clips = [{8: rng.random(3 * (v < videos - 1)), 16: rng.random(v * (v < videos - 2))} for v in range(videos)]
        runs.append(score_of(matrices, clips))
    return runs


def loop_figures(score, row):
    """Figures of a draw, written out: each video stands in it as often as it was taken."""
    videos = [video for (_, video), times in zip(sorted(score.videos.items()), row, strict=True) for _ in range(times)]
    total = sum((video.counts for video in videos), ClassCounts.zeros(C))
    ious = [
        float(total.intersection[c] / (total.truth[c] + total.predicted[c] - total.intersection[c]))
        if total.truth[c]
        else None
        for c in range(C)
    ]
    there = [iou for iou in ious if iou is not None]
    figures = {"miou": sum(there) / len(there), "pixel_acc": total.intersection.sum() / total.truth.sum()}
    for n in (8, 16):
        sums = [video.consistency[n] for video in videos]
        clips = sum(item.clips for item in sums)
        figures[f"vc{n}"] = sum(item.total for item in sums) / clips if clips else None
    return figures | dict(enumerate(ious))


def test_every_interval_is_that_of_a_plain_loop_over_the_same_draws():
    first, second = two_runs()
    found = compare_scores(first, second, draws=DRAWS, seed=4, level=0.9, fewest=2)
    apart = {}
    for row in draw_videos(8, draws=DRAWS, seed=4):
        one, two = loop_figures(first, row), loop_figures(second, row)
        for name in one:
            if one[name] is not None:
                apart.setdefault(name, []).append(two[name] - one[name])
    assert 0 < len(apart[RARE]) < DRAWS  # some draws miss the class, and are left out
    items = {**found.figures, **found.classes}
    assert items.keys() == apart.keys()
    for name, values in apart.items():
        interval = items[name].interval
        assert interval.low == pytest.approx(np.percentile(values, 5), abs=1e-12), name
        assert interval.high == pytest.approx(np.percentile(values, 95), abs=1e-12), name
        assert items[name].ahead == pytest.approx(np.mean([(v > 0) + (v == 0) / 2 for v in values])), name


def test_values_are_those_of_the_splits_themselves():
    first, second = two_runs(seed=1)
    found = compare_scores(first, second, draws=100)
    one, two = first.summary(), second.summary()
    assert found.figures.keys() == {"miou", "vc8", "vc16", "pixel_acc"}
    for name, item in found.figures.items():
        assert (item.first, item.second, item.interval.value) == (one[name], two[name], two[name] - one[name])
    per_class = list(one["per_class"].values()), list(two["per_class"].values())
    assert {c: (item.first, item.second) for c, item in found.classes.items()} == dict(
        enumerate(zip(*per_class, strict=True))
    )
    assert (found.videos, found.draws, found.seed, found.level) == (8, 100, 0, 0.95)


def test_figures_know_the_videos_they_rest_on():
    found = compare_scores(*two_runs(), draws=100)
    assert {name: item.interval.videos for name, item in found.figures.items()} == {
        "miou": 8,
        "vc8": 7,
        "vc16": 5,  # video 0 has no clip of it either
        "pixel_acc": 8,
    }
    assert found.classes[RARE].interval.videos == 2
    assert {c for c, item in found.classes.items() if not item.interval.judged} == {RARE}
    assert np.isnan(found.classes[RARE].ahead)
    assert not np.isnan(found.classes[RARE].interval.value)


def test_a_run_against_itself_differs_by_nothing():
    score, _ = two_runs()
    for item in (found := compare_scores(score, score, draws=100)).figures.values():
        assert (item.interval.value, item.interval.low, item.interval.high, item.ahead) == (0, 0, 0, 0.5)
    assert {item.interval.high for item in found.classes.values() if item.interval.judged} == {0}


def test_second_minus_first():
    first, second = two_runs()
    there, back = compare_scores(first, second, draws=100), compare_scores(second, first, draws=100)
    for name, item in there.figures.items():
        other = back.figures[name]
        assert item.interval.value == -other.interval.value
        assert (item.interval.low, item.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))
        assert item.ahead + other.ahead == pytest.approx(1)


def test_a_run_that_is_better_by_as_much_in_every_video_has_no_spread():
    """Pairing: videos differ by a lot, the runs by the same two pixels of ten wherever they are."""
    good, better = ([np.array([[right, 10 - right], [0, 0]]) for right in range(r, r + 6)] for r in (1, 3))
    item = compare_scores(score_of(good), score_of(better), draws=500).figures["pixel_acc"]
    assert item.interval.value == pytest.approx(0.2)
    assert (item.interval.low, item.interval.high) == pytest.approx((0.2, 0.2))
    assert item.ahead == 1


def test_without_clips_there_is_no_consistency():
    found = compare_scores(score_of([np.eye(C, dtype=np.int64)] * 6), score_of([np.eye(C, dtype=np.int64)] * 6))
    item = found.figures["vc16"]
    assert np.isnan([item.first, item.second, item.interval.value, item.interval.low]).all()
    assert (item.interval.videos, item.interval.judged) == (0, False)


def changed(score, name, **fields):
    """The score with one video changed."""
    return replace(score, videos={**score.videos, name: replace(score.videos[name], **fields)})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda score: SplitScore.empty(C + 1), "second run: expected 4 classes, as the first, got 5 classes"),
        (
            lambda score: replace(score, videos={"w": score.videos["v0"], "v1": score.videos["v1"]}),
            r"expected the 8 videos of the first, got no v0, v2, v3 and 4 more; also w\. Fix: predict and score",
        ),
        (lambda score: changed(score, "v3", frames_scored=11), r"the same truth as the first, got another for v3\."),
        (lambda score: changed(score, "v2", consistency={}), "the same truth as the first, got another for v2"),
        (
            lambda score: changed(score, "v1", counts=score.videos["v0"].counts),
            r"got another for v1\. Fix: score both runs on the same masks",
        ),
    ],
)
def test_scores_of_something_else_are_refused(other, message):
    score, _ = two_runs()
    with pytest.raises(InputError, match=message):
        compare_scores(score, other(score), draws=100)


def test_no_video_is_refused():
    with pytest.raises(InputError, match="scores: expected scored videos, got none"):
        compare_scores(SplitScore.empty(C), SplitScore.empty(C))


def test_several_seeds_are_compared_by_the_mean_of_their_differences_on_the_same_draws():
    pairs = [tuple(two_runs(seed=3)), tuple(two_runs(seed=3)[::-1])]
    pairs[1] = (pairs[1][0], pairs[0][1])  # the second seed's first run is the first seed's second
    found = mean_difference(pairs, draws=DRAWS, seed=4, level=0.9)
    apart = []
    for row in draw_videos(8, draws=DRAWS, seed=4):
        gains = [loop_figures(second, row)["miou"] - loop_figures(first, row)["miou"] for first, second in pairs]
        apart.append(sum(gains) / 2)
    assert found.interval.low == pytest.approx(np.percentile(apart, 5), abs=1e-12)
    assert found.interval.high == pytest.approx(np.percentile(apart, 95), abs=1e-12)
    assert found.interval.value == pytest.approx((pairs[0][1].miou - pairs[0][0].miou) / 2, abs=1e-12)
    with pytest.raises(InputError, match="seeds: expected one at least, got none"):
        mean_difference([])
    with pytest.raises(InputError, match="another for"):
        mean_difference([pairs[0], tuple(two_runs(seed=5))])
