"""The command line that trains a run again, from its recipe."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vspwlib.config import Recipe
from vspwlib.recipes import PROFILES, RECIPES
from vspwlib.recipes import recipe as resolve
from vspwlib.values import flat

SCRIPT = "reproduce.sh"

_WORDS = ("name", "profile", "train.seed")  # settings that are words of the command


def train_command(recipe: Recipe, data: Mapping[str, Path], *, name: str) -> list[str]:
    """Return the words of ``vspw train`` that resolve to a recipe.

    Args:
        recipe: What was trained. One that no row or profile names is told by all of its settings.
        data: Folders by name.
        name: Of the run.

    >>> from vspwlib.config import override
    >>> changed = override(resolve("t3_nce2", "mini", seed=2), {"optim.lr": "1e-4"})
    >>> " ".join(train_command(changed, {}, name="mine"))
    'vspw train t3_nce2 --profile mini --seed 2 --name mine --set optim.lr=0.0001'
    """
    seed = recipe.train.seed
    known = recipe.name in RECIPES and recipe.profile in PROFILES
    start = flat(resolve(recipe.name, recipe.profile, seed=seed).to_dict()) if known else {}
    words = ["vspw", "train", recipe.name, "--profile", recipe.profile, "--seed", str(seed), "--name", name]
    for key, folder in data.items():
        words += ["--data", f"{key}={folder.resolve()}"]
    for key, value in flat(recipe.to_dict()).items():
        if key not in _WORDS and (key not in start or start[key] != value):
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
    return words


def reproduce_script(recipe: Recipe, data: Mapping[str, Path], environment: Mapping[str, Any], *, name: str) -> str:
    """Return a shell script that trains a run again, under another name, with what it was made with as comments."""
    versions = ", ".join(f"{package} {version}" for package, version in environment["versions"].items())
    commit, python = environment["commit"] or "unknown", environment["python"]
    command = shlex.join(train_command(recipe, data, name=f"{name}-again"))
    made = f"# Trains {name} again. It was made with commit {commit}, Python {python},\n# {versions}."
    return f'#!/bin/sh\n{made}\nexec {command} "$@"\n'
