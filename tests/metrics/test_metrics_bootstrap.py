"""Resampling videos: against plain loops over the same draws, and where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.metrics import bootstrap
from vspwlib.metrics.bootstrap import draw_videos, mean_of_classes, miou_interval, percentile_interval, resampled_iou
from vspwlib.metrics.bootstrap import video_counts as counts_of
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import SplitScore, VideoScore

C = 4
DRAWS = 300


def counts_by_video(matrices):
    """(V, 3, C) pixels of confusion matrices (V, C, C) with rows of truth."""
    return np.stack([[np.diag(m), m.sum(axis=1), m.sum(axis=0)] for m in matrices])


def loop_iou(matrices, row):
    """IoU of each class when video v is taken row[v] times; a class without truth is not in it."""
    total = np.zeros((C, C), int)
    for matrix, times in zip(matrices, row, strict=True):
        for _ in range(times):
            total = total + matrix
    truth, hits = total.sum(axis=1), np.diag(total)
    return {c: hits[c] / (truth[c] + total[:, c].sum() - hits[c]) for c in range(C) if truth[c]}


videos = hnp.arrays(np.int64, st.tuples(st.integers(1, 6), st.just(C), st.just(C)), elements=st.sampled_from([0, 0, 7]))


@settings(max_examples=6, deadline=None)
@given(videos, st.integers(0, 9))
def test_iou_and_miou_of_every_draw_are_those_of_a_plain_loop(matrices, seed):
    taken = draw_videos(len(matrices), draws=100, seed=seed)
    ious = resampled_iou(counts_by_video(matrices), taken)
    means = mean_of_classes(ious)
    for row, found, mean in zip(taken, ious, means, strict=True):
        expected = loop_iou(matrices, row)
        assert {c: v for c, v in enumerate(found.tolist()) if not np.isnan(v)} == expected
        if expected:
            assert mean == pytest.approx(sum(expected.values()) / len(expected), abs=1e-12)
        else:
            assert np.isnan(mean)


def test_blocks_of_draws_make_no_difference(monkeypatch):
    counts = counts_by_video(np.random.default_rng(0).integers(1, 9, (5, C, C)))
    taken = draw_videos(5, draws=100)
    whole = resampled_iou(counts, taken)
    monkeypatch.setattr(bootstrap, "_BLOCK", 33)
    assert np.array_equal(resampled_iou(counts, taken), whole)


def test_draws_take_each_video_equally_often_and_go_by_the_seed():
    taken = draw_videos(5, draws=4000, seed=3)
    assert (taken.sum(axis=1) == 5).all()
    # A video is taken Binomial(5, 1/5) times: mean 1, variance 0.8, so the mean of 4000 draws is within 0.07.
    assert np.abs(taken.mean(axis=0) - 1).max() < 0.07
    assert np.abs(taken.var(axis=0) - 0.8).max() < 0.1
    assert np.array_equal(taken, draw_videos(5, draws=4000, seed=3))
    assert not np.array_equal(taken, draw_videos(5, draws=4000, seed=4))


def test_an_interval_of_one_class_that_is_all_right_or_all_wrong_is_binomial():
    """Of ten videos of equal size five are right: mIoU of a draw is the share k/10 of right videos, k binomial."""
    right, wrong = np.array([[9, 0], [9, 0], [9, 0]]), np.array([[0, 0], [9, 0], [0, 9]])
    found = miou_interval(np.array([right, wrong] * 5), draws=100_000, level=0.9)
    # P(k <= 1) = 0.011 and P(k <= 2) = 0.055: the 5 % point is 2, and by symmetry the 95 % point is 8.
    assert (found.value, found.low, found.high, found.videos) == (0.5, 0.2, 0.8, 10)
    assert found.judged


def test_the_interval_is_made_of_the_quantiles_of_the_loop():
    matrices = np.random.default_rng(1).integers(0, 9, (6, C, C))
    means = []
    for row in draw_videos(6, draws=DRAWS, seed=5):
        ious = loop_iou(matrices, row)
        means.append(sum(ious.values()) / len(ious))
    found = miou_interval(counts_by_video(matrices), draws=DRAWS, seed=5, level=0.8)
    assert found.low == pytest.approx(np.percentile(means, 10), abs=1e-12)
    assert found.high == pytest.approx(np.percentile(means, 90), abs=1e-12)
    whole = loop_iou(matrices, [1] * 6)
    assert found.value == pytest.approx(sum(whole.values()) / C, abs=1e-12)


def test_sums_stay_exact_at_the_size_of_a_real_split():
    """28,887 frames of 480 by 854 in one video: as float32, or rounded once, the odd pixel would be lost."""
    pixels = 28_887 * 480 * 854 + 1
    counts = np.array([[[pixels - 1], [pixels], [pixels]], [[1], [1], [1]]])
    (iou,) = resampled_iou(counts, np.array([[300, 1]]))
    inside = 300 * (pixels - 1) + 1
    assert iou[0] == inside / (2 * (300 * pixels + 1) - inside)


def test_too_few_videos_with_truth_get_the_figure_without_an_interval():
    counts = np.ones((9, 3, 2), np.int64)
    counts[4:] = 0  # void all over
    found = miou_interval(counts, draws=100)
    assert (found.value, found.videos, found.judged) == (1.0, 4, False)
    assert np.isnan([found.low, found.high]).all()
    assert miou_interval(counts, draws=100, fewest=4).judged
    assert not miou_interval(np.zeros((9, 3, 2), np.int64), draws=100).judged


def test_draws_without_the_figure_are_left_out():
    found = percentile_interval(0.5, np.array([0.0, np.nan, 1.0, np.nan]), 9, level=0.5)
    assert (found.low, found.high) == (0.25, 0.75)


def test_counts_of_a_score_stand_in_the_order_of_names():
    matrices = np.random.default_rng(2).integers(0, 9, (2, C, C))
    videos = {name: VideoScore(ClassCounts.of(m)) for name, m in zip(("b", "a"), matrices, strict=True)}
    assert np.array_equal(counts_of(SplitScore(videos, matrices.sum(axis=0))), counts_by_video(matrices[::-1]))
    assert counts_of(SplitScore.empty(C)).shape == (0, 3, C)


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        (np.ones((5, 2, C), np.int64), {}, r"counts: expected shape \(V, 3, C\), got \(5, 2, 4\)"),
        (np.ones((0, 3, C), np.int64), {}, "videos: expected 1 to inf, got 0"),
        (np.ones((5, 3, C), np.int64), {"draws": 99}, "draws: expected 100 to 100000, got 99"),
        (np.ones((5, 3, C), np.int64), {"draws": 100_001}, "draws: expected 100 to 100000"),
        (np.ones((5, 3, C), np.int64), {"seed": -1}, "seed: expected 0 to inf, got -1"),
        (np.ones((5, 3, C), np.int64), {"level": 95}, "level: expected 0.5 to 0.999, got 95"),
    ],
)
def test_wrong_input_is_refused(counts, options, message):
    with pytest.raises(InputError, match=message):
        miou_interval(counts, **options)


def test_draws_of_another_number_of_videos_are_refused():
    with pytest.raises(InputError, match=r"draws: expected shape \(draws, 5\), got \(100, 4\)"):
        resampled_iou(np.ones((5, 3, C), np.int64), draw_videos(4, draws=100))
