"""Train a recipe into a run."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vspwlib.checks import fail, require
from vspwlib.config import Recipe
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import Split, open_split
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import confusion, miou, pixel_accuracy
from vspwlib.pipeline.building import (
    build_batches,
    build_fabric,
    build_model,
    build_objective,
    build_plan,
    build_predictor,
    start_from,
    video_root,
)
from vspwlib.predict.scores import labels
from vspwlib.runs import Run, Workspace, environment
from vspwlib.train.loop import fit


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
) -> Run:
    """Train a recipe, or go on with a run of it.

    Args:
        recipe: What to train.
        workspace: Where the run goes.
        data: Data sets by name; ``vspw`` is the one that is trained on.
        name: Name of the run; by default :func:`run_name`.
        resume: Continue the run of that name from its newest snapshot.
        overwrite: Start again where a run of that name exists.
        device: ``auto``, ``cpu`` or ``cuda``.
        on_record: Called with every log record.

    Returns:
        The finished run.

    Raises:
        InputError: on unusable data, an existing run, or a resumed run whose recipe differs.
        Interrupted: after Ctrl-C or SIGTERM; the run can be resumed.
    """
    root = video_root(data)
    fabric = build_fabric(recipe.train.precision, device=device)
    if recipe.train.deterministic and fabric.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this
        torch.use_deterministic_algorithms(True)
    images = recipe.train.batch_size * recipe.clip.frames
    require(
        images > 1 or (fabric.world_size > 1 and fabric.device.type == "cuda"),
        "train.batch_size",
        expected="at least 2 images in a batch: batch norm over one pooled image is undefined",
        got=images,
        fix="raise it, or train on several GPUs, where batch norm is synchronised.",
    )
    batches = build_batches(recipe, root, fabric)  # before the run's folder: bad data leave nothing behind
    evaluate = None
    if recipe.train.val_every and recipe.val_split is not None:
        evaluate = _evaluator(recipe, open_split(root, recipe.val_split), device=str(fabric.device))
    model = build_model(recipe, fabric)
    report = None if resume else start_from(recipe, model)
    run = _open_run(recipe, workspace, data, name or run_name(recipe), resume=resume, overwrite=overwrite)
    if report is not None and fabric.is_global_zero:
        record = {"kind": "init", "step": 0, "note": str(report), "allowed": dict(report.allowed)}
        run.append_log(record)
        if on_record is not None:
            on_record(record)
    fit(
        model,
        batches,
        build_objective(recipe, fabric.device),
        build_plan(recipe),
        run=run,
        fabric=fabric,
        evaluate=evaluate,
        resume=resume,
        on_record=on_record,
    )
    return run


def _open_run(
    recipe: Recipe, workspace: Workspace, data: Mapping[str, Path], name: str, *, resume: bool, overwrite: bool
) -> Run:
    if not resume:
        config = {
            "schema": 1,
            "recipe": recipe.to_dict(),
            "data": {key: str(path.resolve()) for key, path in data.items()},
        }
        for key, path in data.items():
            workspace.add_data(key, path)
        return workspace.create_run(name, config, environment(), overwrite=overwrite)
    run = workspace.run(name)
    saved = Recipe.from_dict(run.config["recipe"])
    differing = sorted(_differences(without_bookkeeping(saved).to_dict(), without_bookkeeping(recipe).to_dict()))
    if differing:
        fail(
            "--resume",
            expected="the settings that the run was started with",
            got=f"other values of {', '.join(differing)}",
            where=run.path,
            fix="repeat the original command with --resume.",
        )
    return run


def without_bookkeeping(recipe: Recipe) -> Recipe:
    """Neutralise the settings that change what a run costs and keeps, not what it computes."""
    return replace(recipe, train=replace(recipe.train, workers=1, log_every=1, checkpoint_every=1))


def _differences(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for key in first.keys() | second.keys():
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            names += _differences(one, other, f"{prefix}{key}.")
        elif one != other:
            names.append(prefix + key)
    return names


def _evaluator(recipe: Recipe, split: Split, *, device: str) -> Callable[[nn.Module], dict[str, float]]:
    """Return a function that scores a network on a split: mIoU and pixel accuracy, without the flip, nothing stored."""
    frames = list(replace(split, videos=split.videos[: recipe.train.val_videos]).labelled())
    if not frames:
        fail(
            "validation",
            expected="frames with masks",
            got="none",
            where=f"{split.root} {split.name}",
            fix="--set train.val_every=0",
        )

    def evaluate(network: nn.Module) -> dict[str, float]:
        predictor = build_predictor(recipe, network, device=device, flip=False)
        counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
        images = (read_image(frame.image) for frame, _ in frames)
        for (_, mask), scores in zip(frames, predictor.predict_frames(images), strict=True):
            truth = read_mask(mask)
            counts += confusion(labels(scores, (truth.shape[0], truth.shape[1])), truth)
        return {"miou": miou(counts), "pixel_acc": pixel_accuracy(counts)}

    return evaluate
