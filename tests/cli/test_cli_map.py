"""``vspw map`` has its commands."""

from typer.testing import CliRunner

from vspwlib.cli.map import app


def test_its_commands_go_by_their_names():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in ("report", "filter", "materialise", "suggest", "check"))
