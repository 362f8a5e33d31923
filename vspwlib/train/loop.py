"""The training loop: one function over Lightning Fabric, short enough to read in one sitting."""

import time
from collections.abc import Callable, Generator, Iterable
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from vspwlib.losses.counter_random import fold_in
from vspwlib.models.checkpoint import save_weights
from vspwlib.runs import Run
from vspwlib.train.bad_steps import largest
from vspwlib.train.failures import named_failures
from vspwlib.train.interrupt import Interrupted, StopRequest
from vspwlib.train.objective import Objective
from vspwlib.train.plan import Plan
from vspwlib.train.recorder import Recorder
from vspwlib.train.sharding import shards
from vspwlib.train.snapshot import load_snapshot, save_snapshot
from vspwlib.train.training import Batch, Training


def fit(
    model: nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    objective: Objective,
    plan: Plan,
    *,
    run: Run,
    fabric: Fabric,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    resume: bool = False,
    on_record: Callable[[dict[str, Any]], None] | None = None,
) -> nn.Module:
    """Train a network to its last iteration, or until asked to stop.

    Args:
        model: Network with its initial weights; trained in place.
        batches: ``batches(start)`` streams micro-batches from micro-batch ``start`` on. Where they hold ``frame_ids``
            (:class:`~vspwlib.data.dataset.Batch`), points of set losses follow from the seed and the frame alone.
        objective: Terms to minimise.
        plan: Numbers of the training.
        run: Where the log and the checkpoints go.
        fabric: Device, precision and processes.
        evaluate: Scores a network; ``miou`` chooses the best checkpoint. None or ``val_every=0``: no validation.
        resume: Continue from the run's newest snapshot, bit for bit on the same device.
        on_record: Called with every log record (rank 0).

    Returns:
        The trained network (the weight average where there is one).

    Raises:
        Interrupted: after SIGINT or SIGTERM to any of the processes, once the state is saved.
        InputError: too many steps in a row were not finite; a data worker or another process has died.
    """
    training = Training(model, objective, plan, fabric)
    if resume:
        training.restore(load_snapshot(run.checkpoints, mapped=shards(fabric)))
        if fabric.is_global_zero:
            run.truncate_log(training.step)
    model.train()
    asked = 0  # the signal that asked to stop
    alone = fabric.world_size == 1  # several processes may get a signal twice: from their launcher as well
    with (
        named_failures(fabric),
        StopRequest(again_ends=alone) as stop,
        Recorder(run, plan.iterations, fabric, on_record) as recorder,
    ):
        stream = _on_device(batches(training.step * plan.accumulate), fabric, plan.seed)
        while training.step < plan.iterations and not (asked := largest(stop.signal_number or 0, fabric)):
            terms, skipped = training.advance(stream)
            if skipped is not None:
                recorder.skipped(skipped)
                training.bad.require_few(skipped, lr=training.optimizer.param_groups[0]["lr"])
            recorder.step(training, terms, due=_due(training.step, plan.log_every, plan.iterations))
            if evaluate is not None and plan.val_every and _due(training.step, plan.val_every, plan.iterations):
                _validate(training, evaluate, run, recorder)
            if _due(training.step, plan.checkpoint_every, plan.iterations):
                _save(training, run)
        stream.close()  # ends the data workers
        recorder.cost(training.step)
        if asked and training.step < plan.iterations:
            _save(training, run)
            raise Interrupted(asked, training.step)
    network = training.scored()
    if fabric.is_global_zero:
        save_weights(run.checkpoints / "last.safetensors", network.state_dict(), metadata=_metadata(training))
    fabric.barrier()
    return network


def _due(step: int, every: int, iterations: int) -> bool:
    return step % every == 0 or step == iterations


def _on_device(batches: Iterable[Batch], fabric: Fabric, seed: int) -> Generator[Batch, None, None]:
    for batch in batches:
        moved: Batch = {name: fabric.to_device(batch[name]) for name in ("images", "masks")}
        if "frame_ids" in batch:  # a frame has the same loss points in whichever process
            moved["point_keys"] = fabric.to_device(fold_in(seed, *batch["frame_ids"].unbind(1)))
        yield {**batch, **moved}  # which image is of which clip is asked on the CPU


def _validate(
    training: Training, evaluate: Callable[[nn.Module], dict[str, float]], run: Run, recorder: Recorder
) -> None:
    started = time.perf_counter()
    network = training.scored()
    network.eval()
    with torch.inference_mode():
        scores = evaluate(network)
    network.train()
    recorder.validation(training.step, scores, seconds=time.perf_counter() - started)
    if training.best is None or scores["miou"] > training.best:
        training.best = scores["miou"]
        if training.fabric.is_global_zero:
            save_weights(run.checkpoints / "best.safetensors", network.state_dict(), metadata=_metadata(training))


def _metadata(training: Training) -> dict[str, str]:
    best = "" if training.best is None else f"{training.best:.6f}"
    return {"step": str(training.step), "best_miou": best, "average": str(training.average is not None).lower()}


def _save(training: Training, run: Run) -> None:
    snapshot = training.snapshot()
    if training.fabric.is_global_zero:
        save_snapshot(run.checkpoints, snapshot)
    training.fabric.barrier()
