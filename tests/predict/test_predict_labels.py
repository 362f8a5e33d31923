"""Label maps from a store and from PNGs, under one interface."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.predict.labels import LabelSource, PngPredictions, StoreLabels, write_png_predictions
from vspwlib.predict.store import ScoreStore


def ids(size: tuple[int, int] = (9, 13), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 124, size, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, (video, frame) in enumerate([("b", "00000171"), ("b", "00000170"), ("a", "00000001")]):
        write_png_predictions(tmp_path / "png", video, frame, ids(seed=seed))
    (tmp_path / "png/.hidden").mkdir()
    (tmp_path / "png/empty").mkdir()
    return tmp_path / "png"


def test_pngs_are_read_as_written(folder: Path) -> None:
    source: LabelSource = PngPredictions(folder)
    assert source.videos() == ["a", "b"]
    assert source.frames("b") == ["00000170", "00000171"]
    np.testing.assert_array_equal(source.labels("b", "00000170"), ids(seed=1))
    assert source.labels("a", "00000001", (9, 13)).dtype == np.uint8
    assert source.size("a", "00000001") == (9, 13)
    assert sorted(path.name for path in (folder / "b").iterdir()) == ["00000170.png", "00000171.png"]


def test_palette_pngs_are_read_as_ids(folder: Path) -> None:
    image = Image.fromarray(ids(seed=5))
    image.putpalette(list(range(256)) * 3)
    assert image.mode == "P"
    image.save(folder / "a/2.png")
    np.testing.assert_array_equal(PngPredictions(folder).labels("a", "2"), ids(seed=5))


def test_a_store_gives_the_argmax_at_any_size(tmp_path: Path) -> None:
    scores = np.random.default_rng(0).normal(0, 4, (5, 4, 6)).astype(np.float32)
    store = ScoreStore.create(tmp_path / "a.zarr", {"run": "a", "num_classes": 5})
    store.write_video("v", ["7"], [(16, 24)], [scores])
    source: LabelSource = StoreLabels(ScoreStore.open(tmp_path / "a.zarr"))
    assert (source.videos(), source.frames("v")) == (["v"], ["7"])
    found = source.labels("v", "7")
    assert (found.shape, found.dtype) == ((16, 24), np.uint8)
    assert set(np.unique(found)) == set(np.unique(scores.argmax(axis=0)))
    assert source.size("v", "7") == (16, 24)
    assert source.labels("v", "7", (4, 6)).tolist() == scores.argmax(axis=0).tolist()


@pytest.mark.parametrize("value", [124, 255])
def test_values_that_are_no_class_are_refused_by_file(folder: Path, value: int) -> None:
    bad = ids()
    bad[3, 4] = value
    Image.fromarray(bad).save(folder / "a/bad.png")
    with pytest.raises(InputError, match=rf"label map: expected ids 0\.\.123, got {value} .*a/bad\.png"):
        PngPredictions(folder).labels("a", "bad")
    with pytest.raises(InputError, match=rf"expected uint8 ids 0\.\.123, got uint8 up to {value} \(a/bad\)"):
        write_png_predictions(folder, "a", "bad", bad)


def test_what_cannot_be_read_is_named(folder: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(folder / "a/rgb.png")
    (folder / "a/cut.png").write_bytes((folder / "a/00000001.png").read_bytes()[:60])
    (folder / "a/void.png").touch()
    source = PngPredictions(folder)
    with pytest.raises(InputError, match=r"expected one 8-bit channel, got RGB .*rgb\.png"):
        source.labels("a", "rgb")
    for name in ("cut", "void"):
        with pytest.raises(InputError, match=rf"expected a whole PNG, got .*{name}\.png"):
            source.labels("a", name)
    with pytest.raises(InputError, match=r"expected a file, got nothing there .*absent\.png"):
        source.labels("a", "absent")
    with pytest.raises(InputError, match=r"expected an image file, got nothing there .*absent\.png"):
        source.size("a", "absent")
    with pytest.raises(InputError, match=r"label map: expected shape \(9, 14\), got \(9, 13\) .*00000001"):
        source.labels("a", "00000001", (9, 14))
    with pytest.raises(InputError, match="expected a folder of PNGs, got none"):
        source.frames("c")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"label map: expected room for a file, got Not a directory .*file/a/1\.png"):
        write_png_predictions(tmp_path / "file", "a", "1", ids())


def test_a_folder_of_another_layout_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected <video>/<frame>\.png, got none .*Fix: name the folder above"):
        PngPredictions(folder / "a")
    with pytest.raises(InputError, match="expected an existing folder"):
        PngPredictions(tmp_path / "nope")
