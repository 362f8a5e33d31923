"""``vspw runs``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.checks import fail
from vspwlib.cli.options import JsonOption, WorkspaceOption
from vspwlib.runs import Workspace

app = typer.Typer(help="Runs of the workspace.", no_args_is_help=True)

_WIDE = 120  # columns of a terminal in which all of a run fits into a line


@app.command("list")
def list_runs(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List runs and whatever else has predictions, with what they have predicted and their scores.

    In a terminal of fewer than 120 columns there is no room for what runs and ensembles are made of.

    Example: `vspw runs list`
    """
    import json

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from vspwlib.pipeline.removing import disk_use_by_name
    from vspwlib.report.predictions import system_rows

    place = Workspace.locate(workspace)
    rows = system_rows(place, on_error=lambda error: typer.echo(f"left out: {error}", err=True))
    taken = disk_use_by_name(place)
    rows = [{**row, "bytes": taken[row["run"]]} for row in rows]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    console, table = Console(), Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    wide = console.width >= _WIDE
    table.add_column("name", no_wrap=True)  # what other commands are given: never cut
    for heading in ("kind", "made of", "state") if wide else ():
        table.add_column(heading, overflow="fold")
    table.add_column("predicted")
    for heading in ("mIoU", "VC8", "VC16", "disk"):
        table.add_column(heading, justify="right", no_wrap=True)
    before = None  # a name's disk use stands once
    for row in rows:
        figures = [("–" if row[key] is None else f"{100 * row[key]:.2f}") for key in ("miou", "vc8", "vc16")]
        predicted = (
            f"{row['dataset']}-{row['split']} {row['predicted']}" if row["split"] else ("–" if wide else row["state"])
        )
        made = [row["kind"], row["made"] or "–", row["state"] or "–"] if wide else []
        words = map(escape, (row["run"], *made, predicted))
        table.add_row(*words, *figures, "" if row["run"] == before else _size(row["bytes"]))
        before = row["run"]
    console.print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name of the run.")], workspace: WorkspaceOption = None) -> None:
    """Print a run's configuration and environment as JSON.

    Example: `vspw runs show mini-t3_nce2-s0`
    """
    import json

    from vspwlib.runs import read_json

    run = Workspace.locate(workspace).run(name)
    records = list(run.log())
    typer.echo(
        json.dumps(
            {
                "run": run.name,
                "finished": run.finished,
                "last_record": records[-1] if records else None,
                "config": run.config,
                "environment": read_json(run.path / "environment.json", "environment"),
            },
            indent=1,
        )
    )


@app.command()
def publish(
    name: Annotated[str, typer.Argument(help="Name of the run, or of an ensemble or the like that was made of runs.")],
    table: Annotated[str, typer.Option(help="Folder under results/.")] = "baselines",
    results: Annotated[Path, typer.Option(help="Root of the published results.")] = Path("results"),
    workspace: WorkspaceOption = None,
) -> None:
    """Write a scored run's counts and provenance as one JSON file for results/.

    Example: `vspw runs publish camvid-upernet_swin_tiny-s0 --table baselines`
    """
    from vspwlib.pipeline.publishing import publish as publish_run
    from vspwlib.pipeline.publishing import publish_derived

    place = Workspace.locate(workspace)
    run = next((run for run in place.runs() if run.name == name), None)
    if run is None:
        typer.echo(publish_derived(name, place, table, results=results))
    else:
        typer.echo(publish_run(run, place, table, results=results))


@app.command()
def rm(
    name: Annotated[str, typer.Argument(help="Name of the run.")],
    workspace: WorkspaceOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, and how large it is.")] = False,
) -> None:
    """Delete a run or an ensemble, its predictions and what was kept of them for sweeps. Scores of sweeps stay.

    Example: `vspw runs rm mini-t3_nce2-s0 --dry-run`
    """
    from vspwlib.pipeline.removing import disk_use, folders_of, remove

    place = Workspace.locate(workspace)
    folders = folders_of(place, name)
    for folder in folders:
        typer.echo(f"{_size(disk_use(folder)):>10}  {folder}")
    if dry_run:
        return
    if not yes and not typer.confirm("Delete these?"):
        fail("runs rm", expected="a yes", got="a no", fix="nothing was deleted.")
    remove(place, name)


def _size(count: int) -> str:
    """Return a number of bytes for people.

    >>> _size(999), _size(2_500_000_000)
    ('999 B', '2.5 GB')
    """
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} B" if units[0] == "B" else f"{value:.1f} {units[0]}"
