"""Finding videos and frames: arrangements, lists, holes, and which masks are believed."""

import json
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.data.index import Frame, list_splits, open_split, scan_split
from vspwlib.data.layout import find_layout
from vspwlib.labels import CLASS_NAMES

VSPW_DICTIONARY = {"others": "0", **{name: str(raw) for raw, name in enumerate(CLASS_NAMES, start=1)}}
OTHER_DICTIONARY = {"others": "0", "Sky": "1", "Building": "2"}


def touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def add_video(folder: Path, images: list[str], masks: dict[str, list[str]] | None = None) -> None:
    """Make a video folder of empty files: the index never opens one."""
    for stem in images:
        touch(folder / "origin" / f"{stem}.jpg")
    for kind, stems in (masks or {}).items():
        for stem in stems:
            touch(folder / kind / f"{stem}.png")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a VSPW tree of two videos; the numbers start late and have a hole, and one frame has no mask."""
    add_video(
        tmp_path / "data" / "12_aaaaaaaaaaa", ["00000170", "00000171", "00000175"], {"mask": ["00000170", "00000175"]}
    )
    add_video(tmp_path / "data" / "3_-b_bbbbbbbb", ["00006183"], {"mask": ["00006183"]})
    (tmp_path / "train.txt").write_text("12_aaaaaaaaaaa\n3_-b_bbbbbbbb\n")
    (tmp_path / "val.txt").write_text("3_-b_bbbbbbbb\n")
    (tmp_path / "label_num_dic_final.json").write_text(json.dumps(VSPW_DICTIONARY))
    return tmp_path


def test_frames_pair_by_stem_whatever_the_numbers(tree):
    split = open_split(tree, "train")
    assert [video.name for video in split.videos] == ["12_aaaaaaaaaaa", "3_-b_bbbbbbbb"]
    folder = tree / "data" / "12_aaaaaaaaaaa"
    assert split.videos[0].frames == (
        Frame("12_aaaaaaaaaaa", "00000170", folder / "origin/00000170.jpg", folder / "mask/00000170.png"),
        Frame("12_aaaaaaaaaaa", "00000171", folder / "origin/00000171.jpg", None),
        Frame("12_aaaaaaaaaaa", "00000175", folder / "origin/00000175.jpg", folder / "mask/00000175.png"),
    )
    assert [frame.name for frame in split.videos[0].labelled] == ["00000170", "00000175"]
    assert split.num_frames == len(list(split.frames())) == 4
    assert [(frame.name, mask.name) for frame, mask in split.labelled()] == [
        ("00000170", "00000170.png"),
        ("00000175", "00000175.png"),
        ("00006183", "00006183.png"),
    ]
    assert split.video("3_-b_bbbbbbbb").frames[0].name == "00006183"


def test_splits_are_the_lists(tree):
    assert list_splits(tree) == ("train", "val")
    assert [video.name for video in open_split(tree, "val").videos] == ["3_-b_bbbbbbbb"]


@pytest.mark.parametrize(
    "text",
    [
        "12_aaaaaaaaaaa\n3_-b_bbbbbbbb",  # no newline at the end: the official `line[:-1]` would cut the last name
        "12_aaaaaaaaaaa\r\n3_-b_bbbbbbbb\r\n",
        "\n12_aaaaaaaaaaa\n\n  3_-b_bbbbbbbb  \n\n",
        ".DS_Store\n12_aaaaaaaaaaa\n._3_-b_bbbbbbbb\n3_-b_bbbbbbbb\n",
        "\ufeff12_aaaaaaaaaaa\n3_-b_bbbbbbbb\n",
        "12_aaaaaaaaaaa\n3_-b_bbbbbbbb\n12_aaaaaaaaaaa\n",
    ],
    ids=["no-last-newline", "windows", "blank-lines", "dot-names", "byte-order-mark", "duplicate"],
)
def test_list_forms(tree, text):
    (tree / "train.txt").write_bytes(text.encode())
    assert [video.name for video in open_split(tree, "train").videos] == ["12_aaaaaaaaaaa", "3_-b_bbbbbbbb"]


def test_findings_name_what_is_wrong_with_the_list_and_the_masks(tree):
    (tree / "train.txt").write_text("3_-b_bbbbbbbb\ngone\n3_-b_bbbbbbbb\nhollow\n")
    (tree / "data" / "hollow" / "origin").mkdir(parents=True)
    touch(tree / "data" / "3_-b_bbbbbbbb" / "mask" / "00009999.png")
    split, findings = scan_split(find_layout(tree), "train")
    assert [video.name for video in split.videos] == ["3_-b_bbbbbbbb"]
    assert findings.missing == ("gone",)
    assert findings.empty == ("hollow",)
    assert findings.duplicates == ("3_-b_bbbbbbbb",)
    assert [path.name for path in findings.orphans] == ["00009999.png"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12_aaaaaaaaaaa\ngone\n", "none for gone"),
        ("12_aaaaaaaaaaa\nhollow\n", "none in hollow"),
        ("\n\n", "an empty list"),
        ("", "an empty list"),
        ("../12_aaaaaaaaaaa\n", "an empty list"),  # names beginning with a dot are skipped, as in the official code
        ("a/../../b\n", "expected names of video folders, got 'a/../../b'"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_by_name(tree, text, message):
    (tree / "data" / "hollow" / "origin").mkdir(parents=True)
    (tree / "train.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        open_split(tree, "train")


def test_unknown_split_lists_those_there(tree):
    with pytest.raises(InputError, match=r"one of train, val, got 'vall'.*did you mean 'val'"):
        open_split(tree, "vall")
    with pytest.raises(InputError, match="one of train, val, got none"):
        open_split(tree)


def test_prose_beside_the_lists_is_not_a_split(tree):
    (tree / "README.txt").write_text("VSPW\n")
    (tree / "notes.txt").write_text("these are not names of videos\n")
    assert list_splits(tree) == ("train", "val")


def test_missing_folder_and_folder_without_frames(tmp_path):
    with pytest.raises(InputError, match="nothing there"):
        open_split(tmp_path / "nowhere")
    with pytest.raises(InputError, match="none of that form"):
        open_split(tmp_path)
    touch(tmp_path / "clip.mp4")
    with pytest.raises(InputError, match="a file"):
        open_split(tmp_path / "clip.mp4")


def test_tree_without_lists_or_without_data_level(tree):
    for name in ("train.txt", "val.txt"):
        (tree / name).unlink()
    assert list_splits(tree) == ("all",)
    assert len(open_split(tree).videos) == 2
    (tree / "data" / "val.txt").write_text("3_-b_bbbbbbbb\n")
    (tree / "data" / "other.txt").write_text("word\n")  # names no video folder: not a list
    assert list_splits(tree / "data") == ("val",)
    assert open_split(tree / "data").num_frames == 1


def test_hidden_and_foreign_files_are_not_frames(tree):
    video = tree / "data" / "3_-b_bbbbbbbb"
    touch(video / "origin" / "._00006183.jpg")
    touch(video / "origin" / "Thumbs.db")
    touch(video / "origin" / "00006184.JPG")
    touch(video / "mask" / "._00006184.png")
    assert [(frame.name, frame.mask is None) for frame in open_split(tree, "val").frames()] == [
        ("00006183", False),
        ("00006184", True),
    ]


def test_plain_folder_of_frames_in_number_order(tmp_path):
    for name in ("10.png", "9.jpg", "8.jpeg", "100.jpg", "9.png"):
        touch(tmp_path / "film" / name)
    split = open_split(tmp_path / "film")
    assert [frame.name for frame in split.frames()] == ["8", "9", "10", "100"]
    assert split.videos[0].name == "film"
    assert split.videos[0].frames[1].image.name == "9.jpg"
    assert all(frame.mask is None for frame in split.frames())
    add_video(tmp_path / "clip", ["a", "b"])
    assert open_split(tmp_path / "clip" / "origin").videos[0].name == "clip"


def test_loose_clips_believe_only_masks_that_say_they_are_vspw(tmp_path):
    add_video(tmp_path / "davis", ["0", "1"], {"mask": ["0", "1"]})
    add_video(tmp_path / "mapped", ["0", "1"], {"mask": ["0", "1"], "mask_vspw": ["1"]})
    (tmp_path / "notes").mkdir()
    split = open_split(tmp_path)
    assert [video.name for video in split.videos] == ["davis", "mapped"]
    assert [frame.mask for frame in split.video("davis").frames] == [None, None]
    assert [frame.mask for frame in split.video("mapped").frames] == [None, tmp_path / "mapped/mask_vspw/1.png"]
    assert open_split(tmp_path / "davis").videos[0].labelled == ()
    (tmp_path / "label_num_dic_final.json").write_text(json.dumps(VSPW_DICTIONARY))
    assert len(open_split(tmp_path).video("davis").labelled) == 2


def test_one_video_of_a_tree_knows_the_dictionary_above_it(tree, monkeypatch):
    assert len(open_split(tree / "data" / "12_aaaaaaaaaaa").videos[0].labelled) == 2
    assert len(open_split(tree / "data").video("12_aaaaaaaaaaa").labelled) == 2
    monkeypatch.chdir(tree / "data" / "12_aaaaaaaaaaa")
    split = open_split(".")
    assert split.videos[0].name == "12_aaaaaaaaaaa"
    assert len(split.videos[0].labelled) == 2


def test_tree_that_lost_its_dictionary_is_read_as_vspw(tree):
    (tree / "label_num_dic_final.json").unlink()
    assert len(open_split(tree, "val").videos[0].labelled) == 1


def test_converted_masks_show_that_plain_ones_are_foreign(tree):
    (tree / "label_num_dic_final.json").unlink()
    touch(tree / "data" / "12_aaaaaaaaaaa" / "mask_vspw" / "00000170.png")
    with pytest.raises(InputError, match="another data set's ids in mask/ of 3_-b_bbbbbbbb"):
        open_split(tree, "train")


def test_tree_of_other_names_is_refused_unless_converted(tree):
    (tree / "label_num_dic_final.json").write_text(json.dumps(OTHER_DICTIONARY))
    with pytest.raises(InputError, match=r"masks: expected VSPW ids.*another data set's ids in mask/ of 3_-b_bbbbbbbb"):
        open_split(tree, "val")
    touch(tree / "data" / "3_-b_bbbbbbbb" / "mask_vspw" / "00006183.png")
    assert open_split(tree, "val").videos[0].frames[0].mask.parent.name == "mask_vspw"


def test_capitals_make_no_other_label_space(tree):
    shouted = {name.upper(): raw for name, raw in VSPW_DICTIONARY.items()}
    (tree / "label_num_dic_final.json").write_text(json.dumps(shouted))
    assert len(open_split(tree, "val").videos[0].labelled) == 1


def test_swapped_numbers_are_another_label_space(tree):
    swapped = VSPW_DICTIONARY | {"wall": "2", "ceiling": "1"}
    (tree / "label_num_dic_final.json").write_text(json.dumps(swapped))
    with pytest.raises(InputError, match="another data set's ids"):
        open_split(tree, "val")


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"wall": "one"}', ""])
def test_broken_dictionary_is_named(tree, text):
    (tree / "label_num_dic_final.json").write_text(text)
    with pytest.raises(InputError, match=r"dictionary.*label_num_dic_final\.json"):
        open_split(tree, "val")


def test_camvid_opens_with_the_converted_masks(shared):
    root = shared / "data" / "camvid"
    assert list_splits(root) == ("test", "train", "val")
    splits = [open_split(root, name) for name in list_splits(root)]
    assert [len(split.videos) for split in splits] == [2, 5, 1]
    assert [split.num_frames for split in splits] == [233, 367, 101]
    assert all(frame.mask.parent.name == "mask_vspw" for split in splits for frame in split.frames())


def test_camvid_without_its_converted_masks_is_refused(shared, tmp_path):
    source = shared / "data" / "camvid"
    video = tmp_path / "data" / "0016E5_val"
    video.mkdir(parents=True)
    for folder in ("origin", "mask"):
        (video / folder).symlink_to(source / "data" / "0016E5_val" / folder)
    for name in ("val.txt", "label_num_dic_final.json"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    with pytest.raises(InputError, match="another data set's ids in mask/ of 0016E5_val"):
        open_split(tmp_path, "val")


def test_real_clips_open_with_few_or_no_masks(shared):
    split = open_split(shared / "data" / "clips")
    labelled = {video.name: (len(video.frames), len(video.labelled)) for video in split.videos}
    assert labelled == {
        "cityscapes_frankfurt_000001_0475": (15, 0),
        "davis_blackswan": (50, 50),
        "davis_car-shadow": (40, 40),
        "davis_dog": (60, 60),
        "vipseg_12_1mWNahzcsAc": (4, 0),
        "vspw_1001_3iEIq5HBY1s": (45, 0),
        "vspw_1007_YCTBBdbKSSg": (44, 0),
    }
