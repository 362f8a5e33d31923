"""A data set of four tiny videos, and a workspace with two runs trained, predicted and scored on it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from vspwlib.config import AugmentConfig, OptimConfig, PredictConfig, Recipe, TrainConfig
from vspwlib.pipeline.prediction import predict
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.training import train
from vspwlib.runs import Run, Workspace

FRAMES = 10  # more than 8, so that VC8 has clips


def write_video(folder: Path, seed: int) -> None:
    """A square of one class drifts over another: colours tell the classes, ids 1 (wall) and 49 (car)."""
    for part in ("origin", "mask"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for index in range(FRAMES):
        mask = np.full((32, 48), 1, np.uint8)
        mask[8:24, 4 + 2 * index : 20 + 2 * index] = 49
        mask[0] = 0
        image = np.where(mask[..., None] == 49, (200, 40, 40), (60, 90, 160)) + rng.integers(-20, 20, (32, 48, 3))
        name = f"{17 + index:08d}"
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / "origin" / f"{name}.jpg")
        Image.fromarray(mask).save(folder / "mask" / f"{name}.png")


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "tiny"
    splits = {"train": ["1_aaaaaaaaaaa", "2_bbbbbbbbbbb"], "val": ["3_ccccccccccc", "4_ddddddddddd"]}
    for seed, video in enumerate([*splits["train"], *splits["val"]]):
        write_video(root / "data" / video, seed)
    for split, videos in splits.items():
        (root / f"{split}.txt").write_text("\n".join(videos))
    return root


def make_recipe(seed: int = 0, **settings) -> Recipe:
    base = Recipe(
        name="upernet_swin_tiny",
        profile="mini",
        augment=AugmentConfig(crop=(32, 32), short_side=32, scale=(1.0, 1.0), photometric=False),
        optim=OptimConfig(lr=2e-3, warmup=0, clip_norm=1.0),
        train=TrainConfig(
            iterations=12,
            batch_size=2,
            val_every=6,
            checkpoint_every=6,
            log_every=3,
            workers=0,
            seed=seed,
            precision="fp32",
        ),
        predict=PredictConfig(short_side=None, window=(32, 32), stride=(16, 16), flip=True, batch_windows=4),
    )
    return replace(base, **settings)


@pytest.fixture(scope="session")
def tiny_recipe() -> Callable[..., Recipe]:
    """Return a function that makes a recipe of twelve iterations; settings replace its groups."""
    return make_recipe


class Finished(NamedTuple):
    workspace: Workspace
    runs: tuple[Run, Run]
    stores: tuple[Path, Path]
    data: dict[str, Path]


@pytest.fixture(scope="session")
def finished(tiny_data, tmp_path_factory) -> Finished:
    workspace = Workspace(tmp_path_factory.mktemp("workspace") / "ws")
    data = {"vspw": tiny_data}
    runs = tuple(train(make_recipe(seed), workspace, data) for seed in (0, 1))
    stores = tuple(predict(run, workspace, "val", data={})[0] for run in runs)
    for store in stores:
        score(store, tiny_data, "val")
    return Finished(workspace, runs, stores, data)
