"""A data set or a whole workspace that has moved: its files name the new place, and nothing else in them changes."""

import json
import re
from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.locks import locked
from vspwlib.pipeline.relocating import existing_data, relocate_data
from vspwlib.pipeline.reproducing import SCRIPT
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace, environment, write_json, write_text

OLD = Path("/scratch/jöe's data")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A run, its predictions, a sweep and references to data below :data:`OLD`; predictions of other data."""
    place = Workspace(tmp_path / "ws")
    data = {"vspw": str(OLD / "VSPW_480p"), "cocostuff": "/elsewhere/coco"}
    config = {"recipe": recipe("t3_nce2", "mini").to_dict(), "data": data, "seed": 0}
    run = place.create_run("a", config, environment(), overwrite=False)
    write_text(run.path / SCRIPT, "as it was")
    stored = place.path / "predictions/a"
    write_json(stored / "VSPW_480p-val.zarr/zarr.json", {"attributes": {"data_root": data["vspw"], "x": 1.0}})
    write_json(stored / "VSPW_480p-val.zarr/video/zarr.json", {"data_root": data["vspw"]})  # of a video: not looked at
    write_json(stored / "other-val.labels/manifest.json", {"data_root": f"{OLD}er/VSPW_480p"})
    plain = json.dumps({"data_root": data["vspw"], "note": f"see {OLD}"}, ensure_ascii=False)
    write_text(place.path / "ensembles/a+b/VSPW_480p-val.json", plain)
    place.add_data("vspw", Path(data["vspw"]))
    return place


def files(workspace: Workspace) -> dict[str, str]:
    found = sorted(path for path in workspace.path.rglob("*") if path.suffix in {".json", ".sh"})
    return {str(path.relative_to(workspace.path)): path.read_text("utf-8") for path in found}


@pytest.mark.parametrize("above", [False, True], ids=["the data set", "a folder above it"])
def test_files_name_the_new_place_and_change_in_nothing_else(workspace, tmp_path, above):
    new = tmp_path / 'a "new" disk'
    (new / "VSPW_480p").mkdir(parents=True)
    before = files(workspace)
    move = (OLD, new) if above else (OLD / "VSPW_480p", new / "VSPW_480p")
    told = relocate_data(workspace, *move, write=False)
    assert files(workspace) == before
    assert relocate_data(workspace, *move) == told
    changed = {str(path.relative_to(workspace.path)) for path in told}
    run, store, sweep = (
        "runs/a/config.json",
        "predictions/a/VSPW_480p-val.zarr/zarr.json",
        "ensembles/a+b/VSPW_480p-val.json",
    )
    assert changed == {run, store, sweep, "workspace.json"}
    after = files(workspace)
    assert {name for name in before if after[name] != before[name]} == changed | {f"runs/a/{SCRIPT}"}
    forms = [json.dumps(str(OLD), ensure_ascii=plain)[1:-1] for plain in (True, False)]
    for name in changed:
        back = after[name].replace(json.dumps(str(new))[1:-1], forms[name == sweep])
        assert back == before[name]
    assert workspace.run("a").config["data"] == {"vspw": str(new / "VSPW_480p"), "cocostuff": "/elsewhere/coco"}
    assert f"vspw={new / 'VSPW_480p'}" in after[f"runs/a/{SCRIPT}"].replace("'\"'\"'", "'")
    with pytest.raises(InputError, match="expected a path that files name"):
        relocate_data(workspace, *move)  # it is done


def test_a_place_without_the_data_sets_is_refused_and_nothing_written(workspace, tmp_path):
    before = files(workspace)
    (tmp_path / "disk/other").mkdir(parents=True)
    for old, new, message in (
        (OLD, tmp_path / "gone", "expected a folder, got nothing there"),
        (OLD, tmp_path / "disk", "expected a folder VSPW_480p"),
        (OLD / "VSPW_480p", tmp_path / "disk/other", "Fix: give it the name VSPW_480p"),
        (Path("/nowhere"), tmp_path, f"files name \\(/elsewhere/coco, {re.escape(str(OLD / 'VSPW_480p'))}"),
    ):
        with pytest.raises(InputError, match=message):
            relocate_data(workspace, old, new)
    assert files(workspace) == before


@pytest.mark.parametrize(
    "place", ["runs/a", "predictions/a/VSPW_480p-val.zarr", "ensembles/a+b/VSPW_480p-val.envelopes"]
)
def test_what_a_process_works_on_is_not_changed_under_it(workspace, tmp_path, place):
    (tmp_path / "VSPW_480p").mkdir()
    before = files(workspace)
    with locked(workspace.path / place, "run"), pytest.raises(InputError, match="run"):
        relocate_data(workspace, OLD, tmp_path)
    assert files(workspace) == before


def test_data_that_are_gone_are_named_with_the_command_that_tells_where_they_went(tmp_path):
    assert existing_data(tmp_path) == tmp_path
    with pytest.raises(InputError, match=r"vspw data moved \S*gone NEW"):
        existing_data(tmp_path / "gone")
