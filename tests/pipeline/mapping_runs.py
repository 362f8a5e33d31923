"""A workspace with a run taught by photographs and one taught by videos: configurations and scores, no weights."""

from pathlib import Path

import numpy as np

from tests.data.image_sets import write_coco, write_pair
from vspwlib.config import Recipe, override
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import SplitScore, VideoScore
from vspwlib.pipeline.filtering import filter_folder, filter_stills
from vspwlib.recipes import recipe
from vspwlib.runs import Run, Workspace, environment, scores_file, write_json

SEA = 154  # in COCO-Stuff's files


def confusion(cells: dict[tuple[str, str], int]) -> np.ndarray:
    """Return (124, 124) pixels by true and predicted class."""
    matrix = np.zeros((len(CLASS_NAMES),) * 2, np.int64)
    for (true, predicted), pixels in cells.items():
        matrix[CLASS_NAMES.index(true), CLASS_NAMES.index(predicted)] = pixels
    return matrix


def add_run(workspace: Workspace, name: str, resolved: Recipe, data: dict[str, Path], stills: dict) -> Run:
    """Write a run's configuration."""
    config = {
        "schema": 1,
        "recipe": resolved.to_dict(),
        "data": {key: str(path) for key, path in data.items()},
        "stills": stills,
    }
    return workspace.create_run(name, config, environment(), overwrite=False)


def add_scores(workspace: Workspace, run: str, matrix: np.ndarray) -> None:
    """Write scores of a run on the split val."""
    store = workspace.predictions(run, "vspw", "val")
    store.mkdir(parents=True)
    score = SplitScore({"video": VideoScore(ClassCounts.of(matrix), {}, 1, 0)}, matrix)
    write_json(scores_file(store), score.to_json())


def mapping_runs(folder: Path) -> Workspace:
    """Write runs "stills" and "videos": three photographs, of which two are kept, and scores of two classes."""
    workspace, root = Workspace(folder / "ws"), write_coco(folder / "coco", {"a": 90, "b": 10})
    write_pair(root, "train2017", "c", np.full((20, 30), SEA, np.uint8))
    plain = recipe("t2_480", "mini")
    settings = {"mix.stills": '["cocostuff"]', "mix.weights": "[0, 1]"}
    found = filter_stills("cocostuff", root, filter_folder(workspace, "cocostuff", root), threshold=0.8)
    facts = {"cocostuff": found.report.facts()}
    data = {"vspw": folder, "cocostuff": root}
    add_run(workspace, "stills", override(plain, settings), data, facts)
    add_run(workspace, "videos", plain, {"vspw": folder}, {})
    add_scores(workspace, "stills", confusion({("lake", "sea"): 30, ("lake", "lake"): 10, ("person", "person"): 50}))
    add_scores(workspace, "videos", confusion({("lake", "sea"): 10, ("lake", "lake"): 30, ("person", "person"): 50}))
    return workspace
