"""Counts of parts of a split merge to those of one sweep, with exact steps and on the grid."""

import io
import json

import numpy as np
import pytest

from tests.ensemble.test_ensemble_sweep import K, frames_of
from vspwlib.checks import InputError
from vspwlib.ensemble.curve import MOST, TauCounts, TauCurve, tau_curve
from vspwlib.ensemble.envelope import envelope
from vspwlib.ensemble.interval import StepCounts
from vspwlib.ensemble.result import GRID
from vspwlib.ensemble.sweep import count_frames
from vspwlib.ensemble.sweep_counts import SweepCounts

VIDEOS = {f"v{number}": frames_of(f"v{number}", 2 + number % 3, number, without_truth=(1,)) for number in range(7)}
VIDEOS["v8"] = frames_of("v8", 2, 8, without_truth=(0, 1))  # has no truth at all
ORDER = [f"v{number}" for number in (3, 0, 8, 5, 1, 6, 4, 2)]
CURVES = {
    name: tau_curve(
        (envelope(p1, p2) for *_, p1, p2, truth in frames if truth is not None),
        (truth for *_, truth in frames if truth is not None),
        K,
    )
    for name, frames in VIDEOS.items()
    if name != "v8"
}


def counts_of(names, most: int = MOST) -> SweepCounts:
    """Count videos, on the grid beyond so many steps."""
    counts = SweepCounts(GRID, TauCounts(K, most=most, cells=50), {})
    for name in names:
        truths = [truth for *_, truth in VIDEOS[name]]
        counts.scored += sum(truth is not None for truth in truths)
        counts.without_truth += sum(truth is None for truth in truths)
        if name in CURVES:
            counts.add(name, CURVES[name])
    return counts


def through_file(counts: SweepCounts) -> SweepCounts:
    file = io.BytesIO()
    np.savez(file, **counts.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        return SweepCounts.from_arrays(dict(archive))


def text(counts: SweepCounts) -> str:
    return json.dumps(counts.result().to_json())


def test_counting_frames_is_adding_their_videos():
    frames = [frame for name in ORDER for frame in VIDEOS[name]]
    found = count_frames(((v, f, envelope(p1, p2), truth) for v, f, p1, p2, truth in frames), K)
    assert text(found) == text(counts_of(ORDER))
    assert (found.scored, found.without_truth) == (13, 9)


@pytest.mark.parametrize("count", [1, 2, 3, 11])
@pytest.mark.parametrize("most", ["all", "of some shards", "of one video"])
def test_shards_merge_to_the_last_bit(count, most):
    """Steps kept one by one, gathered on the grid in some of the shards or only when merged, and in each video."""
    steps = {name: len(curve.time) for name, curve in CURVES.items()}
    bound = {"all": sum(steps.values()), "of some shards": max(steps.values()) + 9, "of one video": 1}[most]
    whole = counts_of(ORDER, bound)
    shards = [through_file(counts_of(ORDER[index::count], bound)) for index in range(count)]
    for parts in (shards, shards[::-1]):
        merged = SweepCounts.merged(iter(parts), ORDER)
        assert text(merged) == text(whole)
        assert list(merged.videos) == [name for name in ORDER if name != "v8"]
        assert merged.result().resolution == (0 if most == "all" else 1 / 50)
        one, other = merged.whole.curve(), whole.whole.curve()
        for name in ("time", "number", "hits", "predicted"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_video_counts_once():
    with pytest.raises(InputError, match="sweep: expected parts without common videos, got v0 in two"):
        SweepCounts.merged([counts_of(["v0", "v1"]), counts_of(["v0"])], ORDER)
    with pytest.raises(InputError, match="sweep: expected at least one part, got none"):
        SweepCounts.merged([], ORDER)


def test_nothing_counted_is_no_result():
    empty = through_file(counts_of([]))
    assert empty.videos == {}
    for counts in (empty, counts_of(["v8"])):
        with pytest.raises(InputError, match="sweep: expected frames with truth, got no true pixel"):
            counts.result()


def test_arrays_hold_everything():
    counts = counts_of(ORDER)
    again = through_file(counts)
    assert (again.taus, again.scored, again.without_truth) == (counts.taus, counts.scored, counts.without_truth)
    for name, video in counts.videos.items():
        np.testing.assert_array_equal(again.videos[name].miou, video.miou)
        assert again.videos[name].best == video.best
        for one, other in zip(again.videos[name].counts, video.counts, strict=True):
            np.testing.assert_array_equal(one, other)
    assert isinstance(again.videos["v0"].counts, StepCounts)
    assert all(isinstance(piece, TauCurve) and piece.hits.dtype == np.int8 for piece in again.whole.parts)
