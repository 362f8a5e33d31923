"""Everything in a workspace that predicts, as rows: runs, ensembles, models of mmseg, label maps of other systems."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vspwlib.checks import InputError
from vspwlib.report.tables import SCORES, Row, report_fault, run_facts, score_facts
from vspwlib.runs import Workspace, read_json, scores_file

#: What predictions say of how they were made, to the kind of what made them; whatever else predicts is a run.
KINDS = {"ensemble": "ensemble", "smooth": "smoothed", "imported": "imported", "mmseg": "mmseg"}

_COLUMNS = (
    "run",
    "kind",
    "made",
    "recipe",
    "profile",
    "state",
    "split",
    "predicted",
    *SCORES,
    "dataset",
    "seed",
    "commit",
)


def system_rows(workspace: Workspace, *, on_error: Callable[[InputError], None] | None = None) -> list[Row]:
    """List the runs of a workspace and whatever else has predictions in it.

    Where predictions have both label maps and scores, as an ensemble's, the figures are those of the label maps, which
    are exact; those of the store stand in where only it has been scored.

    Args:
        workspace: Where to look; it need not exist yet.
        on_error: Called for a file that cannot be read; what it would tell is left out. Without it such a file is an
            error.

    Returns:
        One row for each name and split that is predicted, and one with ``split`` None for a run that has predicted
        nothing; runs first. Keys: run (the name), kind (``run`` or one of :data:`KINDS`), made (the recipe, or what the
        predictions say of how they were made), recipe, profile, state and seed (None but for runs), split, predicted
        (``soft``, ``hard`` or ``soft, hard``), miou, vc8, vc16, pixel_acc, fwiou, dataset, commit.

    Raises:
        InputError: a file cannot be read and there is no ``on_error``.
    """
    nothing: Row = dict.fromkeys(_COLUMNS)
    rows: list[Row] = []
    runs = workspace.runs()
    stored: defaultdict[str, list[Path]] = defaultdict(list)
    for path in workspace.stored_labels() + workspace.stored_predictions():  # label maps first: they are exact
        stored[path.parent.name].append(path)
    for run in runs:
        try:
            facts = run_facts(run)
        except InputError as error:
            report_fault(error, on_error)
            continue
        own = facts | {"kind": "run", "made": facts["recipe"]}
        rows += [nothing | row | own for row in _predicted(run.name, stored[run.name], on_error)] or [nothing | own]
    for name in sorted(stored.keys() - {run.name for run in runs}):
        rows += [nothing | row for row in _predicted(name, stored[name], on_error)]
    return rows


def _predicted(name: str, stored: list[Path], on_error: Callable[[InputError], None] | None) -> list[Row]:
    """List the splits that a name has predicted."""
    places: dict[str, list[Path]] = {}
    for path in stored:
        places.setdefault(path.stem, []).append(path)
    rows = []
    for paths in places.values():
        try:
            manifest = _manifest(paths[0])
            files = [file for path in paths if (file := scores_file(path)).is_file()]
            scores = {key: value for key, value in score_facts(files[0]).items() if key in SCORES} if files else {}
        except InputError as error:
            report_fault(error, on_error)
            continue
        soft = ["soft"] if any(path.suffix == ".zarr" for path in paths) else []
        hard = ["hard"] if any(path.suffix == ".labels" for path in paths) else []
        facts = {"dataset": manifest.get("dataset"), "split": manifest.get("split"), "commit": manifest.get("commit")}
        rows.append({"run": name, **_made(manifest), **facts, "predicted": ", ".join(soft + hard), **scores})
    return rows


def _manifest(path: Path) -> dict[str, Any]:
    """Return what predictions say about themselves, without opening the store."""
    if path.suffix == ".labels":
        found: dict[str, Any] = read_json(path / "manifest.json", "manifest of the predictions")
        return found
    file = path if path.is_file() else path / "zarr.json"  # a file says of a store elsewhere what that says
    group: dict[str, Any] = read_json(file, "prediction store")
    return dict(group.get("attributes", {}))


def _made(manifest: dict[str, Any]) -> Row:
    """Return the kind of predictions and how they were made."""
    how = manifest.get("predict", {})
    key = next((key for key in KINDS if key in how), None)
    if key is None:
        return {"kind": "run", "made": None}  # whose folder is gone
    return {"kind": KINDS[key], "made": manifest.get("ensemble", how[key])}
