"""Weighted bilinear samples, the core of deformable attention and DCNv3: every backend against grid_sample.

Forward, and forward with backward, at the sizes of the published networks; time and additional memory at the peak,
repetitions interleaved, ratios from one run. On a CPU one thread and its CPU time; on CUDA the time between events,
with Triton among the backends.

    python benchmarks/ops.py [--device cpu|cuda] [--quick] [--repetitions N] [--output results/speed/ops.json]
"""

import argparse
import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from vspwlib.models.ops.sampling import weighted_samples
from vspwlib.runs import environment, write_json

PEER = "grid_sample"
DTYPES = {"cpu": (torch.float32,), "cuda": (torch.float32, torch.bfloat16)}
BACKENDS = {"cpu": [PEER, "embedding_bag", "numba"], "cuda": [PEER, "embedding_bag", "triton"]}


@dataclass(frozen=True)
class Case:
    """Levels that are sampled, grids of the queries, heads (or groups), channels of each, points per level."""

    name: str
    levels: tuple[tuple[int, int], ...]
    grids: tuple[tuple[int, int], ...]
    heads: int
    depth: int
    points: int


def cases(crop: int) -> list[Case]:
    """List the operators of ViT-Adapter-L with Mask2Former and of InternImage-XL at one crop."""
    eighth, sixteenth, half = ((crop // stride, crop // stride) for stride in (8, 16, 32))
    pyramid = eighth, sixteenth, half
    found = [
        Case(f"pixel decoder, {crop}", pyramid, pyramid, 32, 32, 4),
        Case(f"adapter's injector, {crop}", pyramid, (sixteenth,), 16, 32, 4),
        Case(f"adapter's extractor, {crop}", (sixteenth,), pyramid, 16, 32, 4),
    ]
    for stage in range(4):
        grid = (crop // 4 // 2**stage,) * 2
        found.append(Case(f"DCNv3, stage {stage + 1}, {crop}", (grid,), (grid,), 12 * 2**stage, 16, 9))
    return found


def make(case: Case, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return random values, points a few pixels around their query's place, and weights that sum to 1."""
    generator = torch.Generator().manual_seed(0)
    places = []
    for height, width in case.grids:
        x, y = (torch.arange(width) + 0.5) / width, (torch.arange(height) + 0.5) / height
        places.append(torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1).view(-1, 2))
    place = torch.cat(places)
    pixels = sum(height * width for height, width in case.levels)
    shape = (1, len(place), case.heads, len(case.levels), case.points)
    sizes = torch.tensor([(width, height) for height, width in case.levels])[:, None]
    offsets = 2 * torch.randn(*shape, 2, generator=generator)
    points = place[:, None, None, None] * sizes - 0.5 + offsets
    weights = torch.randn(shape, generator=generator).flatten(3).softmax(-1).view(shape)
    value = torch.randn(1, pixels, case.heads, case.depth, generator=generator).to(dtype)
    value, points, weights = (tensor.to(device).requires_grad_() for tensor in (value, points, weights))
    return value, points, weights


def forward(backend: str, case: Case, inputs: tuple[Tensor, Tensor, Tensor]) -> object:
    value, points, weights = inputs
    with torch.no_grad():
        return weighted_samples(value, case.levels, points, weights, backend=backend)  # type: ignore[arg-type]


def backward(backend: str, case: Case, inputs: tuple[Tensor, Tensor, Tensor]) -> object:
    value, points, weights = inputs
    out = weighted_samples(value, case.levels, points, weights, backend=backend)  # type: ignore[arg-type]
    return torch.autograd.grad(out, inputs, torch.ones_like(out))


def milliseconds(work: Callable[[], object], device: str) -> float:
    """Return the process's CPU time of one call, or the time between two events on the GPU."""
    if device == "cpu":
        begin = time.process_time()
        work()
        return 1000 * (time.process_time() - begin)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def resident(field: str) -> int:
    """Return a memory figure of this process in bytes, as Linux counts it."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])


def keep_freed(size: int) -> None:
    """Let glibc keep freed blocks up to a size, as it comes to do by itself (32 MiB), or give back what is larger."""
    library = ctypes.CDLL(None)
    library.mallopt(-3, size)  # M_MMAP_THRESHOLD
    library.mallopt(-1, 2 * size)  # M_TRIM_THRESHOLD
    library.malloc_trim(0)


def peak_bytes(work: Callable[[], object], device: str) -> int:
    """Return the most memory that one call holds besides its inputs, its results included."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return torch.cuda.max_memory_allocated() - before
    keep_freed(1 << 16)  # what is freed goes back at once, so that a peak can be seen
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest mark so far
    before = resident("VmRSS")
    work()
    peak = resident("VmHWM")
    keep_freed(1 << 25)
    return peak - before


def measure(case: Case, device: str, dtype: torch.dtype, repetitions: int) -> list[dict[str, object]]:
    """Print a line for each backend and return its figures."""
    backends = BACKENDS[device]
    inputs = make(case, device, dtype)
    works = {(name, step): partial(step, name, case, inputs) for name in backends for step in (forward, backward)}
    times: dict[tuple, list[float]] = {key: [] for key in works}
    for work in works.values():  # the first call may compile
        work()
    for _ in range(repetitions):
        for key, work in works.items():
            times[key].append(milliseconds(work, device))
    best = {key: min(found) for key, found in times.items()}
    peaks = {key: max(peak_bytes(work, device), 1) for key, work in works.items()}
    precision = str(dtype).removeprefix("torch.")
    print(f"\n{case.name}: {case.heads} x {case.depth} channels, {device}, {precision}")
    rows = []
    for name in backends:
        columns = []
        row: dict[str, object] = {"operator": case.name, "precision": precision, "backend": name}
        for step in (forward, backward):
            key, peer = (name, step), (PEER, step)
            columns.append(
                f"{best[key]:9.3f} ms {best[peer] / best[key]:6.2f}x {peaks[key] / 2**20:8.1f} MiB "
                f"{peaks[key] / peaks[peer]:5.2f}"
            )
            row[step.__name__] = {"milliseconds": best[key], "peak_bytes": peaks[key]}
        print(f"  {name:14s} {columns[0]} | {columns[1]}", flush=True)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="crop 480 alone, three operators")
    parser.add_argument("--repetitions", type=int, default=5, help="on CUDA four times as many")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
        keep_freed(1 << 25)
    chosen = [case for crop in ((480,) if options.quick else (480, 896)) for case in cases(crop)]
    if options.quick:
        chosen = [chosen[0], chosen[2], chosen[3]]
    repetitions = options.repetitions * (4 if options.device == "cuda" else 1)
    print(f"{'':16s} forward: time, against {PEER}, memory, of {PEER}'s | the same with backward")
    rows = []
    for case in chosen:
        for dtype in DTYPES[options.device]:
            rows += measure(case, options.device, dtype, repetitions)
    if options.output is not None:
        write_json(options.output, {**environment(), "repetitions": repetitions, "rows": rows})


if __name__ == "__main__":
    main()
