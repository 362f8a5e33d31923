"""``vspw predict``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    WorkspaceOption,
    parse_data,
    parse_numbers,
    parse_settings,
    progress_bar,
)
from vspwlib.runs import Workspace


def predict(
    run: Annotated[str, typer.Argument(help="Name of a run; `vspw runs list` names them.")],
    split: Annotated[str | None, typer.Option(help="List to predict; omit it for clips without lists.")] = None,
    video: Annotated[
        Path | None, typer.Option("--input", help="Predict an mp4 or a folder of frames instead of a split.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Coloured mp4 to write for --input.")] = None,
    data: DataOption = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Change a test-time setting, as in --set flip=false.")
    ] = None,
    scales: Annotated[
        list[str] | None, typer.Option(help="Sizes to average over, as ratios: 0.75,1,1.25 or repeated.")
    ] = None,
    weights: Annotated[str, typer.Option(help="best (by validation) or last.")] = "best",
    shard: Annotated[str, typer.Option(help="INDEX/COUNT: every COUNT-th video from INDEX on.")] = "0/1",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Predict again what is there.")] = False,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store soft predictions of a split, or colour a video. Finished videos are kept; a stopped call goes on.

    Example: `vspw predict camvid-upernet_swin_tiny-s0 --split test`

    Example: `vspw predict mini-t3_nce2-s0 --split test2 --scales 0.75,1,1.25 --set average=scores`

    Example: `vspw predict mini-t3_nce2-s0 --input street.mp4 --output street_labels.mp4`
    """
    import json

    from vspwlib.checks import check_choice, fail
    from vspwlib.config import override
    from vspwlib.pipeline.colouring import colour_video
    from vspwlib.pipeline.prediction import load_recipe
    from vspwlib.pipeline.prediction import predict as run_prediction

    check_choice("--weights", weights, ("best", "last"))
    part = _parse_shard(shard, overwrite=overwrite)
    if output is not None and video is None:
        fail("--output", expected="--input with it", got="--output alone", fix="splits are stored in the workspace.")
    place = Workspace.locate(workspace)
    chosen = place.run(run)
    test_time = override(load_recipe(chosen), _test_time(settings, scales)).predict
    with progress_bar("predicting", quiet=as_json) as progress:
        if video is not None:
            target = output or Path(f"{video.stem}_{run}.mp4")
            frames = colour_video(
                chosen, video, target, settings=test_time, which=weights, device=device, progress=progress
            )
            summary: dict[str, object] = {"output": str(target), "frames": frames}
        else:
            path, counts = run_prediction(
                chosen,
                place,
                split,
                data=parse_data(data, place) if data else {},
                settings=test_time,
                which=weights,
                device=device,
                shard=part,
                overwrite=overwrite,
                progress=progress,
            )
            summary = {"store": str(path), **counts.summary()}
    typer.echo(json.dumps(summary) if as_json else "\n".join(f"{key:>18}  {value}" for key, value in summary.items()))


def _test_time(settings: list[str] | None, scales: list[str] | None) -> dict[str, str]:
    """Return what --set and --scales change, by dotted field names of a recipe.

    >>> _test_time(["flip=false"], ["0.5,1"])
    {'predict.flip': 'false', 'predict.scales': '[0.5, 1.0]'}
    """
    changed = {f"predict.{key.removeprefix('predict.')}": value for key, value in parse_settings(settings).items()}
    ratios = parse_numbers("--scales", scales, example="0.75,1,1.25")
    return changed if ratios is None else {**changed, "predict.scales": str(ratios)}


def _parse_shard(text: str, *, overwrite: bool = False) -> tuple[int, int]:
    """Parse ``INDEX/COUNT``; one part of several must not overwrite, because that drops the work of the others.

    >>> _parse_shard("1/4")
    (1, 4)
    """
    from vspwlib.checks import fail

    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        fail("--shard", expected="INDEX/COUNT with INDEX below COUNT", got=repr(text), fix="for example --shard 0/4.")
    if overwrite and int(count) > 1:
        fix = "delete the store, then start the shards without --overwrite."
        fail("--overwrite", expected="a whole split", got=f"shard {text}", fix=fix)
    return int(index), int(count)
