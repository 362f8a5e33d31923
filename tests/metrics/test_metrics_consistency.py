"""Video consistency against the official script's loops, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.metrics.consistency import ConsistencyMeter, clip_scores, video_consistency


def scores_by_clip(preds, truths, n):
    """Every frame of a clip against its first one, pixel sets by intersection."""
    count = len(preds)
    if count <= n:
        return []
    scores = []
    for start in range(count - n):
        true_constant = np.ones(truths[0].shape, bool)
        pred_constant = true_constant.copy()
        for j in range(1, n):
            true_constant &= truths[start + j] == truths[start]
            pred_constant &= preds[start + j] == preds[start]
        total = true_constant.sum()
        scores.append((true_constant & pred_constant).sum() / total if total else np.nan)
    return scores


@st.composite
def videos(draw):
    shape = (draw(st.integers(0, 12)), draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    # Few values, so that runs of constant pixels begin, end and begin again.
    truths = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 7, 255]), fill=st.just(7)))
    preds = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([0, 3]), fill=st.just(3)))
    return preds, truths


@given(videos(), st.integers(1, 9))
def test_equals_the_loops_of_the_script(video, n):
    preds, truths = video
    np.testing.assert_array_equal(clip_scores(preds, truths, n), scores_by_clip(preds, truths, n))


@given(videos())
def test_one_pass_serves_several_lengths(video):
    preds, truths = video
    meter = ConsistencyMeter((2, 3, 5))
    for pred, truth in zip(preds, truths, strict=True):
        meter.add(pred, truth)
    for n in (2, 3, 5):
        np.testing.assert_array_equal(meter.scores(n), scores_by_clip(preds, truths, n))


@pytest.mark.parametrize("n", [255, 256, 300])
def test_long_clips_do_not_overflow_the_run_lengths(n):
    preds = np.zeros((n + 40, 2, 2), np.uint8)
    preds[5, 0, 0] = 1
    scores = clip_scores(preds, np.zeros_like(preds), n)
    assert scores == [0.75] * 6 + [1.0] * 34


@pytest.mark.parametrize(("frames", "clips"), [(0, 0), (7, 0), (8, 0), (9, 1), (10, 2)])
def test_the_last_possible_clip_is_left_out(frames, clips):
    video = np.ones((frames, 2, 2), np.uint8)
    assert clip_scores(video, video, 8) == [1.0] * clips


def test_void_and_others_are_values_like_any_other():
    preds = np.zeros((3, 1, 3), np.uint8)
    preds[1, 0, 0] = 4
    truths = np.array([[[255, 0, 0]], [[255, 0, 255]], [[255, 0, 255]]], np.uint8)
    assert clip_scores(preds, truths, 2) == [0.5]  # constant void is in, 0 -> 255 is a change


def test_a_clip_without_constant_truth_scores_nan_and_is_not_pooled():
    truths = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
    scores = clip_scores(np.zeros_like(truths), truths, 2)
    assert len(scores) == 2
    assert np.isnan(scores).all()
    assert video_consistency([scores, [0.25]]) == 0.25
    assert np.isnan(video_consistency([scores, []]))


def test_clips_are_pooled_not_averaged_by_video():
    assert video_consistency([[1.0, 1.0, 1.0], [0.0]]) == 0.75


def test_the_meter_keeps_no_reference_to_the_callers_buffers():
    buffer = np.zeros((1, 2), np.uint8)
    meter = ConsistencyMeter((2,))
    for value in range(3):
        buffer[:, 0] = value
        meter.add(buffer, np.zeros((1, 2), np.uint8))
    assert meter.scores(2) == [0.5]


@pytest.mark.parametrize(
    ("preds", "truths", "n", "message"),
    [
        (np.zeros((3, 2, 2)), np.zeros((3, 2, 1)), 2, r"truths: expected shape \(3, 2, 2\)"),
        (np.zeros((2, 2)), np.zeros((2, 2)), 2, r"predictions: expected shape \(T, H, W\)"),
        (np.zeros((3, 2, 2)), np.zeros((3, 2, 2)), 0, "clip length"),
    ],
)
def test_wrong_input_is_named(preds, truths, n, message):
    with pytest.raises(InputError, match=message):
        clip_scores(preds, truths, n)


def test_a_frame_of_another_size_is_named():
    meter = ConsistencyMeter()
    meter.add(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"prediction: expected shape \(2, 3\), got \(2, 4\) \(video 1, frame 9\)"):
        meter.add(np.zeros((2, 4)), np.zeros((2, 4)), where="video 1, frame 9")
