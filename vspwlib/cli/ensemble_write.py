"""``vspw ensemble write``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vspwlib.checks import fail, require
from vspwlib.cli.options import (
    DataOption,
    DeviceOption,
    JsonOption,
    ShardOption,
    WorkspaceOption,
    parse_data,
    parse_numbers,
    parse_shard,
    progress_bar,
)
from vspwlib.runs import Workspace, read_json

if TYPE_CHECKING:
    from vspwlib.ensemble.recipe_file import EnsembleRecipe
    from vspwlib.ensemble.rule import Rule
    from vspwlib.pipeline.derived import Written


def write(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Runs, the first is P1; for a vote also imported systems and PNG folders."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split that all have predicted.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the ensemble among the predictions.")] = None,
    tau: Annotated[float | None, typer.Option(help="Weight of the first of two runs; the other has 1 − τ.")] = None,
    weights: Annotated[
        list[str] | None, typer.Option(help="One weight a run: 0.5,0.3,0.2 or repeated; divided by their sum.")
    ] = None,
    mean: Annotated[bool, typer.Option("--mean", help="Equal weights.")] = False,
    vote: Annotated[
        bool, typer.Option("--vote", help="Majority vote of the label maps, with --weights so many votes; no scores.")
    ] = False,
    class_weights: Annotated[
        Path | None, typer.Option(help="File of weights of every class, from `vspw ensemble search --per-class --out`.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="YAML file with runs, split, rule and name, as the app gives it.")
    ] = None,
    shard: ShardOption = "0/1",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Drop what stands under that name.")] = False,
    data: DataOption = None,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the predictions of an ensemble: exact label maps as PNGs, and scores that every command takes.

    Finished videos are kept; a stopped call goes on.

    Example: `vspw ensemble write mini-t3_nce2-s0 mini-t2_896_map_drop-s0 --split test2 --tau 0.4 --name pair`

    Example: `vspw ensemble write a b c --split val --weights 0.5,0.3,0.2 --name three`

    Example: `vspw ensemble write --recipe pair.yaml --split test2`
    """
    from vspwlib.pipeline.fusing import write_ensemble

    part = parse_shard(shard, overwrite=overwrite)
    options: dict[str, Any] = {"tau": tau, "weights": weights, "mean": mean, "vote": vote}
    options["class_weights"] = class_weights
    if recipe is not None:
        found = _from_recipe(recipe, names, options)
        names, split, name, options = list(found.runs), split or found.split, name or found.name, found.options
    else:
        options["weights"] = parse_numbers("--weights", weights, example="0.5,0.3,0.2")
    if not (names and split and name):
        fail("ensemble", expected="runs, --split and --name", got="not all of them", fix="or name a --recipe FILE.")
    rule = _rule(names, options)
    place = Workspace.locate(workspace)
    root = parse_data(data, place).get("vspw") if data else None
    with progress_bar("fusing", quiet=as_json) as progress:
        written = write_ensemble(
            place,
            names,
            split,
            rule,
            name,
            data=root,
            device=device,
            shard=part,
            overwrite=overwrite,
            progress=progress,
        )
    show_written(written, as_json=as_json)


def _from_recipe(file: Path, names: list[str] | None, options: dict[str, Any]) -> "EnsembleRecipe":
    """Read a recipe; runs and rules beside it would contradict it."""
    from vspwlib.ensemble.recipe_file import read_recipe

    given = [*(names or []), *(f"--{key.replace('_', '-')}" for key, value in options.items() if value)]
    given += ["--tau"] if options["tau"] == 0 else []
    fix = "change the file, or leave it out."
    require(not given, "--recipe", expected="no runs and no rule beside it", got=" ".join(given), fix=fix)
    return read_recipe(file)


def _rule(names: list[str], options: dict[str, Any]) -> "Rule":
    """Return the rule that options name; weights of classes are read from their file."""
    from vspwlib.ensemble.class_weights import class_weights_from_json
    from vspwlib.ensemble.rule import ClassWeights, choose_rule

    if (file := options.get("class_weights")) is not None:
        found = class_weights_from_json(read_json(file, "class weights"), names, where=file)
        options = {**options, "class_weights": ClassWeights(tuple(map(tuple, found.tolist())), file)}
    return choose_rule(len(names), **options)


def show_written(written: "Written", *, as_json: bool) -> None:
    """Print what a command has written, for people or for machines."""
    import json

    summary = written.summary()
    if as_json:
        typer.echo(json.dumps(summary))
        return
    if written.differing is not None:
        summary["differing"] = f"{100 * written.differing:.3f} % of pixels between PNGs and store"
    typer.echo("\n".join(f"{key:>10}  {value}" for key, value in summary.items() if value is not None))
