"""Joint frames come back from disk as they were, and are made anew when their origin changes."""

import numpy as np
import pytest

from tests.ensemble.test_ensemble_joint import reduced, softmax_runs
from vspwlib.checks import InputError
from vspwlib.pipeline.joint_store import JointStore

FRAMES = [(f"{index:08d}", reduced(softmax_runs(seed=index, size=(6 + index, 9)))) for index in range(3)]


def assert_same(found, frames):
    assert [name for name, _ in found] == [name for name, _ in frames]
    for (_, ours), (_, theirs) in zip(found, frames, strict=True):
        for name in ("agreed", "pixel", "first", "number", "probs"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_frames_come_back(tmp_path):
    store = JointStore(tmp_path / "joint", {"runs": ["a", "b"]})
    assert not store.has("walk")
    store.write("walk", FRAMES)
    store.write("a/../odd name", FRAMES[:1])
    again = JointStore(tmp_path / "joint", {"runs": ["a", "b"]})
    assert again.has("walk")
    assert_same(list(again.read("walk")), FRAMES)
    assert_same(list(again.read("a/../odd name")), FRAMES[:1])
    assert {path.parent for path in tmp_path.rglob("*.npz")} == {tmp_path / "joint"}
    assert not list(tmp_path.rglob("*.part"))


def test_runs_that_agree_everywhere(tmp_path):
    p = softmax_runs(1)
    frame = [("1", reduced(np.concatenate([p, p])))]
    store = JointStore(tmp_path, {})
    store.write("walk", frame)
    assert_same(list(store.read("walk")), frame)


def test_another_origin_voids_what_is_there(tmp_path):
    JointStore(tmp_path / "joint", {"checksum": 1}).write("walk", FRAMES)
    assert not JointStore(tmp_path / "joint", {"checksum": 2}).has("walk")


def test_a_damaged_file_is_named(tmp_path):
    store = JointStore(tmp_path, {})
    store.write("walk", FRAMES)
    file = tmp_path / "walk.npz"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match=r"joint frames: expected a NumPy archive.*walk\.npz.*delete it"):
        list(store.read("walk"))
