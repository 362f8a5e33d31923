"""``vspw map filter``: which images of a set keep enough valid pixels under a mapping."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.data import WorkersOption
from vspwlib.cli.map_report import MappingOption, StrictOption, print_problems
from vspwlib.cli.options import JsonOption, WorkspaceOption, parse_shard, progress_bar, show_waiting
from vspwlib.config import MixConfig
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from vspwlib.data.still_filter import StillReport

SHOWN = 5  # problems of one kind that the table spells out; report.json has all of them
BAR = 40  # characters of the longest bar of the histogram

StillsOption = Annotated[str, typer.Option("--dataset", help="cocostuff or ade20k.")]
RootOption = Annotated[
    Path | None, typer.Option("--root", help="Its folder; without it the workspace's own, or the embedded one.")
]
ThresholdOption = Annotated[
    float, typer.Option("--threshold", min=0, max=1, help="Keep images whose ratio is strictly greater.")
]
DenominatorOption = Annotated[
    str, typer.Option("--denominator", help="Valid pixels as a share of all pixels, or of the labelled ones.")
]
SplitsOption = Annotated[list[str] | None, typer.Option("--split", help="Split to take (repeatable); all.")]


def filter_images(
    dataset: StillsOption,
    root: RootOption = None,
    mapping: MappingOption = None,
    threshold: ThresholdOption = MixConfig.threshold,
    denominator: DenominatorOption = "all",
    split: SplitsOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the results; default in the workspace, where training looks."),
    ] = None,
    strict: StrictOption = False,
    shard: Annotated[
        str, typer.Option("--shard", help="INDEX/COUNT: every COUNT-th image from INDEX on; the last shard merges all.")
    ] = "0/1",
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the images that keep enough valid pixels after mapping, and show what other thresholds would choose.

    Counts are kept: a run that was stopped goes on where it was, and another threshold or mapping reads no image again.
    Writes pixels.jsonl (counts), manifest.jsonl (a line an image), kept.txt and report.json.

    Example: `vspw map filter --dataset cocostuff --root ../cocostuff --threshold 0.8`

    Example: `vspw map filter --dataset cocostuff --root ../cocostuff --shard 0/8`
    """
    import json

    from vspwlib.data.still_filter import check_denominator, write_report
    from vspwlib.pipeline.filtering import filter_folder, filter_shard, filter_stills, still_root
    from vspwlib.pipeline.shards import Waiting

    share, part = check_denominator(denominator), parse_shard(shard)
    place = Workspace.locate(workspace)
    folder = still_root(place, dataset, root)
    results = out or filter_folder(place, dataset, folder)
    choice: dict[str, Any] = {"mapping": mapping, "threshold": threshold, "denominator": share, "splits": split}
    with progress_bar(f"reading {dataset}", quiet=as_json) as progress:
        if part[1] > 1:
            found = filter_shard(dataset, folder, results, part, **choice, workers=workers, progress=progress)
        else:
            found = filter_stills(dataset, folder, results, **choice, workers=workers, progress=progress)
            write_report(found.report, results, root=folder)
    if isinstance(found, Waiting):
        show_waiting(found, as_json=as_json)
        return
    if as_json:
        typer.echo(json.dumps({**found.report.to_json(), "folder": str(results)}))
    else:
        _print(found.report)
        typer.echo(f"written to {results}")
    if strict:
        found.report.require_sound()


def _print(report: "StillReport") -> None:
    """Print the splits, what each threshold keeps, the histogram, the classes and the problems."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    facts = report.to_json()
    table = Table("split", "images", "usable", "kept", "mean ratio")
    for name, counts in facts["splits"].items():
        mean = "-" if counts["mean_ratio"] is None else f"{counts['mean_ratio']:.3f}"
        table.add_row(name, *(f"{counts[key]:,}" for key in ("images", "usable", "kept")), mean)
    console.print(table)
    console.print(f"{len(report.kept):,} of {len(report.images):,} images have a ratio above {report.threshold:g}")
    console.print("above  " + "  ".join(f"{threshold}: {kept:,}" for threshold, kept in facts["kept_above"].items()))
    longest = max(*facts["histogram"], 1)
    for number, images in enumerate(facts["histogram"]):
        console.print(f"{number / 20:.2f} {'█' * round(BAR * images / longest)} {images:,}", highlight=False)
    classes = list(facts["class_pixels"])
    console.print(f"{len(classes)} classes in the kept images; most pixels: {', '.join(classes[:8])}", markup=False)
    print_problems(console, facts["problem_list"], shown=SHOWN, rest="report.json has all of them")
