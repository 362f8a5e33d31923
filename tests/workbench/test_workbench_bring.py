"""Bring your own: each form to its command, what is refused, and a film from the browser to the page Clips."""

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import save_file

from tests.workbench.conftest import FRAMES, SIZE, VIDEOS
from tests.workbench.test_workbench_clips import clip_of
from tests.workbench.test_workbench_jobs import wait_for_jobs
from vspwlib.pipeline.building import build_network
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.predict.labels import write_png_predictions
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.video import write_mp4
from vspwlib.runs import Workspace

FIRST = "alpha"


@pytest.fixture
def root(workspace: Workspace) -> Path:
    """Return the workspace's data set, which it knows by name."""
    found = Path(ScoreStore.open(workspace.predictions(FIRST, "vspw", "test2")).manifest["data_root"])
    workspace.add_data("vspw", found)
    return found


def film(path: Path, frames: int = 4) -> Path:
    rng = np.random.default_rng(0)
    return write_mp4(path, (rng.integers(0, 256, (32, 48, 3), np.uint8) for _ in range(frames)), 15)


def codes(app: Any) -> list[str]:
    return [code.value for code in app.code]


def press(app: Any, key: str) -> Any:
    app = app.button(key=key).click().run()
    assert not app.exception
    return app


def done(workspace: Workspace) -> None:
    job = wait_for_jobs(workspace)[0]
    assert job.state == "done", job.output(20)


@pytest.mark.slow
def test_a_film_goes_from_the_browser_to_clips_and_away(
    workspace: Workspace, open_page: Any, live: Any, tmp_path: Path
) -> None:
    run = workspace.run(FIRST)
    save_file(build_network(load_recipe(run)).state_dict(), run.checkpoints / "last.safetensors")
    app = open_page("bring")
    content = film(tmp_path / "film.mp4").read_bytes()
    app.file_uploader(key="film").set_value(("../My Street.mp4", content, "video/mp4")).run()
    assert app.text_input(key="film_name_../My Street.mp4").value == "My_Street"
    press(app, "take_film")
    done(workspace)
    assert len(list((workspace.path / "uploads" / "My_Street" / "origin").glob("*.jpg"))) == 4
    app.run()
    assert app.selectbox(key="clip").options == ["My_Street"]
    press(app, "start_predict")
    done(workspace)
    app.run()
    assert [link.proto.label for link in app.get("page_link")] == ["Open in Clips"]
    clip = clip_of(workspace, live(open_page("clips", split="My_Street-all", run=FIRST)))
    assert (clip["video"], len(clip["frames"])) == ("My_Street", 4)
    assert not any(frame["truth"] for frame in clip["frames"])
    press(app, "really_delete_My_Street")
    assert not list((workspace.path / "uploads").iterdir())


@pytest.mark.parametrize("content", [b"#EXTM3U\nfile:///etc/passwd", b"\0\0\0\x20ftypisom" + bytes(90), b""])
def test_what_is_no_film_is_refused_and_leaves_nothing(content: bytes, workspace: Workspace, open_page: Any) -> None:
    app = open_page("bring")
    app.file_uploader(key="film").set_value(("street.mp4", content, "video/mp4")).run()
    press(app, "take_film")
    assert "expected" in app.error[0].value
    assert not list((workspace.path / "uploads").iterdir())
    assert wait_for_jobs(workspace) == []


def test_paths_of_video_are_looked_at(workspace: Workspace, open_page: Any, tmp_path: Path, texts: Any) -> None:
    app = open_page("bring")
    app.text_input(key="video_path").set_value(str(tmp_path / "gone.mp4")).run()
    assert "got nothing there" in app.error[0].value
    app.text_input(key="video_path").set_value(str(film(tmp_path / "a b.mp4"))).run()
    assert "48x32, 15 frames a second" in app.success[0].value
    assert codes(app)[0] == f"vspw data frames '{tmp_path}/a b.mp4' {workspace.path}/uploads/a_b"
    frames = tmp_path / "frames"
    frames.mkdir()
    shutil.copy(next(iter(data_images(workspace))), frames / "1.jpg")
    app.text_input(key="video_path").set_value(str(frames)).run()
    assert "1 video, 1 frames" in app.success[0].value
    assert f"vspw predict {FIRST} --split all --data vspw={frames}" in codes(app)


def data_images(workspace: Workspace) -> list[Path]:
    root = Path(ScoreStore.open(workspace.predictions(FIRST, "vspw", "test2")).manifest["data_root"])
    return sorted(root.glob("data/*/origin/*.jpg"))


def test_a_vspw_folder_is_used_once_it_has_been_checked(
    workspace: Workspace, open_page: Any, root: Path, tmp_path: Path
) -> None:
    shutil.copytree(root, tmp_path / "VSPW")
    app = open_page("bring", bring="VSPW folder")
    app.text_input(key="tree_path").set_value(str(tmp_path / "VSPW")).run()
    assert "test2" in app.success[0].value
    assert [button.key for button in app.button if button.key == "use_tree"] == []
    press(app, "start_data")
    done(workspace)
    press(app.run(), "use_tree")
    assert workspace.data_sets["vspw"] == tmp_path / "VSPW"
    assert "This is the workspace's video data" in app.info[0].value


def zipped(tmp_path: Path) -> bytes:
    for video in VIDEOS:
        for frame in FRAMES:
            write_png_predictions(tmp_path / "pngs", video, frame, np.full(SIZE, 21, np.uint8))
    return Path(shutil.make_archive(str(tmp_path / "theirs"), "zip", tmp_path, "pngs")).read_bytes()


def test_a_zip_of_label_maps_is_imported_scored_and_shown(
    workspace: Workspace, open_page: Any, root: Path, tmp_path: Path, live: Any
) -> None:
    app = open_page("bring", bring="Label maps")
    app.file_uploader(key="labels").set_value(("their maps.zip", zipped(tmp_path), "application/zip")).run()
    assert app.text_input(key="labels_name_their maps.zip").value == "their_maps"
    press(app, "take_labels")
    done(workspace)
    assert workspace.hard_predictions("their_maps", "vspw", "test2").is_dir()
    clips = open_page("clips", run="their_maps", split="vspw-test2")
    assert [run["name"] for run in clip_of(workspace, live(clips))["runs"]] == ["their_maps"]
    assert clips.toggle(key="compare").disabled
    classes = open_page("classes", run="their_maps", split="vspw-test2")
    assert "no scores yet" in classes.info[0].value


def test_a_zip_that_reaches_outside_is_refused(workspace: Workspace, open_page: Any, root: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../walk/1.png", b"x")
    app = open_page("bring", bring="Label maps")
    app.file_uploader(key="labels").set_value(("a.zip", file.getvalue(), "application/zip")).run()
    press(app, "take_labels")
    assert "names inside the archive" in app.error[0].value
    assert not list((workspace.path / "uploads").iterdir())


def test_label_maps_by_path_and_a_model_become_commands(
    workspace: Workspace, open_page: Any, root: Path, tmp_path: Path
) -> None:
    zipped(tmp_path)
    app = open_page("bring", bring="Label maps")
    app.text_input(key="labels_path").set_value(str(tmp_path / "pngs")).run()
    app.toggle(key="labels_raw").set_value(True).run()
    where = f"--name pngs --split test2 --data vspw={root}"
    assert codes(app)[0] == f"vspw import predictions {tmp_path}/pngs {where} --raw"
    for name in ("their.py", "their.pth"):
        (tmp_path / name).touch()
    app = open_page("bring", bring="mmseg model")
    assert not app.get("file_uploader"), "a config is a program, and is never uploaded"
    app.text_input(key="mmseg_config").set_value(str(tmp_path / "their.py"))
    app.text_input(key="mmseg_checkpoint").set_value(str(tmp_path / "their.pth")).run()
    app.selectbox(key="mmseg_classes").set_value("ADE20K, by the mapping").run()
    model = f"{tmp_path}/their.py {tmp_path}/their.pth --name their"
    assert codes(app)[0] == f"vspw import mmseg-config {model} --split test2 --data vspw={root} --mapping ade20k"


@pytest.mark.parametrize("kind", ["Label maps", "mmseg model"])
def test_without_data_the_page_says_what_comes_first(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: Any
) -> None:
    monkeypatch.setenv("VSPW_WORKSPACE", str(tmp_path / "none"))
    assert "knows no video yet" in open_page("bring", bring=kind).info[0].value


def test_data_that_a_run_was_trained_on_need_not_be_named(workspace: Workspace, open_page: Any) -> None:
    app = open_page("bring", bring="Label maps")
    assert app.selectbox(key="labels_data").options == ["vspw"]
    assert app.selectbox(key="labels_split").options == ["test2"]
