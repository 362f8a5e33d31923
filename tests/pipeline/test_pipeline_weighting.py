"""Class weights of a run: from its masks or a file, recorded, and the same when it is resumed."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.image_sets import write_pair
from vspwlib.checks import InputError
from vspwlib.config import LossConfig, MixConfig
from vspwlib.data.class_counts import ClassCounts, balancing_weights, count_classes
from vspwlib.data.index import open_split
from vspwlib.labels import class_named
from vspwlib.models.checkpoint import read_weights
from vspwlib.pipeline.building import build_augment, build_fabric, build_objective
from vspwlib.pipeline.mixing import build_stream
from vspwlib.pipeline.prediction import predict, weights_digest
from vspwlib.pipeline.publishing import publish
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.training import train
from vspwlib.pipeline.weighting import training_counts, weigh_classes
from vspwlib.runs import Workspace, read_json

WALL, CAR = class_named("wall").id, class_named("car").id


def weigh(tiny_recipe, tiny_data, workspace, **loss):
    return weigh_classes(tiny_recipe(loss=LossConfig(**loss)), tiny_data, workspace)


def test_all_alike_is_nothing_to_record(tiny_recipe, tiny_data, tmp_path):
    assert weigh(tiny_recipe, tiny_data, Workspace(tmp_path)) is None
    objective = build_objective(tiny_recipe())
    assert (objective.class_weights, objective.dice_weights) == (None, None)
    assert not list(tmp_path.iterdir())


def test_a_rule_counts_the_training_masks_once(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    found = weigh(tiny_recipe, tiny_data, Workspace(tmp_path), class_weights="inverse_frequency")
    counts = count_classes(open_split(tiny_data, "train"))
    assert found["class_weights"] == balancing_weights(counts, "inverse_frequency").tolist()
    assert found["class_counts"] == counts.to_json()
    assert found["class_weights"][CAR] > found["class_weights"][WALL]
    monkeypatch.setattr("vspwlib.pipeline.weighting.count_classes", None)  # it is not called again
    other = {"class_weights": "effective_number", "class_beta": 0.9}
    assert weigh(tiny_recipe, tiny_data, Workspace(tmp_path), **other)["class_counts"] == found["class_counts"]
    (file,) = (tmp_path / "counts").iterdir()
    assert file.name.startswith("tiny-train-")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"pixels": [1]}))
    with pytest.raises(InputError, match=r"class counts, pixels: expected shape \(124\).*"):
        weigh(tiny_recipe, tiny_data, Workspace(tmp_path), **other)


@pytest.fixture
def stills(tmp_path):
    """Four photographs, cars (source value 2) on walls (171), each as large as two of the videos' frames."""
    for number in range(4):
        mask = np.full((48, 64), 171, np.uint8)
        mask[:, : 8 * (number + 1)] = 2
        write_pair(tmp_path / "coco", "train2017", f"{number}", mask)
        Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(tmp_path / f"coco/images/train2017/{number}.jpg")
    return tmp_path / "coco"


@pytest.mark.parametrize("weights", [None, (1, 1), (0, 1), (1, 0)], ids=str)
def test_photographs_count_in_the_proportion_of_the_mix(tiny_recipe, tiny_data, stills, tmp_path, weights):
    settings = tiny_recipe(mix=MixConfig(stills=("cocostuff",), weights=weights))
    workspace, data = Workspace(tmp_path / "ws"), {"vspw": tiny_data, "cocostuff": stills}
    fabric = build_fabric("fp32", device="cpu")
    stream = build_stream(settings, data, tiny_data, workspace, fabric, augment=build_augment(settings))
    counts = training_counts(settings, tiny_data, workspace, stills=stream.reports)
    videos = count_classes(open_split(tiny_data, "train"))
    cars = sum(48 * 8 * (number + 1) for number in range(4))
    photographs = {CAR: cars, WALL: 4 * 48 * 64 - cars}
    shares = weights or (20, 4)  # frames of the videos, photographs
    for kind in (CAR, WALL):
        of_a_frame, of_a_photograph = videos.pixels[kind] / 20, photographs[kind] / 4
        expected = 24 * (shares[0] * of_a_frame + shares[1] * of_a_photograph) / sum(shares)
        assert counts.pixels[kind] == pytest.approx(expected)
    assert counts.images == pytest.approx(24)


def test_a_file_is_taken_as_it_stands(tiny_recipe, tiny_data, tmp_path):
    file = tmp_path / "weights.json"
    file.write_text('{"car": 4, "wall": 0.5}')
    weights = weigh(tiny_recipe, tiny_data, Workspace(tmp_path), class_weights=str(file))["class_weights"]
    assert (weights[CAR], weights[WALL], sum(weights)) == (4, 0.5, 122 + 4.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"caar": 4}', "class name: expected .*did you mean 'car'"),
        ('{"car": -1}', "expected a number >= 0, got -1"),
        ('{"car": true}', "expected a number >= 0, got True"),
        ('{"car": NaN}', "expected a number >= 0, got nan"),
        ("[1, 2]", "expected class names to numbers, got no object"),
        ("{", "expected JSON"),
    ],
)
def test_files_that_are_no_weights_are_refused(tiny_recipe, tiny_data, tmp_path, content, message):
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(InputError, match=message):
        weigh(tiny_recipe, tiny_data, Workspace(tmp_path), class_weights=str(file))


def test_a_specialists_classes_weigh_more_on_top_of_a_rule(tiny_recipe, tiny_data, tmp_path):
    plain = weigh(tiny_recipe, tiny_data, Workspace(tmp_path), class_weights="median_frequency")
    loss = {"class_weights": "median_frequency", "focus": ("car",), "focus_weight": 5.0}
    found = weigh(tiny_recipe, tiny_data, Workspace(tmp_path), **loss)
    ratio = np.array(found["class_weights"]) / plain["class_weights"]
    np.testing.assert_allclose(ratio, found["dice_weights"])
    assert [kind for kind, value in enumerate(found["dice_weights"]) if value != 1] == [CAR]
    assert found["dice_weights"][CAR] == 5


def test_nonsense_leaves_no_run_behind(tiny_recipe, tiny_data, tmp_path):
    for loss, message in (
        (LossConfig(class_weights="inverse"), "expected none, inverse_frequency, .*or an existing file, got 'inverse'"),
        (LossConfig(focus=("cars",)), "did you mean 'car'"),
    ):
        with pytest.raises(InputError, match=message):
            train(tiny_recipe(loss=loss), Workspace(tmp_path / "ws"), {"vspw": tiny_data})
    assert not (tmp_path / "ws").exists()


def test_a_weighted_run_records_its_weights_and_resumes_bit_for_bit(tiny_recipe, tiny_data, tmp_path, monkeypatch):
    settings = tiny_recipe(loss=LossConfig(class_weights="inverse_frequency"))
    settings = replace(settings, train=replace(settings.train, val_every=0))
    data, seen = {"vspw": tiny_data}, []
    whole = train(settings, Workspace(tmp_path / "ws"), data, on_reading=lambda *reading: seen.append(reading))
    assert seen[-1] == ("counting classes", 20, 20)
    counts = ClassCounts.from_json(whole.config["weighting"]["class_counts"])
    expected = balancing_weights(counts, "inverse_frequency")
    np.testing.assert_array_equal(whole.config["weighting"]["class_weights"], expected)
    objective = build_objective(settings, weighting=whole.config["weighting"])
    torch.testing.assert_close(objective.class_weights.double(), torch.from_numpy(expected), rtol=1e-6, atol=0)

    def stop(record):
        if record["step"] == 9:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(settings, Workspace(tmp_path / "cut"), data, on_record=stop)
    monkeypatch.setattr("vspwlib.pipeline.training.weigh_classes", None)  # what is recorded serves
    resumed = train(settings, Workspace(tmp_path / "cut"), data, resume=True)
    one, other = (read_weights(run.weights("last")) for run in (whole, resumed))
    assert all(torch.equal(one[key], other[key]) for key in one)
    monkeypatch.undo()
    plain = train(replace(settings, loss=LossConfig()), Workspace(tmp_path / "plain"), data)
    unweighted = read_weights(plain.weights("last"))
    assert not all(torch.equal(one[key], unweighted[key]) for key in one)


def test_a_specialist_starts_from_a_run_and_says_so(tiny_recipe, tiny_data, tmp_path):
    """At rate 0 it stays the run that it starts from."""
    workspace, data = Workspace(tmp_path / "ws"), {"vspw": tiny_data}
    short = replace(tiny_recipe().train, iterations=1, val_every=0)
    base = train(tiny_recipe(train=short), workspace, data)
    settings = tiny_recipe(name="x_specialist", loss=LossConfig(focus=("car",)), train=short)
    still = replace(settings.optim, lr=0.0)
    settings = replace(settings, optim=still, model=replace(settings.model, init=base.name))
    run = train(settings, workspace, data, name="specialist")
    start, end = read_weights(base.weights()), read_weights(run.weights())
    learnt = [key for key in start if "running" not in key and "num_batches" not in key]
    assert all(torch.equal(start[key], end[key]) for key in learnt)
    assert run.config["start"] == {"file": base.weights().name, "weights": weights_digest(base.weights())}
    assert next(iter(run.log()))["kind"] == "init"
    store, _ = predict(run, workspace, "val", data={})
    score(store, tiny_data, "val")
    published = publish(run, workspace, "dropped", results=tmp_path)
    content = read_json(published, "results")
    assert (content["start"], content["weighting"]["dice_weights"][CAR]) == (run.config["start"], 10)
    assert str(workspace.path) not in published.read_text()
