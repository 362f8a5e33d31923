"""``vspw ensemble rows``: the ensembles of the paper's Tables 4 and 5, scored and published."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.options import DeviceOption, JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace


def rows(
    table: Annotated[int, typer.Argument(help="4: the sweep over τ. 5: vote, mean and pair.")],
    profile: Annotated[str, typer.Option(help="Scale of the members: mini, camvid or vspw.")],
    seed: Annotated[int, typer.Option(help="Seed of every member.")] = 0,
    results: Annotated[Path, typer.Option(help="Folder of published results.")] = Path("results"),
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a table's ensembles from the predictions of their trained members, and publish them.

    τ is chosen on the profile's validation split and scored on the others; what is best there is an upper bound.

    Example: `vspw ensemble rows 4 --profile mini --seed 0`
    """
    import json

    from vspwlib.checks import require
    from vspwlib.pipeline.ensemble_rows import publish_row, score_row
    from vspwlib.pipeline.scoring import Progress
    from vspwlib.tables import ENSEMBLES, home

    chosen = [ensemble for key, ensemble in ENSEMBLES.items() if home(key).number == table]
    require(bool(chosen), "table", expected="4 or 5", got=table)
    place = Workspace.locate(workspace)
    written = []
    for ensemble in chosen:
        with progress_bar(ensemble.key, quiet=as_json) as progress:

            def show(_what: str, done: int, whole: int, bar: Progress | None = progress) -> None:
                if bar is not None:
                    bar(done, whole)

            content = score_row(place, ensemble, profile, seed, device=device, progress=show)
        written.append(str(publish_row(content, results)))
        if not as_json:
            fitted = content["fitted"]
            typer.echo(f"{written[-1]}" + (f"  τ = {fitted['tau']:g} of {fitted['split']}" if fitted else ""))
    if as_json:
        typer.echo(json.dumps({"written": written}))
