"""Stored predictions smoothed over time: which frames are mixed in, what is written, and how it goes on."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.pipeline.score_stores import FRAMES, SIZES, dense, every_frame, manifest, score_stores, written
from vspwlib.checks import InputError
from vspwlib.cli import app
from vspwlib.labels import class_named
from vspwlib.pipeline import smoothing
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.smoothing import grey, write_smoothed
from vspwlib.predict.label_folder import read_manifest
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, read_json

WALL, CAR = class_named("wall").id, class_named("car").id


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


@pytest.fixture
def still(monkeypatch):
    """Estimate no motion at all; return the pairs of images that were asked for."""
    asked = []

    def flow(first, second):
        asked.append((first, second))
        return np.zeros((*first.shape, 2), np.float32)

    monkeypatch.setattr(smoothing, "optical_flow", flow)
    return asked


@pytest.mark.parametrize(("reach", "weight"), [(1, 0.5), (2, 2.0), (9, 1.0)])
def test_without_motion_it_is_the_weighted_mean_of_neighbours(made, still, reach, weight):
    found = write_smoothed(made.workspace, "a", "val", "smooth", reach=reach, weight=weight)
    assert (found.videos, found.frames, found.kept) == (2, 5, 0)
    store = ScoreStore.open(found.store)
    for video, frames in FRAMES.items():
        for index, frame in enumerate(frames):
            total = dense(made.stores["a"], video, frame)
            for place, other in enumerate(frames):
                if 0 < abs(place - index) <= reach:
                    total = total + weight * dense(made.stores["a"], video, other)
            np.testing.assert_array_equal(written(found.labels, video, frame), total.argmax(0))
            assert store.scores(video, frame).shape[1:] == tuple(-(-side // 4) for side in SIZES[video])
    assert 0 < found.differing < 0.3
    pairs = {1: 6, 2: 8, 9: 8}[reach]  # of three frames two or three pairs, of two one, each both ways
    assert len(still) == pairs, "a flow is estimated once"


def test_flow_is_between_the_images_of_the_frames(made, still):
    write_smoothed(made.workspace, "a", "val", "smooth")
    paths = [made.data / "data" / video / "origin" / f"{frame}.jpg" for video, frame in every_frame()]
    images = []
    for path in paths:
        with Image.open(path) as image:
            images.append(np.array(image).astype(float) @ [0.299, 0.587, 0.114])
    for first, second in still:
        assert min(np.abs(first - image).max() for image in images if image.shape == first.shape) <= 0.51
        assert first is not second


@pytest.fixture
def panned(tmp_path):
    """A camera that pans four pixels a frame over a textured wall with cars; predictions that err at random."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (24, 40), np.uint8), np.ones((4, 4), np.uint8))
    scene = np.kron(np.where(rng.random((12, 20)) < 0.5, WALL, CAR), np.ones((8, 8), int))
    workspace, data, video = Workspace(tmp_path / "ws"), tmp_path / "tiny", "3_ccccccccccc"
    frames = [f"{17 + index:08d}" for index in range(8)]
    for part in ("origin", "mask"):
        (data / "data" / video / part).mkdir(parents=True)
    (data / "val.txt").write_text(video)
    scores = []
    for index, frame in enumerate(frames):
        place = (slice(0, 96), slice(4 * index, 4 * index + 128))
        Image.fromarray(np.repeat(texture[place][..., None], 3, axis=2)).save(data / f"data/{video}/origin/{frame}.jpg")
        Image.fromarray((scene[place] + 1).astype(np.uint8)).save(data / f"data/{video}/mask/{frame}.png")
        one = np.full((124, 24, 32), -30, np.float32)
        for kind in (WALL, CAR):
            one[kind] = 2.0 * (scene[place][2::4, 2::4] == kind) + rng.normal(0, 1.5, (24, 32))
        scores.append(one)
    store = ScoreStore.create(workspace.predictions("noisy", "tiny", "val"), manifest("noisy", data))
    store.write_video(video, frames, [(96, 128)] * len(frames), scores)
    return workspace, data


def test_estimated_flow_beats_none_where_the_camera_moves(panned, monkeypatch):
    workspace, data = panned
    found = {"estimated": write_smoothed(workspace, "noisy", "val", "estimated", weight=1.0, reach=2)}
    found["alone"] = write_smoothed(workspace, "noisy", "val", "alone", weight=0.0)
    monkeypatch.setattr(smoothing, "optical_flow", lambda first, _: np.zeros((*first.shape, 2), np.float32))
    found["none"] = write_smoothed(workspace, "noisy", "val", "none", weight=1.0, reach=2)
    mious = {name: score(one.labels, data, "val").miou for name, one in found.items()}
    assert mious["estimated"] > mious["alone"] + 0.05 > mious["none"]


def test_everything_says_what_it_is_and_goes_on(made, still):
    found = write_smoothed(made.workspace, "a", "val", "smooth", reach=2, weight=0.25, threshold=1.5)
    recipe = read_json(found.recipe, "recipe")
    options = "--reach 2 --weight 0.25 --threshold 1.5"
    assert recipe["command"] == f"vspw smooth a --split val {options} --name smooth"
    assert (recipe["smooth"], recipe["reach"], recipe["threshold"]) == ("DIS flow, medium", 2, 1.5)
    assert read_manifest(found.labels)["predict"]["sources"] == recipe["sources"]
    assert recipe["sources"][0]["digest"] == ScoreStore.open(made.stores["a"]).checksum()[:16]
    assert score(found.labels, made.data, "val").frames_scored == 5
    before = {path: path.read_bytes() for path in found.labels.rglob("*.png")}
    shutil.rmtree(found.labels / "2_bbbbbbbbbbb")
    again = write_smoothed(made.workspace, "a", "val", "smooth", reach=2, weight=0.25, threshold=1.5)
    assert (again.videos, again.kept) == (1, 1)
    assert {path: path.read_bytes() for path in found.labels.rglob("*.png")} == before
    with pytest.raises(InputError, match=r'expected "smooth --reach 1 .*--overwrite'):
        write_smoothed(made.workspace, "a", "val", "smooth", weight=0.25, threshold=1.5)
    assert write_smoothed(made.workspace, "smooth", "val", "twice").frames == 5


def test_frames_of_another_size_have_no_part(made, still):
    shutil.rmtree(made.stores["a"])
    store = ScoreStore.create(made.stores["a"], manifest("a", made.data))
    rng = np.random.default_rng(0)
    for video, frames in FRAMES.items():
        height, width = SIZES[video]
        sizes = [(height, width + 4 * (place == 1)) for place in range(len(frames))]
        scores = [rng.normal(0, 2, (124, -(-rows // 4), -(-columns // 4))) for rows, columns in sizes]
        store.write_video(video, frames, sizes, scores)
        path = made.data / "data" / video / "origin" / f"{frames[1]}.jpg"
        Image.fromarray(np.zeros((*sizes[1], 3), np.uint8)).save(path)
    write_smoothed(made.workspace, "a", "val", "smooth", reach=1)
    assert still == []


def test_an_image_of_another_size_than_its_prediction_is_named(made, still):
    path = made.data / "data" / "1_aaaaaaaaaaa" / "origin" / "00000018.jpg"
    Image.fromarray(np.zeros((30, 30, 3), np.uint8)).save(path)
    with pytest.raises(InputError, match=r"frame: expected shape \(18, 27, 3\), got \(30, 30, 3\) \(.*00000018.jpg\)"):
        write_smoothed(made.workspace, "a", "val", "smooth")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reach": 0}, "--reach: expected 1 to 16, got 0"),
        ({"weight": -1.0}, "--weight: expected 0 to inf"),
        ({"weight": float("inf")}, "--weight: expected a finite number"),
        ({"threshold": float("nan")}, "--threshold: expected 0 to inf"),
    ],
)
def test_numbers_out_of_range_are_refused(made, settings, message):
    with pytest.raises(InputError, match=message):
        write_smoothed(made.workspace, "a", "val", "smooth", **settings)
    assert not (made.workspace.path / "predictions" / "smooth").exists()


def test_grey_is_the_luma():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    expected = [[round(0.299 * r + 0.587 * g + 0.114 * b) for r, g, b in row] for row in image.tolist()]
    assert np.abs(grey(image).astype(int) - expected).max() <= 1  # halves
    assert (grey(image) == expected).mean() > 0.9


def test_the_command(made):
    options = ["--split", "val", "--name", "smooth", "--reach", "2", "--weight", "0.25", "--json"]
    result = CliRunner().invoke(app, ["smooth", "a", *options, "--workspace", str(made.workspace.path)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["frames"] == 5
