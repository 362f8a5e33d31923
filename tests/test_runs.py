"""Workspaces and runs: layout, atomic writing, references that move with the folder."""

import json

import pytest

from vspwlib.checks import InputError
from vspwlib.runs import ENVIRONMENT_VARIABLE, Workspace, environment, read_json, scores_file, write_json


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_locate_prefers_the_option_then_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "variable"))
    assert Workspace.locate(tmp_path / "option").path == tmp_path / "option"
    assert Workspace.locate().path == tmp_path / "variable"
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert str(Workspace.locate().path) == "workspace"
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder, got a file"):
        Workspace.locate(tmp_path / "file")


def test_data_inside_the_workspace_moves_with_it(workspace, tmp_path):
    inside, outside = workspace.path / "data" / "mini", tmp_path / "camvid"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
    workspace.add_data("vspw", inside)
    workspace.add_data("camvid", outside)
    moved = Workspace(workspace.path.rename(tmp_path / "moved"))
    assert moved.data_sets == {"vspw": tmp_path / "moved" / "data" / "mini", "camvid": outside}
    assert all(folder.is_dir() for folder in moved.data_sets.values())


def test_a_run_is_made_once(workspace):
    run = workspace.create_run("mini-x-s0", {"recipe": {}}, {"commit": None}, overwrite=False)
    run.append_log({"step": 1})
    assert [found.name for found in workspace.runs()] == ["mini-x-s0"]
    with pytest.raises(InputError, match="--resume continues it"):
        workspace.create_run("mini-x-s0", {}, {}, overwrite=False)
    fresh = workspace.create_run("mini-x-s0", {"recipe": {"a": 1}}, {}, overwrite=True)
    assert list(fresh.log()) == []
    assert fresh.config == {"recipe": {"a": 1}}


@pytest.mark.parametrize("name", ["--overwrite", "../out", ""])
def test_a_run_has_a_name_that_no_command_reads_as_something_else(workspace, name):
    with pytest.raises(InputError, match="run: expected a name"):
        workspace.create_run(name, {}, {}, overwrite=True)
    assert not list(workspace.path.parent.glob("out"))


def test_unknown_runs_are_answered_with_the_known(workspace):
    with pytest.raises(InputError, match="none yet"):
        workspace.run("a")
    workspace.create_run("b", {}, {}, overwrite=False)
    with pytest.raises(InputError, match="one of b, got 'a'"):
        workspace.run("a")


def test_the_log_survives_a_line_cut_short(workspace):
    run = workspace.create_run("a", {}, {}, overwrite=False)
    for step in (1, 2, 3):
        run.append_log({"step": step})
    with (run.path / "log.jsonl").open("a") as log:
        log.write('{"step": 4, "lo')
    assert [record["step"] for record in run.log()] == [1, 2, 3]
    run.truncate_log(2)
    run.append_log({"step": 3, "again": True})
    assert list(run.log()) == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_weights_fall_back_to_the_last_and_say_when_there_are_none(workspace):
    run = workspace.create_run("a", {}, {}, overwrite=False)
    with pytest.raises(InputError, match="finished training"):
        run.weights()
    (run.checkpoints / "last.safetensors").touch()
    assert run.weights("best").name == "last.safetensors"
    (run.checkpoints / "best.safetensors").touch()
    assert run.weights("best").name == "best.safetensors"
    assert run.weights("last").name == "last.safetensors"


def test_writing_never_leaves_half_a_file(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(path, {"a": float("nan")})
    assert read_json(path, "test") == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_broken_files_are_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="nothing there"):
        read_json(path, "scores")
    path.write_text("{")
    with pytest.raises(InputError, match=r"scores: expected JSON.*a\.json"):
        read_json(path, "scores")


def test_derived_paths_lie_together(workspace):
    store = workspace.predictions("run", "camvid", "val")
    assert scores_file(store).parent == store.parent
    assert scores_file(store).name == "camvid-val.scores.json"
    assert workspace.sweep_file("a", "b", "camvid", "val").is_relative_to(workspace.path / "ensembles")


def test_hard_predictions_stand_beside_the_stores_and_are_none(workspace):
    folder, store = workspace.hard_predictions("pair", "camvid", "val"), workspace.predictions("pair", "camvid", "val")
    for path in (folder, store):
        path.mkdir(parents=True)
    assert workspace.stored_labels() == [folder]
    assert workspace.stored_predictions() == [store]
    assert folder.stem == store.stem == "camvid-val"
    assert len({folder, store, *map(scores_file, (folder, store)), workspace.recipe_file("pair", "camvid", "val")}) == 5


def test_the_environment_names_no_path_and_no_user(repository):
    text = json.dumps(environment())
    assert str(repository) not in text
    assert "cores" in environment()["machine"]
    assert environment()["versions"]["torch"]


def test_a_row_of_numbers_takes_one_line_and_nothing_else_changes(tmp_path):
    value = {
        "rows": [[1, -2.5e-07], [3, 4]],
        "text": "[\n 1,\n 2\n]",
        "words": ["a", "b"],
        "mixed": [1, None],
        "none": [],
    }
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text("utf-8")
    assert json.loads(text) == value
    assert "[1, -2.5e-07]" in text
    assert text.count("\n") == json.dumps(value, indent=1).count("\n") + 1 - 6
