"""``vspw ensemble write``: its options and what it prints."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipeline.score_stores import score_stores
from vspwlib.checks import InputError
from vspwlib.cli.ensemble import app
from vspwlib.cli.options import parse_numbers
from vspwlib.ensemble.recipe_file import EnsembleRecipe, recipe_yaml


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return score_stores(tmp_path_factory.mktemp("write"))


def run(made, *arguments):
    command = ["write", *arguments, "--split", "val", "--workspace", str(made.workspace.path)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "160"})


def test_weights_come_with_commas_or_repeated(made):
    repeated = ["--weights", "2", "--weights", "1", "--weights", "1", "--name", "repeated"]
    for name, options in (("commas", ["--weights", "2,1,1", "--name", "commas"]), ("repeated", repeated)):
        result = run(made, "a", "b", "c", *options, "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert (found["videos"], found["frames"], found["kept"]) == (2, 5, 0)
        assert [member["weight"] for member in json.loads(Path(found["recipe"]).read_text())["sources"]] == [
            0.5,
            0.25,
            0.25,
        ], name


def test_people_read_where_it_lies_and_how_far_the_store_is_off(made):
    text = run(made, "a", "b", "--tau", "0.4", "--name", "pair", "--data", f"vspw={made.data}").stdout
    assert "tiny-val.labels" in text
    assert "% of pixels between PNGs and store" in text
    assert "store" not in run(made, "a", "b", "c", "--vote", "--name", "votes").stdout


def test_wrong_options_are_refused(made):
    for options, message in ((["--tau", "0.4", "--mean"], "got --tau and --mean"), ([], "got none")):
        result = run(made, "a", "b", "--name", "x", *options)
        assert isinstance(result.exception, InputError)
        assert message in str(result.exception)
    assert isinstance(run(made, "a", "--name", "x", "--mean").exception, InputError)
    with pytest.raises(InputError, match="--weights: expected numbers, got '1,x'"):
        parse_numbers("--weights", ["1", "x"], example="0.5,0.5")


def invoke(made, *arguments):
    return CliRunner().invoke(app, ["write", *arguments, "--workspace", str(made.workspace.path), "--json"])


def test_a_recipe_writes_the_same_ensemble(made, tmp_path):
    recipe = EnsembleRecipe("told", ("a", "b"), "val", "tau", (0.4, 0.6))
    (tmp_path / "told.yaml").write_text(recipe_yaml(recipe))
    result = invoke(made, "--recipe", str(tmp_path / "told.yaml"))
    assert result.exit_code == 0, result.output
    typed = invoke(made, "a", "b", "--split", "val", "--tau", "0.4", "--name", "typed")
    told, typed = (json.loads(found.stdout) for found in (result, typed))
    for one, other in zip(pngs(told), pngs(typed), strict=True):
        assert one.read_bytes() == other.read_bytes()
    renamed = invoke(made, "--recipe", str(tmp_path / "told.yaml"), "--name", "renamed")
    assert "renamed" in json.loads(renamed.stdout)["labels"]


def pngs(written):
    found = sorted(Path(written["labels"]).glob("*/*.png"))
    assert found
    return found


def test_a_recipe_stands_alone(made, tmp_path):
    (tmp_path / "a.yaml").write_text(recipe_yaml(EnsembleRecipe("x", ("a", "b"), "val", "mean")))
    for options in (["a", "b"], ["--tau", "0"], ["--mean"], ["--class-weights", "x"]):
        result = invoke(made, *options, "--recipe", str(tmp_path / "a.yaml"))
        assert isinstance(result.exception, InputError)
        assert f"got {' '.join(options[:1])}" in str(result.exception)
    result = invoke(made, "a", "b", "--split", "val", "--mean")
    assert "expected runs, --split and --name" in str(result.exception)
