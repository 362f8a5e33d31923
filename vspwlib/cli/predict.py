"""``vspw predict``."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    ScalesOption,
    ShardOption,
    StoreOption,
    TestTimeOption,
    WorkspaceOption,
    parse_data,
    parse_shard,
    parse_store,
    parse_test_time,
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
    settings: TestTimeOption = None,
    scales: ScalesOption = None,
    weights: Annotated[str, typer.Option(help="best (by validation) or last.")] = "best",
    shard: ShardOption = "0/1",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Predict again what is there.")] = False,
    store: StoreOption = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Store soft predictions of a split, or colour a video. Finished videos are kept; a stopped call goes on.

    Example: `vspw predict camvid-upernet_swin_tiny-s0 --split test`

    Example: `vspw predict mini-t3_nce2-s0 --split test2 --scales 0.75,1,1.25 --set average=scores`

    Example: `vspw predict vspw-t1_beitv2-s0 --split val --store s3://bucket/beitv2-val.zarr`

    Example: `vspw predict mini-t3_nce2-s0 --input street.mp4 --output street_labels.mp4`
    """
    import json

    from vspwlib.checks import check_choice, fail
    from vspwlib.config import override
    from vspwlib.pipeline.colouring import colour_video
    from vspwlib.pipeline.prediction import load_recipe
    from vspwlib.pipeline.prediction import predict as run_prediction

    check_choice("--weights", weights, ("best", "last"))
    part = parse_shard(shard, overwrite=overwrite)
    if output is not None and video is None:
        fail("--output", expected="--input with it", got="--output alone", fix="splits are stored in the workspace.")
    if store is not None and video is not None:
        fail("--store", expected="a split", got="--input with it", fix="--output names the film.")
    place = Workspace.locate(workspace)
    chosen = place.run(run)
    test_time = override(load_recipe(chosen).predict, parse_test_time(settings, scales))
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
                elsewhere=parse_store(store),
                progress=progress,
            )
            summary = {"store": str(path), **counts.summary()}
    typer.echo(json.dumps(summary) if as_json else "\n".join(f"{key:>18}  {value}" for key, value in summary.items()))
