"""``vspw ensemble``."""

from typing import TYPE_CHECKING, Annotated

import typer

from vspwlib.cli.ensemble_rows import rows
from vspwlib.cli.ensemble_search import search
from vspwlib.cli.ensemble_specialists import specialists
from vspwlib.cli.ensemble_write import write
from vspwlib.cli.options import (
    CountShardOption,
    DeviceOption,
    JsonOption,
    WorkspaceOption,
    parse_shard,
    progress_bar,
    show_waiting,
)
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from vspwlib.ensemble.result import SweepResult

app = typer.Typer(help="Ensembles of runs.", no_args_is_help=True)
app.command("rows")(rows)
app.command("search")(search)
app.command("specialists")(specialists)
app.command("write")(write)


@app.command()
def sweep(
    first: Annotated[str, typer.Argument(help="Run of P1, whose weight is τ.")],
    second: Annotated[str, typer.Argument(help="Run of P2.")],
    split: Annotated[str, typer.Option(help="Split that both runs have predicted.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data set's folder name; default: the one P1 has predicted.")
    ] = None,
    shard: CountShardOption = "0/1",
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score P = τ·P1 + (1−τ)·P2 at every τ, exactly and in one pass, and the mean and the vote.

    Prints the paper's eleven τ and the best of all; the workspace gets the curves at 1001 τ, and the best τ overall, of
    each class and of each video.

    Example: `vspw ensemble sweep mini-t3_nce2-s0 mini-t2_896_map_drop-s0 --split test2`
    """
    from vspwlib.pipeline.ensembling import sweep as run_sweep
    from vspwlib.pipeline.ensembling import sweep_shard
    from vspwlib.pipeline.shards import Waiting

    place = Workspace.locate(workspace)
    pair, part = (place, first, second, dataset, split), parse_shard(shard)
    with progress_bar("sweeping", quiet=as_json) as progress:
        found = (
            sweep_shard(*pair, shard=part, device=device, progress=progress)
            if part[1] > 1
            else run_sweep(*pair, device=device, progress=progress)
        )
    if isinstance(found, Waiting):
        show_waiting(found, as_json=as_json)
        return
    _show(found, as_json=as_json)


def _show(result: "SweepResult", *, as_json: bool) -> None:
    """Print a sweep, for people or for machines."""
    import json

    from rich.console import Console
    from rich.table import Table

    from vspwlib.ensemble.result import PAPER_TAUS
    from vspwlib.report.tables import intervals_text, sweep_rows

    if as_json:
        figures = {"taus": list(result.taus), "miou": [float(value) for value in result.miou]}
        best = {"tau_best": result.best_tau, "miou_best": result.best_miou, "resolution": result.resolution}
        drawn = {"intervals": None if result.intervals is None else result.intervals.to_json()}
        typer.echo(json.dumps(figures | best | {"mean": result.mean_miou, "vote": result.vote_miou} | drawn))
        return
    table = Table("τ", "mIoU %", "")
    for row in sweep_rows(result, PAPER_TAUS):
        name = f"{row['tau']:.1f}" if row["method"] == "τ" else row["method"]
        shown = f"τ = {row['tau']:g}, {row['note']}" if row["method"] == "best" else row["note"]
        table.add_row(name, f"{100 * row['miou']:.2f}", shown, end_section=row["tau"] == 1.0 and row["method"] == "τ")
    console = Console()
    console.print(table)
    if result.intervals is not None:
        console.print(intervals_text(result.intervals), highlight=False)
