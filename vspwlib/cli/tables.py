"""``vspw tables``: the paper's tables, run where they have not been and printed."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    WorkspaceOption,
    parse_data,
    progress_bar,
    with_embedded,
)
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from vspwlib.pipeline.table_runs import Outcome, Step


def tables(
    number: Annotated[int | None, typer.Argument(help="1 to 6; default all.")] = None,
    profile: Annotated[str, typer.Option(help="Scale: mini, camvid or vspw.")] = "mini",
    seeds: Annotated[str, typer.Option(help="Seeds of every row: 0,1,2.")] = "0",
    no_run: Annotated[bool, typer.Option("--no-run", help="Print what is published, run nothing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, run nothing.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of published results.")] = Path("results"),
    data: DataOption = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the rows of the paper's tables that `results/` does not hold yet, and print the tables.

    A row is trained, predicted, scored and published; one that was published with the same settings, seed and data is
    not run again. Ctrl-C stops; the same command goes on, tomorrow as well. Tables are also written under
    `results/tables/`, as Markdown and LaTeX.

    Example: `vspw tables 2 --profile mini --seeds 0,1,2`
    """
    import json

    from vspwlib.checks import check_choice
    from vspwlib.recipes import PROFILES
    from vspwlib.tables import TABLES, table

    check_choice("profile", profile, PROFILES)
    numbers = list(TABLES) if number is None else [table(number).number]
    failed: list[Outcome] = []
    if not no_run:
        place = Workspace.locate(workspace)
        steps, folders = _steps(numbers, profile, _parse_seeds(seeds), data, results, place, quiet=as_json)
        if dry_run:
            rows = [{"row": step.key, "seed": step.seed, "state": step.state} for step in steps]
            lines = [f"{row['state']:>8}  {row['row']}, seed {row['seed']}" for row in rows]
            typer.echo(json.dumps(rows) if as_json else "\n".join(lines))
            return
        failed = _run(steps, profile, place, folders, results, device, quiet=as_json)
    printed = {str(entry): _print(entry, profile, results, quiet=as_json, write=not no_run) for entry in numbers}
    errors = [f"{outcome.step.key}, seed {outcome.step.seed}: {outcome.error}" for outcome in failed]
    if as_json:
        typer.echo(json.dumps({"tables": printed, "failed": errors}))
    for error in errors:
        typer.secho(f"vspw: {error}", err=True, fg="red")
    if errors:
        sys.exit(1)


def _parse_seeds(text: str) -> list[int]:
    from vspwlib.checks import require

    parts = [part.strip() for part in text.split(",")]
    require(all(map(str.isdecimal, parts)), "--seeds", expected="numbers", got=repr(text), fix="for example 0,1,2.")
    return list(dict.fromkeys(map(int, parts)))


def _steps(
    numbers: list[int],
    profile: str,
    seeds: list[int],
    data: list[str] | None,
    results: Path,
    place: Workspace,
    *,
    quiet: bool,
) -> "tuple[list[Step], dict[str, Path]]":
    """Return what is to be run, and the data sets for it: the embedded ones, those named, or the workspace's."""
    from vspwlib.checks import fail
    from vspwlib.recipes import RECIPES, recipe

    folders = {} if profile == "mini" and not data else parse_data(data, place)
    if profile == "mini":
        stills = dict.fromkeys(name for key in RECIPES for name in recipe(key, profile).mix.stills)
        folders = with_embedded(folders, tuple(stills), place, quiet=quiet)
    if "vspw" not in folders:
        fail("--data", expected="the videos' folder", got="none", fix=f"name it: --profile {profile} --data PATH.")

    from vspwlib.pipeline.table_runs import steps_of

    return steps_of([entry for entry in numbers if entry < 6], profile, seeds, folders, results), folders


def _run(
    steps: "list[Step]",
    profile: str,
    place: Workspace,
    folders: dict[str, Path],
    results: Path,
    device: str,
    *,
    quiet: bool,
) -> "list[Outcome]":
    """Run what is not held, and return what failed."""
    from vspwlib.pipeline.table_runs import run_steps
    from vspwlib.train.interrupt import Interrupted

    held = sum(step.state == "held" for step in steps)
    typer.echo(f"{held} of {len(steps)} rows are published, {len(steps) - held} to run.", err=True)
    failed = []
    with progress_bar("tables", quiet=quiet) as report:

        def show(what: str, done: int, whole: int) -> None:
            report(done, whole, what)

        try:
            for outcome in run_steps(steps, profile, place, folders, results, device=device, progress=show):
                if outcome.error is not None:
                    failed.append(outcome)
                elif not quiet:
                    typer.echo(str(outcome.path), err=True)
        except Interrupted as stop:
            typer.echo(f"{stop}. Repeat the command to go on.", err=True)
            sys.exit(128 + stop.signal_number)
    return failed


def _print(number: int, profile: str, results: Path, *, quiet: bool, write: bool) -> list[dict[str, Any]]:
    """Print a table and write it beside its results; return its rows."""
    from vspwlib.report.printing import printed_table
    from vspwlib.runs import write_text
    from vspwlib.tables import TABLES

    table, entry = printed_table(number, profile, results), TABLES[number]
    if not quiet:
        typer.echo(table.text)
    if write:
        place = results / "tables" / profile / entry.name
        write_text(place.with_suffix(".md"), f"# Table {number}. {entry.title}\n\n{table.markdown}")
        write_text(place.with_suffix(".tex"), table.latex)
    return table.rows
