"""Counts against a plain loop over the files; every fault of a file is counted and named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.source_pixels import SourcePixels, count_source_pixels, find_pairs
from vspwlib.labels.mapping import load_mapping
from vspwlib.labels.sources import SOURCE_SETS

COCO, ADE, CAMVID = (SOURCE_SETS[name] for name in ("cocostuff", "ade20k", "camvid"))


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Return a sound COCO-Stuff of two splits, five images of random labels."""
    rng = np.random.default_rng(0)
    drawn = [value for value in COCO.values if value not in COCO.never]
    for split, count in (("train2017", 3), ("val2017", 2)):
        for number in range(count):
            height, width = 10 + number, 12
            save(tmp_path / "images" / split / f"{number:012d}.jpg", rng.integers(0, 256, (height, width, 3), np.uint8))
            mask = rng.choice(drawn, (height, width)).astype(np.uint8)
            save(tmp_path / "annotations" / split / f"{number:012d}.png", mask)
    return tmp_path


def count(root: Path, facts=COCO, **options) -> SourcePixels:
    return count_source_pixels(root, facts, load_mapping(facts.name), workers=2, **options)


def kinds(found: SourcePixels) -> list[tuple[str, str]]:
    return [(problem.kind, problem.path) for problem in found.problems]


def test_counts_are_those_of_a_loop(coco):
    pixels, occurrences = [0] * 256, [0] * 256
    for path in sorted(coco.glob("annotations/*/*.png")):
        values = np.array(Image.open(path)).ravel().tolist()
        for value in values:
            pixels[value] += 1
        for value in set(values):
            occurrences[value] += 1
    seen = []
    found = count(coco, progress=lambda done, whole: seen.append((done, whole)))
    assert (found.images, found.problems) == (5, [])
    assert found.pixels.tolist() == pixels
    assert found.occurrences.tolist() == occurrences
    assert (seen[0], seen[-1]) == ((0, 5), (5, 5))
    found.require_sound()


def test_files_without_a_partner_are_named(coco):
    (coco / "images/train2017/000000000000.jpg").unlink()
    (coco / "annotations/train2017/000000000001.png").unlink()
    save(coco / "images/test2017/000000000009.jpg", np.zeros((4, 4, 3), np.uint8))
    save(coco / "annotations/val2017/000000000001_labelTrainIds.png", np.zeros((4, 4), np.uint8))
    found = count(coco)
    assert found.images == 3
    assert kinds(found) == [
        ("missing mask", "images/test2017"),
        ("missing mask", "images/train2017/000000000001.jpg"),
        ("mask without image", "annotations/train2017/000000000000.png"),
    ]


def test_files_that_cannot_be_used_are_named_and_not_counted(coco):
    train = coco / "annotations" / "train2017"
    image = coco / "images" / "val2017" / "000000000000.jpg"
    image.write_bytes(image.read_bytes()[:200])
    (train / "000000000000.png").write_bytes(b"")
    save(train / "000000000001.png", np.zeros((10, 12), np.uint8))  # its image is 11 high
    save(train / "000000000002.png", np.zeros((12, 12, 3), np.uint8))
    found = count(coco)
    assert found.images == 1
    assert found.pixels.sum() == 11 * 12
    assert kinds(found) == [
        ("unreadable mask", "annotations/train2017/000000000000.png"),
        ("mask size", "annotations/train2017/000000000001.png"),
        ("unreadable mask", "annotations/train2017/000000000002.png"),
        ("unreadable image", "images/val2017/000000000000.jpg"),
    ]
    messages = [problem.message for problem in found.problems]
    assert messages[0] == "an empty file (0 bytes)"
    assert messages[1] == "12x10, its image 12x11"
    with pytest.raises(InputError, match=r"got 4, the first: unreadable mask, annotations/train2017/0+\.png"):
        found.require_sound()


def test_unknown_and_undrawn_ids_are_counted_and_named(coco):
    mask = np.full((10, 12), 3, np.uint8)
    mask[0, :5], mask[1, :7], mask[2, 0] = 200, 182, 11
    save(coco / "annotations/val2017/000000000000.png", mask)
    found = count(coco)
    assert found.images == 5
    assert [found.pixels[value] for value in (200, 182, 11)] == [5, 7, 1]
    unknown, unused = found.problems
    assert (unknown.kind, unknown.message) == ("unknown ids", "182 (7 pixels), 200 (5 pixels); counted as void")
    assert unused.kind == "unused ids"
    assert unused.message == "11 (1 pixels); never drawn in COCO-Stuff: is the mask in another numbering?"


def test_ade20k_lies_the_same_way_and_counts_from_one(tmp_path):
    save(tmp_path / "images/training/a.jpg", np.zeros((2, 3, 3), np.uint8))
    save(tmp_path / "annotations/training/a.png", np.array([[0, 1, 150], [151, 151, 7]], np.uint8))
    found = count(tmp_path, ADE)
    assert {int(value): int(found.pixels[value]) for value in np.flatnonzero(found.pixels)} == {
        0: 1,
        1: 1,
        7: 1,
        150: 1,
        151: 2,
    }
    assert [problem.message for problem in found.problems] == ["151 (2 pixels); counted as void"]


@pytest.mark.parametrize("home", ["data", "."])
def test_camvid_is_read_in_its_own_ids(tmp_path, home):
    video = tmp_path / home / "drive"
    save(video / "origin/1.jpg", np.zeros((2, 2, 3), np.uint8))
    save(video / "mask/1.png", np.array([[1, 11], [255, 4]], np.uint8))
    save(video / "mask_vspw/1.png", np.array([[29, 52], [255, 19]], np.uint8))
    (tmp_path / home / "elsewhere").mkdir()
    pairs, problems = find_pairs(tmp_path, CAMVID)
    assert ([pair.mask for pair in pairs], problems) == ([video / "mask/1.png"], [])
    assert np.flatnonzero(count(tmp_path, CAMVID).pixels).tolist() == [1, 4, 11, 255]


def test_a_folder_without_pairs_is_refused(coco, tmp_path):
    with pytest.raises(InputError, match="expected an existing folder"):
        count(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"in <video>/origin and <video>/mask, got not one pair \(no such folders\)"):
        count(coco, CAMVID)
    for path in coco.glob("annotations/*/*.png"):
        path.unlink()
    with pytest.raises(InputError, match=r"not one pair \(images/train2017, images/val2017\)"):
        count(coco)


def test_real_samples_are_sound(shared):
    for facts, folder, images in ((COCO, "cocostuff_sample", 139), (ADE, "ade20k_sample", 37)):
        found = count(shared / "data" / folder, facts)
        assert (found.images, found.problems) == (images, [])
        assert found.pixels[[value for value in range(256) if value not in facts.values]].sum() == 0
        assert found.pixels.sum() > 9_000_000
