"""Predict a split with a trained run, and store the soft predictions."""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from vspwlib.checks import require
from vspwlib.config import PredictConfig, Recipe
from vspwlib.data.index import open_split
from vspwlib.labels import CLASS_NAMES
from vspwlib.locks import locked
from vspwlib.models.checkpoint import load_weights
from vspwlib.pipeline.building import VIDEO_DATA, build_fabric, build_network, build_predictor
from vspwlib.pipeline.relocating import existing_data
from vspwlib.pipeline.stored_scores import forget_scores
from vspwlib.predict.predictor import Predictor
from vspwlib.predict.split import PredictionCounts, predict_split
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import address
from vspwlib.runs import Run, Workspace, environment, write_json

logger = logging.getLogger(__name__)


def load_recipe(run: Run) -> Recipe:
    """Return the recipe that a run was trained by."""
    return Recipe.from_dict(run.config["recipe"])


def load_network(run: Run, *, which: str = "best") -> nn.Module:
    """Return a run's trained network in evaluation mode, on the CPU.

    Args:
        run: A run that trained to its end, or at least to a validation.
        which: ``best`` by validation, or ``last``.
    """
    network = build_network(load_recipe(run))
    load_weights(network, run.weights(which))
    network.eval()
    return network


def run_predictor(
    run: Run, *, settings: PredictConfig | None = None, which: str = "best", device: str = "auto"
) -> Predictor:
    """Return a predictor with a run's trained weights; ``settings`` replaces its recipe's test-time settings."""
    recipe = load_recipe(run)
    if settings is not None:
        recipe = replace(recipe, predict=settings)
    place = build_fabric("fp32", device=device).device
    return build_predictor(recipe, load_network(run, which=which).to(place), device=place)


def data_label(root: Path) -> str:
    """Return the name under which predictions on a data set are kept: its folder's name."""
    return root.resolve().name


def data_root(run: Run, data: Mapping[str, Path]) -> Path:
    """Return the video data set that was named, or else the one the run was trained on.

    Raises:
        InputError: when that folder is gone.
    """
    return existing_data(Path(data.get(VIDEO_DATA) or run.config["data"][VIDEO_DATA]))


def predict(
    run: Run,
    workspace: Workspace,
    split: str | None,
    *,
    data: Mapping[str, Path],
    settings: PredictConfig | None = None,
    which: str = "best",
    device: str = "auto",
    shard: tuple[int, int] = (0, 1),
    overwrite: bool = False,
    elsewhere: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Path, PredictionCounts]:
    """Predict every frame of a split; videos that are finished already are skipped.

    Args:
        run: Whose weights to use.
        workspace: Where the store goes.
        split: List to predict; None for clips without lists.
        data: ``vspw`` names another data set than the one trained on.
        settings: Test-time settings in place of the recipe's.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        shard: ``(index, count)``: predict every count-th video from index on.
        overwrite: Drop an existing store instead of continuing it.
        elsewhere: As :func:`begin_store` takes it.
        progress: Called with frames done and frames in all.

    Returns:
        Path of the store in the workspace, and what was done.

    Raises:
        InputError: another process is at the same part of it; what :func:`predict_split` and the store refuse.
    """
    root = data_root(run, data)
    frames = open_split(root, split)
    store_path = workspace.predictions(run.name, data_label(root), frames.name)
    predictor = run_predictor(run, settings=settings, which=which, device=device)
    manifest = {
        "run": run.name,
        "dataset": data_label(root),
        "split": frames.name,
        "data_root": str(root.resolve()),
        "weights": weights_digest(run.weights(which)),
        "predict": predictor.settings,
        "class_names": CLASS_NAMES,
        "commit": environment()["commit"],
    }
    with locked(store_path, "prediction store", part=shard):
        store = begin_store(store_path, manifest, overwrite=overwrite, elsewhere=elsewhere)
        logger.info(
            "predicting with %s into %s", run.name, store_path, extra={"run": run.name, "path": str(store_path)}
        )
        return store_path, predict_split(predictor, frames, store, shard=shard, progress=progress)


def begin_store(
    place: Path, manifest: Mapping[str, Any], *, overwrite: bool, elsewhere: str | None = None
) -> ScoreStore:
    """Make a store, or go on with an earlier one; of several shards one makes it and the others wait.

    Args:
        place: Path of the store.
        manifest: What the scores are.
        overwrite: Drop what an earlier one holds, and the scores that were taken of it.
        elsewhere: URL of a store outside the workspace. At ``place`` a file then says where it is, and what it holds;
            later calls find it there.

    Raises:
        InputError: there is a store at ``place`` already, or the address of another; as :meth:`ScoreStore.create`.
    """
    with locked(place.with_suffix(".creation"), "prediction store", wait=True):
        if elsewhere is not None:
            fix = "a workspace holds one store a run and split: leave --store out, or move that one away."
            known = address(place) if place.exists() else elsewhere
            require(known == elsewhere, "--store", expected=known, got=elsewhere, where=place, fix=fix)
        if overwrite:
            forget_scores(place)
        store = ScoreStore.create(elsewhere or place, manifest, overwrite=overwrite)
        if elsewhere is not None:
            write_json(place, {"store": elsewhere, "attributes": store.manifest})
        return store


def weights_digest(path: Path) -> str:
    """Return the first 16 hex digits of a file's SHA-256: two stores of the same weights agree in it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def provenance(store: ScoreStore) -> dict[str, Any]:
    """Return where stored predictions came from, for the files that are derived from them."""
    return origin(store.manifest)


def origin(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return from the manifest of a store or of label maps where these came from, as :func:`provenance` does."""
    return {key: manifest[key] for key in ("run", "dataset", "split", "data_root", "weights", "predict", "commit")}
