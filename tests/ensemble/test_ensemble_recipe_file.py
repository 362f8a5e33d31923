"""Ensembles written down: what is read is what was written, and what is none is refused."""

import pytest
import yaml

from vspwlib.checks import InputError
from vspwlib.ensemble.recipe_file import EnsembleRecipe, read_recipe, recipe_yaml
from vspwlib.ensemble.rule import choose_rule

RECIPES = [
    EnsembleRecipe("pair", ("a", "b"), "test2", "tau", (0.4, 0.6)),
    EnsembleRecipe("no", ("1e3", "2024-01-01", "yes: [x] #y"), "0x1F", "weights", (1e-5, 0.3, 2.0)),
    EnsembleRecipe("große Ähre", ("null", "'\"", "~"), "val", "vote", (2.0, 1.0, 1.0)),
    EnsembleRecipe("m", ("a", "b"), "val", "mean"),
]
RULES = [
    choose_rule(2, tau=0.4),
    choose_rule(3, weights=[1e-5, 0.3, 2.0]),
    choose_rule(3, vote=True, weights=[2.0, 1.0, 1.0]),
    choose_rule(2, mean=True),
]


@pytest.mark.parametrize(("recipe", "rule"), zip(RECIPES, RULES, strict=True), ids=lambda x: getattr(x, "rule", ""))
def test_what_is_written_is_read_back(tmp_path, recipe, rule):
    text = recipe_yaml(recipe, {"commit": "12e4", "versions": {"torch": "2.11"}})
    (tmp_path / "a.yaml").write_text(text, "utf-8")
    assert read_recipe(tmp_path / "a.yaml") == recipe
    assert choose_rule(len(recipe.runs), **recipe.options) == rule
    found = yaml.safe_load(text)
    assert (found["runs"], found["commit"], found["versions"]) == ([*recipe.runs], "12e4", {"torch": "2.11"})


PAIR = {"name": "pair", "runs": ["a", "b"], "split": "val", "rule": "tau", "weights": [0.4, 0.6]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "recipe: expected YAML"),
        ("- a", "expected name: value lines, got list"),
        ("name: pair\nruns: [a, b]", "got no split, rule"),
        (yaml.safe_dump(PAIR | {"runs": ["a", 1]}), "quote names"),
        (yaml.safe_dump(PAIR | {"rule": "taus"}), "did you mean 'tau'"),
        (yaml.safe_dump(PAIR | {"weights": [0.4]}), "weights: expected 2 of them, got 1"),
        (yaml.safe_dump(PAIR | {"weights": [0.4, 0.5]}), "expected tau and 1 - tau, got weights that sum to 0.9"),
        (yaml.safe_dump(PAIR | {"weights": ["x", 0.5]}), "expected a list of numbers"),
        (yaml.safe_dump(PAIR | {"name": "--overwrite"}), "name: expected a name that can be a folder's"),
        ("!!python/object/apply:os.system ['true']", "recipe: expected YAML"),
        ("#" * 200_000, "expected at most 100000 bytes"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path, text, message):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipe(tmp_path / "a.yaml")


def test_a_file_that_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match="got nothing there"):
        read_recipe(tmp_path / "b.yaml")
