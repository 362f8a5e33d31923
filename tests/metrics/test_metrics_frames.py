"""Frames found by what their pixels were taken for, against loops over dense matrices."""

import subprocess
import sys

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.metrics.frames import FrameCollector, FrameConfusions

C = 124


def random_frames(seed=0, frames=9):
    rng = np.random.default_rng(seed)
    found = []
    for index in range(frames):
        matrix = np.zeros((C, C), np.int64)
        for _ in range(30):
            matrix[tuple(rng.integers(0, 6, 2))] += rng.integers(1, 50)
        found.append((f"v{index // 3}", f"{index:08d}", matrix))
    return [*found, ("v9", "00000000", np.zeros((C, C), np.int64))]


FRAMES = random_frames()


@pytest.fixture
def collected() -> FrameConfusions:
    collector = FrameCollector()
    for frame in FRAMES:
        collector.add(*frame)
    return collector.collected()


def worst_of_each(rows):
    """The row with most wrong pixels of each video, most first."""
    best = [
        max((row for row in rows if row[0] == video), key=lambda row: row[2])
        for video in dict.fromkeys(row[0] for row in rows)
    ]
    return [(v, f, w, pytest.approx(s)) for v, f, w, s in sorted(best, key=lambda row: -row[2])]


@pytest.mark.parametrize("number", range(7))
def test_the_worst_frames_of_a_class(collected, number):
    rows = []
    for video, frame, matrix in FRAMES:
        missed = matrix[number].sum() - matrix[number, number]
        taken = matrix[:, number].sum() - matrix[number, number]
        union = missed + taken + matrix[number, number]
        if missed + taken:
            rows.append((video, frame, missed + taken, (missed + taken) / union))
    assert collected.worst_of_class(number, 2) == worst_of_each(rows)[:2]


def test_the_worst_frames_of_a_confusion(collected):
    rows = [(v, f, m[2, 5], m[2, 5] / m[2].sum()) for v, f, m in FRAMES if m[2, 5]]
    assert collected.worst_of_confusion(2, 5) == worst_of_each(rows)
    assert collected.worst_of_confusion(2, 100) == []


def test_a_file_brings_them_back(collected, tmp_path):
    collected.save(tmp_path / "a.npz")
    again = FrameConfusions.load(tmp_path / "a.npz")
    for name, value in vars(collected).items():
        np.testing.assert_array_equal(getattr(again, name), value)
    empty = FrameCollector().collected()
    empty.save(tmp_path / "b.npz")
    assert FrameConfusions.load(tmp_path / "b.npz").worst_of_class(0) == []


def test_damage_and_unknown_classes_are_named(collected, tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"frames: expected a NumPy archive.*vspw score"):
        FrameConfusions.load(tmp_path / "a.npz")
    with pytest.raises(InputError, match="class"):
        collected.worst_of_class(124)
    with pytest.raises(InputError, match="class"):
        collected.worst_of_confusion(0, 124)


def test_opens_without_torch():
    code = "import sys, vspwlib.metrics.frames; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_merge_to_the_frames_of_one_collection(collected, count):
    order = list(dict.fromkeys(video for video, *_ in FRAMES))
    parts = []
    for index in range(count):
        collector = FrameCollector()
        for frame in FRAMES:
            if frame[0] in order[index::count]:
                collector.add(*frame)
        parts.append(FrameConfusions.from_arrays(collector.collected().to_arrays()))
    merged = FrameConfusions.merged(parts[::-1], order)
    for name, values in vars(collected).items():
        found = getattr(merged, name)
        assert found == values if name in {"videos", "frames"} else np.array_equal(found, values), name
        assert getattr(found, "dtype", None) == getattr(values, "dtype", None)
