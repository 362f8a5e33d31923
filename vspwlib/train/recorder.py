"""What a run leaves behind while it trains: JSON lines, TensorBoard events, and a call for progress bars."""

import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric import Fabric
from torch import Tensor

from vspwlib.runs import Run

if TYPE_CHECKING:
    from vspwlib.train.training import Training

logger = logging.getLogger(__name__)


class Recorder:
    """Averages the terms between log records and writes them from rank 0.

    A record holds: kind, step, loss and its terms, lr, images_per_s, memory_mb (peak; GPU memory on CUDA, else resident
    memory of the process), seconds_left, time (Unix seconds).
    """

    def __init__(
        self, run: Run, iterations: int, fabric: Fabric, on_record: Callable[[dict[str, Any]], None] | None
    ) -> None:
        self._run, self._iterations, self._fabric, self._on_record = run, iterations, fabric, on_record
        self._sums: dict[str, Tensor] = {}
        self._steps = 0
        self._since = time.perf_counter()
        self._start = (0.0, 0.0)
        self._writer: Any = None

    def __enter__(self) -> "Recorder":
        self._start = (time.perf_counter(), _cpu_seconds())
        if self._fabric.is_global_zero:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._run.path / "tensorboard"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def cost(self, step: int) -> None:
        """Log what the training cost since it began or was resumed, once its data workers have ended.

        A record of kind ``cost``: step, seconds (wall) and cpu_seconds (this process and its data workers).
        """
        if self._fabric.is_global_zero:
            seconds, cpu_seconds = time.perf_counter() - self._start[0], _cpu_seconds() - self._start[1]
            record = {"kind": "cost", "step": step, "seconds": seconds, "cpu_seconds": cpu_seconds, "time": time.time()}
            self._run.append_log(record)

    def step(self, training: "Training", terms: dict[str, Tensor], *, due: bool) -> None:
        """Take in one iteration's terms; write a record when ``due``.

        Args:
            training: The training, after the iteration.
            terms: Scalars on the device; read only when a record is due, so that a GPU never waits for the log. None
                of a step that was skipped.
            due: Whether to write the mean since the last record.
        """
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0) + value
        self._steps += bool(terms)
        if not due or not self._steps:
            return
        means = {name: float(value) / self._steps for name, value in self._sums.items()}
        seconds = time.perf_counter() - self._since
        rate = self._steps / seconds
        record = {
            "kind": "train",
            "step": training.step,
            "loss": sum(value for name, value in means.items() if name.startswith("loss_")),
            **means,
            "lr": training.optimizer.param_groups[0]["lr"],
            "images_per_s": training.images_per_step * rate,
            "memory_mb": _peak_memory(self._fabric.device),
            "seconds_left": (self._iterations - training.step) / rate,
        }
        self._sums, self._steps, self._since = {}, 0, time.perf_counter()
        self._write(record)

    def skipped(self, record: dict[str, Any]) -> None:
        """Write what is known of a step that was skipped."""
        self._write(record)

    def validation(self, step: int, scores: dict[str, float], *, seconds: float) -> None:
        """Write the scores of a validation that took ``seconds``; its time does not count as training time."""
        self._since += seconds
        self._write({"kind": "val", "step": step, **scores, "seconds": seconds})

    def _write(self, record: dict[str, Any]) -> None:
        if not self._fabric.is_global_zero:
            return
        record = {**record, "time": time.time()}
        self._run.append_log(record)
        about = {"run": self._run.name, "record": record}
        if record["kind"] == "skipped":
            told = (record["step"], ", ".join(record["not_finite"]), ", ".join(record["frames"][:4]))
            logger.warning("step %d skipped: NaN or inf in %s; frames %s", *told, extra=about)
        else:
            values = ", ".join(f"{name} {value:.4g}" for name, value in record.items() if isinstance(value, float))
            logger.info("%s: %s at step %d: %s", self._run.name, record["kind"], record["step"], values, extra=about)
        for name, value in record.items():
            if name not in ("kind", "step", "time") and isinstance(value, int | float):
                self._writer.add_scalar(f"{record['kind']}/{name}", value, record["step"])
        if self._on_record is not None:
            self._on_record(record)


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    import resource

    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_memory(device: torch.device) -> float:
    """Peak memory in MiB: allocated on the GPU, or resident in this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # macOS counts bytes, Linux KiB
