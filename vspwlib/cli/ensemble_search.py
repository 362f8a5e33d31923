"""``vspw ensemble search``: weights of an ensemble of any number of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption, progress_bar
from vspwlib.runs import Workspace, write_json

if TYPE_CHECKING:
    from vspwlib.ensemble.class_search import ClassSearch
    from vspwlib.ensemble.search import CrossFit
    from vspwlib.pipeline.searching import Transfer


def search(
    runs: Annotated[list[str], typer.Argument(help="Runs, P1 first; two or more.")],
    split: Annotated[str, typer.Option(help="Split to fit to, which all runs have predicted.")],
    score_on: Annotated[
        str | None, typer.Option("--score-on", help="Split to score on; default: held-out videos of the same split.")
    ] = None,
    folds: Annotated[int, typer.Option(help="Groups of videos, each scored under weights of the others.")] = 5,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Also fit weights of their own to every class.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="With --per-class: file for the weights, for `vspw ensemble write --class-weights`."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set's folder name; default: the one P1 has predicted.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find weights w of P = Σ w·P with a high mIoU, and say what they are worth on videos that were not fitted.

    Coordinate ascent with exact steps: the best share of each run in turn, of all shares. What is fitted is scored on
    other videos: those of `--score-on`, or held-out folds of the same split. With `--per-class` every class gets
    weights of its own, which gain more where they are fitted and need not elsewhere.

    Example: `vspw ensemble search mini-t3_nce2-s0 mini-t2_896-s0 mini-t2_480-s0 --split test1 --score-on test2`
    """
    import json

    from vspwlib.checks import require
    from vspwlib.ensemble.class_weights import class_weights_to_json
    from vspwlib.pipeline.searching import search as run_search
    from vspwlib.pipeline.searching import search_classes, transfer

    require(len(runs) > 1, "runs", expected="two or more", got=", ".join(runs))
    require(out is None or per_class, "--out", expected="--per-class with it", got="--out alone")
    place = Workspace.locate(workspace)
    with progress_bar("reading", quiet=as_json) as reading, progress_bar("fitting", quiet=as_json) as fitting:
        if per_class:
            fitted = search_classes(
                place, runs, dataset, split, score_on, folds=folds, on_reading=reading, on_fitting=fitting
            )
            found = _of_classes(fitted)
            if out is not None:
                write_json(out, {**class_weights_to_json(fitted.fit.weights, runs), "fitted_to": split})
        elif score_on is None:
            found = _of_folds(
                run_search(place, runs, dataset, split, folds=folds, on_reading=reading, on_fitting=fitting)
            )
        else:
            found = _of_transfer(
                transfer(place, runs, dataset, split, score_on, on_reading=reading, on_fitting=fitting)
            )
    found = {"runs": runs, "split": split, "scored_on": score_on or f"held-out videos of {split}", **found}
    if as_json:
        typer.echo(json.dumps(found))
    elif per_class:
        _print_classes(found)
    else:
        _print(found)


def _of_folds(result: "CrossFit") -> dict[str, Any]:
    return {
        "weights": list(result.fit.weights),
        "miou_fitted": result.fit.miou,
        "miou": result.held_out,
        "optimism": result.optimism,
        "equal": result.equal,
        "alone": list(result.alone),
        "folds": [{"weights": list(fold.weights), "miou_fitted": fold.miou} for fold in result.folds],
    }


def _of_transfer(result: "Transfer") -> dict[str, Any]:
    return {
        "weights": list(result.fit.weights),
        "miou_fitted": result.fit.miou,
        "miou": result.held_out,
        "optimism": result.best.miou - result.held_out,
        "equal": result.equal,
        "alone": list(result.alone),
        "best_there": {"weights": list(result.best.weights), "miou": result.best.miou},
    }


def _of_classes(result: "ClassSearch") -> dict[str, Any]:
    from vspwlib.labels import CLASS_NAMES

    moved = {CLASS_NAMES[number]: result.fit.weights[:, number].tolist() for number in result.fit.moved}
    return {
        "shared": list(result.shared),
        "weights": moved,
        "miou_fitted": result.fit.miou,
        "miou": result.held_out,
        "shared_miou": result.common,
        "equal": result.equal,
        "optimism": result.optimism,
        "fitted_frames": f"one of {result.fit.every}" if result.fit.every > 1 else "all",
    }


def _print_classes(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    scores = Table("weights", "mIoU %", title=f"Scored on {found['scored_on']}")
    for name, key in (("equal", "equal"), ("one for all classes", "shared_miou"), ("one for every class", "miou")):
        scores.add_row(name, f"{100 * found[key]:.2f}")
    console.print(scores)
    table = Table("class", *found["runs"], title=f"Fitted to {found['split']}, {found['fitted_frames']} frames")
    table.add_row("all others", *_shares(found["shared"]), end_section=True)
    for name, weights in found["weights"].items():
        table.add_row(name, *_shares(weights))
    console.print(table)
    console.print(
        f"{100 * found['miou_fitted']:.2f} % on the frames that were fitted; choosing weights on the videos that they "
        f"are scored on flatters them by {100 * found['optimism']:.2f} points",
        highlight=False,
    )


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("", "mIoU %", *found["runs"], title=f"Scored on {found['scored_on']}")
    count = len(found["runs"])
    for index, run in enumerate(found["runs"]):
        own = [float(index == other) for other in range(count)]
        table.add_row(run, f"{100 * found['alone'][index]:.2f}", *_shares(own))
    table.add_row("equal weights", f"{100 * found['equal']:.2f}", *_shares([1 / count] * count), end_section=True)
    if "folds" in found:
        table.add_row("weights of the other folds", f"{100 * found['miou']:.2f}", *["–"] * count)
        table.add_row("fitted to these very videos", f"{100 * found['miou_fitted']:.2f}", *_shares(found["weights"]))
    else:
        table.add_row(f"fitted to {found['split']}", f"{100 * found['miou']:.2f}", *_shares(found["weights"]))
        best = found["best_there"]
        table.add_row("fitted to these very videos", f"{100 * best['miou']:.2f}", *_shares(best["weights"]))
    console.print(table)
    if "folds" in found:
        spread = "; ".join(" ".join(_shares(fold["weights"])) for fold in found["folds"])
        console.print(f"weights of the folds: {spread}", highlight=False)
    else:
        console.print(f"{100 * found['miou_fitted']:.2f} % on {found['split']}", highlight=False)
    console.print(
        f"choosing weights on the videos that they are scored on flatters them by {100 * found['optimism']:.2f} points",
        highlight=False,
    )


def _shares(weights: Sequence[float]) -> list[str]:
    return [f"{weight:.3f}" for weight in weights]
