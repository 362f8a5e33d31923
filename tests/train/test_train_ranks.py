"""Training in several gloo processes of one machine: the same numbers, one run, one end."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from tests.faults.processes import command, end_of, start
from tests.train.ranks import as_rank, free_port
from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.models.checkpoint import read_weights
from vspwlib.models.segmenter import SegOutput
from vspwlib.runs import Run
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.interrupt import Interrupted
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.snapshot import load_snapshot

CLIPS, FRAMES = 4, 2  # of a step, over all processes
PLAN = Plan(iterations=6, lr=0.05, weight_decay=0.01, checkpoint_every=6, log_every=1, clip_norm=0.5, ema=0.9)


class Frozen(nn.Module):
    """A network in float64 without dropout, whose batch norm keeps its statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)).double()

    def train(self, mode: bool = True) -> "Frozen":
        super().train(mode)
        self.body[1].eval()
        return self

    def forward(self, images: torch.Tensor) -> SegOutput:
        logits = self.body(images.double())
        return SegOutput(logits=logits, embedding=logits)


def clips_of(step: int, *, rank: int = 0, world: int = 1) -> dict:
    """Return a process's share of the clips of a step; labels are scarce in the first."""
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(CLIPS * FRAMES, 3, 6, 6, generator=generator, dtype=torch.float64)
    masks = images.argmax(1)
    masks[:FRAMES, 1:] = 255
    share = CLIPS // world
    part = slice(rank * share * FRAMES, (rank + 1) * share * FRAMES)
    names = [f"clip_{step}_{index // FRAMES}/{index % FRAMES}" for index in range(CLIPS * FRAMES)]
    ids = torch.arange(share).repeat_interleave(FRAMES)
    return {"images": images[part], "masks": masks[part], "clip_ids": ids, "names": names[part]}


def train(folder: Path, *, fault: str = "", resume: bool = False) -> nn.Module:
    """Train in this process, which may be one of several; a fault comes to the last rank before step 3."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    fabric = Fabric(accelerator="cpu", devices=world, precision="32-true")
    fabric.launch()
    rank = fabric.global_rank

    def batches(begin: int):
        for step in range(begin, PLAN.iterations):
            batch = clips_of(step, rank=rank, world=world)
            if step == 3 and rank == world - 1 and fault == "nan":
                batch["images"][0] = torch.nan
            if step == 3 and rank == world - 1 and fault in {"kill", "term"}:
                os.kill(os.getpid(), signal.SIGKILL if fault == "kill" else signal.SIGTERM)
            yield batch

    bank = MemoryBank(512, per_clip=FRAMES * 36)  # which takes whole clips: nothing is drawn
    objective = Objective(normalizer="global", contrast=ContrastTerm(bank=bank, temperature=0.5))
    run = Run(folder)
    run.checkpoints.mkdir(parents=True, exist_ok=True)
    plan = replace(PLAN, max_bad_steps=1)
    return fit(Frozen(), batches, objective, plan, run=run, fabric=fabric, resume=resume)


def train_rank(folder: Path, rank: int, world: int, port: int, fault: str, resume: bool) -> None:
    """Train as a rank; its file says how that ended."""
    from vspwlib.checks import InputError

    as_rank(rank, world, port)
    try:
        train(folder, fault=fault, resume=resume)
        ended = {"done": True}
    except Interrupted as stop:
        ended = {"stopped": [stop.signal_number, stop.step]}
    except InputError as error:
        ended = {"refused": str(error)}
    (folder / f"{rank}.json").write_text(json.dumps(ended))
    os._exit(0)  # all is written; gloo's threads may otherwise abort the interpreter while it winds up


def train_ranks(folder: Path, world: int, *, fault: str = "", resume: bool = False) -> list[dict]:
    """Train in processes and return how each ended; the killed one has said nothing."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    processes = [start(train_rank, folder, rank, world, port, fault, resume) for rank in range(world)]
    for process in processes:
        end_of(process)
    files = [folder / f"{rank}.json" for rank in range(world)]
    return [json.loads(file.read_text()) if file.exists() else {} for file in files]


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Run:
    """Return the run of one process with the whole batch."""
    folder = tmp_path_factory.mktemp("alone")
    train(folder)
    return Run(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Run:
    """Return the run of two processes."""
    folder = tmp_path_factory.mktemp("pair")
    assert train_ranks(folder, 2) == [{"done": True}] * 2
    return Run(folder)


def records(run: Run, name: str) -> list[float]:
    return [record[name] for record in run.log() if record["kind"] == "train"]


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_processes_train_as_one_with_the_whole_batch(world, alone, pair, tmp_path):
    """Losses, contrastive one and its memory included, gradients and weights after six steps, in float64."""
    run = pair
    if world == 4:
        run = Run(tmp_path / "four")
        assert train_ranks(run.path, 4) == [{"done": True}] * 4
    for name in ("loss_ce", "loss_dice", "grad_norm"):
        assert records(run, name) == pytest.approx(records(alone, name), rel=1e-9)
    first, second = (read_weights(each.weights("last")) for each in (run, alone))
    assert first.keys() == second.keys()
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], rtol=1e-8, atol=1e-11)
    banks = [load_snapshot(each.checkpoints).objective["features"] for each in (run, alone)]
    rows = [bank[bank[:, 0].argsort()] for bank in banks]
    torch.testing.assert_close(*rows, rtol=1e-8, atol=1e-11)


@pytest.mark.slow
def test_a_signal_to_one_stops_all_after_the_same_step_and_they_go_on(pair, tmp_path):
    folder = tmp_path / "run"
    first, second = train_ranks(folder, 2, fault="term")
    assert first == second
    assert first["stopped"] == [signal.SIGTERM, load_snapshot(folder / "checkpoints").step]
    assert train_ranks(folder, 2, resume=True) == [{"done": True}] * 2
    expected = read_weights(pair.weights("last"))
    assert all(torch.equal(value, expected[name]) for name, value in read_weights(Run(folder).weights("last")).items())


@pytest.mark.slow
def test_the_others_end_with_a_message_when_one_dies(tmp_path):
    first, second = train_ranks(tmp_path / "run", 2, fault="kill")
    assert second == {}
    assert "processes: expected all 2 at work, got one has ended" in first["refused"]


@pytest.mark.slow
def test_all_skip_the_step_that_is_bad_for_one(tmp_path):
    assert train_ranks(tmp_path / "run", 2, fault="nan") == [{"done": True}] * 2
    (record,) = [record for record in Run(tmp_path / "run").log() if record["kind"] == "skipped"]
    assert record["step"] == 4
    assert record["frames"] == clips_of(3, rank=1, world=2)["names"]
    weights = read_weights(Run(tmp_path / "run").weights("last"))
    assert all(value.isfinite().all() for value in weights.values())


def vspw_rank(arguments: list[str], said: Path, rank: int, world: int, port: int) -> None:
    as_rank(rank, world, port)
    try:
        command(arguments, said)
    finally:
        os._exit(0)


@pytest.mark.slow
def test_the_command_makes_one_run_of_several_processes(tmp_path):
    from tests.faults.conftest import RUN, SET
    from tests.pipeline.conftest import write_video

    data = tmp_path / "tiny"
    for seed, split in enumerate(("train", "val")):
        write_video(data / "data" / f"{seed}_video", seed)
        (data / f"{split}.txt").write_text(f"{seed}_video")
    arguments = ["train", "upernet_swin_tiny", "--data", str(data), "--json", "--workspace", str(tmp_path / "ws"), *SET]
    port, said = free_port(), [tmp_path / "0", tmp_path / "1"]
    processes = [start(vspw_rank, arguments, said[rank], rank, 2, port) for rank in range(2)]
    assert [end_of(process) for process in processes] == [0, 0]
    for file in said:
        assert '"iterations": 5' in file.read_text(), file.read_text()
    run = Run(tmp_path / "ws" / "runs" / RUN)
    assert [record["step"] for record in run.log() if record["kind"] == "train"] == [1, 2, 3, 4, 5]
    assert load_snapshot(run.checkpoints).step == 5
