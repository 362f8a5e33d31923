"""Set losses in several gloo processes: a Mask2Former trains as one process with the whole batch would train it."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.nn import functional

from tests.faults.processes import end_of, start
from tests.train.ranks import as_rank, free_port
from vspwlib.data.dataset import collate
from vspwlib.models.checkpoint import read_weights
from vspwlib.models.heads.mask2former import SIZES, build_mask2former
from vspwlib.models.segmenter import SegOutput
from vspwlib.runs import Run
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan

FRAMES = (2, 1, 1, 3)  # of the clips of a step, over all processes
CLASSES = 6
PLAN = Plan(iterations=4, lr=0.01, weight_decay=0.01, checkpoint_every=4, log_every=1, clip_norm=0.5)
NAMES = [f"loss_{kind}{part}" for kind in ("cls", "mask", "dice") for part in ("", "_aux")]


class Queries(nn.Module):
    """The head in float64 on four maps of little work, without dropout."""

    def __init__(self) -> None:
        super().__init__()
        small = {"channels": 16, "queries": 8, "feedforward": 16, "decoder_feedforward": 16, "groups": 4}
        size = replace(SIZES["tiny"], encoder_layers=1, decoder_layers=2, **small)
        self.stem = nn.Conv2d(3, 8, 1)
        self.head = build_mask2former([8] * 4, size, num_classes=CLASSES)
        self.double()

    def forward(self, images: torch.Tensor) -> SegOutput:
        image = self.stem(images)
        return self.head([functional.avg_pool2d(image, stride) for stride in (1, 2, 4, 8)])


def clip_at(position: int) -> dict:
    """Return a clip of the stream; the number of its classes differs from clip to clip."""
    generator = torch.Generator().manual_seed(position)
    frames = FRAMES[position % len(FRAMES)]
    images = torch.randn(frames, 3, 16, 16, generator=generator, dtype=torch.float64)
    masks = functional.avg_pool2d(images, 4).argmax(1) * (1 + position % 2) + position % 2
    masks = masks.repeat_interleave(4, 1).repeat_interleave(4, 2)
    if position % 4 == 3:
        masks[:, 4:] = 255
    names = [f"clip/{position}/{frame}" for frame in range(frames)]
    return {"images": images, "masks": masks, "position": position, "names": names}


def train(folder: Path) -> None:
    """Train in this process, which may be one of several."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(accelerator="cpu", devices=world, precision="32-true")
    fabric.launch()
    share = len(FRAMES) // world

    def batches(begin: int):
        for step in range(begin, PLAN.iterations):
            first = step * len(FRAMES) + fabric.global_rank * share
            yield collate([clip_at(position) for position in range(first, first + share)])

    run = Run(folder)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    objective = Objective(cross_entropy=5.0, points=40, normalizer="global")
    fit(Queries(), batches, objective, PLAN, run=run, fabric=fabric)


def train_rank(folder: Path, rank: int, world: int, port: int) -> None:
    as_rank(rank, world, port)
    train(folder)
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Run:
    """Return the run of one process with the whole batch."""
    folder = tmp_path_factory.mktemp("alone")
    train(folder)
    return Run(folder)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_hold_unlike_numbers_of_masks(world):
    held = [sum(int((mask.unique() != 255).sum()) for mask in clip_at(position)["masks"]) for position in range(4)]
    share = len(FRAMES) // world
    assert len({sum(held[first : first + share]) for first in range(0, len(FRAMES), share)}) > 1


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_processes_train_as_one_with_the_whole_batch(world, alone, tmp_path):
    """Losses, gradients and weights after four steps; processes hold unlike numbers of images and of masks."""
    port = free_port()
    processes = [start(train_rank, tmp_path, rank, world, port) for rank in range(world)]
    assert [end_of(process) for process in processes] == [0] * world
    records = [[record for record in run.log() if record["kind"] == "train"] for run in (Run(tmp_path), alone)]
    assert len(records[0]) == PLAN.iterations
    for name in (*NAMES, "grad_norm"):
        found, expected = ([record[name] for record in each] for each in records)
        assert found == pytest.approx(expected, rel=1e-9)
        assert min(found) > 0
    first, second = (read_weights(run.weights("last")) for run in (Run(tmp_path), alone))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-8, atol=1e-10)
