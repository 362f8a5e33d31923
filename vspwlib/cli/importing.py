"""``vspw import``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.checks import fail
from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    ScalesOption,
    ShardOption,
    TestTimeOption,
    WorkspaceOption,
    parse_data,
    parse_shard,
    parse_test_time,
    progress_bar,
)
from vspwlib.runs import Workspace

app = typer.Typer(help="Bring in what other systems made.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Bring in what other systems made."""


@app.command()
def predictions(
    folder: Annotated[
        Path, typer.Argument(help="PNGs of another system, VIDEO/FRAME.png, ids 0..123; or a zip of these.")
    ],
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
    from vspwlib.data.label_archive import unpacked_labels
    from vspwlib.pipeline.importing import import_predictions

    place = Workspace.locate(workspace)
    root = _video_data(data, place)
    with progress_bar("importing", quiet=as_json) as progress, unpacked_labels(folder, place.path / "uploads") as maps:
        found = import_predictions(
            maps, place, name, root, split, raw=raw, origin=folder.name, overwrite=overwrite, progress=progress
        )
    if as_json:
        typer.echo(json.dumps(found.summary()))
        return
    typer.echo(f"{found.frames} frames of {found.videos} videos, {found.classes} classes: {found.labels}")
    for text in (f"left out: {named(found.stray)}" if found.stray else "", found.doubt):
        if text:
            typer.echo(text, err=True)


@app.command("mmseg-config")
def mmseg_config(
    config: Annotated[Path, typer.Argument(help="Config of mmsegmentation 1.x. mmengine EXECUTES a Python config.")],
    checkpoint: Annotated[Path, typer.Argument(help="Its weights; nothing in this file is executed.")],
    name: Annotated[str, typer.Option(help="Name of the model among the predictions.")],
    split: Annotated[str | None, typer.Option(help="List to predict; omit it for clips without lists.")] = None,
    data: DataOption = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="Data set whose classes the model has: cocostuff or ade20k, or NAME=FILE.csv; read as VSPW's."
        ),
    ] = None,
    settings: TestTimeOption = None,
    scales: ScalesOption = None,
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 where the device has it.")] = "fp32",
    shard: ShardOption = "0/1",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Predict again what is there.")] = False,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict a split with any mmsegmentation model of VSPW's 124 classes, into a store like that of a run.

    Windows, resizing and colours are those that the config tests with; `--set` changes settings. Finished videos are
    kept; a stopped call goes on. A config is a program: take it from people whose programs you would run.

    Example: `vspw import mmseg-config their.py iter_80000.pth --name theirs --data vspw=/data/VSPW_480p --split val`

    Example: `vspw import mmseg-config segformer_ade20k.py segformer.pth --mapping ade20k --name segformer --split val`
    """
    import json

    from vspwlib.checks import check_choice
    from vspwlib.pipeline.mmseg_config import predict_mmseg_config

    check_choice("--precision", precision, ("auto", "fp32", "bf16"))
    part = parse_shard(shard, overwrite=overwrite)
    place = Workspace.locate(workspace)
    root = _video_data(data, place)
    with progress_bar("predicting", quiet=as_json) as progress:
        found = predict_mmseg_config(
            config,
            checkpoint,
            place,
            name,
            root=root,
            split=split,
            mapping=mapping,
            settings=parse_test_time(settings, scales),
            device=device,
            precision=precision,
            shard=part,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(found.summary()))
        return
    summary = {"store": found.store, **found.counts.summary()}
    typer.echo("\n".join(f"{key:>18}  {value}" for key, value in summary.items()))
    for note in found.notes:
        typer.echo(note, err=True)


def _video_data(values: list[str] | None, workspace: Workspace) -> Path:
    """Return the data set that predictions are of."""
    known = parse_data(values, workspace)
    if "vspw" not in known:
        fail("--data", expected="the data set that was predicted", got="none", fix="name it with --data vspw=PATH.")
    return known["vspw"]
