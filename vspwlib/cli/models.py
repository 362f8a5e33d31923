"""``vspw models``."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from vspwlib.cli.export import export_model
from vspwlib.cli.options import JsonOption

app = typer.Typer(help="The networks and their released checkpoints.", no_args_is_help=True)
app.command("export")(export_model)


@app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the networks: size, cost, official file and its mIoU on ADE20K.

    FLOPs are those of matrix products and convolutions for one image at the official crop, a multiplication and an
    addition counted as two. Images per second stand where they were measured, the machine below the table. The mIoU, at
    one scale and at several, is the authors' own figure. `--json` holds all released files and measurements.

    Example: `vspw models list`
    """
    import json

    from rich.console import Console
    from rich.table import Table

    from vspwlib.models.zoo import NETWORKS

    rows = [_row(name) for name in NETWORKS]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    table = Table("name", "parameters", "FLOPs", "images/s", "strides", "crop", "ADE20K mIoU", "official file")
    machines = list(dict.fromkeys(_machine(row["speeds"][0]) for row in rows if row["speeds"]))
    for row in rows:
        first = row["files"][0] if row["files"] else None
        scores = [first["miou_ss"], first["miou_ms"]] if first and first["dataset"] == "ADE20K" else [None, None]
        table.add_row(
            row["name"],
            f"{row['parameters'] / 1e6:.1f} M",
            "-" if row["flops"] is None else f"{row['flops'] / 1e9:.1f} G",
            _speed(row, machines),
            ",".join(map(str, row["strides"])) or "-",
            str(row["crop"]),
            "-" if scores[0] is None else " / ".join("-" if score is None else f"{score:g}" for score in scores),
            first["file"] if first else "-",
        )
    console.print(table)
    for number, machine in enumerate(machines, start=1):
        typer.echo(f"images/s{f' ({number})' if len(machines) > 1 else ''}: {machine}")


def _machine(speed: Mapping[str, Any]) -> str:
    """Say on what a speed was measured."""
    size = f"{speed['width']}x{speed['height']}"
    return f"inference on {speed['device']}, {size} pixels, {speed['precision']} ({speed['source']})"


def _speed(row: Mapping[str, Any], machines: list[str]) -> str:
    """Return a network's fastest speed in two significant digits or more, with the number of its machine."""
    if not row["speeds"]:
        return "-"
    speed = row["speeds"][0]["images_per_second"]
    text = f"{speed:.{max(1 - math.floor(math.log10(speed)), 0)}f}"
    return f"{text} ({machines.index(_machine(row['speeds'][0])) + 1})" if len(machines) > 1 else text


def _row(name: str) -> dict[str, Any]:
    """Say all that is known of one network."""
    from dataclasses import asdict

    from vspwlib.models.costs import known_costs, known_speeds
    from vspwlib.models.released import released_for
    from vspwlib.models.zoo import NETWORKS, build_empty, count_parameters

    network, cost = NETWORKS[name], known_costs().get(name)
    return {
        "name": name,
        "summary": network.summary,
        "parameters": cost.parameters if cost else count_parameters(build_empty(name)),
        "flops": cost.flops if cost else None,
        "speeds": [asdict(speed) for speed in known_speeds() if speed.network == name],
        "strides": [4, 8, 16, 32] if network.family else [],
        "crop": network.crop,
        "files": [asdict(entry) for entry in released_for(name)],
    }


@app.command("check")
def check_model(
    name: Annotated[str, typer.Argument(help="Network of `vspw models list`.")],
    keys: Annotated[Path | None, typer.Option(help="JSON of names and shapes.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Released file: .pth, .pt, .safetensors or a .zip.")] = None,
    classes: Annotated[int | None, typer.Option(help="Classes of the network; default: those of the file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a file's names and shapes with a network's; without a file, say what would be expected.

    Exits with 0 where the file fills the network, with 1 where a name is missing, unexpected or of another shape. What
    may differ is printed by name with the reason. A classifier of another class count is no error: it would stay fresh.

    Example: `vspw models check upernet_swin_l --checkpoint upernet_swin_large_….pth`
    """
    import json

    from vspwlib.checks import check_choice, check_range, require
    from vspwlib.models.zoo import NETWORKS

    check_choice("NAME", name, NETWORKS)
    check_range("--classes", 1 if classes is None else classes, 1)
    require(keys is None or checkpoint is None, "models check", expected="--keys or --checkpoint", got="both")
    if keys is None and checkpoint is None:
        _expect(name, classes=classes, as_json=as_json)
        return
    result = _compare(name, _shapes_of(name, keys, checkpoint), classes=classes)
    typer.echo(json.dumps(result) if as_json else "\n".join(_lines(result)))
    if not result["fits"]:
        raise typer.Exit(1)


def _expect(name: str, *, classes: int | None, as_json: bool) -> None:
    """Print what a file for this network has to hold, and which files are known."""
    import json
    from dataclasses import asdict

    from vspwlib.models.released import released_for
    from vspwlib.models.zoo import build_empty, count_parameters

    model = build_empty(name, num_classes=classes or 150)
    files = released_for(name)
    facts = {"network": name, "keys": len(model.state_dict()), "parameters": count_parameters(model)}
    if as_json:
        typer.echo(json.dumps({**facts, "classes": classes or 150, "files": [asdict(entry) for entry in files]}))
        return
    typer.echo(f"{name}: {facts['keys']} keys, {facts['parameters']} parameters with {classes or 150} classes")
    for entry in files:
        typer.echo(f"  {entry.kind}, {entry.dataset}, crop {entry.crop}: {entry.url}")
    if not files:
        typer.echo("  no released file is known")


def _shapes_of(name: str, keys: Path | None, checkpoint: Path | None) -> dict[str, tuple[int, ...]]:
    from vspwlib.models.checkpoint import read_shapes, read_weights
    from vspwlib.models.initialise import refuse_namesake
    from vspwlib.models.zoo import NETWORKS

    if checkpoint is None:
        return read_shapes(keys or Path())
    refuse_namesake(checkpoint, NETWORKS[name])
    return {name: tuple(tensor.shape) for name, tensor in read_weights(checkpoint).items()}


def _compare(name: str, shapes: Mapping[str, tuple[int, ...]], *, classes: int | None) -> dict[str, Any]:
    """Compare, and return what is printed: of a backbone's file the backbone alone counts."""
    from vspwlib.models.compare import classes_of
    from vspwlib.models.translate import BACKBONE, Target, compare_with, is_backbone_only
    from vspwlib.models.zoo import NETWORKS, build_empty

    network = NETWORKS[name]
    theirs = classes_of(shapes)
    state = build_empty(name, num_classes=classes or theirs or 150).state_dict()
    alone = network.family is not None and is_backbone_only(shapes)
    own = {key: tuple(value.shape) for key, value in state.items() if not alone or key.startswith(BACKBONE)}
    comparison = compare_with(Target(network, own), shapes)
    allowed = {
        key: {"shape": shapes.get(key, own.get(key)), "reason": reason} for key, reason in comparison.allowed.items()
    }
    return {
        "network": name,
        "kind": "backbone" if alone else "network",
        "classes": theirs,
        "fits": comparison.fits,
        "matched": len(comparison.matched),
        "renamed": {key: {"theirs": old, "shape": own[key]} for key, old in comparison.renamed.items()},
        "missing": dict(comparison.missing),
        "unexpected": dict(comparison.unexpected),
        "reshaped": {key: {"theirs": pair[0], "ours": pair[1]} for key, pair in comparison.reshaped.items()},
        "classifier": {key: {"theirs": pair[0], "ours": pair[1]} for key, pair in comparison.classifier.items()},
        "allowed": allowed,
    }


def _lines(result: Mapping[str, Any]) -> list[str]:
    """Format a comparison: the counts, then every name that differs."""
    groups = ("renamed", "missing", "unexpected", "reshaped", "classifier", "allowed")
    counts = ", ".join(f"{len(result[group])} {group}" for group in groups)
    head = f"{result['network']} ({result['kind']}): {result['matched']} matched, {counts}"
    lines = [head, "the file fits" if result["fits"] else "the file does not fit"]
    lines += [
        f"  renamed     {key} {_size(item['shape'])} from {item['theirs']}" for key, item in result["renamed"].items()
    ]
    lines += [f"  missing     {key} {_size(shape)}" for key, shape in result["missing"].items()]
    lines += [f"  unexpected  {key} {_size(shape)}" for key, shape in result["unexpected"].items()]
    for group, note in (("reshaped", ""), ("classifier", ": of another class count, would stay fresh")):
        for key, item in result[group].items():
            lines.append(f"  {group:<11} {key} {_size(item['theirs'])} for {_size(item['ours'])}{note}")
    lines += [
        f"  allowed     {key} {_size(item['shape'])}: {item['reason']}" for key, item in result["allowed"].items()
    ]
    return lines


def _size(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"
