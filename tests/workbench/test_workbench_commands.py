"""The commands that pages start: their arguments, and what they write to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli import app
from vspwlib.config import Recipe
from vspwlib.pipeline import demo, training
from vspwlib.runs import Workspace
from workbench import commands


def test_names_are_those_that_the_commands_give(tmp_path: Path) -> None:
    assert commands.DEMO_RUNS == (demo.FIRST, demo.SECOND)
    assert commands.run_name("t3_nce2", "mini", 0) == training.run_name(Recipe(name="t3_nce2", profile="mini"))


def test_every_option_is_one_that_the_command_knows(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    place.add_data("vspw", tmp_path / "own")
    place.create_run("mini-t3_nce2-s1", {}, {}, overwrite=False)
    made = [
        commands.demo_command(),
        commands.train_command(place, "t3_nce2", "mini", 1, 5, embedded=False),
        commands.predict_command("a", "test2"),
        commands.score_command(tmp_path / "a b.zarr"),
        commands.sweep_command(("a", "b"), "test2", "vspw"),
        commands.write_command(["a", "b"], "test2", ["--weights", "0.5,0.5"], "pair"),
        commands.submit_command(place, "pair", "test2"),
        commands.movie_command(place, ["a", "b"], "test2", "1_x", 0.25),
        commands.frames_command(tmp_path / "-a.mp4", tmp_path / "uploads" / "a", 2),
        commands.predict_data_command("a", tmp_path, "all"),
        commands.check_command(tmp_path),
        commands.import_command(tmp_path / "a.zip", "theirs", tmp_path, "val", raw=True),
        commands.mmseg_command((tmp_path / "a.py", tmp_path / "a.pth"), "theirs", tmp_path, "val", "ade20k"),
    ]
    for command in made:
        result = CliRunner().invoke(app, [*command.arguments, "--help"])
        assert result.exit_code == 0, result.output
        assert command.writes
    assert made[1].line == (
        f"vspw train t3_nce2 --profile mini --seed 1 --set train.iterations=5 --data vspw={tmp_path}/own --resume"
    )
    assert made[3].line == f"vspw score '{tmp_path}/a b.zarr'"


def test_a_plain_training_is_a_short_line_and_draws_what_is_not_there(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    first = commands.train_command(place, "t3_nce2", "mini", 0, 300, embedded=True)
    assert first.arguments == ("train", "t3_nce2", "--profile", "mini", "--seed", "0")
    assert {*first.writes} & {*commands.demo_command().writes} == {"data/mini", "runs/mini-t3_nce2-s0"}
    (tmp_path / "data/mini/vspw").mkdir(parents=True)
    assert commands.train_command(place, "t3_nce2", "mini", 1, 300, embedded=True).writes == ("runs/mini-t3_nce2-s1",)


@pytest.mark.parametrize("name", ["-rf", "--overwrite", "", ".hidden", "a/b", "..", "a\nb", " a"])
def test_names_that_a_command_would_read_as_something_else_are_refused(name: str, tmp_path: Path) -> None:
    made = [
        lambda: commands.predict_command(name, "val"),
        lambda: commands.sweep_command(("a", name), "val"),
        lambda: commands.write_command([name, "b"], "val", ["--mean"], "c"),
        lambda: commands.write_command(["a", "b"], "val", ["--mean"], name),
        lambda: commands.submit_command(Workspace(tmp_path), name, "val"),
        lambda: commands.predict_data_command(name, tmp_path, "val"),
        lambda: commands.import_command(tmp_path, name, tmp_path, "val", raw=False),
        lambda: commands.mmseg_command((tmp_path, tmp_path), name, tmp_path, "val", None),
    ]
    for make in made:
        with pytest.raises(InputError, match="name: expected a name that can be a folder's"):
            make()
