"""Confusion counts against mmseg's IoUMetric: one thread, 480×853, 124 classes, rounds of the two interleaved.

Run: ``python benchmarks/confusion.py``. Prints the time of a frame and how many times faster ours is. mmseg counts
three histograms, ours the whole matrix.
"""

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from mmseg.evaluation.metrics.iou_metric import IoUMetric

from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.metrics.iou import confusion

HEIGHT, WIDTH, ROUNDS, FRAMES = 480, 853, 20, 4


def label_maps(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a truth of 32-pixel regions with some void, and a prediction that is wrong on 15 % of the pixels."""
    rng = np.random.default_rng(seed)
    regions = rng.integers(0, NUM_CLASSES, (15, 27), dtype=np.uint8)
    regions[rng.random(regions.shape) < 0.05] = VOID
    truth = regions.repeat(32, axis=0).repeat(32, axis=1)[:HEIGHT, :WIDTH]
    noise = rng.integers(0, NUM_CLASSES, truth.shape, dtype=np.uint8)
    return np.where((truth == VOID) | (rng.random(truth.shape) < 0.15), noise, truth), truth


def seconds_a_frame(count: Callable[[int], None]) -> float:
    """Time one round over all frames."""
    start = time.perf_counter()
    for frame in range(FRAMES):
        count(frame)
    return (time.perf_counter() - start) / FRAMES


def main() -> None:
    torch.set_num_threads(1)
    maps = [label_maps(seed) for seed in range(FRAMES)]
    tensors = [(torch.from_numpy(pred), torch.from_numpy(truth)) for pred, truth in maps]
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    areas = [torch.zeros(NUM_CLASSES) for _ in range(4)]

    def ours(frame: int) -> None:
        np.add(matrix, confusion(*maps[frame]), out=matrix)

    def theirs(frame: int) -> None:
        for area, more in zip(areas, IoUMetric.intersect_and_union(*tensors[frame], NUM_CLASSES, VOID), strict=True):
            area.add_(more)

    ours(0), theirs(0)
    rounds = [(seconds_a_frame(ours), seconds_a_frame(theirs)) for _ in range(ROUNDS)]
    mine, other = zip(*rounds, strict=True)
    for name, times in (("vspwlib", mine), ("mmseg", other)):
        print(f"{name:8s} min {min(times) * 1e3:6.3f} ms  median {statistics.median(times) * 1e3:6.3f} ms a frame")
    ratios = {
        "benchmark": "confusion",
        "ratio_min": round(min(other) / min(mine), 1),
        "ratio_median": round(statistics.median(b / a for a, b in rounds), 1),
        "required": 3.0,
    }
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
