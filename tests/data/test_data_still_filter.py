"""The 80 % rule: against a loop over pixels, strictly greater, other thresholds and mappings from the same counts."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import SIZE, own_mapping, share_mask, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data.still_filter import THRESHOLDS, check_denominator, judge, valid_ratios, write_report
from vspwlib.data.still_pixels import count_pixels, read_pixels
from vspwlib.data.stills import open_stills
from vspwlib.labels import CLASS_NAMES
from vspwlib.labels.mapping import load_mapping


@pytest.fixture
def mapping(tmp_path):
    """Return 0 and 1 to person, 2 to car, 3 and 255 to void; 4 and above are not known."""
    targets = {0: "person", 1: "person", 2: "car", 3: "void", 255: "void"}
    return own_mapping(tmp_path / "own.csv", targets)


def judged(root, mapping, tmp_path, **options):
    stills = open_stills("cocostuff", root)
    counted = count_pixels(stills, tmp_path / "pixels.jsonl")
    return judge(stills, counted, mapping, **{"threshold": 0.8, **options})


@pytest.mark.parametrize("denominator", ["all", "labelled"])
def test_ratios_and_classes_are_those_of_a_loop(tmp_path, mapping, denominator):
    rng = np.random.default_rng(1)
    values = np.array([0, 1, 2, 3, 4, 9, 255], np.uint8)
    for number in range(5):
        shares = rng.dirichlet(np.ones(len(values)))
        write_pair(tmp_path / "coco", "train2017", f"{number}", rng.choice(values, SIZE, p=shares))
    report = judged(tmp_path / "coco", mapping, tmp_path, denominator=denominator, threshold=0.4)
    for still, image in zip(open_stills("cocostuff", tmp_path / "coco").stills, report.images, strict=True):
        valid, whole, classes, unknown = 0, 0, {}, {}
        for value in np.asarray(Image.open(still.mask)).ravel().tolist():
            whole += not (denominator == "labelled" and value == 255)
            name = {0: "person", 1: "person", 2: "car"}.get(value)
            if name is not None:
                valid += 1
                classes[name] = classes.get(name, 0) + 1
            elif value in {4, 9}:
                unknown[value] = unknown.get(value, 0) + 1
        assert image.ratio == valid / whole
        assert image.kept == (valid / whole > 0.4)
        assert {CLASS_NAMES[number]: pixels for number, pixels in image.classes.items()} == classes
        assert image.unknown == unknown
    assert 0 < len(report.kept) < 5
    assert check_denominator(denominator) == denominator


def test_the_threshold_itself_is_not_kept(tmp_path, mapping):
    shares = {f"{share:03d}": share for share in (50, 55, 79, 80, 81, 95, 100)}
    report = judged(write_coco(tmp_path / "coco", shares), mapping, tmp_path)
    assert report.kept == tuple(f"images/train2017/{name}.jpg" for name in ("081", "095", "100"))
    for threshold in THRESHOLDS:
        expected = sum(share > round(100 * threshold) for share in shares.values())
        assert report.kept_above(threshold) == expected, threshold
        again = judged(tmp_path / "coco", mapping, tmp_path, threshold=threshold)
        assert len(again.kept) == expected
    assert report.histogram() == [0] * 10 + [1, 1, 0, 0, 0, 1, 2, 0, 0, 2]


def test_another_mapping_needs_no_image(tmp_path, mapping):
    root = write_coco(tmp_path / "coco", {"a": 90, "b": 10})
    stills = open_stills("cocostuff", root)
    counted = count_pixels(stills, tmp_path / "pixels.jsonl")
    for still in stills.stills:
        still.mask.unlink()
        still.image.unlink()
    other = own_mapping(tmp_path / "other.csv", {0: "void", 255: "sky"})
    first, second = (judge(stills, counted, table, threshold=0.8) for table in (mapping, other))
    assert (first.kept, second.kept) == (("images/train2017/a.jpg",), ("images/train2017/b.jpg",))
    assert first.digest != second.digest
    assert second.class_pixels() == {"sky": 540}


def test_every_problem_is_counted_and_named(tmp_path, mapping):
    root = write_coco(tmp_path / "coco", dict.fromkeys(["fine", "broken", "strange"], 100))
    (root / "images/train2017/broken.jpg").write_bytes(b"")
    (root / "images/train2017/alone.jpg").touch()
    write_pair(root, "train2017", "strange", share_mask(0, 90, rest=9))
    report = judged(root, mapping, tmp_path)
    assert [(problem.kind, problem.path, problem.message) for problem in report.problems] == [
        ("missing mask", "images/train2017/alone.jpg", "not used"),
        ("unreadable image", "images/train2017/broken.jpg", "an empty file (0 bytes)"),
        ("unknown ids", "annotations/train2017/strange.png", "9 (60 pixels); counted as void"),
    ]
    assert report.kept == ("images/train2017/fine.jpg", "images/train2017/strange.jpg")
    assert report.to_json()["problem_kinds"] == {"missing mask": 1, "unreadable image": 1, "unknown ids": 1}
    with pytest.raises(InputError, match=r"expected no problems \(strict\), got 3: images/train2017/alone.jpg"):
        report.require_sound()


def test_values_that_no_released_file_holds_are_a_sign(tmp_path):
    root = tmp_path / "coco"
    write_pair(root, "train2017", "dense", share_mask(11, 90))
    report = judged(root, load_mapping("cocostuff"), tmp_path)
    assert [(problem.kind, problem.message[:2]) for problem in report.problems] == [("unused ids", "11")]


def test_a_sound_set_passes(tmp_path, mapping):
    judged(write_coco(tmp_path / "coco", {"a": 90}), mapping, tmp_path).require_sound()


def test_what_is_written_agrees(tmp_path, mapping):
    root = write_coco(tmp_path / "coco", {"a": 90, "b": 10, "c": 85})
    (root / "images/train2017/b.jpg").write_bytes(b"")
    report = judged(root, mapping, tmp_path)
    write_report(report, tmp_path / "out")
    head, *lines = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert head["mapping_digest"] == report.digest
    assert [(line["image"][17:-4], line["ratio"], line["kept"]) for line in lines] == [
        ("a", 0.9, True),
        ("b", None, False),
        ("c", 0.85, True),
    ]
    assert lines[0]["classes"] == {"person": 540}
    assert lines[1]["problem"] == "unreadable image: an empty file (0 bytes)"
    kept = [line["image"] for line in lines if line["kept"]]
    assert (tmp_path / "out/kept.txt").read_text().splitlines() == kept == list(report.kept)
    facts = json.loads((tmp_path / "out/report.json").read_text())
    assert facts["splits"]["train2017"] == {"images": 3, "usable": 2, "kept": 2, "mean_ratio": 0.875}
    assert facts["kept_above"]["0.85"] == 1


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_thresholds_are_shares(tmp_path, mapping, threshold):
    with pytest.raises(InputError, match="threshold: expected 0 to 1"):
        judged(write_coco(tmp_path / "coco", {"a": 90}), mapping, tmp_path, threshold=threshold)
    with pytest.raises(InputError, match="did you mean 'labelled'"):
        check_denominator("labeled")


@pytest.mark.parametrize("denominator", ["all", "labelled"])
def test_ratios_from_the_file_of_counts_are_those_of_the_report(tmp_path, mapping, denominator):
    root = write_coco(tmp_path / "coco", {"b": 50, "a": 90, "c": 0})
    (root / "images" / "train2017" / "c.jpg").write_bytes(b"no picture")
    report = judged(root, mapping, tmp_path, denominator=denominator)
    counted = read_pixels(tmp_path / "pixels.jsonl", "cocostuff")
    assert [record.image[-5:] for record in counted] == ["a.jpg", "b.jpg", "c.jpg"]
    assert sorted(counted, key=str) == sorted((image.pixels for image in report.images), key=str)
    found = valid_ratios(counted, mapping, "cocostuff", denominator=denominator)
    assert found == {image.pixels.image: image.ratio for image in report.images if image.ratio is not None}
    assert len(found) == 2
