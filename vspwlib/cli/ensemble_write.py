"""``vspw ensemble write``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    WorkspaceOption,
    parse_data,
    parse_numbers,
    progress_bar,
)
from vspwlib.runs import Workspace, read_json

if TYPE_CHECKING:
    from vspwlib.pipeline.derived import Written


def write(
    names: Annotated[
        list[str], typer.Argument(help="Runs, the first is P1; for a vote also imported systems and PNG folders.")
    ],
    split: Annotated[str, typer.Option(help="Split that all have predicted.")],
    name: Annotated[str, typer.Option(help="Name of the ensemble among the predictions.")],
    tau: Annotated[float | None, typer.Option(help="Weight of the first of two runs; the other has 1 − τ.")] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="One weight a run: 0.5,0.3,0.2 or repeated; divided by their sum.")
    ] = None,
    mean: Annotated[bool, typer.Option("--mean", help="Equal weights.")] = False,
    vote: Annotated[
        bool, typer.Option("--vote", help="Majority vote of the label maps, with --weights so many votes; no scores.")
    ] = False,
    class_weights: Annotated[
        Path | None, typer.Option(help="File of weights of every class, from `vspw ensemble search --per-class --out`.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop what stands under that name.")] = False,
    data: DataOption = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the predictions of an ensemble: exact label maps as PNGs, and scores that every command takes.

    Finished videos are kept; a stopped call goes on.

    Example: `vspw ensemble write mini-t3_nce2-s0 mini-t2_896_map_drop-s0 --split test2 --tau 0.4 --name pair`

    Example: `vspw ensemble write a b c --split val --weights 0.5,0.3,0.2 --name three`
    """
    from vspwlib.ensemble.class_weights import class_weights_from_json
    from vspwlib.ensemble.rule import ClassWeights, choose_rule
    from vspwlib.pipeline.fusing import write_ensemble

    by_class = None
    if class_weights is not None:
        found = class_weights_from_json(read_json(class_weights, "class weights"), names, where=class_weights)
        by_class = ClassWeights(tuple(map(tuple, found.tolist())), class_weights)
    numbers = parse_numbers("--weights", weights, example="0.5,0.3,0.2")
    rule = choose_rule(len(names), tau=tau, weights=numbers, mean=mean, vote=vote, class_weights=by_class)
    place = Workspace.locate(workspace)
    root = parse_data(data, place).get("vspw") if data else None
    with progress_bar("fusing", quiet=as_json) as progress:
        written = write_ensemble(
            place, names, split, rule, name, data=root, device=device, overwrite=overwrite, progress=progress
        )
    show_written(written, as_json=as_json)


def show_written(written: "Written", *, as_json: bool) -> None:
    """Print what a command has written, for people or for machines."""
    import json

    summary = written.summary()
    if as_json:
        typer.echo(json.dumps(summary))
        return
    if written.differing is not None:
        summary["differing"] = f"{100 * written.differing:.3f} % of pixels between PNGs and store"
    typer.echo("\n".join(f"{key:>10}  {value}" for key, value in summary.items() if value is not None))
