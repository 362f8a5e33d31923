"""``vspw doctor``."""

from importlib.metadata import PackageNotFoundError, version

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption
from vspwlib.runs import Workspace

#: Packages by what is lost without them.
_NEEDED_FOR = {
    "torch": "everything but scores and reports",
    "torchvision": "augmentation",
    "lightning": "training",
    "onedl-mmsegmentation": "UperNet and Swin",
    "zarr": "stored predictions",
    "av": "mp4 in and out",
    "plotly": "figures",
    "streamlit": "the app",
}


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say what works here: packages, devices, memory, the workspace and its data sets.

    Example: `vspw doctor`
    """
    import json
    import shutil

    from rich.console import Console
    from rich.table import Table

    from vspwlib.runs import environment

    place = Workspace.locate(workspace)
    free = shutil.disk_usage(
        next(path for path in (place.path.resolve(), *place.path.resolve().parents) if path.exists())
    ).free
    facts: dict[str, str] = {
        "machine": "{cpu}, {cores} cores, {system}".format(**environment()["machine"]),
        "device": _device(),
        "free disk": f"{free / 2**30:.0f} GiB",
        "workspace": f"{place.path} ({len(place.runs())} runs)"
        if place.path.is_dir()
        else f"{place.path} (not made yet)",
    }
    for name, folder in place.data_sets.items():
        facts[f"data {name}"] = f"{folder}" + ("" if folder.is_dir() else " — missing")
    for package, purpose in _NEEDED_FOR.items():
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = f"missing: needed for {purpose}"
    if as_json:
        typer.echo(json.dumps(facts))
        return
    table = Table(show_header=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    Console().print(table)


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "none: torch is missing"
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return "cpu"
