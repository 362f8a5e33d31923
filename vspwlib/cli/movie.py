"""``vspw movie``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace


def movie(
    names: Annotated[list[str], typer.Argument(help="Runs, ensembles or imported systems; the first is P1.")],
    split: Annotated[str, typer.Option(help="Split that they have predicted.")],
    video: Annotated[str, typer.Option(help="Name of the video.")],
    out: Annotated[Path, typer.Option(help="The mp4 to write.")],
    tau: Annotated[float | None, typer.Option(help="Of two runs also show τ·P1 + (1−τ)·P2.")] = None,
    rate: Annotated[float, typer.Option(help="Frames per second.")] = 15.0,
    opacity: Annotated[float, typer.Option(help="Of the colours, 0 to 1.")] = 0.6,
    dataset: Annotated[
        str | None, typer.Option(help="Data set's folder name; default: the one the first has predicted.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a video's stored predictions as an mp4: frame, truth, each run, and a pair fused at τ, side by side.

    Example: `vspw movie mini-t3_nce2-s0 mini-t2_896_map_drop-s0 --split test2 --video NAME --tau 0.4 --out a.mp4`
    """
    import json

    from vspwlib.pipeline.clip_movie import write_movie

    place = Workspace.locate(workspace)
    with progress_bar("drawing", quiet=as_json) as progress:
        frames = write_movie(
            place,
            names,
            split,
            video,
            out,
            tau=tau,
            dataset=dataset,
            rate=rate,
            opacity=opacity,
            progress=progress,
        )
    typer.echo(json.dumps({"movie": str(out), "frames": frames}) if as_json else f"{out}  {frames} frames")
