"""Training with shared-out weights (FSDP) beside training with whole ones (DDP): losses, seconds a step, memory.

    python benchmarks/sharding.py [--networks NAME ...] [--device cuda] [--processes 2] [--output sharding.json]

Each network is trained for a few steps on random images, first unsharded, then sharded, from the same weights, batches
and random numbers. Losses should agree to rounding, which bf16 and the drawn points of the set losses magnify from step
to step; on CUDA a few operations add up in no fixed order. On a GPU memory is what PyTorch has allocated, at rest after
a step and at its peak; anywhere, the bytes of what each process keeps.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from vspwlib.models.zoo import build
from vspwlib.pipeline.building import build_fabric
from vspwlib.runs import environment, write_json
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.sharding import local
from vspwlib.train.training import Training

GB = 1e9
Row = dict[str, Any]


def batches(crop: int, batch: int, fabric: Fabric) -> Iterator[Row]:
    """Stream random images and labels; micro-batch k of a process depends on k alone."""
    for index in range(10**9):
        generator = torch.Generator().manual_seed(1000 * index + fabric.global_rank)
        images = torch.randn(batch, 3, crop, crop, generator=generator)
        masks = torch.randint(0, 124, (batch, crop, crop), generator=generator)
        yield {"images": fabric.to_device(images), "masks": fabric.to_device(masks)}


def kept_bytes(training: Training) -> int:
    """Return the bytes of weights, moments and average that this process keeps."""
    moments = [value for state in training.optimizer.state.values() for value in state.values()]
    average = [] if training.average is None else [*training.average.state_dict().values()]
    return sum(local(value).nbytes for value in (*training.bare.state_dict().values(), *moments, *average))


def measure(name: str, network: nn.Module, strategy: str, options: argparse.Namespace) -> Row:
    """Train a network for some steps."""
    fabric = build_fabric(options.precision, device=options.device, strategy=strategy)
    cuda = fabric.device.type == "cuda"
    plan = Plan(iterations=100, lr=1e-4, weight_decay=0.05, clip_norm=1.0, ema=0.99, checkpoint_every=100)
    training = Training(network, Objective(), plan, fabric)
    network.train()
    stream, losses, seconds = batches(options.crop, options.batch, fabric), [], []
    for step in range(options.steps):
        if step == 1 and cuda:
            torch.cuda.reset_peak_memory_stats()  # which building the network and the first step would raise
        if cuda:
            torch.cuda.synchronize()
        began = time.perf_counter()
        terms, _ = training.advance(stream)
        losses.append(sum(float(value) for term, value in terms.items() if term.startswith("loss")))
        seconds.append(time.perf_counter() - began)
    row = {
        "network": name,
        "strategy": strategy,
        "processes": fabric.world_size,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "precision": options.precision,
        "losses": losses,
        "ms_per_step": 1000 * statistics.median(seconds[1:]),
        "kept_gb": kept_bytes(training) / GB,
    }
    if cuda:
        row |= {"rest_gb": torch.cuda.memory_allocated() / GB, "peak_gb": torch.cuda.max_memory_allocated() / GB}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["mask2former_beitv2_adapter_tiny"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--processes", type=int, default=torch.cuda.device_count() or 2)
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--crop", type=int, default=64)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if "RANK" not in os.environ:
        torchrun = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={options.processes}"]
        sys.exit(subprocess.call([*torchrun, *sys.argv]))
    rows = []
    for name in options.networks:
        torch.manual_seed(0)
        network = build(name, image_size=(options.crop, options.crop), checkpointing=options.checkpointing)
        for strategy in ("ddp", "fsdp"):
            rows.append(measure(name, deepcopy(network), strategy, options))
            gc.collect()  # a network and its hooks hold each other
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            if int(os.environ["RANK"]) == 0:
                print(*(f"{key}={value}" for key, value in rows[-1].items()), flush=True)
        apart = max(abs(one / other - 1) for one, other in zip(*(row["losses"] for row in rows[-2:]), strict=True))
        if int(os.environ["RANK"]) == 0:
            slower = rows[-1]["ms_per_step"] / rows[-2]["ms_per_step"]
            print(f"{name}: losses differ by at most {apart:.2g}; time x{slower:.2f}", flush=True)
    if options.output is not None and int(os.environ["RANK"]) == 0:
        write_json(options.output, {"environment": environment(), "rows": rows})
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
