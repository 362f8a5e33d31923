"""``vspw ensemble``."""

from typing import Annotated

import typer

from vspwlib.cli.options import DeviceOption, JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace

app = typer.Typer(help="Ensembles of runs.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Ensembles of runs."""


@app.command()
def sweep(
    first: Annotated[str, typer.Argument(help="Run of P1, whose weight is τ.")],
    second: Annotated[str, typer.Argument(help="Run of P2.")],
    split: Annotated[str, typer.Option(help="Split that both runs have predicted.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data set's folder name; default: the one P1 has predicted.")
    ] = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score P = τ·P1 + (1−τ)·P2 at the paper's eleven τ, the mean and the vote.

    Example: `vspw ensemble sweep mini-t3_nce2-s0 mini-standin_multidata-s1000 --split test2`
    """
    import json

    from rich.console import Console
    from rich.table import Table

    from vspwlib.pipeline.ensembling import predicted_data
    from vspwlib.pipeline.ensembling import sweep as run_sweep

    place = Workspace.locate(workspace)
    data = dataset or predicted_data(place, first, split)
    with progress_bar("sweeping", quiet=as_json) as progress:
        result = run_sweep(place, first, second, data, split, device=device, progress=progress)
    if as_json:
        figures = {"taus": list(result.taus), "miou": [float(value) for value in result.miou]}
        best = {"tau_best": result.best_tau, "miou_best": result.best_miou}
        typer.echo(json.dumps(figures | best | {"mean": result.mean_miou, "vote": result.vote_miou}))
        return
    table = Table("τ", "mIoU %")
    for value, score in zip(result.taus, result.miou, strict=True):
        table.add_row(f"{value:.1f}", f"{100 * score:.2f}")
    table.add_section()
    table.add_row("mean", f"{100 * result.mean_miou:.2f}")
    table.add_row("vote", f"{100 * result.vote_miou:.2f}")
    Console().print(table)
    best_figure = f"best τ {result.best_tau:.1f}: {100 * result.best_miou:.2f} %"
    typer.echo(f"{best_figure} (an upper bound: chosen on the split it is scored on)")
