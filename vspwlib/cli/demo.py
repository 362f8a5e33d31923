"""``vspw demo``."""

from typing import TYPE_CHECKING

import typer

from vspwlib.cli.options import DeviceOption, JsonOption, WorkspaceOption
from vspwlib.progress import ProgressFile
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from vspwlib.pipeline.demo import DemoResult


def demo(workspace: WorkspaceOption = None, device: DeviceOption = "auto", as_json: JsonOption = False) -> None:
    """Run the main job on the embedded default: data, two models, predictions, tau sweep, scores.

    Needs no data and no GPU; a stopped call goes on where it was.

    Example: `vspw demo --workspace /tmp/demo`
    """
    import json

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    from vspwlib.pipeline.demo import run_demo

    columns = (TextColumn("{task.description:<34}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as bar:
        task = bar.add_task("starting", total=1.0)
        file = ProgressFile("starting", 1.0)

        def report(stage: str, share: float) -> None:
            bar.update(task, description=stage, completed=share)
            file.report(share, 1.0, stage)

        try:
            result = run_demo(Workspace.locate(workspace), on_progress=report, device=device)
        finally:
            file.close()
    if as_json:
        typer.echo(json.dumps(result.summary()))
        return
    _print(result)


def _print(result: "DemoResult") -> None:
    from rich.console import Console
    from rich.table import Table

    from vspwlib.report.tables import PAPER_TABLE4

    console = Console()
    best = result.summary()
    table = Table(title="Table 4: mIoU % of P = τ·P1 + (1−τ)·P2")
    for heading in ("τ", "this run, embedded Test2", "the paper, VSPW Test2"):
        table.add_column(heading, justify="right")
    for tau, published in PAPER_TABLE4.items():
        table.add_row(f"{tau:.1f}", f"{100 * result.sweep.at(tau):.2f}", f"{published:.2f}")
    console.print(table)
    console.print(
        f"P1 {result.first.name}, P2 {result.second.name}; best of all τ {best['tau_best']:g} with mIoU "
        f"{100 * best['miou_best']:.2f} % (an upper bound: τ was chosen on the split it is scored on).\n"
        "The columns are of different data and networks: compare the shape, not the height.\n"
    )
    console.print(f"Open the workbench:  VSPW_WORKSPACE={best['workspace']} streamlit run app.py   (or: make app)")
