"""Prediction of a split: everything once, resumed, sharded, and stopped by a frame that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import InputError
from vspwlib.data.images import read_image
from vspwlib.data.index import Split, open_split
from vspwlib.predict.predictor import Predictor
from vspwlib.predict.split import predict_split
from vspwlib.predict.store import ScoreStore

VIDEOS = {"a": 3, "b": 2, "c": 4, "d": 1}


class Counting:
    """Scores that are the colours, and a count of the images seen."""

    def __init__(self) -> None:
        self.images = 0
        self.batches = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.images += len(images)
        self.batches += 1
        return functional.avg_pool2d(images, 4)


@pytest.fixture
def split(tmp_path: Path) -> Split:
    generator = np.random.default_rng(0)
    for video, frames in VIDEOS.items():
        folder = tmp_path / "vspw/data" / video / "origin"
        folder.mkdir(parents=True)
        for index in range(frames):
            colours = generator.integers(0, 255, (48, 64 + 5 * (video == "c"), 3), dtype=np.uint8)
            Image.fromarray(colours).save(folder / f"{170 + index:08d}.png")
    (tmp_path / "vspw/val.txt").write_text("\n".join(VIDEOS))
    return open_split(tmp_path / "vspw", "val")


def predictor(score_fn: Counting) -> Predictor:
    return Predictor(score_fn, num_classes=3, window=(64, 64), stride=(48, 48), batch_windows=4)


def make_store(tmp_path: Path) -> ScoreStore:
    return ScoreStore.create(tmp_path / "a.zarr", {"run": "a", "num_classes": 3})


def test_every_frame_is_predicted_once_and_stored_under_its_name(split: Split, tmp_path: Path) -> None:
    net, steps = Counting(), []
    store = make_store(tmp_path)
    counts = predict_split(predictor(net), split, store, progress=lambda done, total: steps.append((done, total)))
    assert (counts.videos, counts.frames, counts.kept) == (4, 10, 0)
    assert counts.summary()["frames_per_second"] >= 0
    assert steps == [(done, 10) for done in range(1, 11)]
    assert net.images == 6 + 4 * 2  # the frames of c are wider than the window
    assert net.batches < 6  # so batches do not end with videos
    reference = predictor(Counting())
    assert store.videos() == list(VIDEOS)
    for frame in split.frames():
        image = read_image(frame.image)
        assert store.size(frame.video, frame.name) == image.shape[:2]
        expected = reference.scores(image)
        found = store.scores(frame.video, frame.name)
        np.testing.assert_allclose(found, (expected - expected.amax(0)).numpy(), atol=2e-3)


def test_finished_videos_are_kept(split: Split, tmp_path: Path) -> None:
    predict_split(predictor(Counting()), split, make_store(tmp_path), shard=(0, 2))
    net, steps = Counting(), []
    store = make_store(tmp_path)
    assert store.videos() == ["a", "c"]
    counts = predict_split(predictor(net), split, store, progress=lambda done, total: steps.append((done, total)))
    assert (counts.videos, counts.frames, counts.kept) == (2, 3, 2)
    assert net.images == 3
    assert steps == [(8, 10), (9, 10), (10, 10)]
    again = predict_split(predictor(net), split, store)
    assert (again.videos, again.frames, again.kept) == (0, 0, 4)
    assert net.images == 3


def test_a_video_whose_frames_changed_is_predicted_again(split: Split, tmp_path: Path) -> None:
    store = make_store(tmp_path)
    predict_split(predictor(Counting()), split, store)
    (split.root / "data/b/origin/00000171.png").unlink()
    counts = predict_split(predictor(Counting()), open_split(split.root, "val"), store)
    assert (counts.videos, counts.frames, counts.kept) == (1, 1, 3)
    assert store.frames("b") == ["00000170"]


def test_shards_share_the_videos(split: Split, tmp_path: Path) -> None:
    shards = [predict_split(predictor(Counting()), split, make_store(tmp_path), shard=(index, 3)) for index in range(3)]
    assert [counts.videos for counts in shards] == [2, 1, 1]
    assert make_store(tmp_path).videos() == list(VIDEOS)
    with pytest.raises(InputError, match="shard: expected an index from 0 to below the count, got 3 of 3"):
        predict_split(predictor(Counting()), split, make_store(tmp_path), shard=(3, 3))


def test_a_frame_that_cannot_be_read_stops_the_prediction_by_name(split: Split, tmp_path: Path) -> None:
    (split.root / "data/c/origin/00000172.png").write_bytes(b"")
    store = make_store(tmp_path)
    with pytest.raises(InputError, match=r"empty file .*data/c/origin/00000172\.png"):
        predict_split(predictor(Counting()), split, store)
    assert "c" not in store.videos()
    assert "a" in store.videos()
