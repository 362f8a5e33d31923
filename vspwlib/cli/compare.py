"""``vspw compare``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from rich.console import Console

_NAMES = {"miou": "mIoU", "vc8": "VC8", "vc16": "VC16", "pixel_acc": "pixel accuracy"}


def compare(
    first: Annotated[str, typer.Argument(help="Run A.")],
    second: Annotated[str, typer.Argument(help="Run B; differences are B minus A.")],
    split: Annotated[
        str | None, typer.Option(help="Split that both were scored on; may be omitted where there is only one.")
    ] = None,
    draws: Annotated[int, typer.Option(help="How often the videos are drawn anew.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the draws.")] = 0,
    level: Annotated[float, typer.Option(help="Share of the draws that an interval holds.")] = 0.95,
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows of the table of classes; --json has all.")] = 10,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: is B better than A, or are it these videos?

    Differences are B minus A: above 0, B is better. Their intervals come from drawing the videos anew, the same for
    both runs; they do not cover training again with another seed. Stored scores are enough, no frame is read.

    Example: `vspw compare mini-t3_clips2-s0 mini-t3_nce2-s0 --split test2`
    """
    import json

    from vspwlib.checks import require
    from vspwlib.metrics.bootstrap import FEWEST_VIDEOS
    from vspwlib.metrics.paired import compare_scores
    from vspwlib.pipeline.stored_scores import shared_split, split_score
    from vspwlib.report.comparison import class_difference_rows, figure_rows

    require(first != second, "runs", expected="different ones", got=f"{first} twice")
    place = Workspace.locate(workspace)
    where = split if split is not None else shared_split(place, (first, second))
    scores = [split_score(place, run, where) for run in (first, second)]
    compared = compare_scores(*scores, draws=draws, seed=seed, level=level)
    found: dict[str, Any] = {
        "first": first,
        "second": second,
        "difference": "second - first",
        "split": where,
        "videos": compared.videos,
        "fewest_videos": FEWEST_VIDEOS,
        "draws": draws,
        "seed": seed,
        "level": level,
        "figures": figure_rows(compared),
        "classes": class_difference_rows(compared),
    }
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
    else:
        _print(found, rows)


def _print(found: dict[str, Any], shown: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    console.print(f"A  {found['first']}\nB  {found['second']}")
    span = f"{100 * found['level']:g} % interval"
    heads = ("A", "B", "B − A", span, "B ahead")
    title = f"{found['split']}, in per cent: {found['videos']} videos, drawn anew {found['draws']} times"
    table = Table("figure", title=title)
    for head in heads:
        table.add_column(head, justify="right")
    for row in found["figures"]:
        table.add_row(_NAMES[row["figure"]], *_cells(row))
    console.print(table)
    judged = [row for row in found["classes"] if row["judged"]]
    if judged and shown:
        classes = Table("class", title=f"IoU, clearest difference first: {min(shown, len(judged))} of {len(judged)}")
        for head in (*heads, "videos"):
            classes.add_column(head, justify="right")
        for row in judged[:shown]:
            classes.add_row(row["class"], *_cells(row), str(row["videos"]))
        console.print(classes)
    _print_limits(console, found)


def _print_limits(console: "Console", found: dict[str, Any]) -> None:
    """Say what was left out and what the intervals do not mean."""
    from vspwlib.report.comparison import FEW_VIDEOS

    fewest = found["fewest_videos"]
    left_out = [_NAMES[row["figure"]] for row in found["figures"] if not row["judged"]]
    classes = [row["class"] for row in found["classes"] if not row["judged"]]
    if left_out:
        console.print(f"no interval, fewer than {fewest} videos: {', '.join(left_out)}")
    if classes:
        console.print(f"classes not judged, in fewer than {fewest} videos ({len(classes)}): {', '.join(classes)}")
    if fewest <= found["videos"] < FEW_VIDEOS:
        console.print(f"only {found['videos']} videos: intervals from so few tend to be too narrow")
    console.print("intervals cover the choice of videos, not the seed of training")


def _cells(row: dict[str, Any]) -> list[str]:
    first, second = (_percent(row[name]) for name in ("first", "second"))
    difference = _percent(row["difference"], "+")
    if not row["judged"]:
        return [first, second, difference, "–", "–"]
    return [
        first,
        second,
        difference,
        f"{_percent(row['low'], '+')} to {_percent(row['high'], '+')}",
        f"{row['ahead']:.1%}",
    ]


def _percent(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{100 * value:{sign}.2f}"
