"""``vspw embedding``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.options import DataOption, DeviceOption, JsonOption, WorkspaceOption, parse_data, progress_bar
from vspwlib.runs import Run, Workspace

if TYPE_CHECKING:
    from vspwlib.metrics.similarity import PairSimilarity


def embedding(
    runs: Annotated[list[str], typer.Argument(help="Names of runs to compare; without the loss first, say.")],
    split: Annotated[str | None, typer.Option(help="List to measure; omit it for clips without lists.")] = None,
    video: Annotated[str | None, typer.Option(help="Video of the figure; default: the first one.")] = None,
    frame: Annotated[str | None, typer.Option(help="First of the figure's two frames; default: the first one.")] = None,
    figure: Annotated[Path | None, typer.Option(help="HTML file to write: frames, PCA maps, histograms.")] = None,
    every: Annotated[int, typer.Option(help="Measure every n-th clip of each video.")] = 10,
    projected: Annotated[
        bool, typer.Option("--projected", help="Behind the projection of the contrastive loss.")
    ] = False,
    data: DataOption = None,
    weights: Annotated[str, typer.Option(help="best (by validation) or last.")] = "best",
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how alike embeddings of patches are, within classes and between them: what a contrastive loss changes.

    Clips are two consecutive labelled frames at the run's test scale. Features are taken before the projection of the
    contrastive loss, the same level in every run; `--projected` takes them behind it. The sums of the former are also
    written into the run's folder.

    Example: `vspw embedding mini-t3_baseline-s0 mini-t3_nce2-s0 --split test2 --figure both.html`
    """
    from vspwlib.checks import check_choice, check_range, require
    from vspwlib.data.index import open_split
    from vspwlib.pipeline.embedding import embedding_similarity, find_clip
    from vspwlib.pipeline.prediction import data_root

    check_choice("--weights", weights, ("best", "last"))
    check_range("--every", every, 1)
    require(len({*runs}) == len(runs), "runs", expected="different ones", got=", ".join(runs))
    if figure is not None:
        require(figure.suffix == ".html", "--figure", expected="a name that ends in .html", got=figure)
    place = Workspace.locate(workspace)
    chosen = [place.run(name) for name in runs]
    folders = parse_data(data, place) if data else {}
    roots = {run.name: data_root(run, folders) for run in chosen}
    one = len({root.resolve() for root in roots.values()}) == 1
    fix = "name the one to measure on with --data PATH."
    require(one, "runs", expected="runs of one data set", got=", ".join(map(str, roots.values())), fix=fix)
    first = find_clip(open_split(roots[runs[0]], split), video, frame)[0]
    for run in chosen:  # whatever is wrong is said before the first network runs
        run.weights(weights)
    found = {}
    for run in chosen:
        with progress_bar(run.name, quiet=as_json) as progress:
            found[run.name] = embedding_similarity(
                run,
                split,
                every=every,
                projected=projected,
                data=folders,
                which=weights,
                device=device,
                progress=progress,
            )
    if figure is not None:
        options = {"projected": projected, "data": folders, "which": weights, "device": device}
        _write_figure(figure, chosen, split, (first.video, first.name), found, options)
    _report(found, figure, as_json=as_json)


def _write_figure(
    path: Path,
    runs: list[Run],
    split: str | None,
    clip: tuple[str, str],
    found: dict[str, "PairSimilarity"],
    options: dict[str, Any],
) -> None:
    """Write both figures as one page: the clip, given by video and first frame, and the split's histograms."""
    from vspwlib.pipeline.embedding import embedding_of_clip
    from vspwlib.report.embeddings import embedding_figure, embedding_page, pca_colours, similarity_figure
    from vspwlib.runs import write_text

    maps = {}
    for run in runs:
        seen = embedding_of_clip(run, split, *clip, **options)
        maps[run.name] = pca_colours(seen.features)
    pictures = embedding_figure(list(seen.images), maps, names=seen.names)
    clips = next(iter(found.values())).clips
    headings = {
        f"Video {clip[0]}: frames, and the three principal components of their embeddings as colours": pictures,
        f"Similarity of patches over {clips} clips": similarity_figure(found),
    }
    write_text(path, embedding_page(f"Embeddings on {split or 'all videos'}: {' and '.join(found)}", headings))


def _report(found: dict[str, "PairSimilarity"], figure: Path | None, *, as_json: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    written = {} if figure is None else {"figure": str(figure)}
    if as_json:
        typer.echo(json.dumps({"runs": {run: item.summary() for run, item in found.items()}, **written}))
        return
    table = Table(title="Mean cosine of two patches, by class")
    table.add_column("run", overflow="fold")
    for name in ("within", "between", "gap", "clips"):
        table.add_column(name, justify="right")
    for run, item in found.items():
        figures = [("–" if value != value else f"{value:.3f}") for value in (item.within, item.between, item.gap)]  # noqa: PLR0124
        table.add_row(run, *figures, str(item.clips))
    Console().print(table)
    if figure is not None:
        typer.echo(f"figure  {figure}")
