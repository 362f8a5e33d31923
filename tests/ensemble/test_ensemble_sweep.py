"""The sweep against dense fusion of all frames and counting pixel sets."""

import json

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.ensemble.result import GRID, SweepResult
from vspwlib.ensemble.sweep import PAPER_TAUS, envelope, envelope_of_scores, sweep_frames
from vspwlib.predict.scores import probabilities

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


def swept(frames=FRAMES):
    return ((v, f, envelope(p1, p2), truth) for v, f, p1, p2, truth in frames)


def ious_dense(frames, tau):
    """IoU of each class over all pixels."""
    maps = [
        ((tau * p1.astype(float) + (1 - tau) * p2.astype(float)).argmax(axis=0), t)
        for _, _, p1, p2, t in frames
        if t is not None
    ]
    pred = np.concatenate([labels[truth != 255] for labels, truth in maps])
    true = np.concatenate([truth[truth != 255] for _, truth in maps])
    return [
        ((pred == c) & (true == c)).sum() / ((pred == c) | (true == c)).sum() if (true == c).any() else np.nan
        for c in range(K)
    ]


@pytest.fixture(scope="module")
def result() -> SweepResult:
    return sweep_frames(swept(), num_classes=K)


def test_every_tau_of_the_grid_equals_dense_fusion(result):
    assert result.taus == GRID
    assert {*PAPER_TAUS} < {*GRID}
    want = np.array([ious_dense(FRAMES, tau) for tau in GRID])
    np.testing.assert_allclose(result.per_class, want, rtol=1e-12)
    np.testing.assert_allclose(result.miou, np.nanmean(want, axis=1), rtol=1e-12)
    assert result.at(0.3) == pytest.approx(np.nanmean(ious_dense(FRAMES, 0.3)), rel=1e-12)
    with pytest.raises(InputError, match="one of 1001"):
        result.at(0.12345)


def test_videos_are_scored_apart(result):
    assert sorted(result.per_video) == ["a", "b", "c"]
    for video, scores in result.per_video.items():
        own = [frame for frame in FRAMES if frame[0] == video]
        want = [np.nanmean(ious_dense(own, tau)) for tau in GRID[::20]]
        np.testing.assert_allclose(scores[::20], want, rtol=1e-12)
        tau, score = result.best_per_video[video]
        assert score == pytest.approx(np.nanmean(ious_dense(own, tau)), rel=1e-12)
        assert score >= scores.max() - 1e-12


def test_the_best_are_at_least_those_of_the_grid(result):
    assert result.best_miou >= result.miou.max() - 1e-12
    assert result.best_miou == pytest.approx(np.nanmean(ious_dense(FRAMES, result.best_tau)), rel=1e-12)
    for number, (tau, score) in enumerate(result.best_per_class[:4]):
        assert score == pytest.approx(ious_dense(FRAMES, tau)[number], rel=1e-12)
        assert score >= result.per_class[:, number].max() - 1e-12
    assert np.isnan(result.best_per_class[4, 1])
    assert result.upper_bound


def test_mean_and_vote_of_two(result):
    assert result.mean_miou == pytest.approx(np.nanmean(ious_dense(FRAMES, 0.5)), rel=1e-12)
    assert result.vote_miou == pytest.approx(np.nanmean(ious_dense(FRAMES, 1.0)), rel=1e-12)


def test_frames_without_truth_are_counted_and_progress_names_each(result):
    assert (result.frames_scored, result.frames_without_truth) == (5, 1)
    heard = []
    sweep_frames(swept(), num_classes=K, progress=lambda *names: heard.append(names))
    assert heard == [(video, frame) for video, frame, *_ in FRAMES]


def test_a_video_of_void_alone_scores_nan(result):
    video, frame, p1, p2, truth = frames_of("d", 1, 3)[0]
    more = sweep_frames(swept([*FRAMES, (video, frame, p1, p2, np.full_like(truth, 255))]), num_classes=K)
    assert np.isnan(more.per_video["d"]).all()
    assert np.isnan(more.best_per_video["d"][1])
    np.testing.assert_array_equal(more.miou, result.miou)
    again = SweepResult.from_json(json.loads(json.dumps(more.to_json(), allow_nan=False)))
    assert np.isnan(again.best_per_video["d"][1])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([*FRAMES[:1], *FRAMES[:1]], r"every frame once, got one twice \(video a, frame 00000000\)"),
        ([FRAMES[0], FRAMES[3], FRAMES[1]], "those of a video together, got a again"),
        ([(*FRAMES[0][:4], FRAMES[0][4][1:])], "truth: expected shape"),
        ([(*FRAMES[0][:4], np.full_like(FRAMES[0][4], 77))], "truth: expected ids"),
        ([(*FRAMES[0][:4], None)], "no true pixel"),
        ([], "no true pixel"),
    ],
)
def test_wrong_frames_are_refused(frames, message):
    with pytest.raises(InputError, match=message):
        sweep_frames(swept(frames), num_classes=K)


def test_scores_become_the_envelope_of_their_probabilities():
    rng = np.random.default_rng(0)
    one, two = (rng.normal(scale=3, size=(7, 6, 8)).astype(np.float32) for _ in range(2))
    found = envelope_of_scores(one, two, (23, 31))
    dense = [probabilities(scores, (23, 31)).double().numpy() for scores in (one, two)]
    assert found.breakpoints > 50
    for tau in np.linspace(0, 1, 41):
        assert np.array_equal(found.labels(tau), (tau * dense[0] + (1 - tau) * dense[1]).argmax(axis=0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_finds_what_the_cpu_finds():
    rng = np.random.default_rng(0)
    one, two = (torch.from_numpy(rng.random((124, 40, 50), np.float32)) for _ in range(2))
    ours, theirs = envelope(one, two), envelope(one.cuda(), two.cuda())
    for name in ("start", "pixel", "time", "label"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_each_video_is_drawn_with_its_own_counts():
    """Six copies of one video: whatever is drawn, the curve is the same, so every interval is a point."""
    frames = [(f"{video}", f"{index}", *rest) for video in range(6) for index, (_, _, *rest) in enumerate(FRAMES[:3])]
    drawn = sweep_frames(swept(frames), num_classes=K).intervals
    curve = [np.nanmean(ious_dense(FRAMES[:3], step / 100)) for step in range(101)]
    assert drawn.tau.low == drawn.tau.high == np.argmax(curve) / 100
    assert drawn.miou.low == pytest.approx(drawn.miou.value) == pytest.approx(drawn.miou.high)
    assert drawn.gain.low == pytest.approx(drawn.miou.value - max(curve[0], curve[-1]))
    assert sweep_frames(swept(frames[:12]), num_classes=K).intervals.tau.judged is False
