"""Evidence for a mapping: chosen images, counts against a network's own predictions, and going on after a stop."""

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data.still_pixels import StillPixels
from vspwlib.pipeline.prediction import run_predictor
from vspwlib.pipeline.suggesting import choose_images, gather_evidence
from vspwlib.predict.scores import labels
from vspwlib.runs import Workspace


def still(name: str, counts: dict[int, int]) -> StillPixels:
    return StillPixels(name, "train2017", (1, 1), 10, 100, counts)


def test_each_value_is_seen_in_so_many_images_and_a_larger_number_only_adds():
    counted = [still(f"{index}.jpg", {0: 900, 1 + index % 3: 100}) for index in range(30)]
    chosen = {size: {*choose_images(counted, size)} for size in (1, 2, 5, 99)}
    assert chosen[1] < chosen[2] < chosen[5] < chosen[99] == {record.image for record in counted}
    for value in (1, 2, 3):
        assert sum(value in record.counts for record in counted if record.image in chosen[5]) >= 5


def test_large_regions_come_before_spots():
    counted = [still("large.jpg", {7: 10}), *(still(f"spot{n}.jpg", {7: n}) for n in range(1, 9))]
    assert choose_images(counted, 1) == ["large.jpg"]
    assert choose_images(counted, 3) == ["large.jpg", "spot7.jpg", "spot8.jpg"]


@pytest.fixture
def coco(tmp_path):
    root = write_coco(tmp_path / "coco", {"a": 30, "b": 60})
    mask = np.full((40, 24), 20, np.uint8)
    mask[:7] = 156
    write_pair(root, "val2017", "c", mask)
    return root


def test_counts_are_those_of_the_network(coco, finished, tmp_path):
    run, place = finished.runs[0], Workspace(tmp_path / "ws")
    evidence = gather_evidence(run, place, "cocostuff", coco)
    expected = np.zeros((256, 124), np.int64)
    predictor = run_predictor(run)
    for path in sorted(coco.glob("images/*/*.jpg")):
        image = np.asarray(Image.open(path))
        ids = labels(predictor.scores(image), image.shape[:2])
        mask = np.asarray(Image.open(coco / "annotations" / path.parent.name / f"{path.stem}.png"))
        np.add.at(expected, (mask.ravel(), ids.ravel()), 1)
    assert evidence.images == 3
    assert np.array_equal(evidence.counts.pixels, expected)
    assert evidence.counts.images[[0, 20, 156, 255]].tolist() == [2, 1, 1, 2]


def test_a_second_call_predicts_only_what_is_new(coco, finished, tmp_path, monkeypatch):
    run, place = finished.runs[0], Workspace(tmp_path / "ws")
    first = gather_evidence(run, place, "cocostuff", coco, per_class=1)
    assert first.images == 2  # of a and b one has the persons
    read = []
    monkeypatch.setattr(
        "vspwlib.pipeline.suggesting.read_image", lambda path: read.append(path.name) or np.asarray(Image.open(path))
    )
    steps = []
    whole = gather_evidence(run, place, "cocostuff", coco, per_class=2, on_predicting=lambda *step: steps.append(step))
    assert (whole.images, steps, len(read)) == (3, [(3, 3)], 1)
    alone = gather_evidence(run, Workspace(tmp_path / "other"), "cocostuff", coco)
    assert np.array_equal(whole.counts.pixels, alone.counts.pixels)


def test_files_that_cannot_be_used_are_named(coco, finished, tmp_path):
    (coco / "images/train2017/d.jpg").write_bytes(b"no image")
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(coco / "annotations/train2017/d.png")
    (coco / "annotations/train2017/e.png").write_bytes((coco / "annotations/train2017/a.png").read_bytes())
    evidence = gather_evidence(finished.runs[0], Workspace(tmp_path / "ws"), "cocostuff", coco)
    assert [(problem.kind, problem.path) for problem in evidence.problems] == [
        ("mask without image", "annotations/train2017/e.png"),
        ("unreadable image", "images/train2017/d.jpg"),
    ]
    with pytest.raises(InputError, match="per_class"):
        gather_evidence(finished.runs[0], Workspace(tmp_path / "ws"), "cocostuff", coco, per_class=0)
