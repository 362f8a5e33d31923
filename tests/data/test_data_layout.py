"""Telling data folders apart by what stands in them."""

import json
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.data.layout import MaskIds, files_by_stem, find_layout, read_list
from vspwlib.labels import CLASS_NAMES


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("files", "kind", "videos", "splits"),
    [
        (["data/a/origin/1.jpg", "val.txt", "test.txt"], "tree", "data", ("test", "val")),
        (["data/a/origin/1.jpg"], "tree", "data", ("all",)),
        (["a/origin/1.jpg", "b/1.png", "mask.csv"], "clips", ".", ("all",)),
        (["origin/1.jpg", "mask/1.png", "names.txt"], "clip", ".", ("all",)),
        (["1.jpg", "2.JPEG", "stamps.txt"], "frames", ".", ("all",)),
    ],
    ids=["tree", "tree without lists", "clips", "clip", "frames"],
)
def test_arrangements(tmp_path, files, kind, videos, splits):
    touch(*(tmp_path / name for name in files))
    layout = find_layout(tmp_path)
    assert (layout.kind, layout.videos, layout.splits) == (kind, tmp_path / videos, splits)
    assert layout.holds_many == (kind in {"tree", "clips"})


def test_lists_beside_video_folders_make_a_tree(tmp_path):
    touch(tmp_path / "a" / "origin" / "1.jpg")
    (tmp_path / "val.txt").write_text("a\n")
    (tmp_path / "words.txt").write_text("none\nof\nthese\n")
    layout = find_layout(tmp_path)
    assert (layout.kind, layout.splits, layout.videos) == ("tree", ("val",), tmp_path)


@pytest.mark.parametrize("files", [[], ["images/train/1.jpg"], ["film.mp4"], [".hidden/1.jpg", ".1.jpg"]])
def test_folders_without_frames_are_refused(tmp_path, files):
    touch(*(tmp_path / name for name in files))
    with pytest.raises(InputError, match=r"data: expected data/<video>/origin/.*none of that form"):
        find_layout(tmp_path)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (None, MaskIds.UNSTATED),
        ({name: str(raw) for raw, name in enumerate(CLASS_NAMES, start=1)}, MaskIds.VSPW),
        ({name: raw for raw, name in enumerate(CLASS_NAMES, start=1)} | {"others": 0, "void": 255}, MaskIds.VSPW),
        ({name: str(raw) for raw, name in enumerate(CLASS_NAMES[:-1], start=1)}, MaskIds.FOREIGN),
        ({name: str(raw) for raw, name in enumerate(reversed(CLASS_NAMES), start=1)}, MaskIds.FOREIGN),
        ({"Sky": "1", "Building": "2"}, MaskIds.FOREIGN),
    ],
    ids=["none", "vspw", "numbers for text", "one name short", "other order", "other names"],
)
def test_dictionary_says_whose_ids_masks_hold(tmp_path, entries, expected):
    touch(tmp_path / "data" / "a" / "origin" / "1.jpg")
    if entries is not None:
        (tmp_path / "label_num_dic_final.json").write_text(json.dumps(entries))
    assert find_layout(tmp_path).mask_ids is expected
    assert find_layout(tmp_path / "data").mask_ids is expected
    assert find_layout(tmp_path / "data" / "a").mask_ids is expected


def test_read_list_keeps_duplicates_for_the_check(tmp_path):
    (tmp_path / "val.txt").write_text("b\n\n.hidden\na\r\nb")
    assert read_list(tmp_path / "val.txt") == ["b", "a", "b"]


def test_files_by_stem_orders_numbers_as_numbers_and_names_as_text(tmp_path):
    touch(*(tmp_path / "numbers" / name for name in ("00000010.jpg", "00000009.jpg", "8.jpg", "11.png")))
    assert list(files_by_stem(tmp_path / "numbers", (".jpg", ".png"))) == ["8", "00000009", "00000010", "11"]
    touch(*(tmp_path / "names" / name for name in ("b10.jpg", "b9.jpg", "b9.png", "a.b.jpg", "a.txt")))
    found = files_by_stem(tmp_path / "names", (".jpg", ".png"))
    assert list(found) == ["a.b", "b10", "b9"]
    assert found["b9"].name == "b9.jpg"
