"""Sweep and search from stores: two or three score stores in, exact curve or best weights out.

Without arguments it makes stores of smooth random scores at 480x854 and 124 classes in a temporary folder; with them it
takes a workspace's predictions, at their size:

    python benchmarks/sweep.py
    python benchmarks/sweep.py --workspace workspace --split test RUN_A RUN_B [RUN_C]

Ratios of one run: CPU time with one thread, wall time with two. The peers: eleven dense fusions in
numba, pixel-major, band by band as our path reads them; and a grid of the 66 weights of three runs in tenths, scored
with our own counts.
"""

import argparse
import itertools
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from vspwlib.data.images import read_mask
from vspwlib.data.index import open_split
from vspwlib.ensemble.curve import tau_curve
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.joint import joint_frame
from vspwlib.ensemble.labelled import labelled_frame
from vspwlib.ensemble.search import fit_weights, score_weights
from vspwlib.ensemble.sweep import envelope_of_scores
from vspwlib.metrics.iou import confusion, miou
from vspwlib.predict.ahead import in_order
from vspwlib.predict.scores import probability_bands
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

CLASSES, SIZE, FRAMES = 124, (480, 854), 12
TAUS = np.array([step / 10 for step in range(11)])


class Labelled(NamedTuple):
    """A frame of several runs with its truth."""

    video: str
    name: str
    truth: NDArray[np.uint8]


def least_s(work: Callable[[], object], clock: Callable[[], float], repetitions: int = 2) -> float:
    """Return the least time of ``work`` in seconds; the first call, which may compile, is not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def make_stores(folder: Path, runs: int = 3, noise: float = 0.6) -> tuple[list[ScoreStore], list[Labelled]]:
    """Write stores of runs that share a smooth field and differ by noise, and a truth that all are near to."""
    generator = torch.Generator().manual_seed(0)
    names = [f"{index:08d}" for index in range(FRAMES)]
    grid = tuple(-(-side // 4) for side in SIZE)
    shared = [4 * torch.randn(1, CLASSES, 12, 21, generator=generator) for _ in names]

    def field(base: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
        noisy = base + noise * torch.randn(base.shape, generator=generator)
        return functional.interpolate(noisy, size=size, mode="bicubic")[0]

    stores = []
    for run in range(runs):
        store = ScoreStore.create(folder / f"{run}.zarr", {"run": str(run)})
        store.write_video("walk", names, [SIZE] * FRAMES, (field(base, grid) for base in shared))
        stores.append(store)
    truths = [field(base, SIZE).argmax(0).to(torch.uint8).numpy() for base in shared]
    return stores, [Labelled("walk", name, truth) for name, truth in zip(names, truths, strict=True)]


def open_stores(arguments: argparse.Namespace) -> tuple[list[ScoreStore], list[Labelled]]:
    """Open a workspace's predictions of one data set."""
    place = Workspace.locate(arguments.workspace)
    paths = [path for path in place.stored_predictions() if path.stem.endswith(f"-{arguments.split}")]
    stores = [ScoreStore.open(path) for run in arguments.runs for path in paths if path.parent.name == run]
    labelled = open_split(stores[0].manifest["data_root"], arguments.split).labelled()
    return stores, [Labelled(frame.video, frame.name, read_mask(mask)) for frame, mask in labelled]


@numba.njit(nogil=True, fastmath=True, parallel=True)
def dense_labels(p1: Any, p2: Any, taus: Any, out: Any) -> None:
    """Write (T, N) labels of tau*p1 + (1-tau)*p2, pixel-major, one pixel's classes at a time."""
    for n in numba.prange(p1.shape[0]):
        for t in range(len(taus)):
            tau = taus[t]
            best, label = np.float32(-1.0), 0
            for k in range(p1.shape[1]):
                value = tau * p1[n, k] + (np.float32(1) - tau) * p2[n, k]
                if value > best:
                    best, label = value, k
            out[t, n] = label


def bands(stores: list[ScoreStore], frame: Labelled) -> Iterator[tuple[Any, Any]]:
    """Yield both runs' probabilities of a frame, pixel-major, in the bands that the sweep takes."""
    rows = -(-2048 // frame.truth.shape[1])
    fields = [
        probability_bands(store.scores(frame.video, frame.name), frame.truth.shape, rows=rows) for store in stores[:2]
    ]
    for (_, one), (_, two) in zip(*fields, strict=True):
        yield tuple(p.permute(1, 2, 0).reshape(-1, len(p)).numpy() for p in (one, two))


def eleven_dense(stores: list[ScoreStore], frames: list[Labelled]) -> list[float]:
    """Score eleven tau by dense fusion in numba."""
    taus = TAUS.astype(np.float32)
    totals = [np.zeros((CLASSES, CLASSES), np.int64) for _ in taus]
    for frame in frames:
        labels, done = np.empty((len(taus), frame.truth.size), np.uint8), 0
        for one, two in bands(stores, frame):
            dense_labels(one, two, taus, labels[:, done : done + len(one)])
            done += len(one)
        for index, own in enumerate(labels):
            totals[index] += confusion(own.reshape(frame.truth.shape), frame.truth)
    return [miou(total) for total in totals]


def exact(stores: list[ScoreStore], frames: list[Labelled]) -> list[float]:
    """Score every tau exactly, and return the same eleven."""

    def work(frame: Labelled) -> Envelope:
        return envelope_of_scores(*(store.scores(frame.video, frame.name) for store in stores[:2]), frame.truth.shape)

    envelopes = in_order(work, frames, torch.get_num_threads())  # as `vspw ensemble sweep` does
    curve = tau_curve(envelopes, [frame.truth for frame in frames])
    curve.best()
    return [curve.miou(tau) for tau in TAUS]


def read_only(stores: list[ScoreStore], frames: list[Labelled]) -> None:
    """Read, resize and take the softmax, which both must do."""
    for frame in frames:
        for _ in bands(stores, frame):
            pass


def report_sweep(stores: list[ScoreStore], frames: list[Labelled], threads: int) -> None:
    """Print the sweep beside dense fusion at a number of threads."""
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)
    gap = max(abs(a - b) for a, b in zip(exact(stores, frames), eleven_dense(stores, frames), strict=True))
    clock = time.process_time if threads == 1 else time.perf_counter
    dense, ours, shared = (
        least_s(lambda work=work: work(stores, frames), clock) for work in (eleven_dense, exact, read_only)
    )
    kind, shape = "CPU" if threads == 1 else "wall", frames[0].truth.shape
    print(f"{threads} thread(s), {kind} time, {len(frames)} frames of {shape}; largest difference of mIoU {gap:.1e}")
    for name, taken in (("eleven tau dense, numba", dense), ("all tau, exact", ours), ("reading and softmax", shared)):
        print(f"  {name:24s} {1000 * taken / len(frames):8.1f} ms a frame {dense / taken:6.1f} times numba's speed")
    if threads == 1:  # with more, reading and the rest run beside each other
        print(f"  {'without reading':24s} {'':19s} {(dense - shared) / (ours - shared):6.1f} times numba's speed")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"  {len(frames) / ours:.1f} frames a second, {peak:.2f} GB at most in this process")


def report_search(stores: list[ScoreStore], frames: list[Labelled]) -> None:
    """Print the ascent beside a grid of 66 weights of three runs; both on joint frames, which are made first."""
    start = time.perf_counter()
    joint = [
        labelled_frame(
            frame.video,
            joint_frame([store.scores(frame.video, frame.name) for store in stores], frame.truth.shape),
            frame.truth,
        )
        for frame in frames
    ]
    made = time.perf_counter() - start
    points = [(a, b, 10 - a - b) for a, b in itertools.product(range(11), repeat=2) if a + b <= 10]
    grid = max(score_weights(lambda: joint, points))
    fit = fit_weights(lambda: joint, 3)
    on_grid = least_s(lambda: score_weights(lambda: joint, points), time.process_time, 1)
    ascent = least_s(lambda: fit_weights(lambda: joint, 3), time.process_time, 1)
    print(f"three runs: joint frames {1000 * made / len(frames):.0f} ms a frame")
    print(f"  {len(points)} weights in tenths {on_grid:7.2f} s, best {100 * grid:.3f} % mIoU")
    print(f"  exact ascent          {ascent:7.2f} s, best {100 * fit.miou:.3f} %, {on_grid / ascent:.1f} times as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace")
    parser.add_argument("--split")
    parser.add_argument("runs", nargs="*")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        stores, frames = open_stores(arguments) if arguments.runs else make_stores(Path(folder))
        for threads in range(1, 1 + min(2, numba.config.NUMBA_NUM_THREADS)):
            report_sweep(stores, frames, threads)
        if len(stores) > 2:
            report_search(stores[:3], frames)


if __name__ == "__main__":
    main()
