"""``vspw ensemble specialists``."""

from typing import Annotated

import typer

from vspwlib.cli.ensemble_write import show_written
from vspwlib.cli.options import DataOption, DeviceOption, JsonOption, WorkspaceOption, parse_data, progress_bar
from vspwlib.runs import Workspace


def specialists(
    base: Annotated[str, typer.Argument(help="Run or ensemble that predicts all classes.")],
    names: Annotated[list[str], typer.Argument(help="Runs trained on for the classes of their loss.focus.")],
    split: Annotated[str, typer.Option(help="Split that all have predicted.")],
    name: Annotated[str, typer.Option(help="Name of the result among the predictions.")],
    weight: Annotated[
        float | None, typer.Option(help="Mix the probabilities of its classes: its share, 0..1; the base has the rest.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop what stands under that name.")] = False,
    data: DataOption = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let specialists have a say on their own classes: each is believed where it predicts one of them.

    With `--weight w` it is P_c = (1−w)·P_c of the base + w·P_c of the specialist for class c instead. Writes label maps
    as PNGs and scores, as `vspw ensemble write` does; a stopped call goes on.

    Example: `vspw ensemble specialists mini-t2_480-s0 vehicles --split test2 --name with_vehicles`
    """
    from vspwlib.pipeline.specialists import write_specialists

    place = Workspace.locate(workspace)
    root = parse_data(data, place).get("vspw") if data else None
    with progress_bar("fusing", quiet=as_json) as progress:
        written = write_specialists(
            place,
            base,
            names,
            split,
            name,
            weight=weight,
            data=root,
            device=device,
            overwrite=overwrite,
            progress=progress,
        )
    show_written(written, as_json=as_json)
