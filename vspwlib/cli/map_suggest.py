"""``vspw map suggest``: what a trained model sees where another data set has its labels."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.map_filter import RootOption, StillsOption
from vspwlib.cli.map_report import MappingOption, print_problems
from vspwlib.cli.options import DeviceOption, JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace

if TYPE_CHECKING:
    from rich.console import Console

TAUGHT = "was trained on these images with their labels mapped: it repeats what it was taught; a run on videos judges."


def suggest(
    run: Annotated[str, typer.Argument(help="A trained run, best one that saw videos alone.")],
    dataset: StillsOption,
    root: RootOption = None,
    mapping: MappingOption = None,
    per_class: Annotated[int, typer.Option("--per-class", min=1, help="Images to look at for each label.")] = 20,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows of the table; --json and --out have all.")] = 40,
    out: Annotated[
        Path | None, typer.Option("--out", help="CSV to write: the mapping with the evidence beside each row.")
    ] = None,
    weights: Annotated[str, typer.Option(help="best (by validation) or last.")] = "best",
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List for each label of COCO-Stuff or ADE20K which of VSPW's classes a model predicts there.

    Rows whose first proposal beats the mapping by most pixels come first, those whose class the model predicts nowhere
    last. The CSV of `--out` is a mapping: change rows
    after looking at the evidence, and name it with `--mapping`. Counts are kept; a run that was stopped goes on.

    Example: `vspw map suggest mini-t3_baseline-s0 --dataset cocostuff --out review.csv`
    """
    import json

    from vspwlib.checks import check_choice, require
    from vspwlib.labels.mapping import load_mapping
    from vspwlib.pipeline.filtering import still_root
    from vspwlib.pipeline.suggesting import gather_evidence
    from vspwlib.report.suggestions import agreement, review_table, suggestion_rows

    check_choice("--weights", weights, ("best", "last"))
    if out is not None:
        require(out.suffix == ".csv", "--out", expected="a name that ends in .csv", got=out)
    place = Workspace.locate(workspace)
    chosen, folder = place.run(run), still_root(place, dataset, root)
    table = load_mapping(mapping or dataset, dataset=dataset)
    with (
        progress_bar(f"reading {dataset}", quiet=as_json) as reading,
        progress_bar(f"predicting with {run}", quiet=as_json) as predicting,
    ):
        evidence = gather_evidence(
            chosen,
            place,
            dataset,
            folder,
            per_class=per_class,
            which=weights,
            device=device,
            on_reading=reading,
            on_predicting=predicting,
        )
    suggested = suggestion_rows(table, evidence.counts)
    found: dict[str, Any] = {"run": run, "dataset": dataset, "mapping": table.name, "images": evidence.images}
    found |= {"taught": dataset in chosen.config.get("stills", {}), "agreement": agreement(suggested)}
    found |= {"rows": suggested, "problems": [asdict(problem) for problem in evidence.problems]}
    if out is not None:
        _write_csv(out, review_table(table, suggested))
        found["out"] = str(out)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print(found, rows)


def _write_csv(path: Path, table: list[list[str]]) -> None:
    import csv
    from io import StringIO

    from vspwlib.runs import write_text

    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    write_text(path, text.getvalue())


def _print(found: dict[str, Any], shown: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from vspwlib.report.suggestions import spelled

    console = Console()
    table = Table("label", "mapped to", "kind", "images", "same", "predicted there (times as often as anywhere)")
    seen = [row for row in found["rows"] if row["verdict"] != "unseen"]
    for row in seen[:shown]:
        same = "–" if row["share"] is None else f"{row['share']:.0%}"
        table.add_row(row["source"], row["vspw"], row["kind"], str(row["images"]), same, spelled(row))
    console.print(table)
    if len(seen) > shown:
        console.print(f"and {len(seen) - shown} more labels, less in doubt")
    _print_agreement(console, found)
    print_problems(console, found["problems"])
    if "out" in found:
        console.print(f"written to {found['out']}", markup=False)


def _print_agreement(console: "Console", found: dict[str, Any]) -> None:
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in found["agreement"]["verdicts"].items())
    console.print(f"{found['images']:,} images; labels: {verdicts}", highlight=False)
    share = found["agreement"]["share"]
    if share is not None:
        console.print(f"{share:.1%} of mapped pixels are predicted as the mapping says", highlight=False)
    if found["taught"]:
        console.print(f"[yellow]{found['run']} {TAUGHT}[/]")
