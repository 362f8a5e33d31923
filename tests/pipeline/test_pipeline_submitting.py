"""The zip of a challenge: every frame in it, right, and the same bytes each time."""

import io
import os
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.score_stores import FRAMES, SIZES, dense, every_frame, score_stores
from vspwlib.checks import InputError
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.submitting import submit
from vspwlib.predict.labels import write_png_predictions


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


@pytest.fixture
def pngs(tmp_path):
    rng = np.random.default_rng(0)
    for video, frame in every_frame():
        write_png_predictions(tmp_path / "pngs", video, frame, rng.integers(0, 124, SIZES[video], dtype=np.uint8))
    return tmp_path / "pngs"


def unpacked(path):
    """Name to label map, in the order of the file."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        images = {name: Image.open(io.BytesIO(archive.read(name))) for name in archive.namelist()}
    assert {image.mode for image in images.values()} == {"L"}
    return {name: np.array(image) for name, image in images.items()}


def test_a_store_is_packed_as_its_label_maps(made, tmp_path):
    done = submit(made.stores["a"], "val", tmp_path / "out" / "a.zip")
    assert (done.videos, done.frames, done.stray, done.bytes) == (2, 5, (), done.zip.stat().st_size)
    found = unpacked(done.zip)
    assert list(found) == [f"result_submission/{video}/{frame}.png" for video, frame in every_frame()]
    for (video, frame), ids in zip(every_frame(), found.values(), strict=True):
        np.testing.assert_array_equal(ids, dense(made.stores["a"], video, frame).argmax(0))


def test_a_png_folder_is_packed_as_it_is(made, pngs, tmp_path):
    write_png_predictions(pngs, "9_zzzzzzzzzzz", "1", np.zeros((4, 4), np.uint8))
    done = submit(pngs, "val", tmp_path / "b.zip", data=made.data, top="")
    assert done.stray == ("9_zzzzzzzzzzz",)
    found = unpacked(done.zip)
    assert list(found) == [f"{video}/{frame}.png" for video, frame in every_frame()]
    for name, ids in found.items():
        np.testing.assert_array_equal(ids, np.array(Image.open(pngs / name)))
    assert list(unpacked(submit(pngs, "test", tmp_path / "c.zip", data=made.data).zip)) == [
        f"result_submission/1_aaaaaaaaaaa/{frame}.png" for frame in FRAMES["1_aaaaaaaaaaa"]
    ]


def test_an_ensemble_is_packed_from_its_exact_label_maps(made, tmp_path):
    made_of = write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "pair")
    for name, ids in unpacked(submit(made_of.labels, "val", tmp_path / "pair.zip").zip).items():
        np.testing.assert_array_equal(ids, np.array(Image.open(made_of.labels / name.partition("/")[2])))


def test_the_same_predictions_give_the_same_bytes(made, pngs, tmp_path):
    first = submit(pngs, "val", tmp_path / "one.zip", data=made.data)
    for path in pngs.rglob("*.png"):  # other encodings, palettes and dates of the same ids
        image = Image.open(path)
        image.putpalette(list(range(256)) * 3)
        image.save(path, compress_level=1)
        os.utime(path, (1, 1))
    again = submit(pngs, "val", tmp_path / "two.zip", data=made.data)
    assert first.zip.read_bytes() == again.zip.read_bytes()
    assert first.sha256 == again.sha256


def put(pngs, values):
    Image.fromarray(values).save(pngs / "2_bbbbbbbbbbb" / "00000006.png")


SIZE = SIZES["2_bbbbbbbbbbb"]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda pngs: shutil.rmtree(pngs / "2_bbbbbbbbbbb"), "none for 2_bbbbbbbbbbb/00000005, 2_bbbbbbbbbbb/00000006"),
        (lambda pngs: put(pngs, np.zeros((20, 14), np.uint8)), "expected 14x21, as the image, got 14x20"),
        (lambda pngs: put(pngs, np.full(SIZE, 124, np.uint8)), "expected ids 0..123, got 124"),
        (lambda pngs: put(pngs, np.zeros((*SIZE, 3), np.uint8)), "expected one 8-bit channel, got RGB"),
        (lambda pngs: put(pngs, np.zeros(SIZE, np.uint16)), "expected one 8-bit channel, got I;16"),
        (lambda pngs: (pngs / "2_bbbbbbbbbbb/00000006.png").write_text("x"), "2_bbbbbbbbbbb/00000006.png"),
    ],
)
def test_a_fault_in_any_frame_leaves_an_earlier_zip_as_it_was(made, pngs, tmp_path, harm, message):
    out = tmp_path / "out" / "a.zip"
    before = submit(pngs, "val", out, data=made.data).zip.read_bytes()
    harm(pngs)
    with pytest.raises(InputError) as refused:
        submit(pngs, "val", out, data=made.data)
    assert message in str(refused.value)
    assert out.read_bytes() == before
    assert [path.name for path in out.parent.iterdir()] == ["a.zip"]


def test_what_cannot_be_packed_is_refused(made, pngs, tmp_path):
    with pytest.raises(InputError, match=r"--out: expected a name that ends in \.zip, got folder"):
        submit(pngs, "val", tmp_path / "folder", data=made.data)
    with pytest.raises(InputError, match="expected split test, got split val"):
        submit(made.stores["a"], "test", tmp_path / "a.zip")
    with pytest.raises(InputError, match=r"--data: expected the data set's folder, got none .*--data vspw=PATH"):
        submit(pngs, "val", tmp_path / "a.zip")
    with pytest.raises(InputError, match="got nothing there"):
        submit(tmp_path / "nowhere", "val", tmp_path / "a.zip", data=made.data)
    (tmp_path / "taken.zip").mkdir()
    with pytest.raises(InputError, match="file: expected to be written, got Is a directory"):
        submit(pngs, "val", tmp_path / "taken.zip", data=made.data)
    assert not (tmp_path / "a.zip").exists()
