"""``vspw map check``: whether a mapping holds on videos."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from rich.console import Console


def check(
    stills: Annotated[str, typer.Argument(help="A run taught by mapped photographs alone.")],
    videos: Annotated[str, typer.Argument(help="A run taught by videos alone, of the same recipe otherwise.")],
    split: Annotated[str, typer.Option(help="Split of videos that both have predicted and been scored on.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows of each table; --json has all.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a mapping against videos: per class, and by the confusions that only the photographs teach.

    Train, predict and score the two runs first, the former with
    `--set 'mix.stills=["cocostuff"]' --set 'mix.weights=[0,1]' --name stills`.

    Example: `vspw map check stills mini-t2_480-s0 --split test2`
    """
    import json

    from vspwlib.metrics.iou import miou
    from vspwlib.pipeline.mapping_check import taught_by
    from vspwlib.pipeline.stored_scores import split_score
    from vspwlib.report.mapping_check import class_rows, suspect_rows

    place = Workspace.locate(workspace)
    with progress_bar("reading", quiet=as_json) as progress:
        taught = taught_by(place.run(stills), place, progress=progress)
    first, second = (split_score(place, name, split).confusion for name in (stills, videos))
    found: dict[str, Any] = {
        "stills": {"run": stills, "miou": miou(first)},
        "videos": {"run": videos, "miou": miou(second)},
        "split": split,
        "classes": class_rows(first, second, taught),
        "suspects": suspect_rows(first, second, taught),
    }
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print(found, rows)


def _print(found: dict[str, Any], shown: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from vspwlib.report.mapping_check import shortened

    console = Console()
    classes = Table(
        "class", "taught by", "pixels", "stills IoU", "videos IoU", title="Classes, most pixels of truth first"
    )
    for row in found["classes"][:shown]:
        scores = (f"{row[name]:.1%}" for name in ("stills", "videos"))
        classes.add_row(row["vspw"], shortened(row["sources"]), f"{row['taught']:,}", *scores)
    console.print(classes)
    suspects = Table(
        "truth", "predicted", "stills", "videos", "rows to look at", title="Confusions that photographs teach"
    )
    for row in found["suspects"][:shown]:
        shares = (f"{row[name]:.0%}" for name in ("stills", "videos"))
        why = shortened(row["sources"]) if row["known"] else f"none: the photographs hold no {row['truth']}"
        suspects.add_row(row["truth"], row["predicted"], *shares, why)
    console.print(suspects)
    _print_scores(console, found)


def _print_scores(console: "Console", found: dict[str, Any]) -> None:
    for name in ("stills", "videos"):
        own = found[name]
        console.print(f"{own['run']}: {own['miou']:.2%} mIoU on {found['split']}", highlight=False)
    without = [row["vspw"] for row in found["classes"] if not row["taught"]]
    console.print(f"not in the photographs ({len(without)}): {', '.join(without) or 'none'}", highlight=False)
