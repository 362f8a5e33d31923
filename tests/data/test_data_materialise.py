"""Mapped copies of image sets: their pixels, our own reader on them, and runs that were broken off."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import SIZE, own_mapping, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data import materialise as module
from vspwlib.data.images import read_mask
from vspwlib.data.index import open_split
from vspwlib.data.materialise import materialise
from vspwlib.data.still_filter import judge
from vspwlib.data.still_pixels import count_pixels
from vspwlib.data.stills import open_stills


@pytest.fixture
def chosen(tmp_path):
    """Return a set of two splits, its report and mapping: one image of five is not kept."""
    root = tmp_path / "coco"
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        write_pair(root, "train2017", name, rng.choice(np.array([0, 1, 2], np.uint8), SIZE, p=[0.5, 0.4, 0.1]))
    write_coco(root, {"void": 20, "d": 90}, "val2017")
    mapping = own_mapping(tmp_path / "own.csv", {0: "person", 1: "car", 2: "void", 255: "void"})
    stills = open_stills("cocostuff", root)
    report = judge(stills, count_pixels(stills, tmp_path / "pixels.jsonl"), mapping, threshold=0.8)
    assert len(report.kept) == 4
    return stills, report, mapping


@pytest.mark.parametrize("images", ["link", "copy"])
def test_our_own_reader_finds_the_mapped_pairs(chosen, tmp_path, images):
    stills, _, mapping = chosen
    done = materialise(*chosen, tmp_path / "out", images=images)
    assert (done["written"], done["found"]) == (4, 0)
    split = open_split(tmp_path / "out", "train")
    assert [video.name for video in split.videos] == ["cocostuff_train2017", "cocostuff_val2017"]
    sources = {still.name: still for still in stills.stills}
    pairs = list(split.labelled())
    assert sorted(frame.name for frame, _ in pairs) == ["a", "b", "c", "d"]
    raw = {0: 61, 1: 49, 2: 255, 255: 255}  # person, car, void as VSPW's files have them
    for frame, mask in pairs:
        source = np.asarray(Image.open(sources[frame.name].mask))
        written = np.asarray(Image.open(mask))
        assert (written == [[raw[value] for value in row] for row in source.tolist()]).all()
        assert (read_mask(mask) == mapping.apply(source)).all()
        assert frame.image.is_symlink() == (images == "link")
        assert frame.image.read_bytes() == sources[frame.name].image.read_bytes()
    assert open_split(tmp_path / "out", "cocostuff_val2017").num_frames == 1
    assert [path.name for path in tmp_path.glob(".*.part")] == []


def test_a_run_that_was_killed_goes_on(chosen, tmp_path, monkeypatch):
    write = module._write_still

    def killed(still, **options):
        if still.name == "c":
            raise KeyboardInterrupt
        return write(still, **options)

    monkeypatch.setattr(module, "_write_still", killed)
    with pytest.raises(KeyboardInterrupt):
        materialise(*chosen, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    done = materialise(*chosen, tmp_path / "out", workers=1)
    assert done["found"] >= 2
    assert done["written"] + done["found"] == 4
    assert open_split(tmp_path / "out", "train").num_frames == 4


def test_a_finished_copy_is_left_alone_and_another_is_refused(chosen, tmp_path):
    stills, report, _ = chosen
    materialise(*chosen, tmp_path / "out")
    assert materialise(*chosen, tmp_path / "out")["written"] == 0
    other = own_mapping(tmp_path / "other.csv", {0: "sky", 1: "car", 2: "void", 255: "void"})
    counted = count_pixels(stills, tmp_path / "pixels.jsonl")
    with pytest.raises(InputError, match="got a copy with another mapping, mapping_digest"):
        materialise(stills, judge(stills, counted, other, threshold=0.8), other, tmp_path / "out")
    with pytest.raises(InputError, match="mapping: expected own, got other"):
        materialise(stills, report, other, tmp_path / "out2")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(InputError, match="got something else"):
        materialise(*chosen, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    assert materialise(*chosen, tmp_path / "empty")["written"] == 4


def test_a_draft_of_another_mapping_is_begun_anew(chosen, tmp_path):
    mask = tmp_path / ".out.part" / "data" / "cocostuff_train2017" / "mask" / "a.png"
    mask.parent.mkdir(parents=True)
    mask.write_bytes(b"of another mapping")
    (tmp_path / ".out.part" / "materialised.json").write_text(json.dumps({"mapping": "other"}))
    assert materialise(*chosen, tmp_path / "out")["written"] == 4


def test_nothing_kept_is_refused(chosen, tmp_path):
    stills, _, mapping = chosen
    counted = count_pixels(stills, tmp_path / "pixels.jsonl")
    with pytest.raises(InputError, match="expected images to write, got none kept"):
        materialise(stills, judge(stills, counted, mapping, threshold=1.0), mapping, tmp_path / "out")
