"""``vspw runs list``: one table of everything that predicts."""

import json
import re

import pytest
from typer.testing import CliRunner

from tests.pipeline.score_stores import score_stores
from vspwlib.cli.runs import app
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.removing import disk_use, disk_use_by_name, folders_of
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace


def test_it_lists_ensembles_and_goes_on_past_a_broken_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    made = score_stores(tmp_path)
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "[pair]")
    (made.stores["c"] / "zarr.json").write_text("{")
    result = CliRunner().invoke(app, ["list", "--workspace", str(made.workspace.path)])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if "[pair]" in line]
    cells = re.split(r" {2,}", line.strip())
    assert cells[:-1] == ["[pair]", "ensemble", "--tau 0.4 of a, b", "–", "tiny-val soft, hard", "–", "–", "–"]
    assert cells[-1].endswith(" kB")
    assert "left out: prediction store: expected JSON" in result.stderr
    rows = json.loads(CliRunner().invoke(app, ["list", "--workspace", str(made.workspace.path), "--json"]).stdout)
    assert [(row["run"], row["kind"], row["predicted"]) for row in rows] == [
        ("[pair]", "ensemble", "soft, hard"),
        ("a", "run", "soft"),
        ("b", "run", "soft"),
    ]
    folder = made.workspace.path / "predictions" / "[pair]"
    assert rows[0]["bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("columns", ["80", "120"])
def test_names_are_never_cut(columns, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    name = "camvid-upernet_swin_tiny-s0"
    workspace = Workspace(tmp_path)
    config = {"schema": 1, "recipe": recipe("upernet_swin_tiny", "camvid").to_dict(), "data": {}}
    workspace.create_run(name, config, {}, overwrite=False)
    said = CliRunner().invoke(app, ["list", "--workspace", str(tmp_path)]).stdout
    assert f" {name} " in said
    assert "step 0 of" in said


def test_what_each_name_takes_is_the_sum_of_its_folders(tmp_path):
    place = score_stores(tmp_path).workspace
    place.create_run("a", {"schema": 1}, {}, overwrite=False)
    for pair, size in ((("a", "b"), 1500), (("c", "a"), 700)):
        folder = place.envelopes(*pair, "tiny", "val")
        folder.mkdir(parents=True)
        (folder / "start").write_bytes(b"0" * size)
    found = disk_use_by_name(place)
    assert found == {name: sum(map(disk_use, folders_of(place, name))) for name in "abc"}
    assert found["a"] > 2200


def test_rm_says_what_would_go_and_asks(tmp_path):
    made = score_stores(tmp_path)
    place = made.workspace
    place.create_run("a", {"schema": 1}, {}, overwrite=False)
    kept = place.envelopes("b", "c", "tiny", "val")
    gone = [place.run_folder("a"), place.path / "predictions" / "a", place.envelopes("b", "a", "tiny", "val")]
    for folder in (kept, gone[-1]):
        folder.mkdir(parents=True)
        (folder / "start").write_bytes(b"0" * 1500)
    command, before = ["rm", "a", "--workspace", str(place.path)], {*place.path.rglob("*")}
    shown = CliRunner().invoke(app, [*command, "--dry-run"])
    assert shown.exit_code == 0, shown.output
    assert [line.split()[-1] for line in shown.stdout.splitlines()] == [str(folder) for folder in gone]
    assert shown.stdout.splitlines()[-1].split()[:2] == ["1.5", "kB"]
    refused = CliRunner().invoke(app, command, input="n\n")
    assert "nothing was deleted" in str(refused.exception)
    assert {*place.path.rglob("*")} == before
    assert CliRunner().invoke(app, [*command, "--yes"]).exit_code == 0
    left = before - {path for path in before if any(path.is_relative_to(folder) for folder in gone)}
    assert {*place.path.rglob("*")} == left
    assert kept.is_dir()
    unknown = CliRunner().invoke(app, command)
    assert "expected one of b, c, got 'a'" in str(unknown.exception)
