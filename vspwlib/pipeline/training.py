"""Train a recipe into a run."""

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

from vspwlib.checks import fail, require
from vspwlib.config import Recipe, TrainConfig
from vspwlib.data.index import open_split
from vspwlib.locks import locked
from vspwlib.models.initialise import LoadReport
from vspwlib.pipeline.building import (
    build_augment,
    build_batches,
    build_fabric,
    build_model,
    build_objective,
    build_plan,
    start_from,
    video_root,
)
from vspwlib.pipeline.mixing import Reading, Stream, build_stream
from vspwlib.pipeline.prediction import weights_digest
from vspwlib.pipeline.reproducing import SCRIPT, reproduce_script
from vspwlib.pipeline.validating import build_evaluator
from vspwlib.pipeline.weighting import weigh_classes
from vspwlib.runs import Run, Workspace, environment, write_text
from vspwlib.train.loop import fit
from vspwlib.train.snapshot import snapshots
from vspwlib.values import flat

logger = logging.getLogger(__name__)


def run_name(recipe: Recipe) -> str:
    """Return the default name of a run: profile, recipe and seed.

    >>> run_name(Recipe(name="t3_nce2", profile="mini"))
    'mini-t3_nce2-s0'
    """
    return f"{recipe.profile}-{recipe.name}-s{recipe.train.seed}"


def train(
    recipe: Recipe,
    workspace: Workspace,
    data: Mapping[str, Path],
    *,
    name: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    on_record: Callable[[dict[str, Any]], None] | None = None,
    on_reading: Reading | None = None,
) -> Run:
    """Train a recipe, or go on with a run of it.

    Args:
        recipe: What to train.
        workspace: Where the run goes.
        data: Data sets by name: ``vspw`` holds the videos, the recipe's group ``mix`` may ask for image sets.
        name: Name of the run; by default :func:`run_name`.
        resume: Continue the run of that name from its newest snapshot; one that was stopped before its first begins
            again.
        overwrite: Start again where a run of that name exists.
        device: ``auto``, ``cpu`` or ``cuda``.
        on_record: Called with every log record.
        on_reading: Called while image sets or masks are read for the first time: with what, how much is done, and the
            whole.

    Returns:
        The finished run.

    Raises:
        InputError: on unusable data, an existing run, a resumed run whose recipe differs, or one that another process
            trains.
        Interrupted: after Ctrl-C or SIGTERM; the run can be resumed.
    """
    fabric = build_fabric(recipe.train.precision, device=device, strategy=recipe.train.strategy)
    name = name or run_name(recipe)
    with locked(workspace.run_folder(name), "run") if fabric.is_global_zero else nullcontext():
        root = video_root(data)
        goes_on = resume and bool(snapshots(workspace.run(name).checkpoints))
        if recipe.train.deterministic and fabric.device.type == "cuda":
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
            torch.use_deterministic_algorithms(True)
        _check_batch(recipe, fabric)
        augment = build_augment(recipe)
        stream = build_stream(recipe, data, root, workspace, fabric, augment=augment, progress=on_reading)
        batches = build_batches(recipe, stream.dataset, fabric)
        evaluate = None
        if recipe.train.val_every and recipe.val_split is not None:
            evaluate = build_evaluator(recipe, open_split(root, recipe.val_split), fabric)
        model = build_model(recipe, fabric)
        if resume:
            run = _known_run(workspace.run(name), recipe, stream.stills)
        if not goes_on:  # only now: bad data leave no run behind
            report = start_from(recipe, model, workspace)
            with fabric.rank_zero_first():  # which counts the classes, and makes the run
                weighting = _weighting(recipe, root, workspace, stream, on_reading)
                if fabric.is_global_zero:
                    found = {"stills": stream.stills, "weighting": weighting, "start": _start(report)}
                    run = _new_run(workspace, name, recipe, data, found, overwrite=overwrite or resume)
                    _tell(report, run, on_record)
                run = workspace.run(name)
        told = (name, recipe.train.iterations, fabric.world_size, fabric.device)
        logger.info("%s: training to step %d in %d processes on %s", *told, extra={"run": name, "path": str(run.path)})
        fit(
            model,
            batches,
            build_objective(recipe, fabric.device, weighting=run.config.get("weighting")),
            build_plan(recipe),
            run=run,
            fabric=fabric,
            evaluate=evaluate,
            resume=goes_on,
            on_record=on_record,
        )
    return run


def train_once(
    recipe: Recipe,
    workspace: Workspace,
    data: Mapping[str, Path],
    *,
    name: str | None = None,
    device: str = "auto",
    on_record: Callable[[dict[str, Any]], None] | None = None,
    on_reading: Reading | None = None,
) -> Run:
    """Train a recipe, go on with such a run, or take a finished one as it is.

    Args are those of :func:`train`.

    Raises:
        InputError: as :func:`train`, or the run of that name has other settings.
    """
    name = name or run_name(recipe)
    existing = {run.name: run for run in workspace.runs()}.get(name)
    if existing is not None:
        differing = differing_settings(Recipe.from_dict(existing.config["recipe"]), recipe)
        got, fix = f"other values of {', '.join(differing)}", "move that run away, or name another workspace."
        require(not differing, name, expected=f"the settings of {recipe.name}", got=got, where=existing.path, fix=fix)
        if existing.finished:
            return existing
    return train(
        recipe,
        workspace,
        data,
        name=name,
        resume=existing is not None,
        device=device,
        on_record=on_record,
        on_reading=on_reading,
    )


def _weighting(
    recipe: Recipe, root: Path, workspace: Workspace, stream: Stream, on_reading: Reading | None
) -> dict[str, Any] | None:
    """Weigh the classes of a recipe's loss."""

    def shown(done: int, whole: int) -> None:
        if on_reading is not None:
            on_reading("counting classes", done, whole)

    return weigh_classes(recipe, root, workspace, stills=stream.reports, progress=shown)


def _tell(report: LoadReport | None, run: Run, on_record: Callable[[dict[str, Any]], None] | None) -> None:
    """Log what a run starts from."""
    if report is None:
        return
    record = {"kind": "init", "step": 0, "note": str(report), "allowed": dict(report.allowed)}
    run.append_log(record)
    if on_record is not None:
        on_record(record)


def _start(report: LoadReport | None) -> dict[str, str] | None:
    """Say which file a run starts from."""
    if report is None or not Path(report.source).is_file():
        return None
    return {"file": Path(report.source).name, "weights": weights_digest(Path(report.source))}


def _check_batch(recipe: Recipe, fabric: Fabric) -> None:
    """Refuse batches of one image; a batch may hold photographs alone."""
    images = recipe.train.batch_size * (1 if recipe.mix.stills else recipe.clip.frames)
    require(
        images > 1 or (fabric.world_size > 1 and fabric.device.type == "cuda"),
        "train.batch_size",
        expected="at least 2 images in a batch: batch norm over one pooled image is undefined",
        got=images,
        fix="raise it, or train on several GPUs, where batch norm is synchronised.",
    )


def _new_run(
    workspace: Workspace,
    name: str,
    recipe: Recipe,
    data: Mapping[str, Path],
    found: Mapping[str, Any],
    *,
    overwrite: bool,
) -> Run:
    """Make a run's folder with what was found in its data, and remember its data sets in the workspace."""
    config = {
        "schema": 1,
        "recipe": recipe.to_dict(),
        "data": {key: str(path.resolve()) for key, path in data.items()},
        **{key: value for key, value in found.items() if value is not None},
    }
    for key, path in data.items():
        workspace.add_data(key, path)
    made_with = environment()
    run = workspace.create_run(name, config, made_with, overwrite=overwrite)
    write_text(run.path / SCRIPT, reproduce_script(recipe, data, made_with, name=name))
    return run


def _known_run(run: Run, recipe: Recipe, stills: Mapping[str, Any]) -> Run:
    """Return a run that is to be resumed, if it was started with the same settings and image sets."""
    config = run.config
    saved = Recipe.from_dict(config["recipe"])
    differing = differing_settings(saved, recipe) + _differences(config.get("stills", {}), stills)
    if differing:
        fail(
            "--resume",
            expected="the settings and images that the run was started with",
            got=f"other values of {', '.join(differing)}",
            where=run.path,
            fix="repeat the original command with --resume.",
        )
    return run


def without_bookkeeping(recipe: Recipe) -> Recipe:
    """Neutralise the settings that change what a run costs and keeps, not what it computes."""
    train = replace(recipe.train, max_bad_steps=TrainConfig.max_bad_steps, strategy=TrainConfig.strategy)
    return replace(recipe, train=replace(train, workers=1, log_every=1, checkpoint_every=1))


def differing_settings(first: Recipe, second: Recipe) -> list[str]:
    """Return the dotted names of settings that differ and decide what is computed, sorted."""
    return _differences(without_bookkeeping(first).to_dict(), without_bookkeeping(second).to_dict())


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return the dotted names of nested values that differ, sorted; what is missing counts as None."""
    one, other = flat(first), flat(second)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
