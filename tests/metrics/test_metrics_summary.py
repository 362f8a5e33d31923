"""The score of a split: merging, figures, and the way to JSON and back."""

import copy
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES
from vspwlib.metrics import iou
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import ClipSum, SplitScore, VideoScore

C = 4


def split_of(matrices, scores=()):
    """Return a split score of one video a confusion matrix; ``scores`` are the VC8 clip scores of each."""
    scores = scores or [[]] * len(matrices)
    videos = {
        f"video{i}": VideoScore(ClassCounts.of(matrix), {8: ClipSum.of(clips)}, frames_scored=i, frames_without_truth=1)
        for i, (matrix, clips) in enumerate(zip(matrices, scores, strict=True))
    }
    return SplitScore(videos, sum(matrices, np.zeros((C, C), np.int64)))


matrices = st.lists(hnp.arrays(np.int64, (C, C), elements=st.integers(0, 9)), max_size=4)


@given(matrices, st.data())
def test_shards_merge_to_the_whole_in_any_order(parts, data):
    clips = [data.draw(st.lists(st.floats(0, 1), max_size=3)) for _ in parts]
    whole = split_of(parts, clips)
    shards = [SplitScore({name: video}, parts[int(name[-1])]) for name, video in whole.videos.items()]
    merged = sum(data.draw(st.permutations(shards)), SplitScore.empty(C))
    assert merged.to_json() == whole.to_json()
    assert merged.summary() == whole.summary()


@given(matrices)
def test_json_keeps_every_figure(parts):
    score = split_of(parts, [[0.1, 0.7]] * len(parts))
    text = json.dumps(score.to_json(), allow_nan=False)
    again = SplitScore.from_json(json.loads(text))
    assert np.array_equal(again.confusion, score.confusion)
    assert again.summary() == score.summary()
    assert json.dumps(again.to_json()) == text


def test_json_names_only_what_is_there():
    matrix = np.zeros((C, C), np.int64)
    matrix[1, 1], matrix[1, 3] = 5, 2
    assert split_of([matrix], [[0.5, 1.0]]).to_json() == {
        "schema": 1,
        "num_classes": C,
        "videos": {
            "video0": {
                "frames_scored": 0,
                "frames_without_truth": 1,
                "classes": [1, 3],
                "intersection": [5, 0],
                "truth": [7, 0],
                "predicted": [5, 2],
                "vc": {"8": {"sum": 1.5, "clips": 2}},
            }
        },
        "confusion": {"truth": [1, 1], "predicted": [1, 3], "pixels": [5, 2]},
    }


def test_summary_is_made_of_the_counts_of_the_split_not_of_means_over_videos():
    parts = [np.diag([9, 0, 0, 0]), np.array([[0, 1, 0, 0], [0, 3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])]
    summary = split_of(parts, [[1.0, 1.0, 1.0], [0.0]]).summary()
    assert summary["miou"] == (9 / 10 + 3 / 4) / 2
    assert summary["pixel_acc"] == 12 / 13
    assert summary["fwiou"] == pytest.approx(10 / 13 * 9 / 10 + 3 / 13 * 3 / 4)
    assert summary["vc8"] == 0.75
    assert summary["vc16"] is None
    assert summary["per_class"] == {"0": 0.9, "1": 0.75, "2": None, "3": None}
    assert summary["per_video"] == {"video0": 1.0, "video1": 0.375}
    assert summary["frames_scored"] == 1
    assert summary["frames_without_truth"] == 2


def test_per_class_goes_by_the_names_of_vspw():
    score = SplitScore({}, np.eye(NUM_CLASSES, dtype=np.int64))
    assert score.summary()["per_class"] == dict.fromkeys(CLASS_NAMES, 1.0)


def test_nothing_scored_gives_null():
    summary = SplitScore.empty().summary()
    assert [summary[key] for key in ("miou", "pixel_acc", "fwiou", "vc8", "vc16")] == [None] * 5
    assert set(summary["per_class"].values()) == {None}
    assert SplitScore.from_json(SplitScore.empty().to_json()).summary() == summary


def test_clips_that_score_nan_are_not_in_the_sum():
    assert ClipSum.of([0.25, float("nan"), 0.5]) == ClipSum(0.75, 2)
    assert np.isnan(ClipSum.of([float("nan")]).mean)


def test_a_video_in_two_shards_is_refused():
    score = split_of([np.eye(C, dtype=np.int64)])
    with pytest.raises(InputError, match="without common videos, got video0 in both"):
        score + score


def test_shards_of_other_classes_are_refused():
    with pytest.raises(InputError, match="expected 4 classes, got 5 classes"):
        SplitScore.empty(4) + SplitScore.empty(5)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.update(schema=2), r"score: expected schema 1, got 2 \(a\.json\)"),
        (lambda data: data.pop("videos"), r"got no videos \(a\.json\)"),
        (lambda data: data.update(num_classes=2), "IndexError"),
        (lambda data: data.update(num_classes="four"), "TypeError"),
        (lambda data: data.update(videos=[]), "AttributeError"),
        (lambda data: data["videos"]["video0"].pop("vc"), "KeyError"),
        (lambda data: data["videos"]["video0"]["truth"].pop(), "ValueError"),
        (lambda data: data["videos"].pop("video1"), "videos that add up to the confusion"),
        (lambda data: data["confusion"]["pixels"].reverse(), "videos that add up to the confusion"),
    ],
)
def test_damaged_json_is_refused(damage, message):
    rng = np.random.default_rng(0)
    data = copy.deepcopy(split_of(list(rng.integers(0, 99, (2, C, C)))).to_json())
    damage(data)
    with pytest.raises(InputError, match=message):
        SplitScore.from_json(data, where="a.json")


def test_miou_is_that_of_the_confusion():
    matrix = np.random.default_rng(3).integers(0, 9, (C, C))
    score = split_of([matrix])
    assert score.miou == iou.miou(matrix) == iou.miou(score.counts)
