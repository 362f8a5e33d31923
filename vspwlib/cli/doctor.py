"""``vspw doctor``."""

from importlib.metadata import PackageNotFoundError, version

import typer

from vspwlib.cli.options import JsonOption, WorkspaceOption
from vspwlib.runs import Workspace

#: Packages by what is lost without them, and what installs them.
_NEEDED_FOR = {
    "torch": ("everything but scores and reports", "."),
    "torchvision": ("augmentation", "."),
    "lightning": ("training", "."),
    "numba": ("fast envelopes on the CPU", "."),
    "onedl-mmsegmentation": ("UperNet and Swin", "."),
    "zarr": ("stored predictions", "."),
    "av": ("mp4 in and out", "."),
    "plotly": ("figures", "."),
    "streamlit": ("the app", ".[app]"),
    "jupyterlab": ("notebooks", ".[notebooks]"),
}

_LITTLE = 10 * 2**30  # bytes of disk: a demo workspace takes a fifth of it, a run of VSPW's val many times as much


def doctor(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say what works here (packages, devices, memory, workspace, data sets), and what to do about what is missing.

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
        "memory": _memory(),
        "python": environment()["python"],
        "device": _device(),
        "free disk": f"{free / 2**30:.0f} GiB",
        "workspace": f"{place.path} ({len(place.runs())} runs)"
        if place.path.is_dir()
        else f"{place.path} (not made yet)",
    }
    to_do = [f"free some disk: less than {_LITTLE / 2**30:.0f} GiB are left"] if free < _LITTLE else []
    for name, folder in place.data_sets.items():
        facts[f"data {name}"] = f"{folder}" + ("" if folder.is_dir() else " — missing")
        if not folder.is_dir():
            to_do.append(f"bring {name} back to {folder}, or name its new place with --data {name}=PATH")
    for package, (purpose, source) in _NEEDED_FOR.items():
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = f"missing: needed for {purpose}"
            to_do.append(f"make setup, or pip install '{source}' in the checkout, for {purpose}")
    if lacking := _lacking_for_triton():
        to_do.append(f"install {' and '.join(lacking)}: Triton compiles what it runs on the GPU at the first use")
    if as_json:
        typer.echo(json.dumps({**facts, "to do": to_do}))
        return
    table = Table(show_header=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    Console().print(table)
    for one in to_do:
        typer.echo(f"to do: {one}")


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "none: torch is missing"
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    if torch.backends.mps.is_available():
        return "cpu (Apple's MPS is there; it was never tried here, and is not used)"
    return f"cpu, {torch.get_num_threads()} threads"


def _lacking_for_triton() -> list[str]:
    """Return what Triton would miss on this machine's GPU; nothing where there is none, or no Triton."""
    import os
    import shutil
    import sysconfig
    from importlib.util import find_spec
    from pathlib import Path

    if find_spec("torch") is None or find_spec("triton") is None:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    compiler = os.environ.get("CC") or shutil.which("clang") or shutil.which("gcc")
    header = Path(sysconfig.get_path("include", "posix_prefix"), "Python.h")
    needed = {"a C compiler (gcc)": bool(compiler), "Python's headers (python3-dev)": header.is_file()}
    return [name for name, there in needed.items() if not there]


def _memory() -> str:
    """Return the memory of the machine; where the system does not tell, say so."""
    import os

    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    except (AttributeError, OSError, ValueError):
        return "not told by this system"
