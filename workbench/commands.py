"""The commands that a page can start: their arguments, as a list, and what in the workspace each of them writes to.

Two jobs that write to the same never run together. Names are those of the workspace's own lists, and every choice is
one argument: nothing here is read by a shell.
"""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from vspwlib.checks import check_name
from vspwlib.recipes import recipe as resolve
from vspwlib.runs import Workspace

EMBEDDED = "mini"  # the profile whose data are drawn where none are named
_named = partial(check_name, "name")
DEMO_RUNS = ("t3_nce2", "t2_896_map_drop")  # `vspwlib.pipeline.demo` names them too, but loads torch


class Command(NamedTuple):
    """A ``vspw`` command: a title for people, its arguments, and what it writes to."""

    title: str
    arguments: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command as it is typed in a terminal."""
        return shlex.join(["vspw", *self.arguments])


def demo_command() -> Command:
    """Return the command that builds the demo."""
    runs = [f"runs/{run_name(name, EMBEDDED, 0)}" for name in DEMO_RUNS]
    return Command("Build the demo workspace", ("demo",), (f"data/{EMBEDDED}", *runs))


def run_name(recipe: str, profile: str, seed: int) -> str:
    """Return the name of the run that `vspw train` makes by default.

    >>> run_name("t3_nce2", "mini", 1)
    'mini-t3_nce2-s1'
    """
    return f"{profile}-{recipe}-s{seed}"


def train_command(
    workspace: Workspace, recipe: str, profile: str, seed: int, iterations: int, *, embedded: bool
) -> Command:
    """Return the command that trains a run, or goes on with it where it has begun.

    Args:
        workspace: Where it trains.
        recipe: A name of ``RECIPES``.
        profile: A name of ``PROFILES``.
        seed: Of everything random.
        iterations: How many.
        embedded: Train on the embedded data, which only the profile ``mini`` does; else on the workspace's data sets.
    """
    name = run_name(recipe, profile, seed)
    arguments = ["train", recipe, "--profile", profile, "--seed", str(seed)]
    if iterations != resolve(recipe, profile).train.iterations:
        arguments += ["--set", f"train.iterations={iterations}"]
    if profile == EMBEDDED and not embedded:
        arguments += [part for data, folder in workspace.data_sets.items() for part in ("--data", f"{data}={folder}")]
    if (workspace.path / "runs" / name).exists():
        arguments.append("--resume")
    drawn = (workspace.path / "data" / EMBEDDED / "vspw").exists()
    draws = () if drawn or not embedded else (f"data/{EMBEDDED}",)
    return Command(f"Train {name}", tuple(arguments), (f"runs/{name}", *draws))


def predict_command(run: str, split: str) -> Command:
    """Return the command that predicts a split with a run."""
    arguments = ("predict", _named(run), "--split", split)
    return Command(f"Predict {split} with {run}", arguments, (f"predictions/{run}/{split}",))


def score_command(store: Path) -> Command:
    """Return the command that scores a prediction store."""
    return Command(f"Score {store.parent.name} on {store.stem}", ("score", str(store)), (f"scores/{store}",))


def sweep_command(runs: Sequence[str], split: str, dataset: str | None = None) -> Command:
    """Return the command that scores two runs at every tau; ``dataset`` where P1 has predicted such a split of two."""
    first, second = map(_named, runs)
    named = () if dataset is None else ("--dataset", dataset)
    arguments = ("ensemble", "sweep", first, second, "--split", split, *named)
    return Command(f"Sweep {first} and {second} on {split}", arguments, (f"ensembles/{first}+{second}",))


def write_command(runs: Sequence[str], split: str, rule: Sequence[str], name: str) -> Command:
    """Return the command that writes the predictions of an ensemble.

    Args:
        runs: Names, P1 first.
        split: What all have predicted.
        rule: Options that say how they are combined, as ``("--tau", "0.4")``.
        name: Of the ensemble among the predictions.
    """
    arguments = ("ensemble", "write", *map(_named, runs), "--split", split, *rule, "--name", _named(name))
    return Command(f"Write {name} on {split}", arguments, (f"predictions/{name}/{split}",))


def submit_command(workspace: Workspace, name: str, split: str) -> Command:
    """Return the command that packs predictions for the challenge, into the workspace's folder ``submissions``."""
    out = workspace.path / "submissions" / f"{name}-{split}.zip"
    arguments = ("submit", _named(name), "--split", split, "--out", str(out))
    return Command(f"Pack {name} on {split}", arguments, (f"submissions/{out.name}",))


def movie_command(workspace: Workspace, runs: Sequence[str], split: str, video: str, tau: float | None) -> Command:
    """Return the command that draws a clip as an mp4, into the workspace's folder ``exports``."""
    fused = "" if tau is None else f"-tau{tau:g}"
    file = f"exports/{'+'.join(map(_named, runs))}-{_named(video)}{fused}.mp4"
    rule = () if tau is None else ("--tau", f"{tau:g}")
    place = ("--split", split, "--video", video, *rule, "--out", str(workspace.path / file))
    return Command(f"Draw {video} as mp4", ("movie", *runs, *place), (file,))


def frames_command(film: Path, clip: Path, every: int) -> Command:
    """Return the command that makes a clip of a film."""
    step = () if every == 1 else ("--every", str(every))
    arguments = ("data", "frames", str(film.resolve()), str(clip.resolve()), *step)
    return Command(f"Take the frames of {clip.name}", arguments, (f"uploads/{clip.name}",))


def predict_data_command(run: str, root: Path, split: str) -> Command:
    """Return the command that predicts a split of other data than the run was trained on."""
    arguments = ("predict", _named(run), "--split", split, "--data", f"vspw={root.resolve()}")
    title = f"Predict {root.resolve().name}, {split} with {run}"
    return Command(title, arguments, (f"predictions/{run}/{root.resolve().name}-{split}",))


def check_command(root: Path) -> Command:
    """Return the command that reads every file of a data set and says what is wrong."""
    return Command(f"Check {root.name}", ("data", "check", str(root.resolve())), (f"checks/{root.resolve()}",))


def import_command(maps: Path, name: str, root: Path, split: str, *, raw: bool) -> Command:
    """Return the command that takes label maps, of a folder or a zip, into the workspace."""
    where = ("--split", split, "--data", f"vspw={root.resolve()}", *(("--raw",) if raw else ()))
    arguments = ("import", "predictions", str(maps.resolve()), "--name", _named(name), *where)
    return Command(f"Import {name} on {split}", arguments, (f"predictions/{name}/{root.resolve().name}-{split}",))


def mmseg_command(model: tuple[Path, Path], name: str, root: Path, split: str, mapping: str | None) -> Command:
    """Return the command that predicts a split with a config of mmsegmentation (a program) and a checkpoint."""
    files = tuple(str(file.resolve()) for file in model)
    where = ("--split", split, "--data", f"vspw={root.resolve()}", *(("--mapping", mapping) if mapping else ()))
    arguments = ("import", "mmseg-config", *files, "--name", _named(name), *where)
    return Command(f"Predict {split} with {name}", arguments, (f"predictions/{name}/{root.resolve().name}-{split}",))
