"""Start-up times as a user meets them: importing the package, the command's help, the app's first page.

Run: ``python benchmarks/startup.py [WORKSPACE]``. Each is a process of its own, started five times; the median and its
ratio to an empty Python process are printed. With a workspace, the app's Overview is run as Streamlit would run it.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

REPETITIONS = 5
FIRST_PAGE = """
from streamlit.testing.v1 import AppTest
import time
start = time.perf_counter()
app = AppTest.from_file("workbench/main.py", default_timeout=60).run()
assert not app.exception, app.exception
print(time.perf_counter() - start)
"""


def seconds(arguments: list[str], environment: dict[str, str] | None = None) -> float:
    """Return the median wall time of a process."""
    times = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, **(environment or {})})
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure and print one line each, then all as JSON."""
    python = sys.executable
    empty = seconds([python, "-c", "pass"])
    figures = {
        "import vspwlib": seconds([python, "-c", "import vspwlib"]),
        "vspw --help": seconds([python, "-m", "vspwlib", "--help"]),
    }
    if len(sys.argv) > 1:
        place = {"VSPW_WORKSPACE": str(Path(sys.argv[1]).resolve())}
        figures["app, first page (process)"] = seconds([python, "-c", FIRST_PAGE], place)
    for name, value in figures.items():
        print(f"{name:>28}  {value:.3f} s  {value / empty:.1f} x an empty Python ({empty:.3f} s)")
    print(json.dumps({"empty python": empty, **figures}))


if __name__ == "__main__":
    main()
