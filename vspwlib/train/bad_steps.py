"""Steps whose loss or gradient is no finite number: undone, counted, named, and the end of a training when many follow.

One such step would leave NaN in every weight, in the optimiser's moments and in batch norm's running statistics.
"""

from collections.abc import Mapping
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vspwlib.checks import fail
from vspwlib.train.objective import Objective

SHOWN = 8  # frames that the message names; the log has all of them


def norm_buffers(model: nn.Module) -> list[Tensor]:
    """Return the statistics that batch norm keeps in a network."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [buffer for norm in norms for buffer in norm.buffers()]


class ForwardState:
    """What the forward passes of a step change beside gradients: batch norm's statistics, the objective's memory.

    It is a class because it holds copies from before the step; their room is taken once.
    """

    def __init__(self, model: nn.Module, objective: Objective, device: torch.device) -> None:
        self._buffers = norm_buffers(model)
        self._before = [buffer.clone() for buffer in self._buffers]
        self._objective, self._device = objective, device
        self._memory = objective.state_dict()

    @torch.no_grad()
    def keep(self) -> None:
        """Remember what is there before a step."""
        if self._buffers:
            torch._foreach_copy_(self._before, self._buffers)
        self._memory = self._objective.state_dict()  # which no step changes in place

    @torch.no_grad()
    def restore(self) -> None:
        """Undo the step."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._before)
        self._objective.load_state_dict(self._memory, device=self._device)


class BadSteps:
    """Counts the steps that were skipped; a class because it remembers how many came in a row.

    Args:
        allowed: Skipped steps in a row that are borne; one more ends the training.
        fabric: Its processes, which skip together.
    """

    def __init__(self, allowed: int, fabric: Fabric) -> None:
        self.allowed, self.total, self.in_row = allowed, 0, 0
        self._fabric = fabric

    def found(self, terms: Mapping[str, Tensor], norm: Tensor) -> bool:
        """Say whether the loss or the gradient of any process is not finite.

        Args:
            terms: Values of this process, scalars on the device.
            norm: Norm of the gradient.
        """
        return bool(largest(not bool(torch.stack([*terms.values(), norm]).sum().isfinite()), self._fabric))

    def skip(self, step: int, terms: Mapping[str, Tensor], names: list[str]) -> dict[str, Any]:
        """Count a step that was skipped.

        Args:
            step: Steps done so far, this one included.
            terms: Values of this process, the norm of the gradient among them.
            names: Frames of this process's batches, as ``video/frame``.

        Returns:
            A record for the log: kind ``skipped``, step, total, in_row, not_finite (names of values) and frames.
        """
        self.total, self.in_row = self.total + 1, self.in_row + 1
        wrong = [name for name, value in terms.items() if not bool(value.isfinite())]
        # The gradient is already that of all processes: only a loss says whose batch it was.
        losses = [name for name in wrong if name != "grad_norm"]
        everyone = _everywhere((names, losses), self._fabric)
        most = max(len(part[1]) for part in everyone)  # global sums carry one process's NaN to all
        parts = [part for part in everyone if len(part[1]) == most]
        return {
            "kind": "skipped",
            "step": step,
            "total": self.total,
            "in_row": self.in_row,
            "not_finite": sorted({*wrong, *(name for part in parts for name in part[1])}),
            "frames": [name for part in parts for name in part[0]],
        }

    def require_few(self, record: Mapping[str, Any], lr: float) -> None:
        """End the training when too many steps in a row were skipped.

        Raises:
            InputError: it names the frames of the last batch.
        """
        if self.in_row <= self.allowed:
            return
        frames = record["frames"]
        more = f" and {len(frames) - SHOWN} more" if len(frames) > SHOWN else ""
        fail(
            "loss",
            expected="a finite number",
            got=f"NaN or inf in {', '.join(record['not_finite'])}, {self.in_row} steps in a row",
            where=f"step {record['step']}, frames {', '.join(frames[:SHOWN]) or 'not named'}{more}",
            fix=f"look at these frames, or train with a lower optim.lr than {lr:.3g} or train.precision=fp32; --resume "
            "goes on from the last snapshot.",
        )


def largest(number: int, fabric: Fabric) -> int:
    """Return the largest of the numbers that all processes call with, the same in each."""
    if fabric.world_size == 1:
        return number
    found = torch.tensor(number, device=fabric.device)
    torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
    return int(found)


def _everywhere(value: Any, fabric: Fabric) -> list[Any]:
    """Return the values of all processes, in their order."""
    if fabric.world_size == 1:
        return [value]
    values: list[Any] = [None] * fabric.world_size
    torch.distributed.all_gather_object(values, value)
    return values
