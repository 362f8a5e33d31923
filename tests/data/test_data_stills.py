"""Pairs of COCO-Stuff and ADE20K: every layout, and every file without a partner."""

import shutil

import numpy as np
import pytest
from PIL import Image

from tests.data.image_sets import SIZE, share_mask, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.data.stills import open_stills


def found(stills):
    return [(still.split, still.name) for still in stills.stills]


def kinds(stills):
    return {(problem.kind, problem.path) for problem in stills.problems}


PAIRS = [("train2017", "000000000009"), ("train2017", "000000000025"), ("val2017", "000000000139")]


@pytest.fixture
def coco(tmp_path):
    root = tmp_path / "coco"
    write_coco(root, {"000000000025": 90, "000000000009": 50})
    return write_coco(root, {"000000000139": 100}, "val2017")


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images", "annotations"),
        ("images", "stuffthingmaps_trainval2017"),
        (".", "stuffthingmaps_trainval2017"),
        (".", "stuffthingmaps"),
        (".", "annotations"),
        ("images", "."),
        (".", "."),
    ],
)
def test_layouts_that_are_about(coco, tmp_path, images, masks):
    root = tmp_path / "other"
    shutil.copytree(coco / "images", root / images, dirs_exist_ok=True)
    shutil.copytree(coco / "annotations", root / masks, dirs_exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / "instances_train2017.json").write_text("{}")  # of COCO's own zips
    stills = open_stills("cocostuff", root)
    assert found(stills) == PAIRS
    assert stills.problems == ()
    assert all(still.image.suffix == ".jpg" and still.mask.suffix == ".png" for still in stills.stills)
    assert all(still.image.is_file() and still.mask.is_file() for still in stills.stills)


def test_ade20k_and_its_splits(tmp_path):
    write_pair(tmp_path, "training", "ADE_train_00000001", share_mask(1, 80, 0))
    write_pair(tmp_path, "validation", "ADE_val_00000001", share_mask(1, 80, 0))
    assert found(open_stills("ade20k", tmp_path, ["validation"])) == [("validation", "ADE_val_00000001")]
    with pytest.raises(InputError, match="did you mean 'training'"):
        open_stills("ade20k", tmp_path, ["trainin"])
    with pytest.raises(InputError, match="expected the folders of COCO-Stuff, got training, validation, as in ADE20K"):
        open_stills("cocostuff", tmp_path)


def test_files_without_a_partner_are_named(coco):
    (coco / "images/train2017/7.jpg").touch()
    (coco / "annotations/val2017/8.png").touch()
    (coco / "images/test2017").mkdir()
    Image.fromarray(np.zeros(SIZE, np.uint8)).save(coco / "images/test2017/1.jpg")
    (coco / "annotations/old").mkdir()
    (coco / "annotations/old/1.png").touch()
    stills = open_stills("cocostuff", coco)
    assert found(stills) == PAIRS
    assert kinds(stills) == {
        ("missing mask", "images/train2017/7.jpg"),
        ("mask without image", "annotations/val2017/8.png"),
        ("missing mask", "images/test2017"),
        ("mask without image", "annotations/old"),
    }
    assert kinds(open_stills("cocostuff", coco, ["train2017"])) == {("missing mask", "images/train2017/7.jpg")}


def test_masks_in_another_numbering_are_no_annotations(coco):
    for name in ("000000000009", "000000000777"):
        (coco / f"annotations/train2017/{name}_labelTrainIds.png").touch()
    stills = open_stills("cocostuff", coco)
    assert found(stills) == PAIRS
    assert stills.problems == ()


@pytest.mark.parametrize("content", ["nothing", "images alone", "no folder"])
def test_a_folder_without_pairs_is_refused(tmp_path, content):
    if content == "images alone":
        (tmp_path / "images/train2017").mkdir(parents=True)
        (tmp_path / "images/train2017/1.jpg").touch()
    root = tmp_path / "missing" if content == "no folder" else tmp_path
    with pytest.raises(InputError, match="nothing there" if content == "no folder" else "not one pair"):
        open_stills("cocostuff", root)
    with pytest.raises(InputError, match="did you mean 'cocostuff'"):
        open_stills("cocostuf", root)


def test_the_real_samples(shared):
    coco = open_stills("cocostuff", shared / "data" / "cocostuff_sample")
    assert (len(coco.stills), coco.problems) == (139, ())
    ade = open_stills("ade20k", shared / "data" / "ade20k_sample")
    assert (len(ade.stills), ade.problems) == (37, ())
