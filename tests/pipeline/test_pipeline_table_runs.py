"""Rows of tables run with tiny recipes: what is held is not run, what fails does not stop the rest."""

from dataclasses import replace

import pytest

from vspwlib.checks import InputError
from vspwlib.config import MixConfig
from vspwlib.pipeline import table_runs
from vspwlib.pipeline.table_runs import Step, keys_of, run_steps, steps_of
from vspwlib.pipeline.training import train_once
from vspwlib.report.results import Result
from vspwlib.runs import Workspace, write_json
from vspwlib.tables import Table, TableRow


@pytest.fixture
def small(monkeypatch, tiny_recipe):
    """A table of a plain row and of one that wants photographs; the plain row's iterations can be changed."""
    settings = {"iterations": 4}

    def recipe(name, profile, *, seed=0):
        made = tiny_recipe(seed)
        train = replace(made.train, iterations=settings["iterations"], val_every=0, checkpoint_every=2)
        mix = MixConfig(stills=("cocostuff",)) if name == "t2_896_map" else made.mix
        return replace(made, name=name, profile=profile, train=train, mix=mix, test_splits=("val",))

    rows = tuple(TableRow(title=key, key=key) for key in ("t2_896_map", "t2_480"))
    monkeypatch.setattr(table_runs, "recipe", recipe)
    monkeypatch.setattr(table_runs, "table", lambda _: Table(number=2, title="", split="Test1", rows=rows))
    return settings


def test_a_table_is_made_of_its_rows_and_of_what_others_are_made_of():
    assert keys_of(2)[-2:] == ["t2_896_ade", "t5_480_map_drop"]
    assert keys_of(4) == ["t4_pair"]
    assert keys_of(6) == []


def test_rows_are_run_once(small, tmp_path, tiny_data):
    place, results, data = Workspace(tmp_path / "ws"), tmp_path / "results", {"vspw": tiny_data}
    steps = steps_of([2], "mini", [0], data, results)
    assert steps == [Step("t2_896_map", 0, "missing"), Step("t2_480", 0, "missing")]
    said = []
    refused, done = run_steps(steps, "mini", place, data, results, progress=lambda *what: said.append(what))
    assert "cocostuff=PATH" in str(refused.error)  # and the other row was run all the same
    assert done.path == results / "table2" / "mini" / "t2_480-s0.json"
    assert ("training mini-t2_480-s0", 4, 4) in said
    assert Result.read(done.path).miou("val") > 0
    again = steps_of([2], "mini", [0], data, results)
    assert again == [Step("t2_896_map", 0, "missing"), Step("t2_480", 0, "held")]
    written = done.path.stat().st_mtime_ns
    assert [outcome.step.key for outcome in run_steps(again, "mini", place, data, results)] == ["t2_896_map"]
    assert done.path.stat().st_mtime_ns == written

    small["iterations"] = 6  # other settings: published ones are stale, and the run of that name is not written over
    stale = steps_of([2], "mini", [0], data, results)[1:]
    assert stale == [Step("t2_480", 0, "stale")]
    (outcome,) = run_steps(stale, "mini", place, data, results)
    assert "other values of train.iterations" in str(outcome.error)
    assert done.path.stat().st_mtime_ns == written


def test_a_row_that_is_trained_already_is_predicted_and_published(small, tmp_path, tiny_data):
    place, results, data = Workspace(tmp_path / "ws"), tmp_path / "results", {"vspw": tiny_data}
    run = train_once(table_runs.recipe("t2_480", "mini"), place, data)
    before = run.weights().stat().st_mtime_ns
    (done,) = run_steps([Step("t2_480", 0, "missing")], "mini", place, data, results)
    assert done.error is None
    assert run.weights().stat().st_mtime_ns == before
    # Another data set is another result.
    other = tmp_path / "other"
    other.mkdir()
    for split in ("train", "val"):
        (other / f"{split}.txt").write_text((tiny_data / f"{split}.txt").read_text().splitlines()[0])
    (other / "data").symlink_to(tiny_data / "data")
    assert steps_of([2], "mini", [0], {"vspw": other}, results)[1].state == "stale"


def test_an_ensemble_is_held_as_long_as_its_members_are(small, monkeypatch, tmp_path, tiny_data):
    rows = (TableRow(title="", key="t5_vote"),)
    monkeypatch.setattr(table_runs, "table", lambda _: Table(number=5, title="", split="Test2", rows=rows))
    data, results = {"vspw": tiny_data}, tmp_path / "results"
    members = []
    for name in ("t3_nce2", "t2_896_map_drop", "t5_480_map_drop"):
        mark = table_runs.fingerprint(table_runs.recipe(name, "mini"), tiny_data)
        members.append({"recipe": {"name": name}, "fingerprint": mark})
    path = results / "table5" / "mini" / "t5_vote-s0.json"
    facts = {"schema": 1, "table": "table5", "ensemble": {"key": "t5_vote"}, "seed": 0, "environment": {}, "splits": {}}
    write_json(path, {**facts, "members": members})
    assert steps_of([5], "mini", [0], data, results) == [Step("t5_vote", 0, "held")]
    write_json(path, {**facts, "members": members[::-1]})
    assert steps_of([5], "mini", [0], data, results)[0].state == "stale"
    members[1]["fingerprint"] = "0"
    write_json(path, {**facts, "members": members})
    assert steps_of([5], "mini", [0], data, results)[0].state == "stale"


def test_a_broken_file_among_the_results_is_named(small, tmp_path, tiny_data):
    path = tmp_path / "results" / "table2" / "mini" / "t2_480-s0.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(InputError, match=r"t2_480-s0\.json"):
        steps_of([2], "mini", [0], {"vspw": tiny_data}, tmp_path / "results")
