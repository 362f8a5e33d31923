"""Runs on videos and photographs: what they read, what they remember, and how they resume."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.image_sets import write_pair
from vspwlib.checks import InputError
from vspwlib.config import ClipConfig, MixConfig, override
from vspwlib.data.dataset import ClipDataset
from vspwlib.models.checkpoint import read_weights
from vspwlib.pipeline.building import build_augment, build_fabric
from vspwlib.pipeline.mixing import build_stream
from vspwlib.pipeline.training import train
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace

COCO = MixConfig(stills=("cocostuff",))


@pytest.fixture
def data(tiny_data, tmp_path):
    """Return the tiny videos, and six photographs of cars (2) on walls (171), two of them mostly unlabelled."""
    rng = np.random.default_rng(0)
    for number in range(6):
        mask = np.full((40, 40), 171, np.uint8)
        mask[:, : 10 + 4 * number] = 2
        if number in {1, 4}:
            mask[8:] = 255
        write_pair(tmp_path / "coco", "train2017", f"{number}", mask)
        image = np.where(mask[..., None] == 2, (200, 40, 40), (60, 90, 160)) + rng.integers(-20, 20, (40, 40, 3))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(tmp_path / f"coco/images/train2017/{number}.jpg")
    return {"vspw": tiny_data, "cocostuff": tmp_path / "coco"}


def stream(settings, data, workspace):
    fabric = build_fabric("fp32", device="cpu")
    return build_stream(settings, data, data["vspw"], workspace, fabric, augment=build_augment(settings))


def sources(dataset):
    return [dataset.frames_at(position)[0].video for position in range(len(dataset))]


def test_without_image_sets_it_is_the_plain_stream(data, tiny_recipe, tmp_path):
    plain = stream(tiny_recipe(), data, Workspace(tmp_path / "ws"))
    assert isinstance(plain.dataset, ClipDataset)
    assert (len(plain.dataset), plain.stills) == (24, {})
    assert not (tmp_path / "ws").exists()


def test_only_images_above_the_threshold_are_read(data, tiny_recipe, tmp_path):
    mixed = stream(tiny_recipe(mix=COCO), data, Workspace(tmp_path / "ws"))
    assert mixed.dataset.num_clips == 20 + 4
    facts = mixed.stills["cocostuff"]
    assert (facts["images"], facts["kept"], facts["problems"]) == (6, 4, 0)
    all_of_them = tiny_recipe(mix=replace(COCO, threshold=0.1))
    assert stream(all_of_them, data, Workspace(tmp_path / "ws")).dataset.num_clips == 20 + 6
    labelled = tiny_recipe(mix=replace(COCO, denominator="labelled"))
    assert stream(labelled, data, Workspace(tmp_path / "ws")).dataset.num_clips == 20 + 6


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, 24 * 4 / 24), ((1, 1), 12), ((0, 1), 24), ((1, 0), 0)],
    ids=str,
)
def test_sources_have_their_shares(data, tiny_recipe, tmp_path, weights, expected):
    settings = tiny_recipe(mix=replace(COCO, weights=weights))
    settings = replace(settings, train=replace(settings.train, iterations=640 // 2))  # ten blocks
    names = sources(stream(settings, data, Workspace(tmp_path / "ws")).dataset)
    assert abs(names.count("train2017") - expected * 640 / 24) <= 1


def test_a_mixed_run_resumes_bit_for_bit_and_remembers_its_data(data, tiny_recipe, tmp_path):
    settings = tiny_recipe(mix=replace(COCO, weights=(1, 1)), clip=ClipConfig(frames=2))
    settings = replace(settings, train=replace(settings.train, val_every=0))
    seen = []
    whole = train(settings, Workspace(tmp_path / "ws"), data, on_reading=lambda *reading: seen.append(reading))
    assert seen[0] == ("reading cocostuff", 0, 6)
    assert seen[-1] == ("reading cocostuff", 6, 6)

    def stop(record):
        if record["step"] == 9:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(settings, Workspace(tmp_path / "cut"), data, on_record=stop)
    resumed = train(settings, Workspace(tmp_path / "cut"), data, resume=True)
    one, other = (read_weights(run.weights("last")) for run in (whole, resumed))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
    config = resumed.config
    assert config["data"] == {name: str(path.resolve()) for name, path in data.items()}
    assert config["stills"]["cocostuff"]["kept"] == 4
    assert Workspace(tmp_path / "cut").data_sets.keys() == data.keys()

    Image.fromarray(np.full((40, 40), 2, np.uint8)).save(data["cocostuff"] / "annotations/train2017/1.png")
    with pytest.raises(InputError, match=r"other values of cocostuff\.kept, cocostuff\.kept_digest"):
        train(settings, Workspace(tmp_path / "cut"), data, resume=True)


def test_a_set_that_is_not_named_is_asked_for(data, tiny_recipe, tmp_path):
    settings = tiny_recipe(mix=MixConfig(stills=("cocostuff", "ade20k")))
    with pytest.raises(InputError, match=r"--data: expected cocostuff=PATH and ade20k=PATH, got vspw, cocostuff"):
        train(settings, Workspace(tmp_path / "ws"), data)
    assert not (tmp_path / "ws").exists()


def test_what_is_wrong_is_said_once_or_refused(data, tiny_recipe, tmp_path):
    (data["cocostuff"] / "images/train2017/3.jpg").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"cocostuff: images/train2017/3.jpg \(unreadable image\); `vspw map filter"):
        mixed = stream(tiny_recipe(mix=COCO), data, Workspace(tmp_path / "ws"))
    assert mixed.dataset.num_clips == 20 + 3
    with pytest.raises(InputError, match=r"cocostuff: expected no problems \(strict\), got 1"):
        stream(tiny_recipe(mix=replace(COCO, strict=True)), data, Workspace(tmp_path / "ws"))


def test_one_photograph_is_too_small_a_batch(data, tiny_recipe, tmp_path):
    settings = tiny_recipe(mix=COCO, clip=ClipConfig(frames=2))
    settings = replace(settings, train=replace(settings.train, batch_size=1))
    with pytest.raises(InputError, match="at least 2 images in a batch"):
        train(settings, Workspace(tmp_path / "ws"), data)


def test_a_row_of_table_3_trains_on_the_real_samples(shared, tiny_data, tmp_path):
    settings = {
        "mix.stills": '["cocostuff", "ade20k"]',
        "mix.weights": "[1, 1, 1]",
        "train.iterations": "2",
        "train.workers": "0",
        "augment.crop": "[32, 32]",
        "val_split": "none",
    }
    samples = {name: shared / "data" / f"{name}_sample" for name in ("cocostuff", "ade20k")}
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="cocostuff|ade20k|left out")
        run = train(
            override(recipe("t3_baseline", "mini"), settings),
            Workspace(tmp_path / "ws"),
            {"vspw": tiny_data, **samples},
            device="cpu",
        )
    assert run.finished
    assert [run.config["stills"][name]["images"] for name in samples] == [139, 37]
