"""Bringing full-resolution video to 480p: official sizes and pixels, whole files only, going on after a stop."""

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.index import open_split
from vspwlib.data.prepare import prepare_480p, size_480p


def picture(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 200 // height, columns * 200 // width, (rows + columns) % 100], axis=-1).astype(np.uint8)


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a tree with a landscape and a portrait video; one frame has no mask, one mask is a palette PNG."""
    root = tmp_path / "VSPW"
    for video, (height, width) in {"wide": (540, 960), "tall": (960, 540)}.items():
        for number in (7, 9):
            write(root / "data" / video / "origin" / f"{number:08d}.jpg", picture(height, width))
        ids = (np.add.outer(np.arange(height) // 40, np.arange(width) // 30) * 5 % 256).astype(np.uint8)
        write(root / "data" / video / "mask" / "00000009.png", ids)
        coloured = Image.frombytes("P", (width, height), ids.tobytes())
        coloured.putpalette(list(range(256)) * 3)
        coloured.save(root / "data" / video / "mask" / "00000009.png")
    (root / "train.txt").write_text("wide\ntall")
    return root


def test_sizes_and_pixels_are_the_official_ones(source, tmp_path):
    target = tmp_path / "VSPW_480p"
    report = prepare_480p(source, target, workers=2)
    assert (report.written, report.kept, report.broken) == (6, 0, [])
    for video, size in {"wide": (853, 480), "tall": (270, 480)}.items():
        path = f"data/{video}/origin/00000009.jpg"
        expected = Image.open(source / path).resize(size, Image.BILINEAR)
        expected.save(tmp_path / "expected.jpg")
        assert (target / path).read_bytes() == (tmp_path / "expected.jpg").read_bytes()
        path = f"data/{video}/mask/00000009.png"
        mask = Image.open(target / path)
        assert mask.mode == "L"
        np.testing.assert_array_equal(
            np.asarray(mask), np.asarray(Image.open(source / path).resize(size, Image.NEAREST))
        )
    assert (target / "train.txt").read_text() == "wide\ntall"
    split = open_split(target, "train")
    assert [(frame.name, frame.mask is None) for frame in split.video("tall").frames] == [
        ("00000007", True),
        ("00000009", False),
    ]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (853, 480)), ((1080, 1920), (270, 480)), ((3840, 2160), (853, 480)), ((427, 240), (854, 480))],
)
def test_width_is_cut_not_rounded(size, expected):
    assert size_480p(*size) == expected


def test_a_second_run_keeps_what_is_there(source, tmp_path):
    target = tmp_path / "out"
    prepare_480p(source, target)
    kept, redone = (target / "data" / "wide" / "origin" / f"0000000{number}.jpg" for number in (7, 9))
    kept.write_bytes(b"mine")
    redone.unlink()
    report = prepare_480p(source, target)
    assert (report.written, report.kept) == (1, 5)
    assert kept.read_bytes() == b"mine"
    assert Image.open(redone).size == (853, 480)


def test_broken_files_are_left_out_and_named(source, tmp_path):
    (source / "data" / "wide" / "origin" / "00000007.jpg").write_bytes(b"")
    write(source / "data" / "tall" / "mask" / "00000009.png", np.ones((10, 10), np.uint8))
    report = prepare_480p(source, tmp_path / "out")
    assert report.written == 3
    assert sorted(Path(path).parts[-3] for path, _ in report.broken) == ["tall", "wide"]
    messages = sorted(message for _, message in report.broken)
    assert "0 bytes" in messages[0]
    assert "size of its image, 540x960, got 10x10" in messages[1]
    assert report.to_json()["broken"][0].keys() == {"path", "message"}
    assert not (tmp_path / "out" / "data" / "tall" / "origin" / "00000009.jpg").exists()


def test_a_full_disk_leaves_nothing_half_written(source, tmp_path, monkeypatch):
    save, calls = Image.Image.save, []

    def overflow(self, path, *arguments, **options):
        calls.append(path)
        save(self, path, *arguments, **options)
        if len(calls) == 3:
            Path(path).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", overflow)
    with pytest.raises(InputError, match=r"to be written, got No space left on device.*make room"):
        prepare_480p(source, tmp_path / "out", workers=1)
    monkeypatch.undo()
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not any(path.name.endswith(".part") for path in files)
    for path in files:
        if path.suffix != ".txt":
            Image.open(path).load()
    assert prepare_480p(source, tmp_path / "out").written == 6 - sum(path.suffix != ".txt" for path in files)


def test_converted_masks_and_dictionary_come_along(tmp_path):
    root = tmp_path / "camvid"
    write(root / "data" / "a" / "origin" / "0.png", picture(48, 64))
    for kind in ("mask", "mask_vspw"):
        write(root / "data" / "a" / kind / "0.png", np.full((48, 64), len(kind), np.uint8))
    (root / "label_num_dic_final.json").write_text('{"Sky": "1"}')
    (root / "val.txt").write_text("a\n")
    prepare_480p(root, tmp_path / "out")
    frame = open_split(tmp_path / "out", "val").videos[0].frames[0]
    assert frame.mask == tmp_path / "out" / "data" / "a" / "mask_vspw" / "0.png"
    assert (np.asarray(Image.open(frame.mask)) == 9).all()
    assert frame.image.name == "0.jpg"
    assert Image.open(frame.image).size == (640, 480)


def test_clips_without_lists_keep_their_arrangement(tmp_path):
    write(tmp_path / "clips" / "one" / "origin" / "1.jpg", picture(240, 320))
    write(tmp_path / "clips" / "two" / "1.jpg", picture(240, 320))
    assert prepare_480p(tmp_path / "clips", tmp_path / "out").written == 2
    assert [video.name for video in open_split(tmp_path / "out").videos] == ["one", "two"]
    assert (tmp_path / "out" / "two" / "1.jpg").is_file()


def test_writing_into_the_source_is_refused(source):
    for target in (source, source / "data" / "new"):
        with pytest.raises(InputError, match="a folder outside the source"):
            prepare_480p(source, target)
