"""The main job on the embedded default: data, two models, predictions, tau sweep, scores, a workspace for the app."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vspwlib.config import Recipe
from vspwlib.data.synthetic import make_mini
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.building import VIDEO_DATA
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.prediction import data_label, predict
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.training import train_once
from vspwlib.recipes import recipe
from vspwlib.runs import Run, Workspace
from vspwlib.tables import PAIR

FIRST, SECOND = PAIR
SPLIT = "test2"

#: Share of the whole job that each stage takes, measured on two cores; the progress bar moves by them.
_SHARES = {"data": 0.08, FIRST: 0.32, SECOND: 0.44, "predict": 0.05, "score": 0.02, "sweep": 0.02}

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class DemoResult:
    """What the demo made.

    Attributes:
        first: Run of P1.
        second: Run of P2.
        scores: Scores of both on Test2.
        sweep: Scores of their ensembles on Test2.
        workspace: Where everything lies.
    """

    first: Run
    second: Run
    scores: tuple[SplitScore, SplitScore]
    sweep: SweepResult
    workspace: Workspace

    def summary(self) -> dict[str, Any]:
        """Return the figures for machines: fractions.

        ``miou_best`` is an upper bound: tau was chosen on the split it is scored on. ``vc8`` is the better run's.
        """
        better = max(self.scores, key=lambda split_score: split_score.miou)
        return {
            "miou_a": self.scores[0].miou,
            "miou_b": self.scores[1].miou,
            "miou_best": self.sweep.best_miou,
            "tau_best": self.sweep.best_tau,
            "vc8": better.summary()["vc8"],
            "workspace": str(self.workspace.path),
        }


def run_demo(workspace: Workspace, *, on_progress: Progress | None = None, device: str = "auto") -> DemoResult:
    """Run the main job; parts that an earlier call finished are kept.

    Args:
        workspace: Where to put everything.
        on_progress: Called with the stage and the share of the whole done so far, 0 to 1.
        device: ``auto``, ``cpu`` or ``cuda``.

    Returns:
        The runs, their scores and the sweep.
    """
    meter = _Meter(on_progress)
    with meter.stage("data", "making the embedded default") as tick:
        made = make_mini(workspace.path / "data" / "mini", progress=tick)
    root = made / "vspw"
    runs, scores = [], []
    for name in (FIRST, SECOND):
        resolved = recipe(name, "mini")
        data = {key: made / key for key in (VIDEO_DATA, *resolved.mix.stills)}
        with meter.stage(name, f"training {name}") as tick:
            run = train_once(resolved, workspace, data, device=device, on_record=_steps(tick, resolved))
        with meter.stage("predict", f"predicting {SPLIT} with {name}") as tick:
            store, _ = predict(run, workspace, SPLIT, data=data, device=device, progress=tick)
        with meter.stage("score", f"scoring {name}") as tick:
            scores.append(score(store, root, SPLIT, progress=tick))
        runs.append(run)
    with meter.stage("sweep", "sweeping tau") as tick:
        result = sweep(workspace, runs[0].name, runs[1].name, data_label(root), SPLIT, device=device, progress=tick)
    return DemoResult(runs[0], runs[1], (scores[0], scores[1]), result, workspace)


def _steps(tick: Callable[[int, int], None], resolved: Recipe) -> Callable[[dict[str, Any]], None]:
    return lambda record: tick(record["step"], resolved.train.iterations)


class _Meter:
    """Turns each stage's own progress into a share of the whole."""

    def __init__(self, on_progress: Progress | None) -> None:
        self._report = on_progress or (lambda _stage, _share: None)
        self._done = 0.0

    def stage(self, kind: str, text: str) -> "_Stage":
        start, self._done = self._done, self._done + _SHARES[kind]
        return _Stage(self._report, text, start, _SHARES[kind])


@dataclass(frozen=True)
class _Stage:
    report: Progress
    text: str
    start: float
    share: float

    def __enter__(self) -> Callable[[int, int], None]:
        self.report(self.text, self.start)
        return lambda done, total: self.report(self.text, self.start + self.share * (done / max(total, 1)))

    def __exit__(self, *exception: object) -> None:
        self.report(self.text, self.start + self.share)
