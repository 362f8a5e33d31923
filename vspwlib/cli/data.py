"""``vspw data``: look into data, bring it to size, make the embedded default."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption, progress_bar

if TYPE_CHECKING:
    from vspwlib.data.check_report import SplitReport, TreeReport

app = typer.Typer(help="Data: check, prepare, make, move.", no_args_is_help=True)

SHOWN = 10  # findings of one kind that the table spells out; --json has all of them
COLOURS = {"error": "red", "warning": "yellow", "note": "dim"}

WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="How many files at a time; default one a core.")
]


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A VSPW tree, a folder of clips, one clip, or a folder of frames.")],
    split: Annotated[list[str] | None, typer.Option("--split", help="Split to look at (repeatable); all.")] = None,
    as_json: JsonOption = False,
    workers: WorkersOption = None,
) -> None:
    """Read every image and mask and say what is there and what is wrong; exit code 2 when a split is unusable.

    Example: `vspw data check VSPW_480p --split val`
    """
    import json

    from vspwlib.data.check import check_tree

    with progress_bar("reading", quiet=as_json) as progress:
        report = check_tree(path, split, workers=workers, progress=progress)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
    else:
        _print_check(report)
    if not report.usable:
        raise typer.Exit(2)


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="The full-resolution tree.")],
    target: Annotated[Path, typer.Argument(help="Where the 480-pixel tree goes; completed if it is there.")],
    as_json: JsonOption = False,
    workers: WorkersOption = None,
) -> None:
    """Resize to height 480 as the official script does; can be broken off and run again.

    Example: `vspw data prepare VSPW VSPW_480p`
    """
    import json

    from vspwlib.data.prepare import prepare_480p

    with progress_bar("resizing", quiet=as_json) as progress:
        report = prepare_480p(source, target, workers=workers, progress=progress)
    if as_json:
        typer.echo(json.dumps(report.to_json()))
        return
    typer.echo(f"{target}: {report.written} files written, {report.kept} were there, {len(report.broken)} left out")
    for _, message in report.broken:
        typer.secho(f"left out: {message}", fg="yellow", err=True)


@app.command()
def frames(
    film: Annotated[Path, typer.Argument(help="An mp4, or another film that FFmpeg reads.")],
    target: Annotated[Path, typer.Argument(help="Folder of the clip; its name is that of the video.")],
    every: Annotated[int, typer.Option(min=1, help="Take every so many frames.")] = 1,
    most: Annotated[int, typer.Option(min=1, help="Take no more frames than this.")] = 3000,
) -> None:
    """Write the frames of a film as a clip without truth, at 480 pixels height where they are higher.

    Example: `vspw data frames street.mp4 clips/street && vspw predict RUN --data clips/street`
    """
    from vspwlib.pipeline.film import film_to_clip

    with progress_bar("reading") as progress:
        count = film_to_clip(film, target, every=every, most=most, progress=progress)
    typer.echo(f"{target}  {count} frames")


@app.command("make-mini")
def make_mini(
    target: Annotated[Path, typer.Argument(help="Where the data set goes.")] = Path("data/mini"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed gives other scenes.")] = 0,
    workers: WorkersOption = None,
) -> None:
    """Make the embedded default: a small synthetic VSPW tree and two image sets in other label spaces.

    Example: `vspw data make-mini`
    """
    from vspwlib.data.synthetic import make_mini as make

    with progress_bar("drawing") as progress:
        make(target, seed=seed, workers=workers, progress=progress)
    typer.echo(f"{target} is ready; look into its videos with `vspw data check {target / 'vspw'}`")


@app.command()
def moved(
    old: Annotated[Path, typer.Argument(help="The path as the workspace's files have it, or a folder above it.")],
    new: Annotated[Path, typer.Argument(help="Where that is now.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which files name it.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell a workspace that a data set has moved, or the workspace itself with data in it; the app finds it again.

    Example: `vspw data moved /scratch/VSPW_480p ~/data/VSPW_480p`
    """
    from vspwlib.pipeline.relocating import relocate_data
    from vspwlib.runs import Workspace

    place = Workspace.locate(workspace)
    changed = relocate_data(place, old, new, write=not dry_run)
    for path in changed:
        typer.echo(path.relative_to(place.path))
    typer.echo(f"{len(changed)} files {'name' if dry_run else 'named'} {old}", err=True)


def _print_check(report: "TreeReport") -> None:
    """Print the splits as a table, then the findings by kind."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("split", "usable", "videos", "frames", "labelled", "void", "classes", "sizes")
    for split in report.splits:
        table.add_row(
            split.name,
            "[green]yes[/]" if split.usable else "[red]no[/]",
            *(f"{count:,}" for count in (split.videos, split.frames, split.labelled)),
            "-" if split.void_share is None else f"{split.void_share:.1%}",
            str(len(split.class_pixels)),
            _sizes(split),
        )
    console.print(table)
    for split in report.splits:
        for kind in dict.fromkeys(problem.kind for problem in split.problems):
            found = [problem for problem in split.problems if problem.kind == kind]
            colour = COLOURS[found[0].level]
            console.print(f"[{colour}]{split.name}: {found[0].level}, {kind}[/] ({len(found)})")
            for problem in found[:SHOWN]:
                console.print(f"  {problem.path}: {problem.message}", markup=False, highlight=False)
            if len(found) > SHOWN:
                console.print(f"  and {len(found) - SHOWN} more; --json has all of them")


def _sizes(split: "SplitReport") -> str:
    """Name the commonest frame sizes.

    >>> from collections import Counter
    >>> from types import SimpleNamespace
    >>> _sizes(SimpleNamespace(sizes=Counter({(853, 480): 7, (270, 480): 2})))
    '853x480 (7), 270x480 (2)'
    """
    common = split.sizes.most_common(3)
    rest = len(split.sizes) - len(common)
    text = ", ".join(f"{width}x{height} ({frames})" for (width, height), frames in common)
    return text + (f" and {rest} more" if rest else "")
