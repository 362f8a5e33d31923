"""Clips: the clip that a link names, its state, and what is said when something is gone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace
from workbench.clip_view import PARAMETER
from workbench.live.routes import answer

FIRST, SECOND = "alpha", "beta"


def clip_of(workspace: Workspace, data: dict[str, Any]) -> dict[str, Any]:
    """Return what the clip on a page says of itself."""
    _, _, key = data["base"].split("/")
    return json.loads(answer(workspace, key, "clip.json").body)


def test_clips_show_one_run_against_the_truth(workspace: Workspace, open_page: Any, live: Any) -> None:
    clip = clip_of(workspace, live(open_page("clips")))
    assert [run["name"] for run in clip["runs"]] == [FIRST]
    assert (clip["kind"], clip["video"], clip["split"]) == ("single", "walk", "vspw-test2")
    assert all(frame["truth"] for frame in clip["frames"])


def test_clips_compare_two_runs_at_one_click(workspace: Workspace, open_page: Any, live: Any) -> None:
    app = open_page("clips")
    app.toggle(key="compare").set_value(True).run()
    clip = clip_of(workspace, live(app))
    assert [run["name"] for run in clip["runs"]] == [FIRST, SECOND]
    assert clip["kind"] == "pair"


def test_a_link_restores_a_view(workspace: Workspace, open_page: Any, live: Any) -> None:
    look = json.dumps({"panes": ["frame", "a"], "opacity": 0.25, "palette": "dataset"})
    app = open_page("clips", run=SECOND, video="yard", frame="00000007", tau="0.25", **{PARAMETER: look})
    data = live(app)
    state = {"frame": "00000007", "tau": 0.25, "panes": ["frame", "a"], "opacity": 0.25, "palette": "dataset"}
    assert data["state"] == state
    clip = clip_of(workspace, data)
    assert (clip["video"], clip["runs"][0]["name"]) == ("yard", SECOND)
    assert not app.info


@pytest.mark.parametrize("view", ["[1]", "{", "3", "x" * 5000, '{"frame":'])
def test_a_link_that_is_no_state_is_left_out(view: str, workspace: Workspace, open_page: Any, live: Any) -> None:
    assert live(open_page("clips", tau="high", **{PARAMETER: view}))["state"] == {}


def test_a_link_to_what_is_gone_falls_back_with_a_note(workspace: Workspace, open_page: Any, live: Any) -> None:
    app = open_page("clips", run="../../etc", video="gone", split="vspw-test9")
    assert clip_of(workspace, live(app))["runs"][0]["name"] == FIRST
    assert [note.value.split(" ")[0] for note in app.info] == ["Split", "Run", "Video"]
    app.run()
    assert not app.info


def test_clips_without_masks_are_shown_unscored(workspace: Workspace, open_page: Any, live: Any) -> None:
    app = open_page("clips", split="clips-all")
    assert not any(frame["truth"] for frame in clip_of(workspace, live(app))["frames"])
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


def test_a_frame_that_left_the_data_set_is_left_out(
    workspace: Workspace, open_page: Any, live: Any, tmp_path: Path
) -> None:
    manifest = workspace.predictions(FIRST, "vspw", "test2") / "zarr.json"
    root = ScoreStore.open(manifest.parent).manifest["data_root"]
    shutil.copytree(root, tmp_path / "vspw")
    (tmp_path / "vspw" / "data" / "walk" / "origin" / "00000005.jpg").unlink()
    manifest.write_text(manifest.read_text().replace(root, str(tmp_path / "vspw")))
    clip = clip_of(workspace, live(open_page("clips")))
    assert [frame["name"] for frame in clip["frames"]] == ["00000004", "00000007"]
