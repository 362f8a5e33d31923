"""The rule of an ensemble: what may be asked for, and what is refused."""

from pathlib import Path

import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble.rule import ClassWeights, Rule, choose_rule


@pytest.mark.parametrize(
    ("runs", "asked", "rule"),
    [
        (2, {"tau": 0.4}, Rule("tau", (0.4, 0.6), "--tau 0.4")),
        (2, {"tau": 0.0}, Rule("tau", (0.0, 1.0), "--tau 0.0")),
        (3, {"weights": [1.0, 0.0, 3.0]}, Rule("weights", (0.25, 0.0, 0.75), "--weights 1.0,0.0,3.0")),
        (4, {"mean": True}, Rule("mean", (0.25,) * 4, "--mean")),
        (2, {"vote": True}, Rule("vote", (0.5,) * 2, "--vote")),
        (3, {"vote": True, "weights": [2, 1, 1]}, Rule("vote", (0.5, 0.25, 0.25), "--vote --weights 2,1,1")),
    ],
)
def test_a_rule_says_the_share_of_every_run(runs: int, asked: dict, rule: Rule) -> None:
    found = choose_rule(runs, **asked)
    assert found == rule
    assert found.is_soft == ("vote" not in asked)


def test_weights_of_every_class_come_with_their_file() -> None:
    table = ((0.25, 1.0), (0.75, 0.0))
    found = choose_rule(2, class_weights=ClassWeights(table, Path("my weights.json")))
    assert (found.by_class, found.option, found.is_soft) == (table, "--class-weights 'my weights.json'", True)
    with pytest.raises(InputError, match=r"class weights: expected 3 runs, got 2 \(w\.json\)"):
        choose_rule(3, class_weights=ClassWeights(table, Path("w.json")))
    with pytest.raises(InputError, match="got --mean and --class-weights"):
        choose_rule(2, mean=True, class_weights=ClassWeights(table, Path("w.json")))


@pytest.mark.parametrize(
    ("runs", "asked", "message"),
    [
        (1, {"mean": True}, "expected at least two runs, got 1"),
        (2, {}, "expected one of --tau, --weights, --mean, --vote, --class-weights, got none"),
        (2, {"tau": 0.4, "vote": True}, "got --tau and --vote"),
        (2, {"mean": True, "weights": [1.0, 2.0]}, "got --weights and --mean"),
        (3, {"vote": True, "weights": [1.0, 2.0]}, "weights: expected 3, one a run, got 2"),
        (3, {"tau": 0.4}, "--tau: expected two runs, got 3"),
        (2, {"tau": 1.2}, "--tau: expected 0 to 1, got 1.2"),
        (2, {"tau": float("nan")}, "--tau: expected 0 to 1, got nan"),
        (2, {"weights": [1.0, -1.0]}, "weights: expected finite numbers >= 0, not all 0"),
        (2, {"weights": [0.0, 0.0]}, "weights: expected finite numbers >= 0, not all 0"),
        (2, {"weights": [1.0, float("nan")]}, "weights: expected finite numbers >= 0, not all 0"),
        (3, {"weights": [0.4, 0.6]}, "weights: expected 3, one a run, got 2"),
    ],
)
def test_what_makes_no_ensemble_is_refused(runs: int, asked: dict, message: str) -> None:
    with pytest.raises(InputError) as refused:
        choose_rule(runs, **asked)
    assert message in str(refused.value)
