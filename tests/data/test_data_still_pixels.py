"""Pixel counts of image sets: against plain loops, after a kill, and with broken files."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import SIZE, share_mask, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data import mask_counts
from vspwlib.data.still_pixels import count_pixels, gather_pixels
from vspwlib.data.stills import open_stills


@pytest.fixture
def coco(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(6):
        write_pair(tmp_path / "coco", "train2017", f"{number:012d}", rng.integers(0, 9, SIZE, np.uint8))
    return open_stills("cocostuff", tmp_path / "coco")


@pytest.fixture
def reads(monkeypatch):
    """Return the names of the annotations that are read."""
    names = []
    read = mask_counts.read_raw_mask

    def noted(path, **options):
        names.append(path.stem)
        return read(path, **options)

    monkeypatch.setattr(mask_counts, "read_raw_mask", noted)
    return names


def by_loop(path):
    counts = {}
    for value in np.asarray(Image.open(path)).ravel().tolist():
        counts[value] = counts.get(value, 0) + 1
    return counts


@pytest.mark.parametrize("workers", [1, 3])
def test_counts_are_those_of_a_loop_over_pixels(coco, tmp_path, workers):
    counted = count_pixels(coco, tmp_path / "new" / "pixels.jsonl", workers=workers)
    assert [record.counts for record in counted] == [by_loop(still.mask) for still in coco.stills]
    assert [record.image for record in counted] == [f"images/train2017/{number:012d}.jpg" for number in range(6)]
    assert {(record.height, record.width, record.split, record.problem) for record in counted} == {
        (*SIZE, "train2017", None)
    }


def test_nothing_is_read_twice(coco, tmp_path, reads):
    file = tmp_path / "pixels.jsonl"
    first, steps = count_pixels(coco, file), []
    again = count_pixels(coco, file, progress=lambda done, whole: steps.append((done, whole)))
    assert len(reads) == 6
    assert again == first
    assert steps == [(6, 6)]


@pytest.mark.parametrize("cut", ["after a line", "within a line", "within the first line"])
def test_a_killed_run_goes_on(coco, tmp_path, reads, cut):
    file = tmp_path / "pixels.jsonl"
    whole = count_pixels(coco, file, workers=1)
    lines = file.read_bytes().splitlines(keepends=True)
    kept = {
        "after a line": lines[:4],
        "within a line": [*lines[:4], lines[4][:25]],
        "within the first line": [b'{"sch'],
    }
    file.write_bytes(b"".join(kept[cut]))
    reads.clear()
    steps = []
    assert count_pixels(coco, file, progress=lambda done, whole: steps.append((done, whole))) == whole
    before = 0 if cut == "within the first line" else 3
    assert len(reads) == 6 - before
    assert steps[0] == (before, 6)
    assert steps[-1] == (6, 6)
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 7  # the file is whole again


def test_an_exception_keeps_what_was_read(coco, tmp_path, monkeypatch, reads):
    def interrupted(still):
        if still.stem.endswith("3"):
            raise KeyboardInterrupt
        return SIZE

    monkeypatch.setattr(mask_counts, "read_image_size", interrupted)
    with pytest.raises(KeyboardInterrupt):
        count_pixels(coco, tmp_path / "pixels.jsonl", workers=1)
    monkeypatch.undo()
    assert len((tmp_path / "pixels.jsonl").read_text().splitlines()) >= 1 + 3
    assert [record.counts for record in count_pixels(coco, tmp_path / "pixels.jsonl")] == [
        by_loop(still.mask) for still in coco.stills
    ]


def test_what_is_wrong_is_named_and_read_again_when_it_is_mended(tmp_path):
    root = write_coco(tmp_path / "coco", dict.fromkeys(["empty", "cut", "size", "colour", "wide", "gone", "fine"], 50))
    image, mask = root / "images/train2017", root / "annotations/train2017"
    stills = open_stills("cocostuff", root)
    good = (mask / "size.png").read_bytes()
    (image / "empty.jpg").write_bytes(b"")
    (image / "cut.jpg").write_bytes((image / "cut.jpg").read_bytes()[:-300])
    Image.fromarray(np.zeros((SIZE[0], SIZE[1] - 1), np.uint8)).save(mask / "size.png")
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(mask / "colour.png")
    Image.fromarray(np.full(SIZE, 300, np.uint16)).save(mask / "wide.png")
    (mask / "gone.png").unlink()
    file = tmp_path / "pixels.jsonl"
    problems = {record.image[17:-4]: record.problem for record in count_pixels(stills, file) if record.problem}
    assert {name: kind for name, (kind, _) in problems.items()} == {
        "empty": "unreadable image",
        "cut": "unreadable image",
        "size": "mask size",
        "colour": "unreadable mask",
        "wide": "unreadable mask",
        "gone": "unreadable mask",
    }
    assert "0 bytes" in problems["empty"][1]
    assert "29x20, its image 30x20" in problems["size"][1]
    assert "300" in problems["wide"][1]
    (mask / "size.png").write_bytes(good)
    write_pair(root, "train2017", "fine", share_mask(3, 20))  # a new annotation under an old name
    counted = {record.image[17:-4]: record for record in count_pixels(stills, file)}
    assert counted["size"].counts == by_loop(mask / "size.png") == {0: 300, 255: 300}
    assert counted["fine"].counts == {3: 120, 255: 480}


def test_a_greyscale_jpeg_is_an_image_like_any_other(tmp_path):
    write_pair(tmp_path, "train2017", "grey", share_mask(0, 50), grey=True)
    (record,) = count_pixels(open_stills("cocostuff", tmp_path), tmp_path / "pixels.jsonl")
    assert (record.problem, record.height, record.width) == (None, *SIZE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 1, "data": "ade20k"}\n', "expected those with data cocostuff, got ade20k"),
        ('{"schema": 1, "data": "cocostuff", "counts": "source values"}\n{"image": \n', "expected JSON lines"),
        ('{"schema": 1, "data": "cocostuff", "counts": "source values"}\n{"image": "a"}\n', "KeyError: 'lengths'"),
        ("[1]\n", "expected JSON lines"),
    ],
)
def test_another_file_is_refused(coco, tmp_path, content, message):
    file = tmp_path / "pixels.jsonl"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        count_pixels(coco, file)
    assert file.read_text() == content


def test_what_others_have_counted_is_gathered_and_not_read_again(coco, tmp_path, reads):
    file, shards = tmp_path / "pixels.jsonl", [tmp_path / f"{index}.jsonl" for index in range(3)]
    count_pixels(replace(coco, stills=coco.stills[4:]), file)
    for index, shard in enumerate(shards[:2]):
        count_pixels(replace(coco, stills=coco.stills[index::2]), shard, known_from=file)
    assert sorted(reads) == [f"{number:012d}" for number in range(6)]
    assert [len(shard.read_text().splitlines()) for shard in shards[:2]] == [1 + 2, 1 + 2]
    gather_pixels(coco, file, shards)  # the third has not begun
    gather_pixels(coco, file, shards)
    lines = [json.loads(line)["image"][-16:-4] for line in file.read_text().splitlines()[1:]]
    assert [int(name) for name in lines] == [4, 5, 0, 1, 2, 3]
    assert [record.counts for record in count_pixels(coco, file)] == [by_loop(still.mask) for still in coco.stills]
    assert len(reads) == 6
