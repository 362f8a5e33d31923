"""Packs of frames: what is written is read back, and the labels that follow from a pack are those of Python."""

import json
import struct

import numpy as np
import pytest
import torch

from tests.workbench.live_clip import Clip
from vspwlib.checks import InputError
from vspwlib.ensemble.envelope import Envelope, envelope
from workbench.live.container import frame_pack, pack, unpack


def labels_at(sections, k):
    """The contract, read literally."""
    out = sections["start"].copy().reshape(-1)
    for pixel, step, label in zip(sections["pixel"], sections["step"], sections["label"], strict=True):
        if step <= k:
            out[pixel] = label
    return out.reshape(sections["start"].shape)


def labels_of(sections, weights):
    out = sections["agreed"].copy().reshape(-1)
    for m, pixel in enumerate(sections["pixel"]):
        entries = slice(sections["first"][m], sections["first"][m + 1])
        sums = np.zeros(sections["first"][m + 1] - sections["first"][m])
        for weight, prob in zip(weights, sections["prob"], strict=True):
            sums += weight * prob[entries].astype(np.float64)
        out[pixel] = sections["number"][entries][np.argmax(sums)]
    return out.reshape(sections["agreed"].shape)


def test_arrays_of_every_dtype_come_back():
    rng = np.random.default_rng(0)
    arrays = {
        code: rng.integers(0, 200, (3, 5)).astype(dtype)
        for code, dtype in (("a", "u1"), ("b", "<u2"), ("c", ">u4"), ("d", "<f4"))
    }
    arrays |= {"none": np.empty(0, np.uint16), "cut": arrays["a"][:, ::2]}
    found = unpack(pack((3, 5), arrays))
    assert (found.height, found.width) == (3, 5)
    assert [*found.sections] == [*arrays]
    for name, values in arrays.items():
        assert found.sections[name].shape == values.shape
        assert np.array_equal(found.sections[name], values)


def test_the_layout_is_the_documented_one():
    data = pack((1, 3), {"truth": np.array([[1, 2, 255]], np.uint8), "step": np.array([7, 8], np.uint16)})
    magic, version, length = struct.unpack_from("<4sII", data)
    header = json.loads(data[12 : 12 + length])
    start = -(-(12 + length) // 8) * 8
    assert (magic, version, header["height"], header["width"]) == (b"VSPK", 1, 1, 3)
    truth, step = header["sections"]["truth"], header["sections"]["step"]
    assert truth == {"dtype": "u1", "shape": [1, 3], "offset": 0}
    assert step == {"dtype": "u2", "shape": [2], "offset": 8}
    assert data[12 + length : start] == bytes(start - 12 - length)
    assert data[start : start + 3] == b"\x01\x02\xff"
    assert data[start + 8 : start + 12] == b"\x07\x00\x08\x00"


def test_labels_of_a_pair_at_every_step_are_those_of_the_envelope():
    clip = Clip("pair", count=1, size=(9, 14))
    found, opened = clip.contents[0], unpack(frame_pack(clip.contents[0], clip.truths[0])).sections
    assert len(opened["pixel"]) > 20
    for k in range(1001):
        assert np.array_equal(labels_at(opened, k), found.labels(k / 1000)), k
    assert np.array_equal(opened["truth"], clip.truths[0])


def test_of_changes_within_one_step_the_last_is_kept():
    time = np.array([0.2, np.nextafter(0.2, 1), 0.2004, 0.2006, 0.7, 1.0, np.nextafter(1.0, 2)])
    pixel, label = np.array([0, 0, 0, 0, 2, 2, 2], np.int32), np.array([1, 2, 3, 4, 5, 6, 7], np.uint8)
    found = Envelope(np.array([[0, 9, 8]], np.uint8), pixel, time, label)
    opened = unpack(frame_pack(found)).sections
    assert list(zip(opened["pixel"], opened["step"], opened["label"], strict=True)) == [
        (0, 200, 1), (0, 201, 4), (2, 700, 5), (2, 1000, 6),
    ]  # fmt: skip
    for k in (0, 199, 200, 201, 699, 700, 1000):
        assert np.array_equal(labels_at(opened, k), found.labels(k / 1000)), k


@pytest.mark.parametrize("grid", [1, 3, 7, 255, 10_000])
def test_other_grids_are_exact_too(grid):
    fields = Clip("pair", count=1, size=(6, 8), seed=3).fields[0]
    found = envelope(*fields)
    opened = unpack(frame_pack(found, grid=grid)).sections
    for k in {0, 1, grid // 2, grid}:
        assert np.array_equal(labels_at(opened, k), found.labels(k / grid)), k


def test_a_joint_frame_is_rounded_to_sixteen_bits_and_no_further():
    clip = Clip("joint", count=1, size=(9, 14), runs=3)
    found, opened = clip.contents[0], unpack(frame_pack(clip.contents[0])).sections
    assert len(opened["pixel"]) > 20
    assert "truth" not in opened
    assert np.abs(opened["prob"] / 65535 - found.probs).max() <= 0.5 / 65535 + 1e-7
    rounded = type(found)(found.agreed, found.pixel, found.first, found.number, opened["prob"].astype(np.float32))
    for weights in ([1, 0, 0], [0, 1, 0], [0.5, 0.25, 0.25], [0.2, 0.3, 0.5]):
        assert np.array_equal(labels_of(opened, weights), rounded.labels(weights))
    differ = labels_of(opened, [0.2, 0.3, 0.5]) != found.labels([0.2, 0.3, 0.5])
    assert differ.mean() < 0.01


def test_one_run_is_its_label_map():
    labels = np.array([[3, 4]], np.uint8)
    assert np.array_equal(unpack(frame_pack(labels)).sections["labels.0"], labels)


def test_what_cannot_be_packed_is_refused():
    labels = np.zeros((2, 3), np.uint8)
    with pytest.raises(InputError, match=r"truth: expected shape \(2, 3\)"):
        frame_pack(labels, np.zeros((3, 2), np.uint8))
    with pytest.raises(InputError, match="expected one of u1, u2, u4, f4, got int64"):
        pack((2, 3), {"labels.0": labels.astype(np.int64)})
    with pytest.raises(InputError, match="grid: expected 1 to 65535"):
        frame_pack(envelope(torch.rand(2, 1, 1), torch.rand(2, 1, 1)), grid=70_000)


def test_broken_containers_are_refused():
    good = frame_pack(np.arange(6, dtype=np.uint8).reshape(2, 3))
    for data in (b"", good[:8], b"PNG!" + good[4:]):
        with pytest.raises(InputError, match="begins with VSPK"):
            unpack(data)
    with pytest.raises(InputError, match=r"expected version 1, got 9 \(frame 4\)"):
        unpack(good[:4] + struct.pack("<I", 9) + good[8:], where="frame 4")
    for data in (good[:20], good[:-8]):
        with pytest.raises(InputError, match="expected a whole container"):
            unpack(data)
