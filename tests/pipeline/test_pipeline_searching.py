"""Weights of stored runs: joint frames that are made once, and scores that are those of dense fusion."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli.ensemble import app
from vspwlib.data.images import read_mask
from vspwlib.data.index import open_split
from vspwlib.ensemble.class_weights import class_weights_from_json
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.iou import confusion, miou
from vspwlib.pipeline import searching
from vspwlib.pipeline.searching import joint_frames, search, transfer
from vspwlib.pipeline.sources import open_source
from vspwlib.predict.scores import probabilities
from vspwlib.predict.store import ScoreStore

RUNS = ("mini-upernet_swin_tiny-s0", "mini-upernet_swin_tiny-s1")


@pytest.fixture(scope="module", autouse=True)
def _names(finished):
    assert tuple(run.name for run in finished.runs) == RUNS


def dense_miou(finished, weights):
    """Dense fusion in float64 over all labelled frames."""
    stores = [ScoreStore.open(path) for path in finished.stores]
    total = np.zeros((124, 124), np.int64)
    for frame, mask in open_split(finished.data["vspw"], "val").labelled():
        truth = read_mask(mask)
        fields = [probabilities(s.scores(frame.video, frame.name), truth.shape).double().numpy() for s in stores]
        total += confusion(sum(w * p for w, p in zip(weights, fields, strict=True)).argmax(0).astype(np.uint8), truth)
    return miou(total)


def dense_class_miou(finished, weights):
    """Sums of every class in float64 over all labelled frames."""
    stores = [ScoreStore.open(path) for path in finished.stores]
    total = np.zeros((124, 124), np.int64)
    for frame, mask in open_split(finished.data["vspw"], "val").labelled():
        truth = read_mask(mask)
        fields = [probabilities(s.scores(frame.video, frame.name), truth.shape).double().numpy() for s in stores]
        summed = sum(w[:, None, None] * p for w, p in zip(weights, fields, strict=True))
        total += confusion(summed.argmax(0).astype(np.uint8), truth)
    return miou(total)


def test_a_search_over_folds(finished):
    found = search(finished.workspace, RUNS, "tiny", "val", folds=2)
    assert found.fit.miou == pytest.approx(dense_miou(finished, found.fit.weights), rel=1e-12)
    assert found.alone == pytest.approx([dense_miou(finished, (1, 0)), dense_miou(finished, (0, 1))], rel=1e-12)
    assert found.fit.miou >= max(*found.alone, found.equal)
    assert {*found.counts} == {"3_ccccccccccc", "4_ddddddddddd"}


def test_joint_frames_are_made_once_and_read_from_disk_when_large(finished, monkeypatch):
    whole = list(joint_frames(finished.workspace, RUNS, "tiny", "val")())
    monkeypatch.setattr(searching, "joint_frame", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr(searching, "IN_MEMORY", 0)
    steps = []
    frames = joint_frames(finished.workspace, RUNS, "tiny", "val", progress=lambda *step: steps.append(step))
    assert steps[-1] == (20, 20)
    for again in (list(frames()), list(frames())):
        assert len(again) == len(whole) == 20
        for ours, theirs in zip(again, whole, strict=True):
            assert ours.video == theirs.video
            assert np.array_equal(ours.frame.labels([1, 2]), theirs.frame.labels([1, 2]))
            assert np.array_equal(ours.truth, theirs.truth)


def test_fitting_and_scoring_on_one_split_is_no_transfer_loss(finished):
    found = transfer(finished.workspace, RUNS, "tiny", "val", "val")
    assert found.held_out == pytest.approx(found.fit.miou, rel=1e-12)
    assert found.best == found.fit


def test_the_command(finished):
    options = ["search", *RUNS, "--split", "val", "--folds", "2", "--workspace", str(finished.workspace.path)]
    result = CliRunner().invoke(app, [*options, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert sum(found["weights"]) == pytest.approx(1)
    assert found["optimism"] == pytest.approx(found["miou_fitted"] - found["miou"])
    shown = CliRunner().invoke(app, options, env={"COLUMNS": "200"}).stdout
    assert "weights of the folds" in shown
    (held_out,) = (line for line in shown.splitlines() if "weights of the other folds" in line)
    assert f"{100 * found['miou']:.2f}" in held_out
    (fitted,) = (line for line in shown.splitlines() if "fitted to these very videos" in line)
    assert f"{found['weights'][0]:.3f}" in fitted
    other = CliRunner().invoke(app, [*options[:-2], "--score-on", "val", *options[-2:]], env={"COLUMNS": "200"}).stdout
    assert "fitted to val" in other
    assert "fitted to these very videos" in other


def test_wrong_runs_are_refused(finished):
    with pytest.raises(InputError, match="runs: expected different ones"):
        joint_frames(finished.workspace, (RUNS[0], RUNS[0]), "tiny", "val")
    with pytest.raises(InputError, match="vspw predict nobody --split val"):
        joint_frames(finished.workspace, (RUNS[0], "nobody"), "tiny", "val")
    result = CliRunner().invoke(app, ["search", RUNS[0], "--split", "val"])
    assert isinstance(result.exception, InputError)


def test_weights_of_every_class_are_fitted_written_and_fused(finished, tmp_path):
    file = tmp_path / "weights.json"
    options = ["--split", "val", "--workspace", str(finished.workspace.path)]
    out = CliRunner().invoke(
        app, ["search", *RUNS, *options, "--per-class", "--folds", "2", "--out", str(file), "--json"]
    )
    assert out.exit_code == 0, out.output
    found = json.loads(out.stdout)
    weights = class_weights_from_json(json.loads(file.read_text()), RUNS)
    assert found["miou_fitted"] == pytest.approx(dense_class_miou(finished, weights), rel=1e-12)
    assert found["weights"] == {
        CLASS_NAMES[c]: weights[:, c].tolist() for c in range(124) if (weights[:, c] != found["shared"]).any()
    }
    written = CliRunner().invoke(
        app, ["write", *RUNS, *options, "--class-weights", str(file), "--name", "classes", "--json"]
    )
    assert written.exit_code == 0, written.output
    counts = np.zeros((124, 124), np.int64)
    source = open_source(finished.workspace.hard_predictions("classes", "tiny", "val"))
    for frame, mask in open_split(finished.data["vspw"], "val").labelled():
        counts += confusion(source.labels.labels(frame.video, frame.name), read_mask(mask))
    assert miou(counts) == pytest.approx(found["miou_fitted"], rel=1e-12)
    assert json.loads(written.stdout)["differing"] < 0.05
    printed = CliRunner().invoke(app, ["search", *RUNS, *options, "--per-class", "--score-on", "val"])
    assert "one for every class" in printed.stdout
    alone = CliRunner().invoke(app, ["search", *RUNS, *options, "--out", str(file)])
    assert "--out: expected --per-class" in str(alone.exception)
