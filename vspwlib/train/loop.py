"""The training loop: one function over Lightning Fabric, short enough to read in one sitting."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vspwlib.checks import require
from vspwlib.models.checkpoint import save_weights
from vspwlib.runs import Run
from vspwlib.train.bad_steps import BadSteps, ForwardState, largest
from vspwlib.train.failures import named_failures
from vspwlib.train.interrupt import Interrupted, StopRequest
from vspwlib.train.objective import Objective
from vspwlib.train.optim import DecayRule, build_optimizer, clip_gradients, lr_factor, set_lr
from vspwlib.train.recorder import Recorder
from vspwlib.train.snapshot import Snapshot, load_snapshot, save_snapshot

Batch = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Numbers of one training; see :mod:`vspwlib.config` for what each means.

    Attributes:
        iterations: Optimiser steps.
        accumulate: Micro-batches per step.
        seed: Seed of initialisation, augmentation and dropout.
        lr: Peak learning rate.
        weight_decay: AdamW's decay.
        betas: AdamW's moments.
        warmup: Steps of linear warm-up.
        warmup_ratio: Share of the peak at step 0.
        power: Power of the polynomial decay.
        layer_decay: Factor on the learning rate from each layer to the one below, or None.
        decay_rule: Which tensors are spared weight decay: ``swin`` or ``beit``.
        head_quirk: Give a query head's own embeddings the smallest rate, as officially.
        clip_norm: Largest gradient norm, or None.
        ema: Decay of the weight average, or None.
        checkpoint_every: Steps between snapshots.
        val_every: Steps between validations, 0 for none.
        log_every: Steps between log records.
        max_bad_steps: Steps in a row whose loss or gradient may be NaN or infinite; they are skipped.
    """

    iterations: int
    accumulate: int = 1
    seed: int = 0
    lr: float
    weight_decay: float
    betas: tuple[float, float] = (0.9, 0.999)
    warmup: int = 0
    warmup_ratio: float = 1e-6
    power: float = 1.0
    layer_decay: float | None = None
    decay_rule: DecayRule = "swin"
    head_quirk: bool = True
    clip_norm: float | None = None
    ema: float | None = None
    checkpoint_every: int
    val_every: int = 0
    log_every: int = 50
    max_bad_steps: int = 10


class Training:
    """A network in training: its optimiser, its weight average and the number of steps done."""

    def __init__(self, model: nn.Module, objective: Objective, plan: Plan, fabric: Fabric) -> None:
        self.plan = plan
        self.objective = objective
        self.fabric = fabric
        self.step = 0
        self.images_per_step = 0  # over all processes; known after the first step
        self.best: float | None = None
        self.bad = BadSteps(plan.max_bad_steps, fabric)
        optimizer = build_optimizer(
            model,
            lr=plan.lr,
            weight_decay=plan.weight_decay,
            betas=plan.betas,
            layer_decay=plan.layer_decay,
            decay_rule=plan.decay_rule,
            head_quirk=plan.head_quirk,
        )
        self.bare = model
        self.model, self.optimizer = fabric.setup(model, optimizer)
        self.before = ForwardState(model, objective, fabric.device)  # only now: setup moves the buffers
        self.average: AveragedModel | None = None
        if plan.ema is not None:
            self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(plan.ema), use_buffers=True)

    @property
    def scored(self) -> nn.Module:
        """The network to validate and to keep: the weight average where there is one."""
        return self.bare if self.average is None else self.average.module

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; the next step is the one after it."""
        self.bare.load_state_dict(snapshot.model)
        if self.average is not None:
            require(
                snapshot.average is not None,
                "checkpoint",
                expected="a weight average",
                got="none",
                fix="resume with optim.ema=none.",
            )
            self.average.module.load_state_dict(snapshot.average or {})
            self.average.n_averaged.fill_(snapshot.step)
        self.optimizer.load_state_dict(snapshot.optimizer)
        self.objective.load_state_dict(snapshot.objective, device=self.fabric.device)
        self.step, self.best = snapshot.step, snapshot.best

    def snapshot(self) -> Snapshot:
        """Return the state after the steps done so far."""
        average = None if self.average is None else self.average.module.state_dict()
        return Snapshot(
            step=self.step,
            model=self.bare.state_dict(),
            average=average,
            optimizer=self.optimizer.state_dict(),
            best=self.best,
            objective=self.objective.state_dict(),
        )

    def advance(self, batches: Iterator[Batch]) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
        """Do one optimiser step over ``accumulate`` micro-batches, or skip it where a number is not finite.

        Args:
            batches: Stream of micro-batches (``images`` ``(N, 3, H, W)``, ``masks`` ``(N, H, W)`` and, for clips,
                ``clip_ids`` ``(N,)`` on the CPU; ``names`` of the frames, for messages).

        Returns:
            Mean of each term over the micro-batches, and the gradient norm where it is clipped, on the device. For a
            skipped step, which has changed nothing but the number of steps, also what to log of it.
        """
        plan = self.plan
        # Dropout and stochastic depth of a step depend on (seed, step, rank) alone: resuming needs no random state.
        torch.manual_seed(_mix(plan.seed, self.step, self.fabric.global_rank))
        set_lr(self.optimizer, plan.lr * self._lr_factor())
        means: dict[str, Tensor] = {}
        names: list[str] = []
        self.before.keep()
        self.images_per_step = 0
        for part in range(plan.accumulate):
            batch = next(batches)
            self.images_per_step += len(batch["images"]) * self.fabric.world_size
            names += batch.get("names", ())
            last = part == plan.accumulate - 1
            with nullcontext() if last else self.fabric.no_backward_sync(self.model):
                terms = self.objective(self.model(batch["images"]), batch["masks"], batch.get("clip_ids"))
                self.fabric.backward(torch.stack(list(terms.values())).sum() / plan.accumulate)
            for name, value in terms.items():
                means[name] = means.get(name, 0) + value.detach() / plan.accumulate
        norm = clip_gradients(self.fabric, self.model, self.optimizer, plan.clip_norm)
        self.step += 1
        if self.bad.found(means, norm):
            self.optimizer.zero_grad(set_to_none=True)
            self.before.restore()
            return {}, self.bad.skip(self.step, {**means, "grad_norm": norm}, names)
        self.bad.in_row = 0
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update_parameters(self.bare)
        return means if plan.clip_norm is None else {**means, "grad_norm": norm}, None

    def _lr_factor(self) -> float:
        plan = self.plan
        return lr_factor(
            self.step,
            iterations=plan.iterations,
            warmup=plan.warmup,
            warmup_ratio=plan.warmup_ratio,
            power=plan.power,
        )


def _mix(seed: int, step: int, rank: int) -> int:
    """Spread three small numbers over 63 bits, so that neighbouring steps do not start neighbouring streams."""
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + rank * 0x94D049BB133111EB) & (2**64 - 1)
    mixed ^= mixed >> 31
    return (mixed * 0xD6E8FEB86659FD93 & (2**64 - 1)) >> 1


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
        batches: ``batches(start)`` streams micro-batches from micro-batch ``start`` on.
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
        training.restore(load_snapshot(run.checkpoints))
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
        stream = _on_device(batches(training.step * plan.accumulate), fabric)
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
    if fabric.is_global_zero:
        save_weights(run.checkpoints / "last.safetensors", training.scored.state_dict(), metadata=_metadata(training))
    fabric.barrier()
    return training.scored


def _due(step: int, every: int, iterations: int) -> bool:
    return step % every == 0 or step == iterations


def _on_device(batches: Iterable[Batch], fabric: Fabric) -> Generator[Batch, None, None]:
    for batch in batches:
        moved = {name: fabric.to_device(batch[name]) for name in ("images", "masks")}
        yield {**batch, **moved}  # which image is of which clip is asked on the CPU


def _validate(
    training: Training, evaluate: Callable[[nn.Module], dict[str, float]], run: Run, recorder: Recorder
) -> None:
    network = training.scored
    started = time.perf_counter()
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
    if training.fabric.is_global_zero:
        save_snapshot(run.checkpoints, training.snapshot())
    training.fabric.barrier()
