"""The interval of the best tau against a loop that draws videos one by one."""

import json

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble import interval
from vspwlib.ensemble.interval import STEPS, StepCounts, TauIntervals, tau_intervals
from vspwlib.metrics.bootstrap import draw_videos

C = 4


def random_counts(videos, seed=0):
    """Counts whose mIoU rises to a tau of the video's own, and falls; class 3 is never true, a video has no truth."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((videos, len(STEPS), 3, C), np.int64)
    for video in range(videos):
        truth = rng.integers(0, 400, C) * (np.arange(C) != 3)
        peak = rng.uniform(0.2, 0.6)
        for step, tau in enumerate(STEPS):
            hits = (truth * (0.8 - 0.9 * abs(tau - peak))).astype(int)
            counts[video, step] = hits, truth, hits + rng.integers(0, 60, C)
    counts[-1] = 0
    return counts


def intervals_of(counts, best, **options):
    return tau_intervals([StepCounts.of(own) for own in counts], C, best, **options)


def loop_curves(counts, taken):
    """mIoU of each draw and tau, as its definition reads."""
    curves = np.full((len(taken), len(STEPS)), np.nan)
    for draw, row in enumerate(taken):
        for step in range(len(STEPS)):
            total = sum(int(n) * counts[video, step] for video, n in enumerate(row))
            ious = [total[0, c] / (total[1, c] + total[2, c] - total[0, c]) for c in range(C) if total[1, c]]
            if ious:
                curves[draw, step] = sum(ious) / len(ious)
    return curves


def test_intervals_are_the_quantiles_of_the_draws(monkeypatch):
    monkeypatch.setattr(interval, "DRAWS", 200)
    counts = random_counts(8)
    own = loop_curves(counts, np.ones((1, 8), int))[0]
    best = (STEPS[own.argmax()], own.max())
    found = intervals_of(counts, best, seed=1)
    curves = loop_curves(counts, draw_videos(8, draws=200, seed=1))
    taus = np.array(STEPS)[curves.argmax(axis=1)]
    assert (found.tau.low, found.tau.high) == pytest.approx(np.quantile(taus, [0.025, 0.975]))
    assert found.tau.low < best[0] < found.tau.high
    at = curves[:, own.argmax()]
    assert (found.miou.low, found.miou.high) == pytest.approx(np.quantile(at, [0.025, 0.975]))
    gains = at - np.maximum(curves[:, 0], curves[:, -1])
    assert (found.gain.low, found.gain.high) == pytest.approx(np.quantile(gains, [0.025, 0.975]))
    assert found.gain.value == pytest.approx(own.max() - max(own[0], own[-1]))
    assert found.tau.videos == 7  # with true pixels


def test_a_best_tau_between_hundredths_moves_the_interval_to_its_score():
    counts = random_counts(6)
    plain, finer = (intervals_of(counts, (0.4 + more, 0.5 + 10 * more)) for more in (0.0, 0.001))
    assert finer.miou.low - plain.miou.low == pytest.approx(0.01)
    assert finer.gain.value - plain.gain.value == pytest.approx(0.01)


def test_few_videos_get_no_interval():
    found = intervals_of(random_counts(5), (0.4, 0.5))  # four have true pixels
    assert not found.tau.judged
    assert not found.gain.judged
    assert found.to_json()["tau"] == {"value": 0.4, "low": None, "high": None}


def test_json_round_trip():
    for videos in (4, 9):
        found = intervals_of(random_counts(videos), (0.4, 0.5))
        again = TauIntervals.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
        assert again.to_json() == found.to_json()
        np.testing.assert_equal(vars(again.gain), vars(found.gain))


def test_counts_of_other_taus_are_refused():
    with pytest.raises(InputError, match="counts"):
        intervals_of(np.zeros((3, 11, 3, C), np.int64), (0.5, 0.5))


def test_a_video_keeps_the_classes_that_it_has():
    counts = random_counts(2)[0]
    counts[:, :, 1] = 0
    counts[60, 2, 1] = 5  # never true, and predicted at one tau alone
    counts[:, :, 2] = 0
    kept = StepCounts.of(counts)
    assert kept.classes.tolist() == [0, 1, 3]
    assert (kept.counts.dtype, kept.counts.nbytes) == (np.uint32, 101 * 3 * 3 * 4)
    np.testing.assert_array_equal(kept.counts, counts[..., [0, 1, 3]])
