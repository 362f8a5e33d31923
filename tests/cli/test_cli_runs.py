"""``vspw runs list``: one table of everything that predicts."""

import json

from typer.testing import CliRunner

from tests.pipeline.score_stores import score_stores
from vspwlib.cli.runs import app
from vspwlib.ensemble.rule import choose_rule
from vspwlib.pipeline.fusing import write_ensemble


def test_it_lists_ensembles_and_goes_on_past_a_broken_file(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    made = score_stores(tmp_path)
    write_ensemble(made.workspace, ["a", "b"], "val", choose_rule(2, tau=0.4), "[pair]")
    (made.stores["c"] / "zarr.json").write_text("{")
    result = CliRunner().invoke(app, ["list", "--workspace", str(made.workspace.path)])
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if "[pair]" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["[pair]", "ensemble", "--tau 0.4 of a, b", "–", "tiny-val soft, hard", "–", "–", "–"]
    assert "left out: prediction store: expected JSON" in result.stderr
    rows = json.loads(CliRunner().invoke(app, ["list", "--workspace", str(made.workspace.path), "--json"]).stdout)
    assert [(row["run"], row["kind"], row["predicted"]) for row in rows] == [
        ("[pair]", "ensemble", "soft, hard"),
        ("a", "run", "soft"),
        ("b", "run", "soft"),
    ]
