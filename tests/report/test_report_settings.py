"""Settings of published results held against today's recipes: hand-made results, and those of the project."""

from dataclasses import replace
from pathlib import Path

import pytest

from vspwlib.pipeline.training import without_bookkeeping
from vspwlib.recipes import recipe
from vspwlib.report.results import Result, read_results
from vspwlib.report.settings import APART, changed_settings, changes_text

OURS = Path(__file__).resolve().parents[2] / "results"


def result(name: str, *, seed: int = 0, **settings: object) -> Result:
    return Result(Path(f"{name}.json"), {"recipe": {"name": name, "train": {"seed": seed, **settings}}})


def test_what_is_as_it_was_is_not_named() -> None:
    now = recipe("t2_480", "mini")
    same = result("t2_480", iterations=now.train.iterations, workers=7, log_every=3, checkpoint_every=1)
    assert changed_settings([same, replace_seed(same, 2)], "mini") == []
    whole = Result(Path("t2_480.json"), {"recipe": now.to_dict()})  # tuples, as before they were written
    read = [item for items in read_results(OURS, "table2", "mini").values() for item in items]
    assert changed_settings(read, "mini") == []
    assert len(read) == 18
    assert [row["setting"] for row in changed_settings([whole], "camvid")]  # another profile has other settings


def replace_seed(found: Result, seed: int) -> Result:
    made = found.content["recipe"]
    return replace(found, content={"recipe": {**made, "train": {**made["train"], "seed": seed}}})


def test_a_setting_that_changed_is_named_with_both_values() -> None:
    now = recipe("t3_nce2", "camvid").train.iterations
    made = result("t3_nce2", iterations=now - 200)
    row = {"recipe": "t3_nce2", "setting": "train.iterations", "published": [now - 200], "now": now}
    assert changed_settings([made], "camvid") == [row]
    # A seed that was run anew does not hide the others: their mean is of two settings.
    assert changed_settings([made, result("t3_nce2", seed=1, iterations=now)], "camvid") == [
        {**row, "published": [now - 200, now]}
    ]


def test_members_of_an_ensemble_are_looked_at_and_recipes_that_are_no_more_are_not() -> None:
    members = [{"recipe": {"name": name, "train": {"seed": 0, "iterations": 1}}} for name in ("t3_nce2", "gone")]
    found = changed_settings([Result(Path("t4_pair.json"), {"members": members})], "mini")
    assert [(row["recipe"], row["published"]) for row in found] == [("t3_nce2", [1])]


def test_settings_are_said_once_for_all_recipes() -> None:
    row = {"recipe": "a", "setting": "optim.lr", "published": [0.1, 0.2], "now": 0.3}
    assert changes_text([row, {**row, "recipe": "b"}]) == "optim.lr was 0.1 or 0.2 and is 0.3 now (a, b)."
    assert changes_text([]) == ""


@pytest.mark.parametrize("name", [name.removeprefix("train.") for name in APART if name != "train.seed"])
def test_what_is_left_out_is_what_a_fingerprint_leaves_out(name: str) -> None:
    made = recipe("t2_480", "mini")
    other = replace(made, train=replace(made.train, **{name: getattr(made.train, name) + 1}))
    assert other != made
    assert without_bookkeeping(other) == without_bookkeeping(made)


def test_everything_a_fingerprint_leaves_out_is_left_out() -> None:
    made = recipe("t2_480", "mini")
    odd = replace(made, train=replace(made.train, workers=5, log_every=6, checkpoint_every=7))
    before, after = odd.to_dict()["train"], without_bookkeeping(odd).to_dict()["train"]
    assert {f"train.{key}" for key in before if before[key] != after[key]} == {*APART} - {"train.seed"}
    assert without_bookkeeping(odd).to_dict() | {"train": before} == odd.to_dict()
