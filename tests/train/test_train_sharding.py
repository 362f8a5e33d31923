"""Sharded training in real gloo processes: the numbers of unsharded training, and files that both go on from."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.faults.processes import end_of, start
from tests.train.test_train_ranks import as_rank, clips_of, free_port, records
from vspwlib.checks import InputError
from vspwlib.models.checkpoint import read_weights
from vspwlib.models.segmenter import SegOutput
from vspwlib.runs import Run
from vspwlib.train.interrupt import Interrupted
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.sharding import sharding_strategy
from vspwlib.train.snapshot import load_snapshot

STOP = 3  # the step after which a stopped run ends
PLAN = Plan(
    iterations=6,
    accumulate=2,
    lr=0.05,
    weight_decay=0.01,
    layer_decay=0.5,
    clip_norm=0.5,
    ema=0.9,
    checkpoint_every=6,
    val_every=4,
    log_every=1,
    max_bad_steps=1,
)


class Block(nn.Module):
    """A layer that is told how to read one of its tensors, as BEiT's is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)
        self.table = nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, features: torch.Tensor, bias_of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return features + self.conv(features).relu() + bias_of(self.table)


class Backbone(nn.Module):
    """Recomputed blocks between a stem and batch norm that keeps its statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.norm = nn.BatchNorm2d(8)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.stem(images)
        for index in range(3):
            features = checkpoint(self.run, index, features, use_reentrant=False) if self.training else features
        return self.norm(features)

    def run(self, index: int, features: torch.Tensor) -> torch.Tensor:
        return self.blocks[index](features, torch.square)


class Network(nn.Module):
    """A network in float64 whose tensors have 3, 5 and 8 rows, so that shards are uneven and some are empty."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = Backbone()
        self.decode_head = nn.Sequential(nn.Conv2d(8, 5, 1), nn.ReLU(), nn.Conv2d(5, 3, 1))
        self.double()

    def train(self, mode: bool = True) -> "Network":
        super().train(mode)
        self.backbone.norm.eval()
        return self

    def forward(self, images: torch.Tensor) -> SegOutput:
        return SegOutput(logits=self.decode_head(self.backbone(images.double())))


def train(folder: Path, *, strategy: str = "ddp", fault: str = "", resume: bool = False) -> nn.Module:
    """Train in this process, which may be one of several; a fault comes to the last rank in step ``STOP + 1``."""
    torch.set_num_threads(1)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = sharding_strategy(world) if strategy == "fsdp" else "auto"
    fabric = Fabric(accelerator="cpu", devices=world, precision="32-true", strategy=chosen)
    fabric.launch()
    rank = fabric.global_rank

    def batches(begin: int):
        for part in range(begin, PLAN.accumulate * PLAN.iterations):
            batch = clips_of(part, rank=rank, world=world)
            if part == PLAN.accumulate * STOP and rank == world - 1 and fault:
                if fault == "nan":
                    batch["images"][0] = torch.nan
                else:
                    os.kill(os.getpid(), signal.SIGKILL if fault == "kill" else signal.SIGTERM)
            yield batch

    def evaluate(network: nn.Module) -> dict[str, float]:
        scores = [network(clips_of(9)["images"]).logits.square().mean() for _ in range(1 + rank)]  # ranks do not agree
        return {"miou": float(scores[0])}

    run = Run(folder)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    objective = Objective(normalizer="global")
    return fit(Network(), batches, objective, PLAN, run=run, fabric=fabric, evaluate=evaluate, resume=resume)


def in_turn(folder: Path, trainings: list[dict], rank: int, world: int, port: int) -> None:
    """Do trainings one after the other as a rank; its file says how each ended."""
    as_rank(rank, world, port)
    ended = []
    for training in trainings:
        try:
            network = train(folder / training.pop("name"), **training)
            ended.append(sorted({type(value).__name__ for value in network.state_dict().values()}))
        except Interrupted as stop:
            ended.append([stop.signal_number, stop.step])
        except InputError as error:
            ended.append(str(error))
    (folder / f"{rank}.json").write_text(json.dumps(ended))
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


def in_ranks(folder: Path, world: int, trainings: list[dict]) -> list[list]:
    folder.mkdir(exist_ok=True)
    port = free_port()
    processes = [start(in_turn, folder, trainings, rank, world, port) for rank in range(world)]
    codes = [end_of(process) for process in processes]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(world) if codes[rank] == 0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Path:
    """Return a folder of unsharded trainings in one process with the whole batch: to the end, and stopped."""
    folder = tmp_path_factory.mktemp("alone")
    train(folder / "whole")
    with pytest.raises(Interrupted):
        train(folder / "stopped", fault="term")
    return folder


@pytest.fixture(scope="module")
def pair(alone, tmp_path_factory) -> Path:
    """Return a folder of trainings in two processes, most of them sharded."""
    folder = tmp_path_factory.mktemp("pair")
    shutil.copytree(alone / "stopped", folder / "from_one")
    sharded = {"strategy": "fsdp"}
    trainings = [
        {"name": "whole", **sharded},
        {"name": "stopped", **sharded, "fault": "term"},
        {"name": "stopped", **sharded, "resume": True},
        {"name": "to_ddp", **sharded, "fault": "term"},
        {"name": "to_ddp", "resume": True},
        {"name": "from_one", **sharded, "resume": True},
        {"name": "bad", **sharded, "fault": "nan"},
    ]
    ended = in_ranks(folder, 2, trainings)
    whole, stopped = ["Tensor"], [signal.SIGTERM, STOP + 1]
    assert ended == [[whole, stopped, whole, stopped, whole, whole, whole]] * 2
    return folder


def assert_same(first: Path, second: Path, *, rtol: float = 1e-8) -> None:
    """Compare losses, gradient norms, validation, weights, the average and the optimiser of two runs."""
    one, other = Run(first), Run(second)
    for name in ("loss_ce", "loss_dice", "grad_norm"):
        assert records(one, name) == pytest.approx(records(other, name), rel=rtol)
    scores = [[record["miou"] for record in run.log() if record["kind"] == "val"] for run in (one, other)]
    assert scores[0] == pytest.approx(scores[1], rel=rtol)
    assert scores[0]
    snapshots = [load_snapshot(run.checkpoints) for run in (one, other)]
    for part in ("model", "average", "optimizer"):
        states = [getattr(snapshot, part) for snapshot in snapshots]
        torch.testing.assert_close(*states, rtol=rtol, atol=rtol / 1e3)
    assert snapshots[0].best == pytest.approx(snapshots[1].best, rel=rtol)
    for weights in ("last", "best"):
        torch.testing.assert_close(*(read_weights(run.weights(weights)) for run in (one, other)), rtol=rtol, atol=1e-11)


@pytest.mark.slow
def test_shards_train_as_one_process_with_the_whole_batch(alone, pair):
    assert_same(alone / "whole", pair / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("world", [1, 4])
def test_one_process_shards_too_and_four_have_empty_shards(world, alone, tmp_path):
    assert in_ranks(tmp_path, world, [{"name": "whole", "strategy": "fsdp"}]) == [[["Tensor"]]] * world
    assert_same(alone / "whole", tmp_path / "whole")


@pytest.mark.slow
def test_a_stopped_one_goes_on_bit_for_bit(pair):
    assert_same(pair / "stopped", pair / "whole", rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["to_ddp", "from_one"])
def test_snapshots_go_on_under_another_strategy_and_number_of_processes(name, alone, pair):
    assert_same(pair / name, alone / "whole")


@pytest.mark.slow
def test_the_other_ends_with_a_message_when_one_dies(tmp_path):
    (ended,) = in_ranks(tmp_path, 2, [{"name": "run", "strategy": "fsdp", "fault": "kill"}])
    assert "processes: expected all 2 at work, got one has ended" in ended[0]


@pytest.mark.slow
def test_a_bad_step_leaves_no_trace(pair):
    run = Run(pair / "bad")
    (record,) = [record for record in run.log() if record["kind"] == "skipped"]
    assert record["step"] == STOP + 1
    assert records(run, "loss_ce")[:STOP] == records(Run(pair / "whole"), "loss_ce")[:STOP]
    assert len(records(run, "loss_ce")) == PLAN.iterations - 1
    assert all(value.isfinite().all() for value in read_weights(run.weights("last")).values())
