"""Publish a run's scores as one small JSON file for ``results/``: counts and provenance, no pixels."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vspwlib.checks import fail
from vspwlib.config import Recipe
from vspwlib.data.index import data_digest
from vspwlib.pipeline.building import VIDEO_DATA
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.pipeline.scoring import score_prior
from vspwlib.pipeline.training import without_bookkeeping
from vspwlib.runs import Run, Workspace, environment, read_json, scores_file, write_json
from vspwlib.values import flat

SCHEMA = 1

#: What a run's configuration holds beside recipe and folders: what its image sets amount to, what classes weigh in its
#: loss, which weights it started from.
FOUND = ("stills", "weighting", "start")

#: Settings that are younger than published results, at the values that these were made with.
LATER = {
    "loss.class_weights": "none",
    "loss.class_beta": 0.999,
    "loss.focus": (),
    "loss.focus_weight": 10.0,
    "train.max_bad_steps": 10,
    "train.strategy": "ddp",
    "predict.scales": (1.0,),
    "predict.average": "probabilities",
}


def fingerprint(recipe: Recipe, root: Path, *found: Mapping[str, Any] | None) -> str:
    """Return 16 hex digits of what decides a result: the resolved recipe with its seed, and the training data.

    ``found`` says what else it trained on, as the run's configuration does under the names of :data:`FOUND`; what is
    empty changes nothing. The commit is recorded beside it and not part of it, so that a finished row is not run again
    for a changed comment; nor are settings that came later, at the values under which nothing has changed.
    """
    lines = _lines(without_bookkeeping(recipe).to_dict()) - _lines(LATER)
    text = f"{sorted(lines)} {data_digest(root, recipe.train_split)}"
    for part in found:
        if part:
            text += f" {sorted(_lines(part))}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _lines(values: Mapping[str, Any]) -> set[str]:
    return {f"{name}={value}" for name, value in flat(values).items()}


def publish_derived(name: str, workspace: Workspace, table: str, *, results: Path = Path("results")) -> Path:
    """Write ``results/<table>/<profile>/<name>.json`` from scored predictions that were made of a run's.

    The scores are those of the label maps. The profile is that of the first run among their sources.

    Args:
        name: Name of an ensemble, or of what else was made of stored predictions.
        workspace: Where they lie.
        table: Folder under ``results``.
        results: Root of the published results.

    Returns:
        The file written.

    Raises:
        InputError: there are no such predictions, none of them scored, or none of their sources is a run.
    """
    scored = [path for path in workspace.stored_labels() if path.parent.name == name and scores_file(path).is_file()]
    if not scored:
        fail("publish", expected="a run, or scored label maps of an ensemble", got=repr(name), fix="score them first.")
    scores = [read_json(scores_file(path), "scores") for path in scored]
    origins = [score.pop("provenance") for score in scores]
    sources = [source["run"] for source in origins[0]["predict"].get("sources", [])]
    runs = [run for run in workspace.runs() if run.name in sources]
    if not runs:
        fail("publish", expected="predictions made of a run", got=", ".join(sources) or "imported ones", where=name)
    root = Path(origins[0]["data_root"])
    splits = {
        origin["split"]: {**score, **_origin(origin), "data_digest": data_digest(root, origin["split"])}
        for score, origin in zip(scores, origins, strict=True)
        if Path(origin["data_root"]) == root
    }
    path = results / table / load_recipe(runs[0]).profile / f"{name}.json"
    facts = {"schema": SCHEMA, "table": table, "name": name, "data": root.name}
    write_json(path, {**facts, "environment": environment(), "splits": splits})
    return path


def _origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    return {key: origin[key] for key in ("predict", "commit")}


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
    root, found = Path(run.config["data"][VIDEO_DATA]), {name: run.config.get(name) for name in FOUND}
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
            "fingerprint": fingerprint(recipe, root, *found.values()),
            "data": root.name,
            **{name: value for name, value in found.items() if value},
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
