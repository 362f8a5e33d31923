"""A workspace with score stores of three runs that were never trained: smooth random scores, odd sizes, two videos."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from vspwlib.labels import CLASS_NAMES
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

FRAMES = {"1_aaaaaaaaaaa": ["00000017", "00000018", "00000020"], "2_bbbbbbbbbbb": ["00000005", "00000006"]}
SIZES = {"1_aaaaaaaaaaa": (18, 27), "2_bbbbbbbbbbb": (21, 14)}
RUNS = ("a", "b", "c")


class Stores(NamedTuple):
    workspace: Workspace
    data: Path
    stores: dict[str, Path]


def manifest(run: str, data: Path, **changes) -> dict:
    """What a store of ``vspw predict`` says; ``changes`` replace parts of it."""
    stated = {"run": run, "dataset": "tiny", "split": "val", "data_root": str(data), "weights": run * 16}
    return {**stated, "predict": {"flip": False}, "class_names": CLASS_NAMES, "commit": None, **changes}


def write_store(path: Path, stated: dict, seed: int, *, videos=FRAMES, sizes=SIZES) -> Path:
    """Write scores of ten classes that compete, all others far below."""
    rng = np.random.default_rng(seed)
    store = ScoreStore.create(path, stated)
    for video, frames in videos.items():
        height, width = sizes[video]
        grid = (-(-height // 4), -(-width // 4))
        scores = [np.full((124, *grid), -30, np.float32) for _ in frames]
        for one in scores:
            one[rng.permutation(124)[:4]] = rng.normal(0, 2, (4, *grid))
            one[:10] = rng.normal(0, 2, (10, *grid))
        store.write_video(video, frames, [(height, width)] * len(frames), scores)
    return path


def score_stores(root: Path) -> Stores:
    """Make the data set (images and masks), and the stores of runs a, b and c on its split ``val``."""
    data, workspace = root / "tiny", Workspace(root / "ws")
    rng = np.random.default_rng(7)
    for video, frames in FRAMES.items():
        for part, suffix in (("origin", "jpg"), ("mask", "png")):
            (data / "data" / video / part).mkdir(parents=True)
            for frame in frames:
                shape = (*SIZES[video], 3) if part == "origin" else SIZES[video]
                pixels = rng.integers(1, 11, shape, dtype=np.uint8)
                Image.fromarray(pixels).save(data / "data" / video / part / f"{frame}.{suffix}")
    (data / "val.txt").write_text("\n".join(FRAMES))
    (data / "test.txt").write_text(next(iter(FRAMES)))
    places = {run: workspace.predictions(run, "tiny", "val") for run in RUNS}
    for seed, (run, place) in enumerate(places.items()):
        write_store(place, manifest(run, data), seed)
    return Stores(workspace, data, places)


def every_frame() -> list[tuple[str, str]]:
    """Video and name of every frame."""
    return [(video, frame) for video, frames in FRAMES.items() for frame in frames]


def dense(path: Path, video: str, frame: str) -> np.ndarray:
    """P in float64 from its definition: softmax of the scores resized to the frame."""
    scores = torch.from_numpy(ScoreStore.open(path).scores(video, frame)).double()[None]
    resized = torch.nn.functional.interpolate(scores, size=SIZES[video], mode="bilinear", align_corners=False)
    return resized[0].softmax(0).numpy()


def written(folder: Path, video: str, frame: str) -> np.ndarray:
    """The label map in a folder, as the file holds it."""
    with Image.open(folder / video / f"{frame}.png") as image:
        assert image.mode == "L"
        return np.array(image)
