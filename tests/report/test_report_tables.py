"""Rows of runs, classes, mistakes and sweeps, against figures counted by hand."""

from pathlib import Path

import numpy as np
import pytest

from vspwlib.config import override
from vspwlib.ensemble.result import SweepResult
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES
from vspwlib.metrics.scoring import score_split
from vspwlib.metrics.summary import SplitScore
from vspwlib.recipes import recipe
from vspwlib.report.tables import (
    PAPER_TABLE4,
    class_rows,
    class_sweep_rows,
    confused_pairs,
    curve_rows,
    sweep_rows,
    to_markdown,
)
from vspwlib.runs import Run, Workspace

WALL, CEILING, TREE = 0, 1, 66


def random_score(seed: int, frames: int = 9) -> SplitScore:
    """Score of one video of random maps: enough frames for VC8, too few for VC16."""
    rng = np.random.default_rng(seed)
    pairs = [(rng.integers(0, 4, (6, 8)), rng.integers(0, 5, (6, 8)).astype(np.uint8)) for _ in range(frames)]
    constant = np.zeros((6, 8), bool)
    constant[:2] = True  # some pixels keep their class, or VC would have nothing to count
    maps = [(np.where(constant, 2, pred), np.where(constant, 3, raw).astype(np.uint8)) for pred, raw in pairs]
    return score_split([("walk", [(f"{index:08d}", pred, raw) for index, (pred, raw) in enumerate(maps)])])


def matrix_score(cells: dict[tuple[int, int], int]) -> SplitScore:
    """Score with a confusion written cell by cell: (truth, predicted) to pixels."""
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    for cell, pixels in cells.items():
        matrix[cell] = pixels
    return SplitScore({}, matrix)


def make_run(workspace: Workspace, name: str, *, seed: int = 0) -> Run:
    resolved = override(recipe("t3_nce2", "mini", seed=seed), {"train.iterations": "300"})
    config = {"schema": 1, "recipe": resolved.to_dict(), "data": {}}
    return workspace.create_run(name, config, {"commit": "abc123"}, overwrite=False)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_training_curves_are_long_form(workspace: Workspace) -> None:
    run = make_run(workspace, "one")
    run.append_log({"kind": "train", "step": 10, "loss": 2.5, "loss_ce": 1.5, "lr": 0.125, "time": 0.0})
    run.append_log({"kind": "val", "step": 10, "miou": 0.25, "pixel_acc": 0.5, "seconds": 1.0})
    assert curve_rows(run) == [
        {"run": "one", "curve": "loss", "step": 10, "value": 2.5},
        {"run": "one", "curve": "lr", "step": 10, "value": 0.125},
        {"run": "one", "curve": "val mIoU", "step": 10, "value": 0.25},
    ]


def test_class_rows_list_the_classes_of_the_truth_and_what_two_runs_make_of_them() -> None:
    first = matrix_score({(WALL, WALL): 6, (WALL, TREE): 2, (TREE, TREE): 2})
    second = matrix_score({(WALL, WALL): 8, (TREE, WALL): 2})
    assert class_rows(first) == [
        {"id": WALL, "class": "wall", "group": "structure", "truth_share": 0.8, "iou": 6 / 8},
        {"id": TREE, "class": "tree", "group": class_rows(first)[1]["group"], "truth_share": 0.2, "iou": 2 / 4},
    ]
    compared = [(row["iou_other"], row["difference"]) for row in class_rows(first, second)]
    assert compared == [(0.8, 0.75 - 0.8), (0.0, 0.5)]


def test_a_class_that_the_other_truth_lacks_has_no_difference() -> None:
    rows = class_rows(matrix_score({(WALL, WALL): 1, (TREE, TREE): 1}), matrix_score({(WALL, WALL): 1}))
    assert [(row["iou_other"], row["difference"]) for row in rows] == [(1.0, 0.0), (None, None)]


def test_confused_pairs_are_the_largest_cells_off_the_diagonal() -> None:
    score = matrix_score({(WALL, WALL): 90, (WALL, CEILING): 10, (CEILING, WALL): 30, (TREE, WALL): 10})
    rows = confused_pairs(score, limit=2)
    assert [(row["truth"], row["predicted"], row["pixels"]) for row in rows] == [
        ("ceiling", "wall", 30),
        ("wall", "ceiling", 10),
    ]
    assert [row["share_of_truth"] for row in rows] == [1.0, 0.1]
    assert [row["share_of_errors"] for row in rows] == [0.6, 0.2]
    assert len(confused_pairs(score)) == 3
    assert confused_pairs(matrix_score({(WALL, WALL): 5})) == []


def test_confused_pairs_agree_with_a_plain_search() -> None:
    score = random_score(7)
    cells = [
        (-int(score.confusion[t, p]), t, p)
        for t in range(NUM_CLASSES)
        for p in range(NUM_CLASSES)
        if t != p and score.confusion[t, p]
    ]
    expected = [(CLASS_NAMES[t], CLASS_NAMES[p], -n) for n, t, p in sorted(cells)]
    assert [(row["truth"], row["predicted"], row["pixels"]) for row in confused_pairs(score, 999)] == expected


def make_sweep(*, upper_bound: bool) -> SweepResult:
    return SweepResult(
        taus=(0.0, 0.5, 1.0),
        miou=np.array([0.3, 0.5, 0.4]),
        per_class=np.zeros((3, NUM_CLASSES)),
        per_video={},
        best=(0.625, 0.75),
        best_per_class=np.zeros((NUM_CLASSES, 2)),
        best_per_video={},
        mean_miou=0.5,
        vote_miou=0.4,
        frames_scored=1,
        upper_bound=upper_bound,
    )


def test_sweep_rows_name_the_ends_and_the_best() -> None:
    rows = sweep_rows(make_sweep(upper_bound=True))
    assert [(row["method"], row["tau"], row["miou"]) for row in rows] == [
        ("τ", 0.0, 0.3),
        ("τ", 0.5, 0.5),
        ("τ", 1.0, 0.4),
        ("best", 0.625, 0.75),
        ("mean", 0.5, 0.5),
        ("vote", None, 0.4),
    ]
    notes = [row["note"] for row in rows]
    assert notes[:3] == ["P2 alone", "", "P1 alone"]
    assert "upper bound" in notes[3]
    assert "another split" in sweep_rows(make_sweep(upper_bound=False))[3]["note"]
    assert [row["tau"] for row in sweep_rows(make_sweep(upper_bound=True), [1.0])] == [1.0, 0.625, 0.5, None]


def test_rows_of_one_class_are_its_own_curve() -> None:
    sweep = make_sweep(upper_bound=True)
    sweep.per_class[:, 3], sweep.best_per_class[3] = [0.1, 0.2, 0.15], (0.55, 0.25)
    rows = class_sweep_rows(sweep, 3)
    assert [(row["tau"], row["miou"]) for row in rows] == [(0.0, 0.1), (0.5, 0.2), (1.0, 0.15), (0.55, 0.25)]
    assert [row["method"] for row in rows] == ["τ", "τ", "τ", "best"]


def test_table_4_holds_what_the_paper_prints() -> None:
    assert sorted(PAPER_TABLE4) == [step / 10 for step in range(11)]
    assert max(PAPER_TABLE4, key=lambda tau: PAPER_TABLE4[tau]) == 0.4
    assert (PAPER_TABLE4[0.0], PAPER_TABLE4[0.4], PAPER_TABLE4[1.0]) == (63.56, 65.95, 64.92)
    assert sum(PAPER_TABLE4.values()) == pytest.approx(718.22)


def test_markdown_of_chosen_columns() -> None:
    rows = [{"run": "a|b", "miou": 0.25, "seed": 1}, {"run": "c", "miou": None, "seed": 2}]
    lines = to_markdown(rows, ["miou", "run"], decimals=1).splitlines()
    assert lines == ["| miou | run |", "| ---: | :--- |", "| 0.2 | a\\|b |", "| – | c |"]
    assert to_markdown([]) == ""
