"""``vspw ensemble write``: its options and what it prints."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.pipeline.score_stores import score_stores
from vspwlib.checks import InputError
from vspwlib.cli.ensemble import app
from vspwlib.cli.options import parse_numbers


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
