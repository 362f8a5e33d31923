"""What the benchmarks of the app share: a workspace of random fields, and a server on it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from vspwlib.labels import CLASS_NAMES, id_to_raw
from vspwlib.pipeline.ensembling import sweep
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

REPOSITORY = Path(__file__).resolve().parents[1]
CLASSES, SIZE, RUNS = 124, (480, 854), ("first", "second")
VIDEOS = ("walk", "yard")


def make_workspace(folder: Path, frames: int) -> Workspace:
    """Write a data set of two videos, two runs' scores that share a smooth field, and their sweep."""
    generator = torch.Generator().manual_seed(0)
    root, workspace = folder / "data", Workspace(folder / "workspace")
    grid = tuple(-(-side // 4) for side in SIZE)
    names = [f"{index:08d}" for index in range(frames)]
    stores = []
    for run in RUNS:
        stated = {"run": run, "dataset": "data", "split": "val", "data_root": str(root), "weights": run, "predict": {}}
        path = workspace.predictions(run, "data", "val")
        stores.append(ScoreStore.create(path, {**stated, "class_names": CLASS_NAMES, "commit": None}))
    for video in VIDEOS:
        shared = 4 * torch.randn(2, CLASSES, 12, 21, generator=generator)
        bases = [torch.lerp(shared[0], shared[1], index / frames)[None] for index in range(frames)]
        for part in ("origin", "mask"):
            (root / "data" / video / part).mkdir(parents=True)
        for name, base in zip(names, bases, strict=True):
            truth = functional.interpolate(base, size=SIZE, mode="bicubic")[0].argmax(0).byte().numpy()
            Image.fromarray(id_to_raw(truth)).save(root / "data" / video / "mask" / f"{name}.png")
            picture = np.random.default_rng(int(name)).integers(0, 255, (30, 54, 3), dtype=np.uint8)
            image = Image.fromarray(picture).resize((SIZE[1], SIZE[0]))
            image.save(root / "data" / video / "origin" / f"{name}.jpg")
        for store in stores:
            noisy = (base + 0.6 * torch.randn(base.shape, generator=generator) for base in bases)
            fields = (functional.interpolate(one, size=grid, mode="bicubic")[0] for one in noisy)
            store.write_video(video, names, [SIZE] * frames, fields)
    (root / "val.txt").write_text("\n".join(VIDEOS), encoding="utf-8")
    sweep(workspace, *RUNS, "data", "val")
    return workspace


@contextmanager
def served(script: str, workspace: Workspace) -> Iterator[tuple[str, int]]:
    """Yield the address of a Streamlit server and its process number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.headless", "true"]
    options = ["--server.port", str(port), "--server.fileWatcherType", "none"]
    environment = {**os.environ, "VSPW_WORKSPACE": str(workspace.path), "PYTHONPATH": str(REPOSITORY)}
    quiet = subprocess.DEVNULL
    with subprocess.Popen([*command, *options], cwd=REPOSITORY, env=environment, stdout=quiet, stderr=quiet) as server:
        try:
            address = f"http://localhost:{port}"
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield address, server.pid
        finally:
            server.terminate()


def memory_mb(process: int) -> float:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    return float("nan")
