"""``vspw models export``."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption
from vspwlib.runs import Workspace, write_json


def export_model(
    source: Annotated[str, typer.Argument(metavar="RUN_OR_NETWORK", help="A run, or a network of `vspw models list`.")],
    kind: Annotated[str, typer.Option("--format", help="torch (torch.export, .pt2) or onnx.")] = "onnx",
    checkpoint: Annotated[Path | None, typer.Option(help="Weights to take instead of the run's own.")] = None,
    weights: Annotated[str, typer.Option(help="The run's weights: best (by validation) or last.")] = "best",
    height: Annotated[int | None, typer.Option(help="Height of the images; default: the test window, or crop.")] = None,
    width: Annotated[int | None, typer.Option(help="Width of the images, likewise.")] = None,
    output: Annotated[Path | None, typer.Option(help="File to write; default: RUN_OR_NETWORK.pt2 or .onnx.")] = None,
    dynamic_batch: Annotated[bool, typer.Option("--dynamic-batch", help="Take any number of images.")] = False,
    opset: Annotated[int | None, typer.Option(help="Version of ONNX's operators; default: the exporter's.")] = None,
    num_classes: Annotated[int, typer.Option(help="Classes of a network that is no run.")] = 124,
    tolerance: Annotated[
        float, typer.Option(help="Largest error that passes, as a share of the largest score.")
    ] = 1e-4,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a network for other programs, after checking that the file computes what the network computes.

    It maps `images` (B, 3, H, W), normalised, to class `scores` (B, K, H/4, W/4), whose resized softmax is the class
    distribution. What it is and how to feed it stands in the file and in OUTPUT.json. Exits with 1, and writes nothing,
    where the check fails.

    Example: `vspw models export camvid-upernet_swin_tiny-s0 --format onnx`

    Example: `vspw models export upernet_swin_t --format torch --height 512 --width 512 --output swin.pt2`
    """
    from vspwlib.checks import check_choice, fail
    from vspwlib.models.export import FORMATS, ExportMismatch, export

    check_choice("--format", kind, FORMATS)
    check_choice("--weights", weights, ("best", "last"))
    if opset is not None and kind != "onnx":
        fail("--opset", expected="--format onnx with it", got=f"--format {kind}")
    sides = (height, width)
    place = Workspace.locate(workspace)
    if source in {run.name for run in place.runs()}:
        found = _from_run(place, source, checkpoint=checkpoint, which=weights, sides=sides)
    else:
        found = _from_zoo(source, place, checkpoint=checkpoint, num_classes=num_classes, sides=sides)
    path = output or Path(f"{source}{FORMATS[kind]}")
    summary: dict[str, Any] = {"output": str(path), "weights": found.metadata["weights"], "size": list(found.size)}
    try:
        agreement = export(
            found.network,
            path,
            kind=kind,
            size=found.size,
            metadata=found.metadata,
            dynamic_batch=dynamic_batch,
            opset=opset,
            tolerance=tolerance,
        )
    except ExportMismatch as mismatch:
        _report(summary | {"output": None, **asdict(mismatch.agreement)}, as_json=as_json)
        typer.secho(f"vspw: export: {mismatch}; nothing was written.", err=True, fg="red")
        raise typer.Exit(1) from mismatch
    write_json(path.with_name(f"{path.name}.json"), found.metadata | {"check": asdict(agreement)})
    _report(summary | asdict(agreement), as_json=as_json)


@dataclass(frozen=True)
class _Source:
    """What is exported: a network with its weights, what a reader of the file needs to know, and the images' size."""

    network: Any
    metadata: dict[str, Any]
    size: tuple[int, int]


def _from_run(
    place: Workspace, name: str, *, checkpoint: Path | None, which: str, sides: tuple[int | None, int | None]
) -> _Source:
    from dataclasses import replace

    from vspwlib.labels import CLASS_NAMES
    from vspwlib.models.checkpoint import load_weights
    from vspwlib.pipeline.building import build_network
    from vspwlib.pipeline.prediction import load_recipe

    run = place.run(name)
    recipe = load_recipe(run)
    network = build_network(replace(recipe, model=replace(recipe.model, checkpointing=False)))
    path = checkpoint or run.weights(which)
    load_weights(network, path)
    size = _size(sides, recipe.predict.window)
    origin = {"network": recipe.model.name, "run": name, "weights": path.name, "recipe": recipe.to_dict()}
    return _Source(network, _metadata(origin, classes=CLASS_NAMES, size=size), size)


def _from_zoo(
    name: str, place: Workspace, *, checkpoint: Path | None, num_classes: int, sides: tuple[int | None, int | None]
) -> _Source:
    from vspwlib.checks import check_choice
    from vspwlib.labels import CLASS_NAMES
    from vspwlib.models.zoo import NETWORKS, build

    check_choice("RUN_OR_NETWORK", name, [*NETWORKS, *(run.name for run in place.runs())])
    crop = NETWORKS[name].crop
    size = _size(sides, (crop, crop))
    network = build(name, num_classes=num_classes, image_size=size)
    if checkpoint is not None:
        _load(network, NETWORKS[name], checkpoint, size)
    else:
        typer.secho(f"vspw: {name} has fresh, untrained weights here; --checkpoint FILE loads some.", err=True)
    classes = CLASS_NAMES if num_classes == len(CLASS_NAMES) else None  # whose names would those of another count be
    origin = {"network": name, "run": None, "weights": checkpoint.name if checkpoint else "fresh, untrained"}
    return _Source(network, _metadata({**origin, "recipe": None}, classes=classes, size=size), size)


def _load(network: Any, entry: Any, path: Path, size: tuple[int, int]) -> None:
    """Load a file of ours, or a released one under its own names; every tensor has to come from it."""
    from vspwlib.checks import fail
    from vspwlib.models.checkpoint import load_weights
    from vspwlib.models.initialise import load_released

    if entry.family is None:  # a network of the user's own: nothing is known about other names
        load_weights(network, path)
        return
    report = load_released(network, path, entry, image_size=size)
    if report.kind != "segmentation":
        fail("checkpoint", expected="a whole network", got="a backbone", where=path, fix="train it first (--init).")
    if report.fresh_classifier:
        fix = f"--num-classes {report.classes}."
        fail("checkpoint", expected="as many classes as asked for", got=report.classes, where=path, fix=fix)


def _size(sides: tuple[int | None, int | None], default: tuple[int, int]) -> tuple[int, int]:
    from vspwlib.checks import check_range

    height, width = (default[axis] if side is None else side for axis, side in enumerate(sides))
    check_range("--height", height, 1)
    check_range("--width", width, 1)
    return height, width


def _metadata(origin: dict[str, Any], *, classes: Any, size: tuple[int, int]) -> dict[str, Any]:
    """Say all that is needed to feed the exported network and to read what it gives."""
    from vspwlib import __version__
    from vspwlib.data.transforms import MEAN, STD

    return {
        "producer": f"vspwlib {__version__}",
        **origin,
        "size": list(size),
        "input": "images: (B, 3, H, W) float32, RGB of 0 to 255, less mean, over std, per channel",
        "mean": list(MEAN),
        "std": list(STD),
        "output": "scores: (B, K, ceil(H/4), ceil(W/4)); resize to (H, W) bilinearly, then softmax over K",
        "stride": 4,
        "classes": None if classes is None else list(classes),
    }


def _report(summary: dict[str, Any], *, as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps(summary))
        return
    lines = {
        **{key: summary[key] for key in ("output", "weights")},
        "size": "x".join(map(str, summary["size"])),
        "largest error": f"{summary['error']:.2e} of scores up to {summary['largest']:.3g}",
        "other labels": f"{100 * summary['other_labels']:.3f} % of the cells",
    }
    typer.echo("\n".join(f"{key:>14}  {value}" for key, value in lines.items()))
