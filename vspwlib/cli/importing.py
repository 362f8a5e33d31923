"""``vspw import``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.checks import fail
from vspwlib.cli.options import DataOption, JsonOption, WorkspaceOption, parse_data, progress_bar
from vspwlib.runs import Workspace

app = typer.Typer(help="Bring in what other systems made.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bring in what other systems made."""


@app.command()
def predictions(
    folder: Annotated[Path, typer.Argument(help="PNGs of another system, <video>/<frame>.png, ids 0..123.")],
    name: Annotated[str, typer.Option(help="Name of the system among the predictions.")],
    split: Annotated[str, typer.Option(help="Split that was predicted.")],
    data: DataOption = None,
    raw: Annotated[bool, typer.Option("--raw", help="The files hold VSPW's raw values 1..124.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier import of that name.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take label maps of any other system: every frame is checked, then they can be scored and vote.

    Example: `vspw import predictions their_pngs --name theirs --data vspw=/data/VSPW_480p --split val`
    """
    import json

    from vspwlib.data.index import named
    from vspwlib.pipeline.importing import import_predictions

    place = Workspace.locate(workspace)
    known = parse_data(data, place)
    if "vspw" not in known:
        fail("--data", expected="the data set that was predicted", got="none", fix="name it with --data vspw=PATH.")
    with progress_bar("importing", quiet=as_json) as progress:
        found = import_predictions(
            folder, place, name, known["vspw"], split, raw=raw, overwrite=overwrite, progress=progress
        )
    if as_json:
        typer.echo(json.dumps(found.summary()))
        return
    typer.echo(f"{found.frames} frames of {found.videos} videos, {found.classes} classes: {found.labels}")
    for text in (f"left out: {named(found.stray)}" if found.stray else "", found.doubt):
        if text:
            typer.echo(text, err=True)
