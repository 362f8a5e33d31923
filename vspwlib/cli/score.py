"""``vspw score``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vspwlib.cli.options import CountShardOption, JsonOption, parse_shard, progress_bar, show_waiting


def score(
    predictions: Annotated[
        Path | None, typer.Argument(help="Prediction store, or folder VIDEO/FRAME.png of ids 0..123.")
    ] = None,
    truth: Annotated[Path | None, typer.Argument(help="Data set with masks; a store remembers its own.")] = None,
    split: Annotated[str | None, typer.Option(help="List of the data set; a store remembers its own.")] = None,
    baseline: Annotated[
        str | None, typer.Option(help="prior: score the most frequent training class at each pixel beside it.")
    ] = None,
    shard: CountShardOption = "0/1",
    as_json: JsonOption = False,
) -> None:
    """Score predictions: mIoU as the official evaluator, pixel accuracy, frequency-weighted IoU, VC8, VC16.

    Example: `vspw score workspace/predictions/camvid-upernet_swin_tiny-s0/camvid-test.zarr`

    Example: `vspw score workspace/predictions/vspw-t1_beitv2-s0/vspw-val.zarr --shard 0/8`

    Example: `vspw score my_pngs ../camvid --split test --baseline prior --json`
    """
    import json

    from vspwlib.checks import check_choice, fail
    from vspwlib.pipeline.scoring import score as score_predictions
    from vspwlib.pipeline.scoring import score_prior, score_shard, stored_truth
    from vspwlib.pipeline.shards import Waiting

    if baseline is not None:
        check_choice("--baseline", baseline, ("prior",))
    if predictions is None and baseline is None:
        fail("score", expected="predictions or --baseline prior", got="neither")
    part = parse_shard(shard)
    if baseline is not None and part[1] > 1:
        fail("--shard", expected="predictions alone", got="--baseline with it", fix="score the prior by itself.")
    if truth is None or split is None:
        known_truth, known_split = stored_truth(predictions)
        truth, split = truth or known_truth, split or known_split
    columns: dict[str, dict[str, Any]] = {}
    if predictions is not None and part[1] > 1:
        with progress_bar("scoring", quiet=as_json) as progress:
            found = score_shard(predictions, truth, split, part, progress=progress)
        if isinstance(found, Waiting):
            show_waiting(found, as_json=as_json)
            return
        columns["predictions"] = found.summary()
    elif predictions is not None:
        with progress_bar("scoring", quiet=as_json) as progress:
            columns["predictions"] = score_predictions(predictions, truth, split, progress=progress).summary()
    if baseline is not None:
        with progress_bar("scoring the prior", quiet=as_json) as progress:
            columns["prior"] = score_prior(truth, split, progress=progress).summary()
    if as_json:
        main = columns.get("predictions", columns.get("prior", {}))
        typer.echo(json.dumps(main | ({"baseline": columns["prior"]} if len(columns) > 1 else {})))
    else:
        _print(columns)


def _print(columns: dict[str, dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    names = {
        "miou": "mIoU",
        "pixel_acc": "pixel accuracy",
        "fwiou": "frequency-weighted IoU",
        "vc8": "VC8",
        "vc16": "VC16",
    }
    table = Table("%", *columns)
    for key, title in names.items():
        table.add_row(title, *(_percent(column[key]) for column in columns.values()))
    for group, title in (("per_class", "IoU"), ("per_video", "mIoU")):
        table.add_section()
        keys = list(next(iter(columns.values()))[group])
        for key in keys:
            values = [column[group].get(key) for column in columns.values()]
            if any(value is not None for value in values):
                table.add_row(f"{title} {key}", *map(_percent, values))
    Console().print(table)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f}"
