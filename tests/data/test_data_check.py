"""The check finds every defect the release is known for, names it, and judges the split by it."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.check import check_tree
from vspwlib.data.check_report import LEVELS, Problem, SplitReport, TreeReport

HEIGHT, WIDTH = 480, 40


def write(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a video without fault: 20 frames of class raw 5, the left quarter void; its tree is two folders up."""
    mask = np.full((HEIGHT, WIDTH), 5, np.uint8)
    mask[:, :10] = 255
    folder = tmp_path / "data" / "a"
    for number in range(100, 120):
        write(folder / "origin" / f"{number:08d}.jpg", np.full((HEIGHT, WIDTH, 3), number, np.uint8))
        write(folder / "mask" / f"{number:08d}.png", mask)
    (tmp_path / "val.txt").write_text("a\n")
    return folder


def only_split(video: Path) -> SplitReport:
    report = check_tree(video.parent.parent, workers=2)
    assert len(report.splits) == 1
    return report.splits[0]


def test_a_sound_split(video):
    split = only_split(video)
    assert split.usable
    assert split.problems == []
    assert (split.videos, split.frames, split.labelled) == (1, 20, 20)
    assert split.void_share == pytest.approx(0.25)
    assert split.class_pixels == {"ladder": 20 * HEIGHT * 30}
    assert split.sizes == {(WIDTH, HEIGHT): 20}


def empty_image(video):
    (video / "origin" / "00000103.jpg").write_bytes(b"")


def truncated_image(video):
    path = video / "origin" / "00000103.jpg"
    path.write_bytes(path.read_bytes()[:-300])


def truncated_mask(video):
    path = video / "mask" / "00000103.png"
    path.write_bytes(path.read_bytes()[:60])


def coloured_mask(video):
    write(video / "mask" / "00000103.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def narrow_mask(video):
    write(video / "mask" / "00000103.png", np.full((HEIGHT, WIDTH - 1), 5, np.uint8))


def small_mask(video):
    write(video / "mask" / "00000103.png", np.full((9, 9), 5, np.uint8))


def stray_values(video):
    values = np.full((HEIGHT, WIDTH), 5, np.uint8)
    values[0, :3], values[1, :2], values[2, 0] = 252, 125, 0
    write(video / "mask" / "00000103.png", values)


def missing_mask(video):
    (video / "mask" / "00000103.png").unlink()


def no_masks(video):
    for path in (video / "mask").iterdir():
        path.unlink()


def orphan_mask(video):
    (video / "origin" / "00000119.jpg").unlink()


def hole(video):
    for kind, suffix in (("origin", "jpg"), ("mask", "png")):
        (video / kind / f"00000103.{suffix}").unlink()


def short_video(video):
    for number in range(116, 120):
        for kind, suffix in (("origin", "jpg"), ("mask", "png")):
            (video / kind / f"00000{number}.{suffix}").unlink()


def other_size(video):
    write(video / "origin" / "00000103.jpg", np.zeros((360, 50, 3), np.uint8))
    write(video / "mask" / "00000103.png", np.full((360, 50), 5, np.uint8))


def absent_video(video):
    (video.parent.parent / "val.txt").write_text("a\ngone\n")


def hollow_video(video):
    (video.parent / "hollow" / "mask").mkdir(parents=True)
    (video.parent.parent / "val.txt").write_text("a\nhollow\n")


def duplicate_name(video):
    (video.parent.parent / "val.txt").write_text("a\na\n")


def empty_list(video):
    (video.parent.parent / "val.txt").write_text("\n")


IMAGE, MASK = "data/a/origin/00000103.jpg", "data/a/mask/00000103.png"


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (empty_image, [("unreadable image", IMAGE, "an empty file (0 bytes)")]),
        (truncated_image, [("unreadable image", IMAGE, "breaks off")]),
        (truncated_mask, [("unreadable mask", MASK, "breaks off")]),
        (coloured_mask, [("unreadable mask", MASK, "3 of mode RGB")]),
        (narrow_mask, [("mask size", MASK, "39x480, its image 40x480: one column apart")]),
        (small_mask, [("mask size", MASK, "9x9, its image 40x480")]),
        (stray_values, [("stray values", "a", "125 (2 pixels), 252 (3 pixels); read as void")]),
        (missing_mask, [("missing mask", "a", "1 of 20 frames, the first 00000103")]),
        (no_masks, [("no masks", "a", "none for its 20 frames")]),
        (orphan_mask, [("mask without image", "data/a/mask/00000119.png", "never read")]),
        (hole, [("numbering", "a", "frame numbers step by 1 (17x), 2 (1x)")]),
        (short_video, [("short video", "a", "16 frames: too few for VC16")]),
        (other_size, [("frame sizes", "a", "50x360 (1 frames)"), ("height", "val", "1 frames are not 480 high")]),
        (absent_video, [("missing video", "gone", "no such folder")]),
        (hollow_video, [("video without frames", "hollow", "not a single image")]),
        (duplicate_name, [("duplicate name", "a", "more than once")]),
        (empty_list, [("empty split", "val", "no video")]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_defect_is_found_named_and_weighed(video, damage, expected):
    damage(video)
    split = only_split(video)
    assert [(one.kind, one.path) for one in split.problems] == [(kind, path) for kind, path, _ in expected]
    for problem, (_, _, message) in zip(split.problems, expected, strict=True):
        assert message in problem.message
    assert split.usable == all(LEVELS[kind] != "error" for kind, _, _ in expected)


def test_every_kind_of_finding_is_tried_above():
    cases = test_each_defect_is_found_named_and_weighed.pytestmark[0].args[1]
    assert {kind for _, expected in cases for kind, _, _ in expected} == set(LEVELS)


def test_counts_against_numpy(tmp_path):
    generator = np.random.default_rng(0)
    masks = [generator.integers(0, 256, (20, 30), np.uint8) for _ in range(3)]
    for number, mask in enumerate(masks):
        write(tmp_path / "data" / "a" / "origin" / f"{number}.png", np.zeros((20, 30, 3), np.uint8))
        write(tmp_path / "data" / "a" / "mask" / f"{number}.png", mask)
    split = check_tree(tmp_path).splits[0]
    whole = np.stack(masks)
    assert split.raw_pixels.tolist() == [int((whole == value).sum()) for value in range(256)]
    assert split.void_share == pytest.approx(((whole == 0) | (whole > 124)).mean())
    assert sum(split.class_pixels.values()) == ((whole >= 1) & (whole <= 124)).sum()


def test_a_video_of_two_splits_is_read_once_and_reported_in_both(video):
    (video.parent.parent / "data.txt").write_text("a\n")
    empty_image(video)
    calls = []
    report = check_tree(video.parent.parent, progress=lambda done, whole: calls.append((done, whole)))
    assert [split.name for split in report.splits] == ["data", "val"]
    assert [len(split.problems) for split in report.splits] == [1, 1]
    assert calls == [(0, 20), (20, 20)]
    assert [split.name for split in check_tree(video.parent.parent, ["val"]).splits] == ["val"]


def test_json_holds_the_whole_report(video):
    empty_image(video)
    (video.parent.parent / "test.txt").write_text("gone\n")
    report = check_tree(video.parent.parent)
    plain = json.loads(json.dumps(report.to_json()))
    assert plain["kind"] == "tree"
    assert plain["usable"] is report.usable is False
    absent, split = plain["splits"]
    assert absent["void_share"] is None
    assert absent["frames"] == 0
    assert split["sizes"] == {"40x480": 19}
    assert split["labelled"] == 20
    assert split["class_pixels"] == {"ladder": 20 * HEIGHT * 30}
    assert split["problems"] == [
        {"kind": "unreadable image", "level": "error", "path": IMAGE, "message": "an empty file (0 bytes)"}
    ]


def test_one_unusable_split_spoils_the_tree():
    sound, broken = SplitReport("a", 1, 1), SplitReport("b", 1, 1, problems=[Problem("mask size", "x", "y")])
    assert TreeReport(Path(), "tree", (sound,)).usable
    assert not TreeReport(Path(), "tree", (sound, broken)).usable


def test_what_cannot_be_looked_at_is_refused(video, tmp_path):
    with pytest.raises(InputError, match="one of val, got 'tset'"):
        check_tree(video.parent.parent, ["tset"])
    (tmp_path / "label_num_dic_final.json").write_text('{"sky": "1"}')
    with pytest.raises(InputError, match="another data set's ids"):
        check_tree(tmp_path)


def test_real_clips_are_usable(shared):
    report = check_tree(shared / "data" / "clips", workers=2)
    split = report.splits[0]
    assert report.usable
    assert (split.videos, split.frames, split.labelled) == (7, 258, 150)
    assert set(split.class_pixels) == {"car", "dog", "other_animal"}
    assert {problem.kind for problem in split.problems} == {"no masks", "numbering", "short video"}
