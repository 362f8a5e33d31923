"""A network in training and what one step does to it."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vspwlib.checks import require
from vspwlib.train.bad_steps import BadSteps, ForwardState, norm_buffers
from vspwlib.train.objective import Objective
from vspwlib.train.optim import build_optimizer, clip_gradients, lr_factor, set_lr
from vspwlib.train.plan import Plan
from vspwlib.train.sharding import ShardedAverage, WholeNetwork, gathered, place_optimizer, placed, shards
from vspwlib.train.snapshot import Snapshot

Batch = dict[str, Any]


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
        self.bare = model
        self.whole = WholeNetwork(model, fabric.device) if shards(fabric) else None  # only now: sharding is in place
        self.model = fabric.setup_module(model)
        optimizer = build_optimizer(  # over parameters where they lie and as they are shared out
            model,
            lr=plan.lr,
            weight_decay=plan.weight_decay,
            betas=plan.betas,
            layer_decay=plan.layer_decay,
            decay_rule=plan.decay_rule,
            head_quirk=plan.head_quirk,
        )
        self.optimizer: Any = fabric.setup_optimizers(optimizer)
        self.before = ForwardState(model, objective, fabric.device)  # only now: setup moves the buffers
        self.average: AveragedModel | ShardedAverage | None = None
        if plan.ema is not None and self.whole is not None:
            self.average = ShardedAverage(model, plan.ema)
        elif plan.ema is not None:
            self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(plan.ema), use_buffers=True)

    def scored(self) -> nn.Module:
        """Return the network to validate and to keep: the weight average where there is one.

        All processes take part and get the same one: where batch norm is not synchronised, with the first one's
        statistics. Where training is sharded, it is a whole network of their own.
        """
        if self.whole is not None:
            return self.whole.filled(self._averaged.state_dict())
        if self.fabric.world_size > 1:
            for value in norm_buffers(self._averaged):
                torch.distributed.broadcast(value, src=0)
        return self._averaged

    @property
    def _averaged(self) -> Any:
        """What holds the weights that are to be scored, as far as they are in this process: a module, or an average."""
        if isinstance(self.average, AveragedModel):
            return self.average.module
        return self.bare if self.average is None else self.average

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot; the next step is the one after it."""
        layout = self.bare.state_dict()
        self.bare.load_state_dict({name: placed(value, layout.get(name)) for name, value in snapshot.model.items()})
        if self.average is not None:
            require(
                snapshot.average is not None,
                "checkpoint",
                expected="a weight average",
                got="none",
                fix="resume with optim.ema=none.",
            )
            self._averaged.load_state_dict(snapshot.average or {})
            self.average.n_averaged.fill_(snapshot.step)
        self.optimizer.load_state_dict(place_optimizer(snapshot.optimizer, self.optimizer))
        self.objective.load_state_dict(snapshot.objective, device=self.fabric.device)
        self.step, self.best = snapshot.step, snapshot.best

    def snapshot(self) -> Snapshot:
        """Return the state after the steps done so far; all processes take part, and the first is to keep it."""
        states = {"model": self.bare.state_dict(), "optimizer": self.optimizer.state_dict(), "average": None}
        if self.average is not None:
            states["average"] = self._averaged.state_dict()
        whole = gathered(states, keep=self.fabric.is_global_zero)
        return Snapshot(
            step=self.step,
            model=whole["model"],
            average=whole["average"],
            optimizer=whole["optimizer"],
            best=self.best,
            objective=self.objective.state_dict(),
        )

    def advance(self, batches: Iterator[Batch]) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
        """Do one optimiser step over ``accumulate`` micro-batches, or skip it where a number is not finite.

        Args:
            batches: Stream of micro-batches (``images`` ``(N, 3, H, W)``, ``masks`` ``(N, H, W)``; for the objective
                ``clip_ids`` ``(N,)`` on the CPU and ``point_keys`` ``(N,)``; ``names`` of the frames, for messages).

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
                known = (batch.get("clip_ids"), batch.get("point_keys"))
                terms = self.objective(self.model(batch["images"]), batch["masks"], *known)
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
