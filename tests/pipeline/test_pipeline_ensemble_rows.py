"""Rows of Tables 4 and 5 against dense fusion in float64, on runs that were never trained."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.score_stores import FRAMES, SIZES, dense, manifest, write_store
from vspwlib.checks import InputError
from vspwlib.data.images import read_mask
from vspwlib.data.index import open_split
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.ensemble_rows import ensemble_fingerprint, fitting_split, member_runs, publish_row, score_row
from vspwlib.pipeline.prediction import weights_digest
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace, write_json
from vspwlib.tables import ENSEMBLES, PAIR, THREE

SPLITS = {"test1": "1_aaaaaaaaaaa", "test2": "2_bbbbbbbbbbb"}


def make_data(root: Path, splits: dict[str, str]) -> Path:
    """A data set of random masks, one video a split, the first also trained on."""
    rng = np.random.default_rng(7)
    for video, frames in FRAMES.items():
        for part, suffix in (("origin", "jpg"), ("mask", "png")):
            (root / "data" / video / part).mkdir(parents=True)
            for frame in frames:
                shape = (*SIZES[video], 3) if part == "origin" else SIZES[video]
                pixels = rng.integers(1, 11, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(root / "data" / video / part / f"{frame}.{suffix}")
    for split, video in {"train": next(iter(FRAMES)), **splits}.items():
        (root / f"{split}.txt").write_text(video)
    return root


def make_member(workspace: Workspace, data: Path, name: str, profile: str, splits: dict[str, str], seed: int) -> Path:
    """A finished run of a recipe, and its predictions, all made up; returns its folder of predictions."""
    resolved = recipe(name, profile)
    config = {"recipe": resolved.to_dict(), "data": {"vspw": str(data)}}
    run = workspace.create_run(f"{profile}-{name}-s0", config, {"commit": f"c-{name}"}, overwrite=False)
    (run.checkpoints / "last.safetensors").write_bytes(name.encode())
    settings = {key: value for key, value in asdict(resolved.predict).items() if key != "batch_windows"}
    weights = weights_digest(run.weights())
    for split, video in splits.items():
        stated = manifest(run.name, data, split=split, weights=weights, predict={**settings, "precision": "fp32"})
        place = workspace.predictions(run.name, "tiny", split)
        write_store(place, stated, seed, videos={video: FRAMES[video]})
    return workspace.path / "predictions" / run.name


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    root = tmp_path_factory.mktemp("rows")
    data, place = make_data(root / "tiny", SPLITS), Workspace(root / "ws")
    for seed, name in enumerate(THREE):
        make_member(place, data, name, "mini", SPLITS, seed)
    return place


def fields(workspace: Workspace, split: str, names: tuple[str, ...]) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """Truth and full-resolution probabilities of each frame."""
    root = Path(workspace.run(f"mini-{names[0]}-s0").config["data"]["vspw"])
    stores = [workspace.predictions(f"mini-{name}-s0", "tiny", split) for name in names]
    labelled = open_split(root, split).labelled()
    return [(read_mask(mask), [dense(store, frame.video, frame.name) for store in stores]) for frame, mask in labelled]


def miou_of(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean over classes in the truth, from sets of pixels."""
    truth, found = (np.concatenate([pair[which].ravel() for pair in pairs]) for which in (0, 1))
    there = truth != 255
    truth, found = truth[there], found[there]
    ious = [((truth == k) & (found == k)).sum() / ((truth == k) | (found == k)).sum() for k in np.unique(truth)]
    return float(np.mean(ious))


def fused_miou(workspace: Workspace, split: str, tau: float) -> float:
    pairs = [(truth, (tau * p1 + (1 - tau) * p2).argmax(0)) for truth, (p1, p2) in fields(workspace, split, PAIR)]
    return miou_of(pairs)


def test_the_sweep_is_dense_fusion_at_the_papers_tau_and_at_the_one_that_was_chosen(workspace):
    row = score_row(workspace, ENSEMBLES["t4_pair"], "mini", 0)
    curves = {split: SweepResult.from_json(content) for split, content in row["splits"].items()}
    for split, curve in curves.items():
        for tau in (0.0, 0.1, 0.4, 0.7, 1.0):
            assert curve.at(tau) == pytest.approx(fused_miou(workspace, split, tau), abs=1e-9)
    fitted = row["fitted"]
    assert fitted["split"] == "test1"
    assert fitted["tau"] == curves["test1"].best_tau
    for split, miou in fitted["miou"].items():
        assert miou == pytest.approx(fused_miou(workspace, split, fitted["tau"]), abs=1e-9)
    assert fitted["miou"]["test1"] >= max(curves["test1"].miou) - 1e-9
    assert fitted["miou"]["test2"] < curves["test2"].best_miou  # or the test could not tell one split from the other
    assert not curves["test2"].per_video


def test_mean_and_vote_are_counted_as_they_are_defined(workspace):
    for key, fuse in (("t5_mean", mean_labels), ("t5_vote", vote_labels)):
        row = score_row(workspace, ENSEMBLES[key], "mini", 0)
        assert row["fitted"] is None
        for split in SPLITS:
            score = SplitScore.from_json(row["splits"][split])
            expected = miou_of([(truth, fuse(probs)) for truth, probs in fields(workspace, split, THREE)])
            assert score.miou == pytest.approx(expected, abs=1e-9)
            assert score.frames_scored == len(FRAMES[SPLITS[split]])


def mean_labels(probs: list[np.ndarray]) -> np.ndarray:
    return np.mean(probs, axis=0).argmax(0)


def vote_labels(probs: list[np.ndarray]) -> np.ndarray:
    maps = [prob.argmax(0) for prob in probs]
    found = np.empty_like(maps[0])
    for place in np.ndindex(*found.shape):
        votes = [int(ids[place]) for ids in maps]
        found[place] = max(votes, key=votes.count)  # of equals the first voter's
    return found


def test_the_pair_of_table_5_is_fused_at_the_tau_of_table_4(workspace):
    swept = score_row(workspace, ENSEMBLES["t4_pair"], "mini", 0)["fitted"]
    row = score_row(workspace, ENSEMBLES["t5_pair"], "mini", 0)
    assert row["fitted"] == {"split": "test1", "tau": swept["tau"]}
    for split, miou in swept["miou"].items():
        assert SplitScore.from_json(row["splits"][split]).miou == pytest.approx(miou, abs=1e-9)


def test_a_published_row_says_what_it_is_made_of(workspace, tmp_path):
    shown = []
    row = score_row(workspace, ENSEMBLES["t5_vote"], "mini", 0, progress=lambda *step: shown.append(step))
    path = publish_row(row, tmp_path)
    assert path == tmp_path / "table5" / "mini" / "t5_vote-s0.json"
    published = json.loads(path.read_text())
    assert [member["recipe"]["name"] for member in published["members"]] == list(THREE)
    assert [member["commit"] for member in published["members"]] == [f"c-{name}" for name in THREE]
    assert published["ensemble"]["rule"] == "vote"
    assert published["environment"]["machine"]["cores"]
    assert published["data"] == "tiny"
    assert "data_digest" in published["splits"]["test2"]
    assert str(workspace.path) not in path.read_text()
    assert ("vote of 3 on test1", 3, 3) in shown


def test_the_fingerprint_follows_rule_and_members(workspace):
    runs = member_runs(workspace, ENSEMBLES["t5_vote"], "mini", 0)
    assert [run.name for run in runs] == [f"mini-{name}-s0" for name in THREE]
    first = ensemble_fingerprint(ENSEMBLES["t5_vote"], runs)
    assert first == ensemble_fingerprint(ENSEMBLES["t5_vote"], member_runs(workspace, ENSEMBLES["t5_mean"], "mini", 0))
    others = [(ENSEMBLES["t5_mean"], runs), (ENSEMBLES["t5_vote"], runs[::-1]), (ENSEMBLES["t5_vote"], runs[:2])]
    assert len({first, *(ensemble_fingerprint(*other) for other in others)}) == 4


def test_members_that_are_not_there_or_not_the_rows_are_named(tmp_path):
    data, place = make_data(tmp_path / "tiny", SPLITS), Workspace(tmp_path / "ws")
    pair = ENSEMBLES["t4_pair"]
    with pytest.raises(InputError, match=r"run of t3_nce2.*vspw train t3_nce2 --profile mini --seed 0"):
        score_row(place, pair, "mini", 0)
    for seed, name in enumerate(PAIR):
        make_member(place, data, name, "mini", SPLITS, seed)
    run = place.run("mini-t3_nce2-s0")
    config = run.config
    changed = replace(recipe("t3_nce2", "mini"), train=replace(recipe("t3_nce2", "mini").train, iterations=9))
    write_json(run.path / "config.json", {**config, "recipe": changed.to_dict()})
    with pytest.raises(InputError, match=r"expected the settings of t3_nce2, got other values of train\.iterations"):
        score_row(place, pair, "mini", 0)
    write_json(run.path / "config.json", config)
    (run.checkpoints / "last.safetensors").write_bytes(b"trained again")
    with pytest.raises(InputError, match="weights: expected"):
        score_row(place, pair, "mini", 0)


def test_predictions_at_other_settings_are_refused(tmp_path):
    data, place = make_data(tmp_path / "tiny", SPLITS), Workspace(tmp_path / "ws")
    for seed, name in enumerate(PAIR):
        make_member(place, data, name, "mini", SPLITS, seed)
    store = place.predictions("mini-t3_nce2-s0", "tiny", "test2") / "zarr.json"
    content = json.loads(store.read_text())
    content["attributes"]["predict"]["scales"] = [0.5, 1.0]
    store.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"predict: expected .* got .*scales.*overwrite"):
        score_row(place, ENSEMBLES["t4_pair"], "mini", 0)


def test_a_profile_with_one_split_has_the_upper_bound_alone(tmp_path):
    splits = {"val": "2_bbbbbbbbbbb"}
    data, place = make_data(tmp_path / "tiny", splits), Workspace(tmp_path / "ws")
    for seed, name in enumerate(PAIR):
        make_member(place, data, name, "vspw", splits, seed)
    row = score_row(place, ENSEMBLES["t4_pair"], "vspw", 0)
    assert row["fitted"] is None
    curve = SweepResult.from_json(row["splits"]["val"])
    assert curve.upper_bound
    assert not np.isnan(curve.per_class).all()
    with pytest.raises(InputError, match="t5_pair: expected a split to choose τ on and another one, got val alone"):
        score_row(place, ENSEMBLES["t5_pair"], "vspw", 0)


def test_tau_is_chosen_on_validation():
    chosen = {profile: fitting_split(recipe("t3_nce2", profile)) for profile in ("mini", "camvid", "vspw")}
    assert chosen == {"mini": "test1", "camvid": "val", "vspw": None}
