"""Scores of a split against its frames put side by side and counted in one go."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import raw_to_id
from vspwlib.metrics.consistency import clip_scores, video_consistency
from vspwlib.metrics.iou import confusion
from vspwlib.metrics.scoring import score_split


def video_of(frames, seed, without_truth=()):
    """Return names, predictions and raw truths (None where asked) of a video of slowly changing maps."""
    rng = np.random.default_rng(seed)
    pred = rng.integers(0, 124, (5, 6))
    truth = rng.choice([0, 1, 3, 60, 124, 252, 255], (5, 6)).astype(np.uint8)
    video = []
    for i in range(frames):
        pred, truth = pred.copy(), truth.copy()
        pred[rng.integers(5), rng.integers(6)] = rng.integers(124)
        truth[rng.integers(5), rng.integers(6)] = rng.choice([0, 2, 255])
        video.append((f"{i:08d}", pred, None if i in without_truth else truth))
    return video


@pytest.fixture(scope="module")
def videos():
    return {"long": video_of(25, 0), "holes": video_of(20, 1, without_truth=(0, 4, 5)), "short": video_of(8, 2)}


def test_equals_all_frames_counted_in_one_go(videos):
    score = score_split((name, iter(frames)) for name, frames in videos.items())
    pairs = [(pred, raw_to_id(truth)) for frames in videos.values() for _, pred, truth in frames if truth is not None]
    whole = confusion(*(np.concatenate(maps) for maps in zip(*pairs, strict=True)))
    assert np.array_equal(score.confusion, whole)
    assert score.frames_scored == len(pairs) == 50
    assert score.frames_without_truth == 3
    assert list(score.videos) == list(videos)


def test_consistency_runs_over_the_frames_with_truth(videos):
    score = score_split(videos.items())
    for n in (8, 16):
        by_video = []
        for frames in videos.values():
            preds, truths = zip(*[(pred, truth) for _, pred, truth in frames if truth is not None], strict=True)
            by_video.append(clip_scores(preds, truths, n))
        assert [len(clips) for clips in by_video] == [25 - n, 17 - n, 0]
        assert score.consistency(n) == pytest.approx(video_consistency(by_video), rel=1e-12)


def test_consistency_can_be_left_out(videos):
    summary = score_split(videos.items(), clip_lengths=()).summary()
    assert (summary["vc8"], summary["vc16"]) == (None, None)


def test_shards_by_video_merge_to_the_whole(videos):
    shards = [score_split([item]) for item in videos.items()]
    assert (shards[2] + shards[0] + shards[1]).to_json() == score_split(videos.items()).to_json()


def test_a_video_without_any_truth_scores_nothing():
    score = score_split([("blind", video_of(3, 0, without_truth=range(3)))])
    assert score.summary()["per_video"] == {"blind": None}
    assert (score.frames_scored, score.frames_without_truth) == (0, 3)


def test_progress_hears_of_every_frame():
    heard = []
    score_split([("a", video_of(2, 0, without_truth=(1,)))], progress=lambda *names: heard.append(names))
    assert heard == [("a", "00000000"), ("a", "00000001")]


def test_wrong_input_names_video_and_frame():
    truth = np.ones((2, 2), np.uint8)
    with pytest.raises(InputError, match=r"got 255 \(4 pixels\) \(video a, frame 1\)"):
        score_split([("a", [("1", np.full((2, 2), 255), truth)])])
    with pytest.raises(InputError, match=r"ascending order, got 1 after 1 \(video a\)"):
        score_split([("a", [("1", truth, truth), ("1", truth, truth)])])
    with pytest.raises(InputError, match="every video once, got a twice"):
        score_split([("a", []), ("a", [])])
