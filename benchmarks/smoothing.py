"""Smoothing along optical flow against plain labels of the same scores: one thread, CPU time, parts one by one.

A frame of 480x854 with two neighbours, a panning texture and random scores of 124 classes; ratios of one run:

    python benchmarks/smoothing.py [--output results/speed/smoothing-cpu.json]
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional

from vspwlib.predict.flow import Neighbour, optical_flow, smoothed_labels, smoothed_scores, track
from vspwlib.predict.scores import labels
from vspwlib.runs import environment, write_json

CLASSES, SIZE, PAN, REPETITIONS = 124, (480, 854), 3, 5


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the least CPU time of ``work`` in milliseconds; the first call, which may compile, is not counted."""
    work()
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def make_frames() -> tuple[list[np.ndarray], list[torch.Tensor]]:
    """Return three grey frames of a panning texture, and scores (K, h, w) of each that differ by noise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 1, SIZE[0] // 8, SIZE[1] // 8 + 2, generator=generator)
    wide = functional.interpolate(coarse, size=(SIZE[0], SIZE[1] + 2 * PAN), mode="bicubic")[0, 0]
    grey = (255 * wide.clamp(0, 1)).to(torch.uint8).numpy()
    frames = [np.ascontiguousarray(grey[:, PAN * step : PAN * step + SIZE[1]]) for step in range(3)]
    shared = 4 * torch.randn(1, CLASSES, 12, 21, generator=generator)
    grid = (-(-SIZE[0] // 4), -(-SIZE[1] // 4))
    noisy = [shared + 0.2 * torch.randn(shared.shape, generator=generator) for _ in range(3)]
    fine = (functional.interpolate(one, size=grid, mode="bicubic")[0] for one in noisy)
    return frames, [one.permute(1, 2, 0).contiguous().permute(2, 0, 1) for one in fine]  # pixel-major, as in stores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    frames, (before, own, after) = make_frames()
    pairs = [(optical_flow(frames[1], other), optical_flow(other, frames[1])) for other in (frames[0], frames[2])]
    neighbours = [Neighbour(values, *flows) for values, flows in zip((before, after), pairs, strict=True)]
    settings = {"weight": 0.5, "threshold": 1.0}
    rows, columns = torch.meshgrid(*(torch.arange(side, dtype=torch.float32) for side in SIZE), indexing="ij")
    passing = float(np.mean([track(*flows, rows, columns, 1.0).valid.float().mean() for flows in pairs]))
    changed = float((smoothed_labels(own, neighbours, SIZE, **settings) != labels(own, SIZE)).mean())
    print(f"{CLASSES} classes at {SIZE[0]}x{SIZE[1]}, one thread")
    print(f"{100 * passing:.0f} % of the pixels pass the check, {100 * changed:.1f} % of the labels change")
    taken = {
        "plain labels of one frame": cpu_ms(lambda: labels(own, SIZE)),
        "flow, one way": cpu_ms(lambda: optical_flow(frames[0], frames[1])),
        "labels with two neighbours": cpu_ms(lambda: smoothed_labels(own, neighbours, SIZE, **settings)),
        "scores with two neighbours": cpu_ms(lambda: smoothed_scores(own, neighbours, SIZE, **settings)),
    }
    plain, flow, *sums = taken.values()
    taken["a frame: two flows, labels, scores"] = 2 * flow + sum(sums)
    for name, each in taken.items():
        print(f"{name:36s} {each:8.1f} ms   {each / plain:6.1f} times plain labels")
    if output:
        facts = {"size": SIZE, "classes": CLASSES, "passing": passing, "changed": changed}
        write_json(output, {**environment(), "load": os.getloadavg(), **facts, "cpu_ms": taken})


if __name__ == "__main__":
    main()
