"""Envelopes come back from disk as they were, a sweep makes them once, and changed scores void them."""

import json

import numpy as np
import pytest

from tests.pipeline.score_stores import FRAMES, SIZES, every_frame, manifest, score_stores, write_store
from vspwlib.checks import InputError
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.sweep import envelope_of_scores
from vspwlib.pipeline import ensembling
from vspwlib.pipeline.envelope_store import EnvelopeStore
from vspwlib.predict.store import ScoreStore

VIDEO = "1_aaaaaaaaaaa"


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


def pair(made):
    return ScoreStore.open(made.stores["a"]), ScoreStore.open(made.stores["b"])


def fresh(stores, video, frame):
    first, second = (store.scores(video, frame) for store in stores)
    return envelope_of_scores(first, second, SIZES[video])


def assert_same(ours, theirs):
    for name in ("start", "pixel", "time", "label"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def kept(made):
    return EnvelopeStore(made.workspace.envelopes("a", "b", "tiny", "val"), *pair(made))


def test_a_sweep_keeps_what_its_curve_is_made_of(made, monkeypatch):
    first = ensembling.sweep(made.workspace, "a", "b", "tiny", "val")
    store = kept(made)
    changes = 0
    for video, frame in every_frame():
        found = store.envelope(video, frame)
        assert_same(found, fresh(pair(made), video, frame))
        changes += found.breakpoints
    assert changes > 100
    monkeypatch.setattr(ensembling, "envelope_of_scores", lambda *_: pytest.fail("made again"))
    again = ensembling.sweep(made.workspace, "a", "b", "tiny", "val")
    assert json.dumps(again.to_json()) == json.dumps(first.to_json())


def test_only_the_video_whose_scores_changed_is_made_again(made, monkeypatch):
    ensembling.sweep(made.workspace, "a", "b", "tiny", "val")
    before = ScoreStore.open(made.stores["b"])
    others = {video: [before.scores(video, frame).copy() for frame in frames] for video, frames in FRAMES.items()}
    store = ScoreStore.create(made.stores["b"], manifest("b", made.data))
    store.write_video(VIDEO, FRAMES[VIDEO], [SIZES[VIDEO]] * 3, [scores[::-1].copy() for scores in others[VIDEO]])
    assert kept(made).frames(VIDEO) == []
    assert kept(made).frames("2_bbbbbbbbbbb") == FRAMES["2_bbbbbbbbbbb"]
    calls = []
    monkeypatch.setattr(
        ensembling, "envelope_of_scores", lambda *scores: calls.append(1) or envelope_of_scores(*scores)
    )
    ensembling.sweep(made.workspace, "a", "b", "tiny", "val")
    assert len(calls) == 3
    assert_same(kept(made).envelope(VIDEO, "00000018"), fresh(pair(made), VIDEO, "00000018"))


def test_frames_of_several_sizes_and_without_changes(made, tmp_path):
    def one(height, width, changes):
        pixel = np.arange(changes, dtype=np.int32) * 2
        return Envelope(
            np.full((height, width), changes % 7, np.uint8), pixel, np.linspace(0, 1, changes), (pixel % 9).astype("u1")
        )

    frames = {"1": one(4, 5, 0), "2": one(30, 20, 299), "3": one(1, 1, 1)}
    store = EnvelopeStore(tmp_path / "x.envelopes", *pair(made))
    store.write(VIDEO, frames)
    again = EnvelopeStore(tmp_path / "x.envelopes", *pair(made))
    assert again.frames(VIDEO) == ["1", "2", "3"]
    for name, frame in frames.items():
        assert_same(again.envelope(VIDEO, name), frame)
    store.write(VIDEO, {"9": frames["1"]})
    assert again.frames("2_bbbbbbbbbbb") == []
    assert EnvelopeStore(tmp_path / "x.envelopes", *pair(made)).frames(VIDEO) == ["9"]


def test_a_stopped_write_is_not_there(made, tmp_path):
    class StoppedError(Exception):
        """In place of a signal."""

    frames = {name: fresh(pair(made), VIDEO, name) for name in FRAMES[VIDEO]}
    store = EnvelopeStore(tmp_path / "x.envelopes", *pair(made))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vspwlib.pipeline.envelope_store._packed", lambda _: (_ for _ in ()).throw(StoppedError))
        with pytest.raises(StoppedError):
            store.write(VIDEO, frames)
    assert EnvelopeStore(tmp_path / "x.envelopes", *pair(made)).frames(VIDEO) == []
    store.write(VIDEO, frames)
    assert store.frames(VIDEO) == FRAMES[VIDEO]


def test_damage_is_named_and_mended_by_deleting(made):
    ensembling.sweep(made.workspace, "a", "b", "tiny", "val")
    place = made.workspace.envelopes("a", "b", "tiny", "val")
    chunk = place / VIDEO / "start" / "c.1.0"
    chunk.write_bytes(chunk.read_bytes()[:-3])
    with pytest.raises(InputError, match=r"frame 00000018.*made again from the predictions"):
        kept(made).envelope(VIDEO, "00000018")
    with pytest.raises(InputError, match="envelope: expected a stored one, got none"):
        kept(made).envelope(VIDEO, "00000999")


def test_what_is_no_envelope_store_is_left_alone(made, tmp_path):
    other = write_store(tmp_path / "scores.zarr", manifest("x", made.data), 5)
    with pytest.raises(InputError, match="zarr store of vspw-scores"):
        EnvelopeStore(other, *pair(made))
    assert ScoreStore.open(other).videos() == sorted(FRAMES)
