"""The whole flow on a tiny data set: train, predict, score, sweep, publish; and what it refuses."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.images import read_raw_mask
from vspwlib.data.index import data_digest, open_split
from vspwlib.metrics.summary import SplitScore
from vspwlib.models.checkpoint import read_weights
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.prediction import predict
from vspwlib.pipeline.publishing import LATER, fingerprint, publish
from vspwlib.pipeline.scoring import location_prior, score, score_prior, stored_truth
from vspwlib.pipeline.training import train, without_bookkeeping
from vspwlib.predict.store import ScoreStore
from vspwlib.report.predictions import system_rows
from vspwlib.runs import Workspace, frames_file, read_json, scores_file


def dense_probs(path, frame, size) -> np.ndarray:
    """P in float64, straight from the definition: softmax of the bilinearly resized scores."""
    scores = torch.from_numpy(np.asarray(ScoreStore.open(path).scores(frame.video, frame.name))).double()[None]
    resized = torch.nn.functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)
    return resized.softmax(1)[0].numpy()


def dense_miou(labels: list[np.ndarray], truths: list[np.ndarray]) -> float:
    """mIoU of the split from its definition, class by class."""
    pred, truth = (np.concatenate([part.ravel() for part in parts]) for parts in (labels, truths))
    valid = (truth >= 1) & (truth <= 124)
    pred, truth = pred[valid].astype(int), truth[valid].astype(int) - 1
    ious = [np.sum((pred == k) & (truth == k)) / np.sum((pred == k) | (truth == k)) for k in np.unique(truth)]
    return float(np.mean(ious))


def test_the_scores_are_those_of_the_definition(finished):
    frames = list(open_split(finished.data["vspw"], "val").labelled())
    truths = [read_raw_mask(mask) for _, mask in frames]
    store = finished.stores[0]
    labels = [dense_probs(store, frame, truths[0].shape).argmax(0) for frame, _ in frames]
    result = score(store, finished.data["vspw"], "val")
    assert result.frames_scored == 20
    assert result.miou == pytest.approx(dense_miou(labels, truths), abs=1e-4)
    assert result.summary()["vc8"] is not None
    assert result.summary()["vc16"] is None


def test_predicting_anew_forgets_the_scores_of_the_earlier_predictions(finished):
    run, store = finished.runs[1], finished.stores[1]
    kept = [scores_file(store), frames_file(store)]
    assert predict(run, finished.workspace, "val", data={})[1].frames == 0
    assert all(file.is_file() for file in kept)
    predict(run, finished.workspace, "val", data={}, overwrite=True)
    assert not any(file.exists() for file in kept)
    score(store, finished.data["vspw"], "val")


def test_a_store_on_a_server_is_one_like_another_to_every_command(finished, tmp_path):
    """Two shards write it; scores, sweep, overview and label maps are those of the stores in the workspace."""
    workspace, names = Workspace(tmp_path / "ws"), [run.name for run in finished.runs]
    for run, local in zip(finished.runs, finished.stores, strict=True):
        url = f"memory://bucket/{tmp_path.name}/{run.name}.zarr"
        for shard in ((0, 2), (1, 2), (0, 1)):
            place, done = predict(run, workspace, "val", data={}, elsewhere=url, shard=shard)
            assert (done.videos, done.kept) == ((0, 2) if shard == (0, 1) else (1, 0))
        assert predict(run, workspace, "val", data={})[1].kept == 2  # the workspace knows where
        assert place.is_file()
        assert ScoreStore.open(place).url == url
        assert ScoreStore.open(url).checksum() == ScoreStore.open(local).checksum()
        assert (
            score(place, finished.data["vspw"], "val").to_json() == score(local, finished.data["vspw"], "val").to_json()
        )
        assert scores_file(place).is_file()
        with pytest.raises(InputError, match=r"--store: expected memory://.*move that one away"):
            predict(run, workspace, "val", data={}, elsewhere=f"{url}.other")
        with pytest.raises(InputError, match=r"--store: expected .*got memory://"):
            predict(run, finished.workspace, "val", data={}, elsewhere=url)
    assert np.array_equal(*(sweep(one, *names, "tiny", "val").miou for one in (workspace, finished.workspace)))
    rows = [{row["run"]: row["miou"] for row in system_rows(one)} for one in (workspace, finished.workspace)]
    assert rows[0] == {name: rows[1][name] for name in names}


def test_a_store_remembers_its_truth(finished):
    assert stored_truth(finished.stores[0]) == (finished.data["vspw"].resolve(), "val")


def test_the_sweep_is_dense_fusion(finished):
    first, second = (run.name for run in finished.runs)
    result = sweep(finished.workspace, first, second, "tiny", "val")
    frames = list(open_split(finished.data["vspw"], "val").labelled())
    truths = [read_raw_mask(mask) for _, mask in frames]
    p1, p2 = ([dense_probs(store, frame, truths[0].shape) for frame, _ in frames] for store in finished.stores)
    for tau in (0.0, 0.1, 0.35, 0.5, 0.701, 1.0):
        fused = [(tau * one + (1 - tau) * two).argmax(0) for one, two in zip(p1, p2, strict=True)]
        assert result.at(tau) == pytest.approx(dense_miou(fused, truths), abs=1e-3)
    assert result.miou[-1] == pytest.approx(score(finished.stores[0], finished.data["vspw"], "val").miou, abs=1e-9)
    written = read_json(finished.workspace.sweep_file(first, second, "tiny", "val"), "sweep")
    assert written["provenance"]["first"]["run"] == first


def test_sweeping_what_is_not_predicted_names_the_command(finished):
    with pytest.raises(InputError, match="vspw predict nobody --split val"):
        sweep(finished.workspace, "nobody", finished.runs[0].name, "tiny", "val")


def test_published_results_carry_counts_and_provenance(finished, tmp_path):
    path = publish(finished.runs[0], finished.workspace, "baselines", results=tmp_path)
    assert path == tmp_path / "baselines" / "mini" / "upernet_swin_tiny-s0.json"
    published = json.loads(path.read_text())
    assert published["splits"]["val"]["schema"] == 1
    assert published["recipe"]["train"]["seed"] == 0
    prior = SplitScore.from_json(published["splits"]["val"]["location_prior"])
    assert prior.miou == score_prior(finished.data["vspw"], "val").miou
    assert published["cost"]["cpu_seconds"] > 0
    assert published["environment"]["machine"]["cores"]
    assert str(finished.data["vspw"]) not in path.read_text()


def test_the_fingerprint_follows_what_decides_a_result(tiny_data, tiny_recipe):
    recipe = tiny_recipe()
    same = replace(recipe, train=replace(recipe.train, workers=1, log_every=7))
    assert fingerprint(recipe, tiny_data) == fingerprint(same, tiny_data)
    assert fingerprint(recipe, tiny_data) != fingerprint(tiny_recipe(seed=1), tiny_data)
    stills = [{"cocostuff": {"mapping_digest": digest}} for digest in "ab"]
    assert len({fingerprint(recipe, tiny_data, found) for found in (None, *stills)}) == 3
    assert fingerprint(recipe, tiny_data, {}) == fingerprint(recipe, tiny_data)


def test_the_fingerprint_of_older_results_stays(tiny_data, tiny_recipe):
    """Settings that came later must not make published rows look unfinished; away from their defaults they count."""
    recipe = tiny_recipe()
    groups = without_bookkeeping(recipe).to_dict()
    for name, value in LATER.items():
        group, setting = name.split(".")
        assert groups[group].pop(setting) == value
    inner = {key: group for key, group in groups.items() if isinstance(group, dict)}
    lines = [f"{key}={value}" for key, value in groups.items() if key not in inner]
    lines += [f"{key}.{name}={value}" for key, group in inner.items() for name, value in group.items()]
    text = f"{sorted(lines)} {data_digest(tiny_data, 'train')}"
    assert fingerprint(recipe, tiny_data) == hashlib.sha256(text.encode()).hexdigest()[:16]
    for change in ({"scales": (1.0, 0.5)}, {"average": "scores"}):
        other = replace(recipe, predict=replace(recipe.predict, **change))
        assert fingerprint(other, tiny_data) != fingerprint(recipe, tiny_data)


def test_no_setting_is_younger_than_published_results_unnoticed(repository, tiny_recipe):
    """A new setting changes every fingerprint: it belongs into LATER, at the value that leaves results as they were."""
    published = sorted((repository / "results").glob("table*/*/*-s*.json"))
    recipes = [json.loads(path.read_text()).get("recipe") for path in published]
    oldest = [recipe for recipe in recipes if recipe]
    assert len(oldest) > 20
    today = tiny_recipe().to_dict()
    for recipe in oldest:
        added = {f"{group}.{name}" for group in today if isinstance(today[group], dict) for name in today[group]}
        added -= {f"{group}.{name}" for group in recipe if isinstance(recipe[group], dict) for name in recipe[group]}
        assert added <= LATER.keys()


def test_predictions_as_pngs_score_the_same(finished, tmp_path):
    from vspwlib.predict.scores import labels

    store = ScoreStore.open(finished.stores[0])
    for frame, mask in open_split(finished.data["vspw"], "val").labelled():
        ids = labels(store.scores(frame.video, frame.name), read_raw_mask(mask).shape)
        (tmp_path / frame.video).mkdir(exist_ok=True)
        Image.fromarray(ids).save(tmp_path / frame.video / f"{frame.name}.png")
    pngs = score(tmp_path, finished.data["vspw"], "val")
    assert np.array_equal(pngs.confusion, score(finished.stores[0], finished.data["vspw"], "val").confusion)

    next((tmp_path / "3_ccccccccccc").glob("*.png")).rename(tmp_path / "elsewhere.png")
    with pytest.raises(InputError, match=r"none for 3_ccccccccccc/000000\d\d"):
        score(tmp_path, finished.data["vspw"], "val")


def test_the_prior_is_the_most_frequent_class_at_each_place(tiny_data):
    counts = location_prior(open_split(tiny_data, "train"))
    expected = np.zeros((124, 32, 48), int)
    for _, mask in open_split(tiny_data, "train").labelled():
        raw = np.asarray(Image.open(mask))
        for y, x in np.ndindex(raw.shape):
            if 1 <= raw[y, x] <= 124:
                expected[raw[y, x] - 1, y, x] += 1
    assert np.array_equal(counts, expected)
    truths = [read_raw_mask(mask) for _, mask in open_split(tiny_data, "val").labelled()]
    prior = dense_miou([expected.argmax(0)] * len(truths), truths)
    assert score_prior(tiny_data, "val").miou == pytest.approx(prior)


def test_training_again_needs_a_word(finished, tiny_recipe):
    with pytest.raises(InputError, match="--resume continues it"):
        train(tiny_recipe(), finished.workspace, finished.data)
    other = replace(tiny_recipe(), optim=replace(tiny_recipe().optim, lr=1.0))
    with pytest.raises(InputError, match=r"other values of optim\.lr"):
        train(other, finished.workspace, finished.data, resume=True)


def test_the_same_seed_gives_the_same_weights(finished, tiny_data, tiny_recipe, tmp_path):
    """Also with data workers, which must not change what is read."""
    recipe = tiny_recipe()
    again = train(replace(recipe, train=replace(recipe.train, workers=1)), Workspace(tmp_path), {"vspw": tiny_data})
    first, second = (read_weights(run.weights("last")) for run in (finished.runs[0], again))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_predicting_again_does_nothing_and_other_settings_are_refused(finished, tiny_recipe):
    run = finished.runs[0]
    modified = [path.stat().st_mtime_ns for path in sorted(finished.stores[0].rglob("c.*"))]
    predict(run, finished.workspace, "val", data={})
    assert modified == [path.stat().st_mtime_ns for path in sorted(finished.stores[0].rglob("c.*"))]
    other = replace(tiny_recipe().predict, flip=False)
    with pytest.raises(InputError, match="--overwrite"):
        predict(run, finished.workspace, "val", data={}, settings=other)


def test_bad_data_leave_no_run_behind(tiny_recipe, tmp_path):
    workspace = Workspace(tmp_path / "ws")
    with pytest.raises(InputError, match="vspw=PATH"):
        train(tiny_recipe(), workspace, {})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError):
        train(tiny_recipe(), workspace, {"vspw": tmp_path / "empty"})
    assert not workspace.path.exists()


def test_scores_of_a_broken_file_are_refused(finished):
    path = scores_file(finished.stores[1])
    text = path.read_text()
    path.write_text(text[:100])
    try:
        with pytest.raises(InputError, match="expected JSON"):
            read_json(path, "scores")
    finally:
        path.write_text(text)


def test_one_image_a_batch_is_refused(tiny_recipe, tiny_data, tmp_path):
    recipe = tiny_recipe()
    with pytest.raises(InputError, match="at least 2 images"):
        train(
            replace(recipe, train=replace(recipe.train, batch_size=1)), Workspace(tmp_path / "ws"), {"vspw": tiny_data}
        )
