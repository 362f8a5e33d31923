"""The grid sweep against dense fusion of all frames and counting pixel sets."""

import json

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.ensemble.sweep import PAPER_TAUS, sweep_grid

K = 5


def frames_of(video, count, seed, without_truth=()):
    """Return frames of two correlated softmax fields around a truth with void, of a size of the video's own."""
    rng = np.random.default_rng(seed)
    shape = (6 + seed, 9)
    frames = []
    for index in range(count):
        truth = rng.choice([0, 1, 2, 3, 255], shape).astype(np.uint8)  # class 4 is never true
        base = 2.0 * (np.arange(K)[:, None, None] == truth)
        p1, p2 = (np.exp(base + rng.normal(size=(K, *shape))) for _ in range(2))
        p1, p2 = ((p / p.sum(axis=0)).astype(np.float32) for p in (p1, p2))
        frames.append((video, f"{index:08d}", p1, p2, None if index in without_truth else truth))
    return frames


FRAMES = [*frames_of("a", 3, 0), *frames_of("b", 2, 1, without_truth=(1,)), *frames_of("c", 1, 2)]


def pairs(frames=FRAMES):
    return ((v, f, torch.from_numpy(p1), torch.from_numpy(p2), truth) for v, f, p1, p2, truth in frames)


def ious_dense(frames, label):
    """IoU of each class over all pixels, ``label`` making a label map of two float64 fields."""
    maps = [(label(p1.astype(float), p2.astype(float)), t) for _, _, p1, p2, t in frames if t is not None]
    pred = np.concatenate([labels[truth != 255] for labels, truth in maps])
    true = np.concatenate([truth[truth != 255] for _, truth in maps])
    return [
        ((pred == c) & (true == c)).sum() / ((pred == c) | (true == c)).sum() if (true == c).any() else np.nan
        for c in range(K)
    ]


def at(tau):
    return lambda p1, p2: (tau * p1 + (1 - tau) * p2).argmax(axis=0)


@pytest.fixture(scope="module")
def result():
    return sweep_grid(pairs(), num_classes=K)


def test_every_tau_equals_dense_fusion(result):
    assert result.taus == PAPER_TAUS
    want = np.array([ious_dense(FRAMES, at(tau)) for tau in PAPER_TAUS])
    np.testing.assert_allclose(result.per_class, want, rtol=1e-12)
    np.testing.assert_allclose(result.miou, np.nanmean(want, axis=1), rtol=1e-12)
    assert len(np.unique(result.miou)) > 5  # a curve, not a constant


def test_videos_are_scored_apart(result):
    assert sorted(result.per_video) == ["a", "b", "c"]
    for video, curve in result.per_video.items():
        own = [frame for frame in FRAMES if frame[0] == video]
        want = [np.nanmean(ious_dense(own, at(tau))) for tau in PAPER_TAUS]
        np.testing.assert_allclose(curve, want, rtol=1e-12)


def test_mean_and_vote(result):
    want_mean = np.nanmean(ious_dense(FRAMES, lambda p1, p2: (p1 + p2).argmax(axis=0)))
    assert result.mean_miou == pytest.approx(want_mean, rel=1e-12)
    want_vote = np.nanmean(ious_dense(FRAMES, lambda p1, _: p1.argmax(axis=0)))  # two votes: the first run's
    assert result.vote_miou == pytest.approx(want_vote, rel=1e-12)


def test_mean_does_not_need_its_tau_on_the_grid(result):
    ends = sweep_grid(pairs(), taus=[1.0, 0.0], num_classes=K)
    assert ends.mean_miou == result.mean_miou
    assert ends.miou.tolist() == [result.miou[-1], result.miou[0]]


def test_best_is_the_highest_and_says_that_it_is_an_upper_bound(result):
    assert result.best_miou == max(result.miou)
    assert result.miou[result.taus.index(result.best_tau)] == result.best_miou
    assert result.upper_bound
    assert result.to_json()["best"] == {"tau": result.best_tau, "miou": result.best_miou, "upper_bound": True}


def test_frames_without_truth_are_counted_not_scored(result):
    assert (result.frames_scored, result.frames_without_truth) == (5, 1)


def test_progress_hears_of_every_frame():
    heard = []
    sweep_grid(pairs(), taus=[0.5], num_classes=K, progress=lambda *names: heard.append(names))
    assert heard == [(video, frame) for video, frame, *_ in FRAMES]


def test_the_truth_is_left_alone():
    truth = FRAMES[0][4].copy()
    sweep_grid(pairs(FRAMES[:1]), taus=[0.5], num_classes=K)
    assert np.array_equal(truth, FRAMES[0][4])


def test_a_video_all_void_scores_null_beside_others():
    video, frame, p1, p2, truth = frames_of("void", 1, 3)[0]
    result = sweep_grid(pairs([*FRAMES, (video, frame, p1, p2, np.full_like(truth, 255))]), num_classes=K)
    assert np.isnan(result.per_video["void"]).all()
    json.dumps(result.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "sweep: expected frames with truth, got no true pixel"),
        (frames_of("a", 2, 0, without_truth=(0, 1)), "no true pixel"),
        (FRAMES[:1] * 2, r"frames: expected every frame once, got one twice \(video a, frame 00000000\)"),
        ([(*FRAMES[0][:4], FRAMES[-1][4])], r"probabilities: expected shape \(5, 8, 9\), got \(5, 6, 9\) \(video a"),
        ([(*FRAMES[0][:4], FRAMES[0][4] + 7)], r"truth: expected ids 0\.\.4 or 255.*\(video a, frame 00000000\)"),
    ],
)
def test_wrong_input_is_named(frames, message):
    with pytest.raises(InputError, match=message):
        sweep_grid(pairs(frames), num_classes=K)
