"""Whole networks: seconds, memory and the share of each part, and how far they are from the floor.

    python benchmarks/models.py [--networks NAME ... | --quick] [--sizes 480] [--output results/speed/models.json]

The floor is the time that the matrix products alone would take: operations of matrix products, convolutions and
attention, counted by torch in the real run, over the rate of a large matrix product measured between the repetitions.
The aim on a CPU in fp32: at most twice the floor, and at most 1.5 GB beyond the parameters.

On a CPU, each network in its own process: inference of one image, fp32 and bf16 (autocast; left out where the floor
alone would take minutes), and the share of each part. Where others use the machine, go by the ratio in CPU time. With
``--device cuda``: inference and training steps (batch of two, bf16, AdamW, with and without recomputation) at crops 480
and 896, and the share of the rate of matrix products; a training step counts as three forward passes.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vspwlib.models.segmenter import semantic_scores
from vspwlib.models.zoo import build
from vspwlib.runs import environment, write_json

UPERNET = ("upernet_swin_l", "upernet_focalnet_l", "upernet_internimage_xl")
LARGE = ("mask2former_beitv2_adapter_l", *UPERNET, "mask2former_eva_adapter_g")
TINY = tuple(name.rpartition("_")[0] + "_tiny" for name in LARGE)
GB, LIMIT_FLOORS, LIMIT_GB = 1e9, 2.0, 1.5
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

#: What a module counts for, by its name; the first that fits. A part's time leaves out the parts inside it.
PARTS = (
    ("patch embedding", r"backbone\.(patch_embed|stem)"),
    ("spatial prior", r"backbone\.spm"),
    ("blocks", r"backbone\.((stages|levels|layers)\.\d+\.)?blocks\.\d+"),
    ("injectors", r"backbone\.interactions\.\d+\.injector"),
    ("extractors", r"backbone\.interactions\.\d+\.(extractor|extra_extractors\.\d+)"),
    ("rest of backbone", r"backbone"),
    ("pixel decoder", r"decode_head\.pixel_decoder"),
    ("rest of head", r"decode_head"),
)

Row = dict[str, Any]


class Spent(NamedTuple):
    """Seconds of wall and of processor time; the processor's hold on a machine that others use as well."""

    wall: float
    cpu: float

    @classmethod
    def median(cls, runs: "list[Spent]") -> "Spent":
        """Return the median of each time."""
        return cls(*map(statistics.median, zip(*runs, strict=True)))


class PartTimes:
    """Adds up the seconds spent in each part of a network: hooks that keep a stack, because parts nest."""

    def __init__(self, network: nn.Module) -> None:
        self.seconds: Counter[str] = Counter()
        self._open: list[list[float]] = []  # of each part under way: when it began, and the time of parts inside it
        for name, module in network.named_modules():
            label = next((label for label, pattern in PARTS if re.fullmatch(pattern, name)), None)
            if label is not None:
                module.register_forward_pre_hook(self._enter)
                module.register_forward_hook(partial(self._leave, label))

    def _enter(self, *_: object) -> None:
        self._open.append([time.perf_counter(), 0.0])

    def _leave(self, label: str, *_: object) -> None:
        began, inside = self._open.pop()
        taken = time.perf_counter() - began
        self.seconds[label] += taken - inside
        if self._open:
            self._open[-1][1] += taken


def count_operations(work: Callable[[], object]) -> int:
    """Return the operations of matrix products, convolutions and attention in ``work``: a multiply-add counts two."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def product_cost(dtype: torch.dtype, device: str = "cpu") -> Spent:
    """Return what an operation of a large matrix product costs: of the first size that takes 25 ms, if any does."""
    side, cost = 128, Spent(0.0, 0.0)
    while cost.wall < 0.025 and side < 8192:
        side *= 2
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        product = torch.mm(left, right)
        cost = measured(partial(torch.mm, left, right, out=product), repetitions=5, device=device)
    return Spent(cost.wall / (2 * side**3), cost.cpu / (2 * side**3))


def measured(work: Callable[[], object], *, repetitions: int, device: str) -> Spent:
    """Return the medians over repetitions."""
    wait = torch.cuda.synchronize if device == "cuda" else bool
    runs = []
    for _ in range(repetitions):
        wait()
        began, busy = time.perf_counter(), time.process_time()
        work()
        wait()
        runs.append(Spent(time.perf_counter() - began, time.process_time() - busy))
    return Spent.median(runs)


def memory_gb(field: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (the most so far) of this process."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.search(rf"{field}:\s*(\d+) kB", status)[1]) * 1024 / GB


def measure_on_cpu(name: str, sizes: list[int], *, repetitions: int, patience: float) -> Iterator[Row]:
    """Yield one row a size and precision: inference of one image."""
    libraries = memory_gb("VmRSS")
    network = build(name, image_size=(sizes[0], sizes[0]))
    network.eval()
    parameters = sum(tensor.nbytes for tensor in network.state_dict().values()) / GB
    parts = PartTimes(network)
    for size in sizes:
        images = torch.randn(1, 3, size, size)
        operations = 0
        for precision, dtype in DTYPES.items():
            row = {"network": name, "size": size, "precision": precision, "parameters_gb": parameters}
            forward = partial(infer, network, images, precision)
            products = [product_cost(dtype)]
            if precision == "bf16" and operations * products[0].wall > patience:
                yield {**row, "skipped": f"matrix products alone would take {operations * products[0].wall:.0f} s"}
                continue
            Path("/proc/self/clear_refs").write_text("5", "utf-8")  # VmHWM starts again from the memory in use now
            operations = operations or count_operations(forward)  # the first run warms up
            peak = memory_gb("VmHWM")
            runs = []
            parts.seconds.clear()
            for _ in range(repetitions):
                runs.append(measured(forward, repetitions=1, device="cpu"))
                products.append(product_cost(dtype))
            spent, floor = Spent.median(runs), Spent.median(products)
            yield {
                **row,
                "seconds": spent.wall,
                "cpu_seconds": spent.cpu,
                "gigaoperations": operations / GB,
                "matrix_gigaoperations_per_second": 1e-9 / floor.wall,
                "floor_seconds": operations * floor.wall,
                "floors": spent.wall / (operations * floor.wall),
                "cpu_floors": spent.cpu / (operations * floor.cpu),
                "peak_gb": peak,
                "beyond_parameters_gb": peak - parameters,
                "libraries_gb": libraries,
                "shares": {label: each / parts.seconds.total() for label, each in parts.seconds.most_common()},
            }


def infer(network: nn.Module, images: Tensor, precision: str) -> Tensor:
    """Return class scores as prediction computes them."""
    with torch.no_grad(), torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16"):
        return semantic_scores(network(images))


def measure_on_gpu(name: str, sizes: list[int], repetitions: int, batch: int) -> Iterator[Row]:
    """Yield rows of inference and of training steps with and without recomputation, in bf16."""
    rate, modes = 1 / product_cost(torch.bfloat16, "cuda").wall, ("inference", "training", "training, recomputing")
    for size in sizes:
        for mode in modes:
            row = {"network": name, "size": size, "precision": "bf16", "mode": mode}
            row["batch"] = 1 if mode == "inference" else batch
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            try:
                seconds, operations = run_on_gpu(name, size, mode, row["batch"], repetitions)
            except torch.OutOfMemoryError:
                yield {**row, "skipped": "out of memory"}
                continue
            yield {
                **row,
                "milliseconds": 1000 * seconds,
                "images_per_second": row["batch"] / seconds,
                "peak_gb": torch.cuda.max_memory_allocated() / GB,
                "gigaoperations": operations / GB,
                "matrix_teraoperations_per_second": rate / 1e12,
                "share_of_matrix_rate": operations / seconds / rate,
            }


def run_on_gpu(name: str, size: int, mode: str, batch: int, repetitions: int) -> tuple[float, int]:
    """Return the median seconds of one call and its operations; what it allocates goes when it returns."""
    from vspwlib.train.objective import Objective

    with torch.device("cuda"):
        network = build(name, image_size=(size, size), checkpointing=mode.endswith("recomputing"))
        images = torch.randn(batch, 3, size, size)
        # Sixteen regions an image: as many classes as a frame has, which is what matching them costs.
        regions = torch.randint(0, 124, (batch, 4, 4)).repeat_interleave(size // 4, 1).repeat_interleave(size // 4, 2)
    inference = partial(infer, network, images, "bf16")
    if mode == "inference":
        network.eval()
        work, factor = inference, 1
    else:
        optimizer, objective = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True), Objective()

        def work() -> None:
            with torch.autocast("cuda", torch.bfloat16):
                output = network(images)
            torch.stack(list(objective(output, regions).values())).sum().backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

        factor = 3
    operations = factor * count_operations(inference)
    measured(work, repetitions=3, device="cuda")  # kernels are chosen and compiled
    return measured(work, repetitions=repetitions, device="cuda").wall, operations


def describe(row: Row) -> str:
    """Return one line for people."""
    head = f"{row['network']:32s} {row.get('size', ''):>4} {row.get('precision', ''):4s} {row.get('mode', ''):21s}"
    if "skipped" in row:
        return f"{head} skipped: {row['skipped']}"
    if "milliseconds" in row:
        return (
            f"{head} {row['milliseconds']:8.1f} ms {row['images_per_second']:7.2f} images/s {row['peak_gb']:6.1f} GB "
            f"{100 * row['share_of_matrix_rate']:3.0f} % of {row['matrix_teraoperations_per_second']:.0f} Top/s"
        )
    shares = ", ".join(f"{label} {100 * share:.0f} %" for label, share in row["shares"].items())
    beyond = row["precision"] == "fp32" and (row["floors"] > LIMIT_FLOORS or row["beyond_parameters_gb"] > LIMIT_GB)
    return (
        f"{head} {row['seconds']:7.2f} s = {row['floors']:.2f} floors ({row['cpu_floors']:.2f} in CPU time), "
        f"{row['peak_gb']:.2f} GB = parameters + {row['beyond_parameters_gb']:.2f} GB"
        f"{' (beyond the limit)' if beyond else ''}\n    {shares}"
    )


def run(name: str, arguments: argparse.Namespace) -> Iterator[Row]:
    """Measure a network, on a CPU in a process of its own; one that cannot run here becomes a row that says why."""
    if arguments.device == "cuda":  # whose allocator tells the peak of each part
        try:
            yield from measure_on_gpu(name, arguments.sizes, arguments.repetitions, arguments.batch)
        except (ImportError, RuntimeError) as error:
            yield {"network": name, "skipped": str(error).partition("\n")[0]}
        return
    settings = [f"--{key}={getattr(arguments, key)}" for key in ("repetitions", "threads", "patience")]
    own = ["--worker", name, "--sizes", *map(str, arguments.sizes), *settings]
    waiting = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # as in vspw: threads that wait use no processor
    done = subprocess.run([sys.executable, __file__, *own], capture_output=True, text=True, check=False, env=waiting)
    yield from (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        yield {"network": name, "skipped": f"exit code {done.returncode}: {last or 'it wrote nothing'}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", help="names of the zoo; default: the five of Table 1")
    parser.add_argument("--quick", action="store_true", help="the tiny networks at 128 pixels")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--sizes", nargs="+", type=int, help="sides in pixels; default: 480, and 896 on a GPU")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--batch", type=int, default=2, help="images of a training step")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--patience", type=float, default=120.0, help="seconds that bf16 on a CPU may at least take")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.sizes = arguments.sizes or ([128] if arguments.quick else [480, 896][: 1 + (arguments.device == "cuda")])
    torch.set_num_threads(arguments.threads)
    if arguments.worker:
        limits = {"repetitions": arguments.repetitions, "patience": arguments.patience}
        for row in measure_on_cpu(arguments.worker, arguments.sizes, **limits):
            print(json.dumps(row), flush=True)
        return
    rows = []
    for name in arguments.networks or (TINY if arguments.quick else LARGE):
        for row in run(name, arguments):
            print(describe(row), flush=True)
            rows.append(row)
    if arguments.output:
        device = torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu"
        write_json(arguments.output, {**environment(), "device": device, "threads": arguments.threads, "rows": rows})


if __name__ == "__main__":
    main()
