"""Publish a run's scores as one small JSON file for ``results/``: counts and provenance, no pixels."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vspwlib.checks import fail
from vspwlib.config import Recipe
from vspwlib.data.index import open_split
from vspwlib.pipeline.building import VIDEO_DATA
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.pipeline.scoring import score_prior
from vspwlib.pipeline.training import without_bookkeeping
from vspwlib.runs import Run, Workspace, read_json, scores_file, write_json

SCHEMA = 1


def data_digest(root: Path, split: str) -> str:
    """Return 16 hex digits that change when a split gains, loses or changes a frame: names and file sizes, hashed."""
    digest = hashlib.sha256()
    for frame in open_split(root, split).frames():
        sizes = [path.stat().st_size if path is not None else 0 for path in (frame.image, frame.mask)]
        digest.update(f"{frame.video}/{frame.name} {sizes}\n".encode())
    return digest.hexdigest()[:16]


def fingerprint(recipe: Recipe, root: Path, stills: Mapping[str, Any] | None = None) -> str:
    """Return 16 hex digits of what decides a result: the resolved recipe with its seed, and the training data.

    ``stills`` says what its image sets amount to, as the run's configuration does. The commit is recorded beside it and
    not part of it, so that a finished row is not run again for a changed comment.
    """
    text = f"{sorted(_flat(without_bookkeeping(recipe).to_dict()))} {data_digest(root, recipe.train_split)}"
    if stills:
        text += f" {sorted(_flat(dict(stills)))}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _flat(values: dict[str, Any], prefix: str = "") -> list[str]:
    lines = []
    for key, value in values.items():
        lines += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}={value}"]
    return lines


def publish(run: Run, workspace: Workspace, table: str, *, results: Path = Path("results")) -> Path:
    """Write ``results/<table>/<profile>/<recipe>-s<seed>.json`` from a scored run, the location prior's scores beside.

    Args:
        run: Run whose predictions have been scored.
        workspace: Where its predictions lie.
        table: Folder under ``results``, for example ``baselines``.
        results: Root of the published results.

    Returns:
        The file written.

    Raises:
        InputError: when no split of the run has been scored.
    """
    recipe = load_recipe(run)
    stores = [store for store in workspace.stored_predictions() if store.parent.name == run.name]
    scored = [store for store in stores if scores_file(store).is_file()]
    if not scored:
        fail("publish", expected="scores", got="none", where=run.name, fix="vspw predict, then vspw score.")
    root, stills = Path(run.config["data"][VIDEO_DATA]), run.config.get("stills", {})
    splits = {}
    for store in scored:
        score = read_json(scores_file(store), "scores")
        origin = score.pop("provenance")
        if Path(origin["data_root"]) == root:  # clips and other data sets are no part of a table
            split = origin["split"]
            splits[split] = {
                **score,
                "predict": origin["predict"],
                "data_digest": data_digest(root, split),
                **_embedding(run, root, split),
                "location_prior": score_prior(root, split, train_split=recipe.train_split).to_json(),
            }
    costs = [record for record in run.log() if record["kind"] == "cost"]
    path = results / table / recipe.profile / f"{recipe.name}-s{recipe.train.seed}.json"
    write_json(
        path,
        {
            "schema": SCHEMA,
            "table": table,
            "recipe": recipe.to_dict(),
            "fingerprint": fingerprint(recipe, root, stills),
            "data": root.name,
            **({"stills": stills} if stills else {}),
            "environment": read_json(run.path / "environment.json", "environment"),
            "cost": {key: round(sum(record[key] for record in costs), 1) for key in ("seconds", "cpu_seconds")},
            "splits": splits,
        },
    )
    return path


def _embedding(run: Run, root: Path, split: str) -> dict[str, Any]:
    """Return the similarities of a run's embeddings on a split of its data; nothing where they were not measured."""
    path = run.embedding_file(split)
    if not path.is_file():
        return {}
    measured = read_json(path, "similarity")
    origin = measured.pop("provenance")
    if Path(origin["data_root"]) != root.resolve():
        return {}
    kept = ("weights", "frames", "every", "short_side", "precision", "commit")
    return {"embedding": {**measured, "provenance": {key: origin[key] for key in kept}}}
