"""Steps that are not finite: undone to the last bit, counted, named; too many in a row end the training."""

import json
from dataclasses import replace

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from tests.train.test_train_loop import PLAN, Tiny, batches, run_at, tiny, weights
from vspwlib.checks import InputError
from vspwlib.losses.contrast.memory import MemoryBank
from vspwlib.models.segmenter import SegOutput
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.loop import fit
from vspwlib.train.objective import Objective
from vspwlib.train.snapshot import load_snapshot, snapshots

BAD = 5  # the step, from 0, whose second image is broken


class Embedded(Tiny):
    """A network whose logits serve as an embedding too."""

    def forward(self, images: torch.Tensor) -> SegOutput:
        logits = self.body(images)
        return SegOutput(logits=logits, embedding=logits)


def network() -> nn.Module:
    torch.manual_seed(0)
    return Embedded()


def objective() -> Objective:
    return Objective(contrast=ContrastTerm(bank=MemoryBank(16, per_clip=4)))


def broken(*steps: int):
    def stream(start: int):
        for step, batch in enumerate(batches(start), start):
            batch["names"] = [f"video_{step}/first", f"video_{step}/second"]
            if step in steps:
                batch["images"][1, 0, 3, 3] = torch.nan
            yield batch

    return stream


def train(run, stream, plan=PLAN, **arguments):
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    return fit(network(), stream, objective(), plan, run=run, fabric=fabric, **arguments)


def test_a_bad_step_leaves_no_trace_but_its_number(tmp_path):
    """Oracle: a training without a fault that is stopped before the step and goes on after it."""
    met = run_at(tmp_path / "met")
    result = train(met, broken(BAD))
    assert bool(weights(result).isfinite().all())

    around = run_at(tmp_path / "around")

    def stop(record):
        if record["step"] == BAD:
            raise KeyboardInterrupt

    plan = replace(PLAN, checkpoint_every=1, log_every=1)
    with pytest.raises(KeyboardInterrupt):
        train(around, broken(), plan, on_record=stop)
    (before,) = snapshots(around.checkpoints)
    assert load_snapshot(around.checkpoints).step == BAD - 1  # the record comes before the snapshot
    with pytest.raises(KeyboardInterrupt):
        train(around, broken(), plan, on_record=lambda r: stop({"step": r["step"] - 1}), resume=True)
    (before,) = snapshots(around.checkpoints)
    state = torch.load(before / "optimizer.pt", weights_only=True)
    assert state["step"] == BAD
    torch.save({**state, "step": BAD + 1}, before / "optimizer.pt")
    before.rename(before.with_name(f"step-{BAD + 1:08d}"))
    expected = train(around, broken(), plan, resume=True)
    assert torch.equal(weights(result), weights(expected))
    memories = [load_snapshot(run.checkpoints).objective for run in (met, around)]
    assert torch.equal(memories[0]["features"], memories[1]["features"])


def test_the_log_names_the_frames(tmp_path):
    run = run_at(tmp_path / "run")
    train(run, broken(BAD, BAD + 2))
    found = [record for record in run.log() if record["kind"] == "skipped"]
    assert [(record["step"], record["total"], record["in_row"]) for record in found] == [(6, 1, 1), (8, 2, 1)]
    assert found[0]["frames"] == ["video_5/first", "video_5/second"]
    assert {"loss_ce", "loss_dice", "loss_nce"} <= {*found[0]["not_finite"]}
    assert [r["step"] for r in run.log() if r["kind"] == "train"] == [3, 6, 9, 12]
    for record in run.log():
        json.dumps(record, allow_nan=False)


def test_a_step_of_which_nothing_is_finite_has_no_mean_to_log(tmp_path):
    run = run_at(tmp_path / "run")
    train(run, broken(3, 4, 5), replace(PLAN, max_bad_steps=3))
    assert [r["step"] for r in run.log() if r["kind"] == "train"] == [3, 9, 12]


def test_too_many_in_a_row_end_it_with_the_batch_named(tmp_path):
    run = run_at(tmp_path / "run")
    told = r"loss_ce.*3 steps in a row \(step 8, frames video_7/first, video_7/second\)"
    with pytest.raises(InputError, match=told):
        train(run, broken(*range(5, 12)), replace(PLAN, max_bad_steps=2))
    assert load_snapshot(run.checkpoints).step == 4  # and what is saved is sound
    assert all(value.isfinite().all() for value in load_snapshot(run.checkpoints).model.values())


@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_a_gradient_may_be_bad_where_the_loss_is_not(tmp_path, clip_norm):
    class Steep(torch.autograd.Function):
        @staticmethod
        def forward(context, value):
            return value.clone()

        @staticmethod
        def backward(context, gradient):
            return gradient * torch.inf

    class Cliff(Tiny):
        steps = 0

        def forward(self, images):
            self.steps += 1
            logits = self.body(images)
            return SegOutput(logits=Steep.apply(logits) if self.steps == 3 else logits)

    run = run_at(tmp_path / "run")
    fabric = Fabric(accelerator="cpu", devices=1, precision="32-true")
    torch.manual_seed(0)
    plan = replace(PLAN, clip_norm=clip_norm)
    result = fit(Cliff(), broken(), Objective(), plan, run=run, fabric=fabric)
    assert bool(weights(result).isfinite().all())
    (record,) = [record for record in run.log() if record["kind"] == "skipped"]
    assert (record["step"], record["not_finite"]) == (3, ["grad_norm"])
    assert tiny().state_dict().keys() == result.state_dict().keys()
