"""Clips: pictures, scores of a frame, links, and what is said when something is gone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

FIRST, SECOND = "alpha", "beta"


def test_clips_show_one_run_against_the_truth(
    workspace: Workspace, open_page: Any, measured: Any, panes: Any, texts: Any
) -> None:
    app = open_page("clips")
    assert panes(app) == ["Frame", "Truth", "Errors", FIRST]
    assert measured.frame_miou(FIRST, "walk", "00000004") in texts(app)
    legend = app.dataframe[0].value
    assert legend["truth"].sum() == pytest.approx(100)
    assert list(legend["truth"]) == sorted(legend["truth"], reverse=True)
    assert {"wall", "building", "tree", "train"} <= set(legend["class"])
    assert all(address.startswith("data:image/svg+xml") for address in legend["colour"])


def test_clips_compare_two_runs_at_one_click(
    workspace: Workspace, open_page: Any, measured: Any, panes: Any, texts: Any
) -> None:
    app = open_page("clips")
    app.toggle(key="compare").set_value(True).run()
    assert panes(app) == ["Frame", "Truth", "Errors", f"A · {FIRST}", f"B · {SECOND}"]
    for run in (FIRST, SECOND):
        assert measured.frame_miou(run, "walk", "00000004") in texts(app)


def test_buttons_step_through_the_frames(workspace: Workspace, open_page: Any, measured: Any, texts: Any) -> None:
    app = open_page("clips")
    back, forth = app.button
    assert (back.disabled, forth.disabled) == (True, False)
    forth.click().run()
    assert app.select_slider(key="frame").value == "00000005"
    assert measured.frame_miou(FIRST, "walk", "00000005") in texts(app)
    app.button[1].click().run()
    assert app.select_slider(key="frame").value == "00000007"
    assert (app.button[0].disabled, app.button[1].disabled) == (False, True)


def test_a_link_restores_a_view(workspace: Workspace, open_page: Any, measured: Any, panes: Any, texts: Any) -> None:
    app = open_page("clips", run=SECOND, video="yard", frame="00000007", palette="dataset", opacity="100")
    assert panes(app)[-1] == SECOND
    assert app.selectbox(key="video").value == "yard"
    assert measured.frame_miou(SECOND, "yard", "00000007") in texts(app)
    assert not app.info
    swatches = dict(zip(app.dataframe[0].value["class"], app.dataframe[0].value["colour"], strict=True))
    assert "%23787878" in swatches["wall"]


def test_a_link_to_what_is_gone_falls_back_with_a_note(workspace: Workspace, open_page: Any, panes: Any) -> None:
    app = open_page("clips", run="../../etc", video="gone", frame="99999999", split="vspw-test9")
    assert panes(app) == ["Frame", "Truth", "Errors", FIRST]
    notes = [note.value for note in app.info]
    assert [note.split(" ")[0] for note in notes] == ["Split", "Run", "Video", "Frame"]
    app.run()
    assert not app.info


def test_clips_without_masks_are_shown_unscored(workspace: Workspace, open_page: Any, panes: Any, texts: Any) -> None:
    app = open_page("clips", split="clips-all")
    assert panes(app) == ["Frame", FIRST]
    assert "no mask" in app.info[0].value
    assert "mIoU" not in texts(app)
    assert app.toggle(key="compare").disabled


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda place: (place.predictions(FIRST, "vspw", "test2") / "zarr.json").write_text("{"), "vspw-test2"),
        (lambda place: (place.predictions(FIRST, "vspw", "test2") / "zarr.json").unlink(), "vspw-test2"),
    ],
    ids=["damaged", "missing"],
)
@pytest.mark.parametrize("page", ["clips", "ensemble"])
def test_a_broken_store_gives_its_message(
    page: str, spoil: Callable[[Workspace], None], said: str, workspace: Workspace, open_page: Any
) -> None:
    spoil(workspace)
    app = open_page(page, split="vspw-test2")
    assert said in app.error[0].value


def test_a_data_set_that_moved_away_gives_its_message(workspace: Workspace, open_page: Any) -> None:
    manifest = workspace.predictions(FIRST, "vspw", "test2") / "zarr.json"
    root = ScoreStore.open(manifest.parent).manifest["data_root"]
    manifest.write_text(manifest.read_text().replace(root, "/moved/away"))
    app = open_page("clips")
    assert "/moved/away" in app.error[0].value
    assert app.selectbox(key="run").options == [FIRST, SECOND]


def test_a_store_without_a_finished_video_says_so(workspace: Workspace, open_page: Any) -> None:
    path = workspace.predictions("gamma", "vspw", "test3")
    ScoreStore.create(path, {"run": "gamma", "dataset": "vspw", "split": "test3", "data_root": "/nowhere"})
    assert "finished video" in open_page("clips", split="vspw-test3").error[0].value


def test_a_frame_that_left_the_data_set_is_named(workspace: Workspace, open_page: Any, tmp_path: Path) -> None:
    manifest = workspace.predictions(FIRST, "vspw", "test2") / "zarr.json"
    root = ScoreStore.open(manifest.parent).manifest["data_root"]
    shutil.copytree(root, tmp_path / "vspw")
    (tmp_path / "vspw" / "data" / "walk" / "origin" / "00000005.jpg").unlink()
    manifest.write_text(manifest.read_text().replace(root, str(tmp_path / "vspw")))
    app = open_page("clips", frame="00000005")
    assert "00000005 of video walk" in app.error[0].value
