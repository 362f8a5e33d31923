"""`vspw --help` and `vspw --version` answer without loading anything large."""

import os
import re
import subprocess
import sys
from pathlib import Path

import vspwlib

HEAVY = {"av", "lightning", "mmseg", "numba", "pandas", "plotly", "streamlit", "timm", "torch", "torchvision", "zarr"}
COMMANDS = {"compare", "data", "demo", "embedding", "ensemble", "predict", "score", "train"}
COMMANDS = {"data", "demo", "embedding", "ensemble", "import", "predict", "score", "submit", "train"}
PLAIN = {"NO_COLOR": "1", "_TYPER_FORCE_DISABLE_TERMINAL": "1"}
CALL = """
import sys
from vspwlib.cli import main
sys.argv = ["vspw", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


def call(repository: Path, *options: str) -> tuple[str, set[str]]:
    """Run the command line in a fresh interpreter; return what it printed and the top-level modules it loaded."""
    command = [sys.executable, "-c", CALL, *options]
    environment = os.environ | PLAIN
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, {name.partition(".")[0] for name in done.stderr.split()}


def test_help_lists_the_commands_and_loads_nothing_large(repository: Path) -> None:
    printed, loaded = call(repository, "--help")
    assert COMMANDS - set(re.findall(r"[a-z]+", printed)) == set()
    assert "vspwlib" in loaded
    assert loaded & HEAVY == set()


def test_version_is_the_package_version(repository: Path) -> None:
    printed, loaded = call(repository, "--version")
    assert vspwlib.__version__ in printed.split()
    assert loaded & HEAVY == set()


def test_the_console_script_runs(repository: Path) -> None:
    script = Path(sys.executable).with_name("vspw")
    done = subprocess.run([script, "--version"], cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert vspwlib.__version__ in done.stdout
