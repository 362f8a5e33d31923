"""``vspw map check``: what it prints."""

import json

import pytest
from typer.testing import CliRunner

from tests.pipeline.mapping_runs import mapping_runs
from vspwlib.cli.map import app


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return mapping_runs(tmp_path_factory.mktemp("check"))


def run(workspace, *arguments):
    options = ["check", "stills", "videos", "--split", "val", "--workspace", str(workspace.path), *arguments]
    result = CliRunner().invoke(app, options, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_scores_classes_and_suspects(workspace):
    found = json.loads(run(workspace, "--json"))
    assert found["stills"] == {"run": "stills", "miou": pytest.approx((10 / 40 + 1) / 2)}
    assert found["videos"] == {"run": "videos", "miou": pytest.approx((30 / 40 + 1) / 2)}
    assert [row["vspw"] for row in found["classes"]] == ["person", "lake"]
    assert found["classes"][0]["taught"] == 540
    (suspect,) = found["suspects"]
    assert (suspect["truth"], suspect["predicted"], suspect["sources"]) == ("lake", "sea", ["sea"])


def test_the_tables_say_where_to_look(workspace):
    text = run(workspace)
    assert "none: the photographs hold no lake" in text
    assert "75%" in text
    assert "62.50% mIoU on val" in text
    assert "not in the photographs (1): lake" in text
