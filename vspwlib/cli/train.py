"""``vspw train``."""

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.checks import fail, require
from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    WorkspaceOption,
    parse_data,
    parse_settings,
    with_embedded,
)
from vspwlib.progress import ProgressFile
from vspwlib.runs import Run, Workspace

if TYPE_CHECKING:
    from rich.progress import TaskID


def train(
    recipe: Annotated[str, typer.Argument(help="Row of a table or name of a network; `vspw models list` names them.")],
    profile: Annotated[str, typer.Option(help="Scale: mini, camvid or vspw.")] = "mini",
    data: DataOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting, as in --set optim.lr=1e-4 (repeatable).")
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(help="Starting weights: a run, a file (a network or a backbone), timm (ImageNet), or none."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of initialisation, data order, augmentation and dropout.")] = 0,
    name: Annotated[str | None, typer.Option(help="Name of the run; default PROFILE-RECIPE-sSEED.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run from its newest snapshot.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start again where the run exists.")] = False,
    restartable: Annotated[
        bool,
        typer.Option("--restartable", help="Start, go on or take the finished run: for jobs that are started again."),
    ] = False,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a recipe into a run of the workspace. Ctrl-C and SIGTERM save first; `--resume` goes on bit for bit.

    Without `--data` the profile `mini` trains on the embedded data, the others on the set that the workspace knows.
    A recipe with image sets (`mix.stills`) takes them from `--data cocostuff=PATH`, or from the embedded data.

    Example: `vspw train t3_nce2 --profile camvid --data ../camvid --seed 1`
    """
    import json

    from vspwlib.config import override
    from vspwlib.recipes import recipe as resolve

    at_odds = restartable and (resume or overwrite)
    require(
        not at_odds, "--restartable", expected="to stand alone", got="--resume or --overwrite", fix="drop that one."
    )
    place = Workspace.locate(workspace)
    resolved = override(resolve(recipe, profile, seed=seed), parse_settings(settings) | _start(init, place))
    # Refused before torch is loaded. Without a word the small scale is the embedded data's, whatever was used last.
    folders = {} if profile == "mini" and not data else parse_data(data, place)
    if profile == "mini":
        folders = with_embedded(folders, resolved.mix.stills, place, quiet=as_json)

    from vspwlib.pipeline.training import train as run_training
    from vspwlib.pipeline.training import train_once
    from vspwlib.train.interrupt import Interrupted

    with TrainingProgress(resolved.train.iterations, quiet=as_json) as progress:
        try:
            work = train_once if restartable else partial(run_training, resume=resume, overwrite=overwrite)
            run = work(
                resolved,
                place,
                folders,
                name=name,
                device=device,
                on_record=progress.show,
                on_reading=progress.reading,
            )
        except Interrupted as stop:
            typer.echo(f"{stop}. Repeat the command with --resume to go on.", err=True)
            sys.exit(128 + stop.signal_number)
    summary = _summary(run, resolved.train.iterations, progress.best_miou)
    typer.echo(json.dumps(summary) if as_json else "\n".join(f"{key:>12}  {value}" for key, value in summary.items()))


def _summary(run: Run, iterations: int, best_miou: float | None) -> dict[str, Any]:
    """Return what a finished training prints."""
    costs = [record for record in run.log() if record["kind"] == "cost"]  # one for each time it was resumed
    return {
        "run": run.name,
        "iterations": iterations,
        "seconds": round(sum(record["seconds"] for record in costs), 1),
        "cpu_seconds": round(sum(record["cpu_seconds"] for record in costs), 1),
        "best_miou": best_miou,
        "path": str(run.path),
    }


def _start(init: str | None, workspace: Workspace) -> dict[str, str]:
    """Turn ``--init`` into a setting; a file is looked for now, and named so that the run can be told from anywhere."""
    import json

    if init is None:
        return {}
    if init in {"none", "timm"} or init in {run.name for run in workspace.runs()}:
        return {"model.init": json.dumps(init)}
    path = Path(init).expanduser().resolve()
    if not path.is_file():
        fail(
            "--init",
            expected="none, timm, a run or an existing file",
            got="nothing there",
            where=path,
            fix="check the path.",
        )
    return {"model.init": json.dumps(str(path))}


class TrainingProgress:
    """A progress bar fed with log records; remembers the best validation score."""

    def __init__(self, iterations: int, *, quiet: bool = False, label: str = "training") -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.best_miou: float | None = None
        self._reading: TaskID | None = None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task = self._bar.add_task(label, total=iterations, note="")
        self._iterations = iterations
        self._file = ProgressFile(label, iterations)

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()
        self._file.close()

    def reading(self, what: str, done: int, whole: int) -> None:
        """Show a bar of its own while images are read for the first time."""
        if self._reading is None:
            self._reading = self._bar.add_task(what, total=whole, note="")
        self._bar.update(self._reading, description=what, completed=done, total=whole)
        self._file.report(done, whole, what)
        if done == whole:
            self._bar.remove_task(self._reading)
            self._reading = None

    def show(self, record: dict[str, Any]) -> None:
        """Move the bar to a record's step."""
        if record["kind"] == "init":
            self._bar.console.print(record["note"])
            return
        if record["kind"] == "skipped":  # the log says so
            return
        if record["kind"] == "val":
            self.best_miou = max(self.best_miou or 0.0, record["miou"])
            return
        best = "" if self.best_miou is None else f"  best mIoU {100 * self.best_miou:.1f}"
        note = f"loss {record['loss']:.3f}  {record['images_per_s']:.1f} images/s{best}"
        self._bar.update(self._task, completed=record["step"], note=note)
        self._file.report(record["step"], self._iterations)
