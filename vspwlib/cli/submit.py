"""``vspw submit``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.options import DataOption, JsonOption, WorkspaceOption, parse_data, progress_bar
from vspwlib.runs import Workspace


def submit(
    predictions: Annotated[str, typer.Argument(help="Store, PNG folder, or a name among the workspace's predictions.")],
    split: Annotated[str, typer.Option(help="Split to hand in.")],
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    data: DataOption = None,
    top: Annotated[str, typer.Option(help="Folder at the top of the zip; '' for none.")] = "result_submission",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pack predictions as the VSPW challenge takes them; name, size and ids of every frame are checked.

    Example: `vspw submit pair --split test --out submission.zip`

    Example: `vspw submit my_pngs --data vspw=/data/VSPW_480p --split test --out submission.zip`
    """
    import json

    from vspwlib.data.index import named
    from vspwlib.pipeline.prediction import data_label
    from vspwlib.pipeline.sources import find_predictions
    from vspwlib.pipeline.submitting import submit as write_submission

    place = Workspace.locate(workspace)
    root = parse_data(data, place).get("vspw") if data else None
    path = find_predictions(place, predictions, split, dataset=data_label(root) if root else None)
    with progress_bar("packing", quiet=as_json) as progress:
        done = write_submission(path, split, out, data=root, top=top, progress=progress)
    if as_json:
        typer.echo(json.dumps(done.summary()))
        return
    typer.echo(f"{done.frames} frames of {done.videos} videos, {done.bytes / 2**20:.1f} MiB: {done.zip}")
    typer.echo(f"from {path}, sha256 {done.sha256}")
    if done.stray:
        typer.echo(f"left out: {named(done.stray)}", err=True)
