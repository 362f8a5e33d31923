"""Score the ensembles of Tables 4 and 5 from the stored predictions of their members.

Members are the runs of an ensemble's recipes at a profile and a seed, trained and predicted as these recipes say. Tau
is chosen on the profile's validation split; a profile that tests on no other split can only say what the best tau gives
there, an upper bound.
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vspwlib.checks import fail, require
from vspwlib.config import Recipe
from vspwlib.data.index import Frame, data_digest
from vspwlib.ensemble.fuse import vote
from vspwlib.ensemble.result import SweepResult
from vspwlib.ensemble.rule import Rule, choose_rule
from vspwlib.ensemble.soft import soft_labels
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.building import VIDEO_DATA, build_fabric
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.mixing import Reading
from vspwlib.pipeline.prediction import data_label, load_recipe, weights_digest
from vspwlib.pipeline.publishing import FOUND, SCHEMA, fingerprint
from vspwlib.pipeline.scoring import Progress, score_frames
from vspwlib.pipeline.sources import open_alike
from vspwlib.pipeline.training import differing_settings, run_name
from vspwlib.predict.labels import LabelMap
from vspwlib.predict.manifest import check_same
from vspwlib.predict.scores import Size
from vspwlib.recipes import recipe
from vspwlib.runs import Run, Workspace, environment, read_json, write_json
from vspwlib.tables import Ensemble, home

_DIGITS = 6  # of the IoU of a class in a published curve


def fitting_split(resolved: Recipe) -> str | None:
    """Return the split on which a profile chooses tau: the validation split, where another one is tested on as well."""
    others = [split for split in resolved.test_splits if split != resolved.val_split]
    return resolved.val_split if others else None


def member_runs(workspace: Workspace, ensemble: Ensemble, profile: str, seed: int) -> list[Run]:
    """Return the runs of an ensemble, P1 first.

    Raises:
        InputError: one is missing or unfinished, or was trained with other settings than its recipe's.
    """
    runs, known = [], {run.name: run for run in workspace.runs()}
    for name in ensemble.recipes:
        wanted = recipe(name, profile, seed=seed)
        run = known.get(run_name(wanted))
        if run is None or not run.finished:
            fix = f"run `vspw train {name} --profile {profile} --seed {seed}`."
            got = "none" if run is None else "an unfinished one"
            fail(f"run of {name}", expected=f"a finished {run_name(wanted)}", got=got, where=workspace.path, fix=fix)
        differing = differing_settings(load_recipe(run), wanted)
        got, fix = f"other values of {', '.join(differing)}", "a row of a table is trained without --set."
        require(not differing, run.name, expected=f"the settings of {name}", got=got, where=run.path, fix=fix)
        runs.append(run)
    return runs


def ensemble_fingerprint(ensemble: Ensemble, runs: Sequence[Run]) -> str:
    """Return 16 hex digits of what decides an ensemble's result: its rule and the fingerprints of its members."""
    text = f"{ensemble.rule} {[_fingerprint(run) for run in runs]}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def score_row(
    workspace: Workspace,
    ensemble: Ensemble,
    profile: str,
    seed: int,
    *,
    device: str = "auto",
    progress: Reading | None = None,
) -> dict[str, Any]:
    """Score an ensemble of a table on every split that its profile tests on.

    Args:
        workspace: Where the members' predictions lie.
        ensemble: One of :data:`vspwlib.tables.ENSEMBLES`.
        profile: ``mini``, ``camvid`` or ``vspw``.
        seed: Seed of every member.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with what is being done, how much of it, and the whole.

    Returns:
        What is published: ``members`` with recipe, fingerprint and commit; ``fitted``, the tau that was chosen, on
        which split, and of a sweep its mIoU on each; and by split a :class:`~vspwlib.metrics.summary.SplitScore` or, of
        a sweep, a :class:`~vspwlib.ensemble.result.SweepResult` without videos, and without classes where tau was
        chosen.

    Raises:
        InputError: as :func:`member_runs` and :func:`~vspwlib.pipeline.sources.open_alike`; predictions of other
            weights or at other test-time settings than the recipe's; a tau to choose where the profile has no split
            for it.
    """
    runs = member_runs(workspace, ensemble, profile, seed)
    resolved, root = load_recipe(runs[0]), Path(runs[0].config["data"][VIDEO_DATA])
    for split in resolved.test_splits:
        _check_predictions(workspace, runs, root, split)
    started = time.perf_counter(), time.process_time()
    work = _Work(workspace, tuple(run.name for run in runs), data_label(root), device, progress)
    fitted, splits = work.sweeps(resolved) if ensemble.rule == "sweep" else work.scores(resolved, ensemble)
    spent = time.perf_counter() - started[0], time.process_time() - started[1]
    return {
        "schema": SCHEMA,
        "table": home(ensemble.key).name,
        "ensemble": asdict(ensemble),
        "profile": profile,
        "seed": seed,
        "members": [_member(run) for run in runs],
        "fingerprint": ensemble_fingerprint(ensemble, runs),
        "data": root.name,
        "environment": environment(),
        "cost": {key: round(value, 1) for key, value in zip(("seconds", "cpu_seconds"), spent, strict=True)},
        "fitted": fitted,
        "splits": {split: {**score, "data_digest": data_digest(root, split)} for split, score in splits.items()},
    }


def publish_row(content: dict[str, Any], results: Path = Path("results")) -> Path:
    """Write what :func:`score_row` returned as ``results/<table>/<profile>/<key>-s<seed>.json``."""
    path = results / content["table"] / content["profile"] / f"{content['ensemble']['key']}-s{content['seed']}.json"
    write_json(path, content)
    return path


def score_ensemble(
    workspace: Workspace,
    names: Sequence[str],
    split: str,
    rule: Rule,
    *,
    dataset: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> SplitScore:
    """Score an ensemble as its frames are fused, without writing any.

    Args:
        workspace: Where the members' predictions lie.
        names: Members, the first is P1.
        split: Split that all have predicted.
        rule: From :func:`vspwlib.ensemble.rule.choose_rule`.
        dataset: Name of the data set's folder; by default the one that the first was predicted on.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with frames done and frames in all.

    Returns:
        Counts of the split, the same as those of the label maps that ``vspw ensemble write`` writes.

    Raises:
        InputError: as :func:`~vspwlib.pipeline.sources.open_alike`, or no frame has a mask.
    """
    sources, _, frames = open_alike(workspace, names, split, dataset=dataset, soft=rule.is_soft)
    place = build_fabric("fp32", device=device).device

    def fuse(frame: Frame, size: Size) -> LabelMap:
        if not rule.is_soft:
            maps = [source.labels.labels(frame.video, frame.name, size) for source in sources]
            return vote([torch.from_numpy(ids) for ids in maps]).numpy()
        scores = [torch.from_numpy(source.scores().scores(frame.video, frame.name)).to(place) for source in sources]
        return soft_labels(scores, size, rule.weights)

    return score_frames(frames, fuse, progress)


@dataclass(frozen=True)
class _Work:
    """Whose predictions are fused, and how that is shown."""

    workspace: Workspace
    names: tuple[str, ...]
    dataset: str
    device: str
    progress: Reading | None

    def sweeps(self, resolved: Recipe) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Return the tau that was chosen, and the curves of every split."""
        chosen_on = fitting_split(resolved)
        curves: dict[str, SweepResult] = {}
        tau: float | None = None
        for split in sorted(resolved.test_splits, key=lambda split: split != chosen_on):
            curves[split] = self._sweep(split, () if tau is None else (tau,))
            if split == chosen_on:
                tau = curves[split].best_tau
        splits = {split: _published(curves[split], classes=split != chosen_on) for split in resolved.test_splits}
        if chosen_on is None or tau is None:
            return None, splits
        others = {split: curve.at(tau) for split, curve in curves.items() if split != chosen_on}
        return {"split": chosen_on, "tau": tau, "miou": {chosen_on: curves[chosen_on].best_miou, **others}}, splits

    def scores(self, resolved: Recipe, ensemble: Ensemble) -> tuple[dict[str, Any] | None, dict[str, Any]]:
        """Return the tau that was chosen, where one was, and the scores of every split."""
        fitted, tau = None, None
        if ensemble.rule == "fitted":
            chosen_on = fitting_split(resolved)
            if chosen_on is None:
                got = f"{', '.join(resolved.test_splits)} alone"
                fail(ensemble.key, expected="a split to choose τ on and another one", got=got, where=resolved.profile)
            tau = self._sweep(chosen_on).best_tau
            fitted = {"split": chosen_on, "tau": tau}
        kind = ensemble.rule
        rule = choose_rule(len(self.names), tau=tau, mean=kind == "mean", vote=kind == "vote")
        return fitted, {split: self._score(split, rule).to_json() for split in resolved.test_splits}

    def _sweep(self, split: str, also: Sequence[float] = ()) -> SweepResult:
        first, second = self.names
        show = self._shown(f"sweeping {split}")
        return sweep(self.workspace, first, second, self.dataset, split, also=also, device=self.device, progress=show)

    def _score(self, split: str, rule: Rule) -> SplitScore:
        show = self._shown(f"{rule.kind} of {len(self.names)} on {split}")
        return score_ensemble(
            self.workspace, self.names, split, rule, dataset=self.dataset, device=self.device, progress=show
        )

    def _shown(self, what: str) -> Progress | None:
        return None if self.progress is None else partial(self.progress, what)


def _check_predictions(workspace: Workspace, runs: Sequence[Run], root: Path, split: str) -> None:
    """Require predictions of a split by the runs' best weights, at the test-time settings of their recipes."""
    sources, _, _ = open_alike(workspace, [run.name for run in runs], split, dataset=data_label(root))
    for run, source in zip(runs, sources, strict=True):
        settings = asdict(load_recipe(run).predict)
        del settings["batch_windows"]
        stated = {name: value for name, value in source.manifest["predict"].items() if name in settings}
        wanted = {"weights": weights_digest(run.weights()), "predict": settings}
        check_same({"weights": source.manifest["weights"], "predict": stated}, wanted, source.path)


def _member(run: Run) -> dict[str, Any]:
    config = run.config
    return {
        "run": run.name,
        "recipe": load_recipe(run).to_dict(),
        "fingerprint": _fingerprint(run),
        **{name: config[name] for name in FOUND if config.get(name)},
        "commit": read_json(run.path / "environment.json", "environment")["commit"],
    }


def _fingerprint(run: Run) -> str:
    config = run.config
    return fingerprint(load_recipe(run), Path(config["data"][VIDEO_DATA]), *(config.get(name) for name in FOUND))


def _published(curve: SweepResult, *, classes: bool) -> dict[str, Any]:
    """Return a curve as JSON without its videos, and with its classes at fewer digits or without them."""
    content = replace(curve, per_video={}, best_per_video={}).to_json()
    rounded = {
        number: [round(value, _DIGITS) for value in row] for number, row in content["per_class"].items() if classes
    }
    kept = {number: best for number, best in content["best_per_class"].items() if classes}
    return {**content, "per_class": rounded, "best_per_class": kept}
