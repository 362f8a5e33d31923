"""Specialists beside a base, written as predictions, against dense sums; and what is refused."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipeline.score_stores import dense, every_frame, score_stores, written
from vspwlib.checks import InputError
from vspwlib.cli.ensemble import app
from vspwlib.ensemble.rule import choose_rule
from vspwlib.labels import CLASS_NAMES
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.specialists import write_specialists
from vspwlib.predict.label_folder import read_manifest
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import read_json

GROUPS = {"b": [3, 7], "c": [0]}


@pytest.fixture
def made(tmp_path, tiny_recipe):
    """Stores of a, b and c, the last two of which are specialists."""
    found = score_stores(tmp_path)
    for run in "abc":
        recipe = tiny_recipe().to_dict()
        recipe["loss"]["focus"] = [CLASS_NAMES[kind] for kind in GROUPS.get(run, [])]
        found.workspace.create_run(run, {"recipe": recipe}, {}, overwrite=False)
    return found


def mixed(base, others, weight):
    """P_c = (1 - w) P_c of the base + w P_c of the specialist for class c."""
    fused = base.copy()
    for run, group in GROUPS.items():
        fused[group] = (1 - weight) * base[group] + weight * others[run][group]
    return fused


def believed(base, others):
    """The base, or the surest of those whose best class is one of their own."""
    fused, surest = base.copy(), np.zeros(base.shape[1:])
    for run, group in GROUPS.items():
        claims = np.isin(others[run].argmax(0), group) & (others[run].max(0) > surest)
        fused, surest = np.where(claims, others[run], fused), np.where(claims, others[run].max(0), surest)
    return fused


@pytest.mark.parametrize("weight", [None, 0.5, 1.0])
def test_label_maps_are_dense_fusion(made, weight):
    found = write_specialists(made.workspace, "a", ["b", "c"], "val", "fused", weight=weight)
    assert (found.videos, found.frames, found.kept) == (2, 5, 0)
    store, changed = ScoreStore.open(found.store), 0
    for video, frame in every_frame():
        base, *own = (dense(made.stores[run], video, frame) for run in ("a", *GROUPS))
        others = dict(zip(GROUPS, own, strict=True))
        fused = believed(base, others) if weight is None else mixed(base, others, weight)
        ids = written(found.labels, video, frame)
        np.testing.assert_array_equal(ids, fused.argmax(0))
        changed += (ids != base.argmax(0)).sum()
        assert store.scores(video, frame).max() == 0
    assert changed > 50
    assert 0 < found.differing < 0.3


def test_everything_says_what_it_is(made):
    plain = write_specialists(made.workspace, "a", ["c"], "val", "plain")
    assert read_json(plain.recipe, "recipe")["command"] == "vspw ensemble specialists a c --split val --name plain"
    found = write_specialists(made.workspace, "a", ["c"], "val", "fused", weight=0.25)
    recipe = read_json(found.recipe, "recipe")
    assert recipe["command"] == "vspw ensemble specialists a c --split val --weight 0.25 --name fused"
    assert (recipe["ensemble"], recipe["weight"]) == ("specialists", 0.25)
    assert [member["classes"] for member in recipe["sources"]] == [[], [CLASS_NAMES[0]]]
    assert read_manifest(found.labels)["predict"]["sources"] == recipe["sources"]
    assert score(found.labels, made.data, "val").frames_scored == 5
    assert write_specialists(made.workspace, "a", ["c"], "val", "fused", weight=0.25).kept == 2
    with pytest.raises(InputError, match="--overwrite"):
        write_specialists(made.workspace, "a", ["c"], "val", "fused", weight=0.5)
    again = write_ensemble(made.workspace, ["fused", "a"], "val", choose_rule(2, mean=True), "both")
    assert again.frames == 5


def test_a_specialist_must_say_for_what(made):
    with pytest.raises(InputError, match=r"specialist: expected a run with classes in loss.focus, got none \(a\)"):
        write_specialists(made.workspace, "b", ["a"], "val", "fused")
    with pytest.raises(InputError, match="run: expected one of a, b, c, got 'd'"):
        write_specialists(made.workspace, "a", ["d"], "val", "fused")
    with pytest.raises(InputError, match="specialists: expected one for a class, got two for"):
        write_specialists(made.workspace, "a", ["b", "b"], "val", "fused")
    with pytest.raises(InputError, match="specialists: expected at least one run, got none"):
        write_specialists(made.workspace, "a", [], "val", "fused")
    assert not (made.workspace.path / "predictions" / "fused").exists()


def test_the_command(made):
    options = ["specialists", "a", "b", "c", "--split", "val", "--weight", "1", "--name", "fused"]
    result = CliRunner().invoke(app, [*options, "--workspace", str(made.workspace.path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frames"] == 5
