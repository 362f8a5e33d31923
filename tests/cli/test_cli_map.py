"""``vspw map`` has its commands."""

from typer.testing import CliRunner

from vspwlib.cli.map import app


def test_report_is_a_command_of_its_own_name():
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert "report" in result.output
