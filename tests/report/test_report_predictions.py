"""Whatever predicts in a workspace is listed: what made it, what it holds, which figures are shown."""

import numpy as np
import pytest

from tests.mmseg_bridge.tiny_config import save, tiny_config
from tests.pipeline.score_stores import SIZES, every_frame, manifest, score_stores, write_store
from vspwlib.checks import InputError
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.importing import import_predictions
from vspwlib.pipeline.mmseg_config import predict_mmseg_config
from vspwlib.pipeline.scoring import score
from vspwlib.predict.labels import write_png_predictions
from vspwlib.recipes import recipe
from vspwlib.report.predictions import system_rows
from vspwlib.report.tables import SCORES
from vspwlib.runs import Workspace


@pytest.fixture
def made(tmp_path):
    """Stores a, b and c, of which a and b are runs'; run b has predicted a second split, run d nothing."""
    found = score_stores(tmp_path)
    for name in ("a", "b", "d"):
        config = {"schema": 1, "recipe": recipe("t3_nce2", "mini").to_dict(), "data": {}}
        found.workspace.create_run(name, config, {"commit": f"commit of {name}"}, overwrite=False)
    video = next(iter(SIZES))
    place = found.workspace.predictions("b", "tiny", "test")
    write_store(place, manifest("b", found.data, split="test"), 5, videos={video: ["00000017"]})
    return found


def brief(rows, *keys):
    return [tuple(row[key] for key in keys) for row in rows]


def test_an_absent_workspace_has_no_rows(tmp_path):
    assert system_rows(Workspace(tmp_path / "nowhere")) == []


def test_runs_come_first_with_every_split_that_they_predicted(made):
    result = score(made.stores["a"], made.data, "val")
    rows = system_rows(made.workspace)
    assert brief(rows, "run", "kind", "made", "dataset", "split", "predicted", "commit") == [
        ("a", "run", "t3_nce2", "tiny", "val", "soft", "commit of a"),
        ("b", "run", "t3_nce2", "tiny", "test", "soft", "commit of b"),
        ("b", "run", "t3_nce2", "tiny", "val", "soft", "commit of b"),
        ("d", "run", "t3_nce2", None, None, None, "commit of d"),
        ("c", "run", None, "tiny", "val", "soft", None),  # whose run is gone
    ]
    assert brief(rows, "miou", "state") == [
        (result.miou, "step 0 of 300"),
        *[(None, "step 0 of 300")] * 3,
        (None, None),
    ]
    assert len({tuple(row) for row in rows}) == 1  # one set of keys


def test_a_run_says_how_far_it_is_with_an_environment_or_without(made):
    run = made.workspace.run("d")
    (run.path / "environment.json").unlink()
    for step, state in ((10, "step 10 of 300"), (20, "step 20 of 300"), (None, "finished")):
        if step is None:
            (run.checkpoints / "last.safetensors").touch()
        else:
            run.append_log({"kind": "train", "step": step, "loss": 2.0, "lr": 0.1})
        row = next(row for row in system_rows(made.workspace) if row["run"] == "d")
        assert (row["state"], row["commit"], row["profile"], row["seed"]) == (state, None, "mini", 0)


def test_scores_are_those_of_the_file(made):
    result = score(made.stores["a"], made.data, "val").summary()
    row = system_rows(made.workspace)[0]
    assert {key: row[key] for key in SCORES} == {key: result[key] for key in SCORES}


def test_folders_are_looked_through_once_for_all_runs(made, monkeypatch):
    looked, look = [], Workspace.stored_predictions
    monkeypatch.setattr(Workspace, "stored_predictions", lambda place: looked.append(place) or look(place))
    assert len(system_rows(made.workspace)) == 5
    assert looked == [made.workspace]


def test_ensembles_imports_and_models_say_how_they_were_made(made, tmp_path):
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "pair")
    write_ensemble(made.workspace, ["a", "b", "c"], "val", choose_rule(3, vote=True), "votes")
    for video, frame in every_frame():
        write_png_predictions(tmp_path / "pngs", video, frame, np.zeros(SIZES[video], np.uint8))
    import_predictions(tmp_path / "pngs", made.workspace, "theirs", made.data, "val")
    files = save(tmp_path / "mmseg", tiny_config())
    predict_mmseg_config(*files, made.workspace, "upernet", root=made.data, split="val")
    rows = {row["run"]: row for row in system_rows(made.workspace)}
    assert brief(rows.values(), "run", "kind", "made", "predicted")[-4:] == [
        ("pair", "ensemble", "--tau 0.4 of a, b", "soft, hard"),
        ("theirs", "imported", "pngs", "hard"),
        ("upernet", "mmseg", "their.py", "soft"),
        ("votes", "ensemble", "--vote of a, b, c", "hard"),
    ]
    assert {rows[name]["split"] for name in ("pair", "theirs", "upernet", "votes")} == {"val"}


def test_figures_are_those_of_the_label_maps_where_both_are_scored(made):
    written = write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "pair")
    of_store = score(written.store, made.data, "val")
    assert system_rows(made.workspace)[-1]["miou"] == of_store.miou
    of_labels = score(written.labels, made.data, "val")
    assert of_labels.miou != of_store.miou
    row = system_rows(made.workspace)[-1]
    assert (row["run"], row["miou"], row["vc8"]) == ("pair", of_labels.miou, None)


@pytest.mark.parametrize("file", ["predictions/a/tiny-val.zarr/zarr.json", "runs/a/config.json"])
def test_a_broken_file_is_an_error_or_is_reported_and_its_news_left_out(made, file):
    (made.workspace.path / file).write_text("{")
    with pytest.raises(InputError, match="expected JSON"):
        system_rows(made.workspace)
    faults = []
    rows = system_rows(made.workspace, on_error=faults.append)
    assert [file in str(fault) for fault in faults] == [True]
    names = [row["run"] for row in rows]
    assert names == (["a", "b", "b", "d", "c"] if file.startswith("pred") else ["b", "b", "d", "c"])
    assert rows[0]["predicted"] == (None if file.startswith("pred") else "soft")
