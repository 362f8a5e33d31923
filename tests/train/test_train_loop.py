"""The loop: it learns, resumes bit for bit, stops on request, and leaves nothing half-written."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from vspwlib.checks import InputError
from vspwlib.models.checkpoint import read_weights
from vspwlib.models.segmenter import SegOutput
from vspwlib.runs import Run
from vspwlib.train.interrupt import Interrupted
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.snapshot import load_snapshot, snapshots

PLAN = Plan(
    iterations=12, lr=0.05, weight_decay=0.01, warmup=2, checkpoint_every=4, log_every=3, ema=0.9, clip_norm=5.0
)


class Tiny(nn.Module):
    """A network with dropout and batch norm, the two kinds of hidden state that resuming has to get right."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.2), nn.Conv2d(8, 4, 1)
        )

    def forward(self, images: torch.Tensor) -> SegOutput:
        return SegOutput(logits=self.body(images))


def tiny() -> Tiny:
    torch.manual_seed(0)
    return Tiny()


def batches(start: int):
    """Micro-batch k depends on k alone; the label of a pixel is its strongest colour."""
    for index in range(start, 1000):
        images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(index))
        yield {"images": images, "masks": images.argmax(1)}


def run_at(path) -> Run:
    run = Run(path)
    run.checkpoints.mkdir(parents=True)
    return run


def train(run: Run, plan: Plan = PLAN, **arguments):
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    return fit(tiny(), batches, Objective(), plan, run=run, fabric=fabric, **arguments)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in model.state_dict().values()])


def test_it_learns(tmp_path):
    run = run_at(tmp_path / "run")
    train(run, replace(PLAN, iterations=150, ema=None))
    losses = [record["loss"] for record in run.log() if record["kind"] == "train"]
    assert losses[-1] < 0.5 * losses[0]


def test_resuming_is_bit_for_bit(tmp_path):
    """A run stopped after iteration 8 ends with the weights, the average and the log of one that was not."""
    whole = run_at(tmp_path / "whole")
    expected = weights(train(whole))

    cut = run_at(tmp_path / "cut")

    def stop(record):
        if record["step"] == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(cut, on_record=stop)
    assert load_snapshot(cut.checkpoints).step == 8
    assert torch.equal(weights(train(cut, resume=True)), expected)

    def trail(run):
        return [(record["step"], record["loss"], record["lr"]) for record in run.log() if record["kind"] == "train"]

    assert [step for step, *_ in trail(whole)] == [3, 6, 9, 12]
    assert trail(cut)[:2] == trail(whole)[:2]
    assert trail(cut)[-1][0] == 12


def test_accumulation_equals_the_larger_batch(tmp_path):
    """Without batch norm's statistics and dropout, two micro-batches are one batch of twice the size."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Conv2d(3, 4, 1).double()

        def forward(self, images):
            return SegOutput(logits=self.body(images.double()))

    def joined(start):
        stream = batches(2 * start)
        while True:
            pair = [next(stream), next(stream)]
            yield {name: torch.cat([part[name] for part in pair]) for name in ("images", "masks")}

    def fitted(folder, plan, stream):
        torch.manual_seed(0)
        fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
        return fit(Plain(), stream, Objective(dice=0.0), plan, run=run_at(folder), fabric=fabric)

    plan = replace(PLAN, ema=None)
    halves = fitted(tmp_path / "halves", replace(plan, accumulate=2), batches)
    whole = fitted(tmp_path / "whole", plan, joined)
    torch.testing.assert_close(weights(halves), weights(whole), rtol=1e-6, atol=1e-9)


def test_the_average_is_the_exponential_one(tmp_path):
    """Against the recursion written out: the first step is copied, then avg = d * avg + (1 - d) * weights."""
    seen = []

    model = tiny()
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")

    def stream(start):
        for batch in batches(start):
            seen.append(model.body[0].weight.detach().clone())  # before step k: the weights after step k - 1
            yield batch

    averaged = fit(model, stream, Objective(), PLAN, run=run_at(tmp_path / "run"), fabric=fabric)
    after = [*seen[1 : PLAN.iterations], model.body[0].weight.detach()]
    expected = after[0]
    for value in after[1:]:
        expected = 0.9 * expected + 0.1 * value
    torch.testing.assert_close(averaged.body[0].weight.detach(), expected)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_save_first(tmp_path, number):
    run = run_at(tmp_path / "run")

    def ask(record):
        if record["step"] == 6:
            os.kill(os.getpid(), number)

    with pytest.raises(Interrupted) as stopped:
        train(run, on_record=ask)
    assert stopped.value.signal_number == number
    assert stopped.value.step == load_snapshot(run.checkpoints).step
    assert not run.finished
    expected = weights(train(run_at(tmp_path / "whole")))
    assert torch.equal(weights(train(run, resume=True)), expected)
    assert run.finished


def test_the_best_validated_weights_are_kept(tmp_path):
    run = run_at(tmp_path / "run")
    scores = iter([0.2, 0.7, 0.5])
    kept = []

    def evaluate(network):
        assert not network.training
        kept.append(weights(network))
        return {"miou": next(scores)}

    train(run, replace(PLAN, val_every=4), evaluate=evaluate)
    order = tiny().state_dict().keys()
    state = read_weights(run.weights("best"))
    best = torch.cat([state[name].flatten().double() for name in order])
    assert torch.equal(best, kept[1])
    assert [record["miou"] for record in run.log() if record["kind"] == "val"] == [0.2, 0.7, 0.5]


def test_old_snapshots_go_and_no_temporary_name_stays(tmp_path):
    run = run_at(tmp_path / "run")
    train(run)
    assert [path.name for path in snapshots(run.checkpoints)] == ["step-00000012"]
    assert not [path for path in run.path.rglob("*") if ".tmp" in path.name]


def test_a_record_tells_what_people_ask_for(tmp_path):
    run = run_at(tmp_path / "run")
    train(run)
    record, cost = list(run.log())[-2:]
    assert cost["kind"] == "cost"
    assert cost["cpu_seconds"] > 0
    assert record.keys() >= {"step", "loss", "loss_ce", "loss_dice", "lr", "images_per_s", "memory_mb", "seconds_left"}
    assert record["loss"] == pytest.approx(record["loss_ce"] + record["loss_dice"])
    assert record["seconds_left"] == 0
    assert list((run.path / "tensorboard").iterdir())
    json.dumps(record, allow_nan=False)


def test_damaged_snapshots_are_named(tmp_path):
    run = run_at(tmp_path / "run")
    with pytest.raises(InputError, match="snapshot to resume from"):
        train(run, resume=True)
    train(run)
    state = snapshots(run.checkpoints)[-1] / "optimizer.pt"
    state.write_bytes(state.read_bytes()[:50])
    with pytest.raises(InputError, match="readable optimiser state"):
        load_snapshot(run.checkpoints)


def test_a_full_disk_leaves_the_older_snapshot(tmp_path, monkeypatch):
    run = run_at(tmp_path / "run")
    real, calls = torch.save, []

    def save(*arguments, **named):
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(torch, "save", save)
    with pytest.raises(InputError, match="No space left on device"):
        train(run)
    assert load_snapshot(run.checkpoints).step == 4
    assert [path.name for path in run.checkpoints.iterdir()] == ["step-00000004"]
