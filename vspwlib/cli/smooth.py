"""``vspw smooth``."""

from typing import Annotated

import typer

from vspwlib.cli.ensemble_write import show_written
from vspwlib.cli.options import DataOption, JsonOption, WorkspaceOption, parse_data, progress_bar
from vspwlib.runs import Workspace


def smooth(
    run: Annotated[str, typer.Argument(help="Run or ensemble with scores.")],
    split: Annotated[str, typer.Option(help="Split that it has predicted.")],
    name: Annotated[str, typer.Option(help="Name of the result among the predictions.")],
    reach: Annotated[int, typer.Option(help="Frames to either side that are mixed in.")] = 1,
    weight: Annotated[float, typer.Option(help="Of each neighbour; the frame itself has 1.")] = 0.5,
    threshold: Annotated[
        float, typer.Option(help="Pixels by which flow there and back may miss; beyond, a neighbour does not count.")
    ] = 1.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop what stands under that name.")] = False,
    data: DataOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mix into each frame what its neighbours say of the same points, found by optical flow, on the CPU.

    Writes label maps as PNGs and scores, as `vspw ensemble write` does; a stopped call goes on.

    Example: `vspw smooth mini-t3_nce2-s0 --split test2 --name smooth --reach 1 --weight 0.5`
    """
    from vspwlib.pipeline.smoothing import write_smoothed

    place = Workspace.locate(workspace)
    root = parse_data(data, place).get("vspw") if data else None
    with progress_bar("smoothing", quiet=as_json) as progress:
        written = write_smoothed(
            place,
            run,
            split,
            name,
            reach=reach,
            weight=weight,
            threshold=threshold,
            data=root,
            overwrite=overwrite,
            progress=progress,
        )
    show_written(written, as_json=as_json)
