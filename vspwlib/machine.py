"""What runs here: the commit of the checkout, the processor and the GPU."""

import os
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path


def commit() -> str | None:
    """Return the commit of the checkout that runs, with ``+`` where files differ from it; None when installed."""
    here = Path(__file__).resolve().parent.parent
    if not (here / ".git").exists():
        return None
    git = ["git", "-C", os.fspath(here)]
    try:
        found = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)  # noqa: S603
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "")


def processor() -> str | None:
    """Return the name of the processor, None where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def uses_triton() -> bool:
    """Say whether kernels of Triton run on CUDA: where it is installed, unless ``VSPW_TRITON=0`` says no.

    There is none for Windows, and at first use it needs a C compiler, which a slim image may lack.
    """
    return os.environ.get("VSPW_TRITON") != "0" and _triton_is_installed()


@cache
def _triton_is_installed() -> bool:  # asked once a layer and step: the search takes 30 microseconds
    return find_spec("triton") is not None


def gpu() -> str | None:
    """Return the name of the GPU that this process computes on; None without one, and before its first use."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():  # asking would take a share of the GPU's memory
        return None
    return torch.cuda.get_device_name()
