"""The command that a run's folder names leads to its recipe."""

import shlex
import subprocess

import pytest

from vspwlib.cli.options import parse_settings
from vspwlib.config import Recipe, override
from vspwlib.pipeline.reproducing import train_command
from vspwlib.recipes import recipe

CHANGES = {
    "augment.crop": "[32,48]",
    "predict.short_side": "none",
    "optim.lr": "3e-5",
    "mix.stills": '["cocostuff"]',
    "model.init": '"a run; with $words"',
    "train.max_bad_steps": "3",
    "predict.scales": "[0.5,1.0]",
}


def read(words: list[str]) -> Recipe:
    """Resolve a command line as ``vspw train`` does."""
    options = {word: words[place + 1] for place, word in enumerate(words) if word.startswith("--")}
    settings = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    start = recipe(words[2], options["--profile"], seed=int(options["--seed"]))
    return override(start, parse_settings(settings))


@pytest.mark.parametrize("changes", [{}, CHANGES], ids=["as it is", "changed"])
@pytest.mark.parametrize(
    ("name", "profile"), [("t3_nce2", "mini"), ("t2_896_map_drop", "vspw"), ("t1_beitv2", "camvid")]
)
def test_the_words_resolve_to_the_recipe(name, profile, changes):
    start = recipe(name, profile, seed=3)
    wanted = override(start, changes)
    words = train_command(wanted, {}, name="again")
    assert read(words) == wanted
    assert words.count("--set") == sum(override(start, {key: value}) != start for key, value in changes.items())


def test_a_run_holds_a_script_that_a_shell_takes_apart_as_it_was_meant(finished):
    run = finished.runs[1]
    script = run.path / "reproduce.sh"
    shown = script.read_text().replace("exec vspw", "printf '%s\\n'")
    words = subprocess.run(["sh", "-c", shown], capture_output=True, text=True, check=True).stdout.splitlines()
    assert read(["vspw", *words]) == Recipe.from_dict(run.config["recipe"])
    assert words[words.index("--name") + 1] == f"{run.name}-again"
    assert words[words.index("--data") + 1] == f"vspw={finished.data['vspw'].resolve()}"
    assert shlex.split(script.read_text(), comments=True)[0] == "exec"
