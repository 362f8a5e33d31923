"""``vspw map report``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.data import WorkersOption
from vspwlib.cli.options import JsonOption, progress_bar

if TYPE_CHECKING:
    from rich.console import Console

    from vspwlib.labels.sources import SourceSet

SHOWN = 10  # findings of one kind that are spelled out; --json has all of them

DatasetOption = Annotated[str, typer.Option("--dataset", help="cocostuff, ade20k or camvid.")]
MappingOption = Annotated[
    str | None,
    typer.Option("--mapping", help="A CSV of your own for the data set; default: the table that comes along."),
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Make any problem with a file an error.")]


def report(
    dataset: DatasetOption,
    mapping: MappingOption = None,
    root: Annotated[
        Path | None, typer.Option("--root", help="Folder of the data set: also count pixels, class by class.")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="A second CSV, or the data set's name: what would differ.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="HTML file to write: the mapping as a Sankey.")
    ] = None,
    strict: StrictOption = False,
    as_json: JsonOption = False,
    workers: WorkersOption = None,
) -> None:
    """Say what a label mapping does: how many classes map, which of VSPW's gain and from where, which never do.

    A mapping is a CSV with the columns source_value, source_name, vspw_raw_id, vspw_name, kind and reason.

    Example: `vspw map report --dataset ade20k --root ADEChallengeData2016 --figure ade20k.html`
    """
    import json

    from vspwlib.checks import check_choice, require
    from vspwlib.data.source_pixels import count_source_pixels
    from vspwlib.labels.mapping import load_mapping
    from vspwlib.labels.sources import SOURCE_SETS
    from vspwlib.report.mapping import change_rows, difference_rows, mapping_summary, source_rows, target_rows

    facts = SOURCE_SETS[check_choice("--dataset", dataset, SOURCE_SETS)]
    if figure is not None:
        require(figure.suffix == ".html", "--figure", expected="a name that ends in .html", got=figure)
    require(root is not None or not strict, "--strict", expected="--root, whose files it judges", got="none")
    first = load_mapping(mapping or dataset, dataset=dataset)
    second = None if against is None else load_mapping(against, dataset=dataset)
    found: dict[str, Any] = {"dataset": dataset, "mapping": first.name}
    pixels = None
    if root is not None:
        with progress_bar("reading", quiet=as_json) as progress:
            counted = count_source_pixels(root, facts, first, workers=workers, progress=progress)
        if strict:
            counted.require_sound()
        pixels = counted.pixels
        problems = [{"kind": one.kind, "path": one.path, "message": one.message} for one in counted.problems]
        found |= {"root": str(root), "images": counted.images, "problems": problems}
    found["summary"] = mapping_summary(first, facts, pixels)
    found |= {"sources": source_rows(first, pixels), "targets": target_rows(first, pixels)}
    if second is not None:
        differing = {"rows": difference_rows(first, second, pixels), "targets": change_rows(first, second, pixels)}
        summary = mapping_summary(second, facts, pixels)
        found["against"] = {"mapping": second.name, "summary": summary, **differing}
    if figure is not None:
        rows = {first.name: found["sources"]} | ({second.name: source_rows(second, pixels)} if second else {})
        _write_figure(figure, f"{facts.title} in VSPW's classes", rows)
        found["figure"] = str(figure)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _print_report(found, facts)


def _write_figure(path: Path, title: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Write one page with a figure for each mapping, by its name."""
    from vspwlib.report.embeddings import embedding_page
    from vspwlib.report.mapping import mapping_figure
    from vspwlib.runs import write_text

    figures = {f"Mapping {name}": mapping_figure(own) for name, own in rows.items()}
    write_text(path, embedding_page(title, figures))


def _print_report(found: dict[str, Any], facts: "SourceSet") -> None:
    """Print the summary, the tables of classes, what differs, and the problems."""
    from rich.console import Console

    console = Console()
    _print_summary(console, found["summary"], facts.title, found.get("images"))
    counted = "images" in found
    columns = ["pixels", "share"] if counted else []
    gaining = [row for row in found["targets"] if row["sources"]]
    if counted:
        drawn = sorted((row for row in found["sources"] if row["pixels"]), key=lambda row: -row["pixels"])
        _print_table(console, f"Classes of {facts.title} that occur", drawn, ["source", "vspw", "kind", *columns])
        gaining.sort(key=lambda row: -row["pixels"])
    _print_table(console, "Classes of VSPW that gain", gaining, ["vspw", *columns, "sources"])
    empty = {facts.unlabelled, *facts.never}
    void = [row["source"] for row in found["sources"] if row["kind"] == "none" and row["value"] not in empty]
    for label, names in (("never gain", found["summary"]["never"]), (f"void in {facts.title}", void)):
        console.print(f"[bold]{label}[/] ({len(names)}): {', '.join(names) or 'none'}", highlight=False)
    if "against" in found:
        _print_differences(console, found, facts.title, counted=counted)
    print_problems(console, found.get("problems", []))
    if "figure" in found:
        console.print(f"figure  {found['figure']}", markup=False)


def _print_summary(console: "Console", summary: dict[str, Any], title: str, images: int | None) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in summary["kinds"].items())
    console.print(f"{summary['mapped']} of {summary['classes']} classes of {title} map: {kinds}", highlight=False)
    gains = f"{len(summary['gaining'])} of {len(summary['gaining']) + len(summary['never'])} classes of VSPW gain"
    console.print(gains, highlight=False)
    if images is not None:
        whole = max(summary["pixels"], 1)
        parts = ("valid", "void", "unlabelled", "unknown")
        shares = ", ".join(f"{summary[name] / whole:.2%} {name}" for name in parts)
        console.print(f"{summary['pixels']:,} pixels in {images:,} images: {shares}", highlight=False)


def _print_differences(console: "Console", found: dict[str, Any], title: str, *, counted: bool) -> None:
    """Print what would change under the second mapping."""
    first, second = found["mapping"], found["against"]["mapping"]
    console.print(f"[bold]under {second} instead of {first}[/]")
    _print_summary(console, found["against"]["summary"], title, found.get("images"))
    rows, classes = found["against"]["rows"], found["against"]["targets"]
    pixels = ["pixels", "share"] if counted else []
    columns = ["source", "first", "first_kind", "second", "second_kind", *pixels]
    _print_table(console, f"First is {first}, second {second}: rows that differ", rows, columns)
    pixels = ["first_pixels", "second_pixels", "difference"] if counted else []
    _print_table(console, "What VSPW's classes gain and lose", classes, ["vspw", "gained", "lost", *pixels])


def _print_table(console: "Console", title: str, rows: list[dict[str, Any]], columns: list[str]) -> None:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in columns:
        number = name in {"pixels", "share", "first_pixels", "second_pixels", "difference"}
        table.add_column(name.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(name, row[name]) for name in columns))
    console.print(table)


def _cell(name: str, value: object) -> str:
    """Return a value as text.

    >>> _cell("share", 0.0123), _cell("difference", -1200), _cell("sources", ["rug", "mat"]), _cell("second", None)
    ('1.23%', '-1,200', 'rug, mat', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, float):
        return f"{value:.2%}"
    return f"{value:+,}" if name == "difference" else f"{value:,}" if isinstance(value, int) else str(value)


def print_problems(
    console: "Console", problems: list[dict[str, str]], *, shown: int = SHOWN, rest: str = "--json has all of them"
) -> None:
    """Print problems by kind, the first few of each spelled out, and say where the rest is."""
    for kind in dict.fromkeys(problem["kind"] for problem in problems):
        alike = [problem for problem in problems if problem["kind"] == kind]
        console.print(f"[yellow]{kind}[/] ({len(alike)})")
        for problem in alike[:shown]:
            console.print(f"  {problem['path']}: {problem['message']}", markup=False, highlight=False)
        if len(alike) > shown:
            console.print(f"  and {len(alike) - shown} more; {rest}")
