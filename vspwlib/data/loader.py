"""Batches of the clip stream for one process of a training run."""

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader

from vspwlib.checks import check_range, require
from vspwlib.data.dataset import ClipDataset, collate
from vspwlib.data.joint import JointDataset


class StreamSampler(BatchSampler):
    """The positions one process reads, step after step.

    Step ``s`` covers positions ``s * batch_size * world`` and following; process ``rank`` takes the ``rank``-th run of
    ``batch_size`` of them. So the union over processes is the same stream for any ``world`` with the same global batch.

    Args:
        batch_size: Clips a step and process.
        start: First position, a whole number of steps; where a resumed run goes on.
        total: Position at which the run ends, a whole number of steps.
        rank: Number of this process.
        world: Number of processes.

    >>> list(StreamSampler(2, start=4, total=12, rank=1, world=2))
    [[6, 7], [10, 11]]
    """

    def __init__(self, batch_size: int, *, start: int, total: int, rank: int = 0, world: int = 1) -> None:
        check_range("batch size", batch_size, low=1)
        check_range("rank", rank, low=0, high=world - 1)
        step = batch_size * world
        for what, value in (("start", start), ("total", total)):
            require(
                value >= 0 and value % step == 0,
                what,
                expected=f"a multiple of {step} ({batch_size} x {world})",
                got=value,
            )
        self.batch_size, self.step = batch_size, step
        self.first_positions = range(start + rank * batch_size, total, step)

    def __iter__(self) -> Iterator[list[int]]:
        for first in self.first_positions:
            yield list(range(first, first + self.batch_size))

    def __len__(self) -> int:
        return len(self.first_positions)


def build_loader(
    dataset: ClipDataset | JointDataset,
    *,
    batch_size: int,
    start: int = 0,
    total: int | None = None,
    rank: int = 0,
    world: int = 1,
    workers: int = 0,
) -> DataLoader[Any]:
    """Return a loader over a range of positions of the stream, in order.

    Args:
        dataset: The stream, of one data set or of several.
        batch_size: Clips a step and process.
        start: First position: steps done so far times ``batch_size * world``.
        total: Position at which the run ends; the length of the stream by default.
        rank: Number of this process, 0..world-1.
        world: Number of processes.
        workers: Reading processes beside this one; 0 reads here. Batches are the same for any number.

    Returns:
        Batches as :func:`~vspwlib.data.dataset.collate` makes them, pinned in memory where there is a GPU.

    Raises:
        InputError: ``start`` or ``total`` is not a whole number of steps, or ``total`` is beyond the stream.
    """
    total = len(dataset) if total is None else total
    check_range("total", total, low=0, high=len(dataset))
    return DataLoader(
        dataset,
        batch_sampler=StreamSampler(batch_size, start=start, total=total, rank=rank, world=world),
        collate_fn=collate,
        num_workers=workers,
        worker_init_fn=_one_thread,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # its own, so that starting a loader leaves the training's random state alone
        prefetch_factor=4 if workers else None,
    )


def _one_thread(worker: int) -> None:  # noqa: ARG001 - the signature is DataLoader's
    """Keep a worker to one thread: the workers are the parallelism."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
