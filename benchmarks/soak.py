"""Predict and sweep again and again in one process: does it hold more memory, threads or files each time?

    python benchmarks/soak.py --workspace workspace --minutes 60      the workspace of `make demo`

The predictions are made anew each time, in a copy of the workspace, so that nothing is taken from the last round.
"""

import argparse
import shutil
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from app_server import memory_mb

from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.prediction import predict
from vspwlib.report.printing import text_table
from vspwlib.runs import Workspace


def held() -> dict[str, float]:
    """Return what this process holds."""
    own = Path("/proc/self")
    children = [task.read_text("utf-8").split() for task in own.glob("task/*/children")]
    return {
        "memory, MB": memory_mb("self"),
        "threads": threading.active_count(),
        "threads of the system": len(list((own / "task").iterdir())),
        "files": len(list((own / "fd").iterdir())),
        "processes": sum(map(len, children)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--runs", default="mini-t3_nce2-s0,mini-t2_896_map_drop-s0")
    parser.add_argument("--split", default="test1")
    parser.add_argument("--minutes", type=float, default=60)
    arguments = parser.parse_args()
    first, second = arguments.runs.split(",")
    with TemporaryDirectory() as scratch:
        for name in ("runs", "data"):
            shutil.copytree(arguments.workspace / name, Path(scratch) / name)
        workspace = Workspace(Path(scratch))
        data = {"vspw": workspace.path / "data" / "mini" / "vspw"}
        taken, scores = [], set()
        until = time.monotonic() + 60 * arguments.minutes
        while time.monotonic() < until:
            for run in (first, second):
                predict(workspace.run(run), workspace, arguments.split, data=data, overwrite=True)
            scores.add(sweep(workspace, first, second, None, arguments.split).best[1])
            taken.append(held())
    at = sorted({0, len(taken) // 4, len(taken) // 2, len(taken) - 1})
    print(
        text_table(
            [{"round": str(index + 1), **{key: f"{value:.0f}" for key, value in taken[index].items()}} for index in at]
        )
    )
    later = np.array([one["memory, MB"] for one in taken[len(taken) // 4 :]])
    slope = np.polyfit(np.arange(len(later)), later, 1)[0] if len(later) > 2 else float("nan")
    print(f"{len(taken)} rounds in {arguments.minutes:.0f} minutes; after the first quarter {slope:+.3f} MB a round")
    print("all found the same score" if len(scores) == 1 else f"DIFFERENT SCORES: {sorted(scores)}")


if __name__ == "__main__":
    main()
