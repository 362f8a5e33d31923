"""Folders of label maps that say what they are, written video by video."""

import json
from pathlib import Path

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.predict.label_folder import create_label_folder, digest, has_label_video, read_manifest, write_label_video
from vspwlib.predict.labels import PngPredictions

IDS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_a_video_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "a.labels"
    create_label_folder(folder, {"run": "a"})

    def breaks_off():
        yield "1", IDS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_label_video(folder, "v", breaks_off())
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    write_label_video(folder, "v", [("1", IDS), ("2", IDS + 1)])
    assert has_label_video(folder, "v", ["2", "1"])
    assert not has_label_video(folder, "v", ["1"])
    with pytest.raises(InputError, match=r"expected uint8 ids 0\.\.123"):
        write_label_video(folder, "v", [("1", IDS + 120)])
    source = PngPredictions(folder)
    assert (source.videos(), source.frames("v")) == (["v"], ["1", "2"])
    np.testing.assert_array_equal(source.labels("v", "2"), IDS + 1)
    write_label_video(folder, "v", [("7", IDS)])
    assert PngPredictions(folder).frames("v") == ["7"]


def test_it_goes_on_with_the_same_predictions_only(tmp_path: Path) -> None:
    folder = tmp_path / "a.labels"
    create_label_folder(folder, {"run": "a", "commit": "1"})
    write_label_video(folder, "v", [("1", IDS)])
    create_label_folder(folder, {"run": "a", "commit": "2"})
    assert read_manifest(folder)["commit"] == "1"
    with pytest.raises(InputError, match='run: expected "b", got "a"'):
        create_label_folder(folder, {"run": "b"})
    assert has_label_video(folder, "v", ["1"])
    create_label_folder(folder, {"run": "b"}, overwrite=True)
    assert not (folder / "v").exists()
    assert read_manifest(folder)["kind"] == "vspw-labels"


def test_other_files_are_never_dropped(tmp_path: Path) -> None:
    (tmp_path / "photos/v").mkdir(parents=True)
    (tmp_path / "photos/v/1.png").write_text("x")
    for place in ("photos", "photos/v/1.png"):
        with pytest.raises(InputError, match="expected label maps of ours or nothing, got others"):
            create_label_folder(tmp_path / place, {"run": "a"}, overwrite=True)
    assert (tmp_path / "photos/v/1.png").read_text() == "x"
    assert read_manifest(tmp_path / "photos") is None
    (tmp_path / "photos/manifest.json").write_text(json.dumps({"kind": "vspw-labels", "schema": 2}))
    with pytest.raises(InputError, match="expected kind vspw-labels, schema 1, got kind vspw-labels, schema 2"):
        read_manifest(tmp_path / "photos")


def test_what_a_kill_has_left_before_the_manifest_is_nothing(tmp_path: Path) -> None:
    (tmp_path / ".manifest.json.12.tmp").write_text("{")
    create_label_folder(tmp_path, {"run": "a"})
    assert read_manifest(tmp_path) is not None


def test_the_digest_follows_names_and_content(tmp_path: Path) -> None:
    found = set()
    for index, (video, frame, ids) in enumerate(
        [("v", "1", IDS), ("v", "2", IDS), ("w", "1", IDS), ("v", "1", IDS + 1)]
    ):
        write_label_video(tmp_path / str(index), video, [(frame, ids)])
        found.add(digest(PngPredictions(tmp_path / str(index))))
    assert len(found) == 4
    write_label_video(tmp_path / "again", "v", [("1", IDS)])
    assert digest(PngPredictions(tmp_path / "again")) in found
