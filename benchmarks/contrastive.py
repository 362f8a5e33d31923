"""The contrastive loss, forward and backward, against autograd over the full matrix and against sampled anchors.

    python benchmarks/contrastive.py --device cpu|cuda [--quick] [--output results/speed/contrastive-cpu.json]

Clips of two frames, M patches of 20 classes, C channels, temperature 0.1: a class's centre plus noise, normalised; a
class has 0.82 times the patches of the one before, so that a tenth of all pairs is of one class. Methods:

- ``symmetric`` (CPU), ``chunked`` and ``triton`` (CUDA): backends of ``pixel_contrast_loss``, all pairs;
- ``naive``: all pairs by masks and autograd, the way one writes it first; some 31 bytes a pair;
- ``sampled``: at most 1024 patches, drawn and contrasted as ContrastiveSeg does: another, cheaper loss.

For each: seconds of wall and of processor (medians), the most memory held besides the inputs, and the share of the
floor: the time of the matrix products alone, 4·M²·C operations (symmetric; 3·M²·C where it keeps all its tiles) or
6·M²·C, at the rate of a large product measured in between. What would pass ``--patience`` or ``--memory`` is left out
and says so. On a CPU each case has its own process. Where others use the machine, go by processor time and ratios.

The bars, on a CPU with one thread, C = 256: at M = 8192 at least 4 times as fast as naive and under 120 MB; at
M = 25088 under 400 MB; two threads help.
"""

import argparse
import ctypes
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vspwlib.losses.contrast.sampled import sample_anchors
from vspwlib.losses.contrastive import pixel_contrast_loss
from vspwlib.runs import environment, write_json

CLASSES, DECAY, TEMPERATURE = 20, 0.82, 0.1
CPU_SIZES = (1024, 2048, 4096, 8192, 16384, 25088, 50176, 100352)
CUDA_SIZES = sorted((*CPU_SIZES, 7200, 200704))
CPU_METHODS = (("symmetric", "fp32"), ("chunked", "fp32"), ("naive", "fp32"), ("sampled", "fp32"))
CUDA_METHODS = (*((m, p) for p in ("bf16", "fp32") for m in ("chunked", "triton")), *CPU_METHODS[2:])
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
NAIVE_BYTES, OTHER_BYTES, MB, GB = 31, 20, 1e6, 1e9  # of a pair, of a feature: to predict what does not fit
Row = dict[str, Any]


class Case(NamedTuple):
    """What one process measures."""

    method: str
    precision: str
    patches: int
    channels: int
    device: str
    threads: int
    repetitions: int


def make(patches: int, channels: int, device: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.multinomial(DECAY ** torch.arange(CLASSES), patches, replacement=True, generator=generator)
    features = torch.randn(patches, channels, generator=generator)
    features += torch.randn(CLASSES, channels, generator=generator)[labels]
    features /= features.norm(dim=1, keepdim=True)
    return features.to(device).requires_grad_(), labels.to(device)


def naive(features: Tensor, labels: Tensor) -> Tensor:
    """Return the loss from the full matrix."""
    similarity = features @ features.T / TEMPERATURE
    same = labels[:, None] == labels
    positives = same.clone().fill_diagonal_(False)
    log_mass = similarity.masked_fill(same, -torch.inf).logsumexp(dim=1, keepdim=True)
    log_probability = torch.nn.functional.logsigmoid(similarity - log_mass)
    number = positives.sum(dim=1)
    return -((log_probability * positives).sum(dim=1) / number.clamp(min=1)).sum() / (number > 0).sum()


def sampled(features: Tensor, labels: Tensor) -> Tensor:
    """Return ContrastiveSeg's loss of the anchors of two frames (Wang et al., ICCV 2021; their loss_contrast.py)."""
    anchors = draw_anchors(labels)
    features, labels = features[anchors], labels[anchors]
    logits = features @ features.T / TEMPERATURE
    logits = logits - logits.max(dim=1, keepdim=True).values.detach()
    same = (labels[:, None] == labels).float()
    exponentials = logits.exp()
    negatives = (exponentials * (1 - same)).sum(dim=1, keepdim=True)
    log_probability = logits - (exponentials + negatives).log()
    positives = same * (1 - torch.eye(len(same), device=same.device))
    return -((positives * log_probability).sum(dim=1) / positives.sum(dim=1)).mean()


def draw_anchors(labels: Tensor) -> Tensor:
    """Return the places that ContrastiveSeg would draw where a quarter of the patches is predicted wrongly."""
    predictions = torch.where(torch.rand(labels.shape, device=labels.device) < 0.25, CLASSES, labels)
    anchors = sample_anchors(labels.view(2, -1), predictions.view(2, -1))
    return anchors if len(anchors) else sys.exit("nothing to draw: no class has more than 100 patches in a frame")


def step(case: Case, features: Tensor, labels: Tensor) -> float:
    """Return the loss; its gradient is found and dropped."""
    ours = partial(pixel_contrast_loss, temperature=TEMPERATURE, precision=DTYPES[case.precision], backend=case.method)
    loss = {"naive": naive, "sampled": sampled}.get(case.method, ours)(features, labels)
    torch.autograd.grad(loss, features)
    return float(loss.detach())


def measured(work: Callable[[], object], device: str) -> tuple[float, ...]:
    """Return seconds of wall, of the processor, and of the first thread alone: the wall's, were nobody else here."""
    wait = torch.cuda.synchronize if device == "cuda" else bool
    wait()
    began = time.perf_counter(), time.process_time(), time.thread_time()
    work()
    wait()
    return time.perf_counter() - began[0], time.process_time() - began[1], time.thread_time() - began[2]


def product_cost(case: Case) -> tuple[float, ...]:
    """Return what an operation of a large matrix product costs."""
    side = 8192 if case.device == "cuda" else 1024
    left, right = (torch.randn(side, side, device=case.device).to(DTYPES[case.precision]) for _ in range(2))
    return tuple(
        each / (2 * side**3) for each in measured(partial(torch.mm, left, right, out=left @ right), case.device)
    )


def measure(case: Case) -> Row:
    """Measure one case in this process."""
    torch.set_num_threads(case.threads)
    step(case, *make(4096, 8, case.device))  # libraries load their code and take their buffers
    clip = make(case.patches, case.channels, case.device)
    losses: list[float] = []
    first, extra = with_peak(lambda: losses.append(step(case, *clip)), case.device)
    runs, products = [], [product_cost(case)]
    for _ in range(min(case.repetitions, int(20 / first[1]))):
        runs.append(measured(partial(step, case, *clip), case.device))
        products.append(product_cost(case))
    runs = runs or [first]
    spent, cost = ([statistics.median(each) for each in zip(*times, strict=True)] for times in (runs, products))
    anchors = len(draw_anchors(clip[1])) if case.method == "sampled" else case.patches
    operations = (4 if case.method == "symmetric" else 6) * anchors**2 * case.channels
    return {
        **case._asdict(),
        "repetitions": len(runs),
        "anchors": anchors,
        "loss": losses[0],
        **dict(zip(("seconds", "cpu_seconds", "first_thread_seconds"), spent, strict=True)),
        "least_seconds": min(runs)[0],
        "extra_mb": extra / MB,
        "matrix_gigaoperations_per_second": 1 / cost[0] / GB,
        "share_of_floor": operations * (cost[1] / spent[1] if case.device == "cpu" else cost[0] / spent[0]),
    }


def with_peak(work: Callable[[], object], device: str) -> tuple[tuple[float, ...], int]:
    """Return the times of a call, and the most bytes that it held."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        return measured(work, device), torch.cuda.max_memory_allocated() - before
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before must not hide what comes
    Path("/proc/self/clear_refs").write_text("5", "utf-8")  # the mark starts again from the memory in use now
    before = high_water_mark()
    return measured(work, device), high_water_mark() - before


def high_water_mark() -> int:
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("utf-8"))[1])


def run(case: Case, before: Row, limits: argparse.Namespace) -> Row:
    """Measure a case, on a CPU in a process of its own; what is left out or fails becomes a row that says why."""
    memory = NAIVE_BYTES * case.patches**2 if case.method == "naive" else OTHER_BYTES * case.patches * case.channels
    seconds = before.get("cpu_seconds", 0.0) * (case.patches / before.get("patches", 1)) ** 2
    for predicted, unit, limit in ((memory / GB, "GB", limits.memory), (seconds, "s", limits.patience)):
        if predicted > limit:
            return {**case._asdict(), "left_out": f"{predicted:.1f} {unit} are predicted, the limit is {limit:g}"}
    if case.device == "cuda":  # whose allocator tells the peak of each call
        try:
            return measure(case)
        except (RuntimeError, SystemExit) as error:  # out of memory, or nothing to draw
            return {**case._asdict(), "left_out": str(error).partition("\n")[0][:100]}
    command = [sys.executable, __file__, "--worker", json.dumps(case)]
    environ = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # as in vspw: threads that wait use no processor
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        return {**case._asdict(), "left_out": f"exit code {done.returncode}: {done.stderr.strip()[-100:]}"}
    return json.loads(done.stdout)


def measure_all(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield a row a case; every method of one size, then the next size."""
    on_cpu = arguments.device == "cpu"
    latest: dict[tuple, Row] = {}
    for channels, patches in product(arguments.channels, arguments.sizes):
        rows = []
        for kind in CPU_METHODS if on_cpu else CUDA_METHODS:
            case = Case(*kind, patches, channels, arguments.device, arguments.threads, arguments.repetitions)
            rows.append(run(case, latest.get((kind, channels), {}), arguments))
            if "loss" in rows[-1]:
                latest[kind, channels] = rows[-1]
        yield from compared(rows, "cpu_seconds" if on_cpu else "seconds")


def compared(rows: list[Row], unit: str) -> list[Row]:
    """Return the rows of one size with their ratio to naive; refuse them if their losses differ."""
    exact = [row for row in rows if "loss" in row and row["method"] != "sampled"]
    for row, other in pairwise(exact):
        if abs(row["loss"] / other["loss"] - 1) > (1e-4 if row["precision"] == other["precision"] else 1e-3):
            raise SystemExit(f"methods of the same loss do not agree: {row} and {other}")
    naive_time = next((row[unit] for row in exact if row["method"] == "naive"), None)
    for row in rows:
        if naive_time and unit in row:
            row["times_faster_than_naive"] = naive_time / row[unit]
    return rows


def compare_threads(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield the fastest of three processes with one thread, and with two; they take turns."""
    size = 2048 if arguments.quick else 8192
    cases = [Case("symmetric", "fp32", size, 256, "cpu", threads, arguments.repetitions) for threads in (1, 2)]
    rounds = [[run(case, {}, arguments) for case in cases] for _ in range(3)]
    for rows in zip(*rounds, strict=True):
        yield min(rows, key=lambda row: row["least_seconds"])


def judge(rows: list[Row], threads: list[Row]) -> dict[str, bool | None]:
    """Return whether each bar holds; None where its row was left out or is not of one thread."""
    kind, ratio, extra = ("symmetric", 256, 1), "times_faster_than_naive", "extra_mb"
    own = {row["patches"]: row for row in rows if (row["method"], row["channels"], row["threads"]) == kind}
    found = [own.get(patches, {}).get(what) for patches, what in ((8192, ratio), (8192, extra), (25088, extra))]
    return {
        "M = 8192: at least 4 times as fast as naive": found[0] and found[0] >= 4,
        "M = 8192: under 120 MB": found[1] and found[1] < 120,
        "M = 25088: under 400 MB": found[2] and found[2] < 400,
        "two threads are faster than one": threads[0]["least_seconds"] > threads[1]["least_seconds"],
        "two threads spare the first one time": threads[0]["first_thread_seconds"] > threads[1]["first_thread_seconds"],
    }


def describe(row: Row) -> str:
    head = f"{row['patches']:7d} {row['channels']:5d} {row['method']:9s} {row['precision']}, {row['threads']} threads"
    if "left_out" in row:
        return f"{head} left out: {row['left_out']}"
    ratio = row.get("times_faster_than_naive")
    return (
        f"{head} {1e3 * row['seconds']:10.2f} ms {1e3 * row['cpu_seconds']:10.2f} ms CPU {row['extra_mb']:7.0f} MB "
        f"{100 * row['share_of_floor']:4.0f} % of the floor"
        + (f" {ratio:7.2f} times naive's speed" if ratio and row["method"] != "naive" else "")
        + (f", {row['anchors']} anchors" if row["method"] == "sampled" else "")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="M = 1024 and 2048, C = 256")
    parser.add_argument("--sizes", nargs="+", type=int, help="M; default: 1024 to 100352, on CUDA to 200704")
    parser.add_argument("--channels", nargs="+", type=int, help="C; default: 256 and 1024")
    parser.add_argument("--repetitions", type=int, default=5, help="fewer where a call is slow")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--patience", type=float, default=60.0, help="seconds that one call may take")
    parser.add_argument("--memory", type=float, help="GB that one call may take; default: 4, on CUDA 60")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(measure(Case(*json.loads(arguments.worker)))))
        return
    on_cpu = arguments.device == "cpu"
    arguments.sizes = arguments.sizes or (CPU_SIZES[:2] if arguments.quick else CPU_SIZES if on_cpu else CUDA_SIZES)
    arguments.channels = arguments.channels or ((256,) if arguments.quick else (256, 1024))
    arguments.memory = arguments.memory or (4.0 if on_cpu else 60.0)
    tables = {"rows": measure_all(arguments), "threads": compare_threads(arguments) if on_cpu else ()}
    results: Row = {name: [] for name in tables}
    for name, table in tables.items():
        for row in table:
            print(describe(row), flush=True)
            results[name].append(row)
    results["bars"] = judge(**results) if on_cpu else {}
    for bar, holds in results["bars"].items():
        print(f"{bar}: {'not measured' if holds is None else 'holds' if holds else 'DOES NOT HOLD'}")
    if arguments.output:
        results["device"] = "cpu" if on_cpu else torch.cuda.get_device_name()
        write_json(arguments.output, {**environment(), "load": os.getloadavg(), **results})


if __name__ == "__main__":
    main()
