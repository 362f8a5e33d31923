"""The paper's tables beside published results: hand-made results, and those of the project."""

import json
from pathlib import Path

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import SplitScore, VideoScore
from vspwlib.report.paper_tables import (
    caption,
    class_effect_rows,
    require_published,
    table_rows,
    table_split,
    team_rows,
)
from vspwlib.report.results import read_results
from vspwlib.runs import write_json
from vspwlib.tables import ENSEMBLES, PUBLISHED, TABLES

OURS = Path(__file__).resolve().parents[2] / "results"


def score_of(right: list[int]) -> SplitScore:
    """Videos of ten pixels of wall and ten of sky; so many of wall are right, and the rest is taken for sky."""
    videos, total = {}, np.zeros((124, 124), np.int64)
    for number, count in enumerate(right):
        matrix = np.zeros((124, 124), np.int64)
        matrix[0, 0], matrix[0, 27], matrix[27, 27] = count, 10 - count, 10
        videos[f"v{number}"] = VideoScore(ClassCounts.of(matrix), {}, 1)
        total += matrix
    return SplitScore(videos, total)


def publish(results: Path, key: str, seed: int, right: list[int]) -> Path:
    path = results / "table2" / "mini" / f"{key}-s{seed}.json"
    recipe = {"name": key, "train": {"seed": seed}}
    splits = {"test1": score_of(right).to_json()}
    write_json(path, {"schema": 1, "table": "table2", "recipe": recipe, "environment": {}, "splits": splits})
    return path


def miou_of(right: list[int]) -> float:
    """IoU of wall is r/10n, of sky 10n/(20n - r)."""
    whole, hit = 10 * len(right), sum(right)
    return 100 * (hit / whole + whole / (2 * whole - hit)) / 2


def test_a_row_is_the_mean_of_its_seeds_and_its_gain_over_the_first(tmp_path):
    rights = {("t2_480", 0): [5] * 6, ("t2_480", 1): [4] * 6, ("t2_896", 0): [7] * 6, ("t2_896", 1): [8] * 6}
    for (key, seed), right in rights.items():
        publish(tmp_path, key, seed, right)
    publish(tmp_path, "t2_896_map", 0, [5, 5, 5, 5, 9, 1])  # as good as the first row's seed 0
    rows = {row["key"]: row for row in table_rows(2, "mini", tmp_path)}
    first, second, third = (rows[key] for key in ("t2_480", "t2_896", "t2_896_map"))
    scores = {place: miou_of(right) for place, right in rights.items()}
    assert first["mean"] == pytest.approx((scores["t2_480", 0] + scores["t2_480", 1]) / 2)
    assert first["spread"] == pytest.approx(abs(scores["t2_480", 0] - scores["t2_480", 1]) / 2**0.5)
    assert first["difference"] == pytest.approx(first["mean"] - 58.49)
    assert (first["effect"], first["paper_effect"], first["seeds"]) == (None, None, [0, 1])
    gain = (scores["t2_896", 0] + scores["t2_896", 1] - scores["t2_480", 0] - scores["t2_480", 1]) / 2
    assert second["effect"] == pytest.approx(gain)
    assert second["low"] == second["high"] == pytest.approx(gain)  # all videos are alike
    assert (second["clear"], second["paper_effect"]) == (True, 1.81)
    assert (third["effect"], third["clear"], third["spread"]) == (pytest.approx(0), False, None)
    assert third["low"] < 0 < third["high"]
    assert rows["t2_896_ade"]["mean"] is None
    assert rows["t2_896_ade"]["paper"] is None
    assert "mean and standard deviation of 2 seeds" in caption(TABLES[2], "mini", list(rows.values()))


def test_an_effect_whose_seeds_disagree_is_not_clear(tmp_path):
    for seed, (one, other) in enumerate([([2] * 6, [9] * 6), ([6] * 6, [5] * 6)]):
        publish(tmp_path, "t2_480", seed, one)
        publish(tmp_path, "t2_896", seed, other)
    row = table_rows(2, "mini", tmp_path)[1]
    assert row["low"] > 0
    assert row["clear"] is False


def test_classes_are_compared_by_the_mean_of_the_seeds_that_both_have(tmp_path):
    publish(tmp_path, "t2_480", 0, [5] * 6)
    publish(tmp_path, "t2_480", 1, [0] * 6)  # no counterpart
    publish(tmp_path, "t2_896", 0, [10] * 6)
    wall, sky = class_effect_rows("t2_480", "t2_896", "mini", "test1", tmp_path)
    assert wall == {"class": "wall", "iou_other": 50, "iou": 100, "difference": 50, "share": 50}
    assert sky["difference"] == pytest.approx(100 - 100 * 10 / 15)
    assert class_effect_rows("t2_480", "t2_896", "mini", "test1", tmp_path, least=60) == []
    assert class_effect_rows("t2_480", "t1_eva", "mini", "test1", tmp_path) == []


def test_what_is_no_result_is_refused(tmp_path):
    path = publish(tmp_path, "t2_480", 0, [5] * 6)
    content = json.loads(path.read_text())
    write_json(path.with_name("again.json"), content)
    with pytest.raises(InputError, match=r"one of t2_480, seed 0, got also again\.json"):
        read_results(tmp_path, "table2", "mini")
    write_json(path.with_name("again.json"), {**content, "schema": 9})
    with pytest.raises(InputError, match="expected schema 1, got 9"):
        read_results(tmp_path, "table2", "mini")
    write_json(path.with_name("again.json"), {"schema": 1})
    with pytest.raises(InputError, match=r"again\.json"):
        read_results(tmp_path, "table2", "mini")
    assert read_results(tmp_path, "table2", "camvid") == {}


def test_a_table_without_a_run_names_the_command():
    require_published(table_rows(2, "mini", OURS), 2, "mini")
    with pytest.raises(InputError, match="run `vspw tables 2 --profile vspw`"):
        require_published(table_rows(2, "vspw", OURS), 2, "vspw")


def test_val_is_no_test_part():
    assert table_split(1, "vspw") == "val"
    row = table_rows(2, "vspw", OURS)[0]
    assert (row["paper"], row["mean"], row["difference"]) == (58.49, None, None)
    assert "no difference is given" in caption(TABLES[2], "vspw", [row])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_our_own_results_fill_the_tables(number):
    for profile in ("mini", "camvid"):
        rows = table_rows(number, profile, OURS)
        assert [row["row"] for row in rows] == [row.title for row in TABLES[number].rows]
        assert sum(row["mean"] is not None for row in rows) >= len(rows) - 1
    for row in table_rows(number, "mini", OURS):
        assert 0 < row["mean"] < 100
        assert row["effect"] is None or abs(row["effect"]) < 100


def test_a_swept_row_is_read_at_its_tau():
    rows = {row["row"]: row for row in table_rows(4, "mini", OURS)}
    files = [json.loads((OURS / "table4" / "mini" / f"t4_pair-s{seed}.json").read_text()) for seed in range(3)]
    curves = [file["splits"]["test2"] for file in files]
    at = [100 * curve["miou"][curve["taus"].index(0.4)] for curve in curves]
    assert rows["τ = 0.4"]["mean"] == pytest.approx(np.mean(at))
    fitted = [100 * file["fitted"]["miou"]["test2"] for file in files]
    assert rows["τ chosen on the validation split"]["mean"] == pytest.approx(np.mean(fitted))
    best = rows["the best τ, an upper bound"]["mean"]
    assert best == pytest.approx(np.mean([100 * curve["best"]["miou"] for curve in curves]))
    assert all(row["mean"] <= best for row in rows.values())
    assert {ENSEMBLES["t4_pair"].key} == {row["key"] for row in rows.values()}


def test_table_6_keeps_apart_what_does_not_compare():
    rows = team_rows("mini", OURS)
    kinds = [row["kind"] for row in rows]
    assert kinds[:5] == ["challenge"] * 5
    assert kinds.count("published") == len(PUBLISHED)
    assert {row["data"] for row in rows} == {"VSPW Test2", "VSPW val", "mini test2"}
    assert all(row["source"] for row in rows)
