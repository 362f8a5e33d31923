"""What a run or an ensemble takes on disk, and how it goes.

Opens without torch.
"""

import os
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from vspwlib.checks import fail
from vspwlib.locks import locked
from vspwlib.runs import Workspace, scores_file


def folders_of(workspace: Workspace, name: str) -> list[Path]:
    """Return the folders of a workspace that belong to a name: its run, its predictions, what its sweeps left to go on.

    Args:
        workspace: Where to look.
        name: Of a run, or of whatever else has predictions.

    Raises:
        InputError: there is nothing of that name.
    """
    predictions = workspace.path / "predictions"
    own = [folder for folder in (workspace.run_folder(name), predictions / name) if folder.is_dir()]
    if not own or Path(name).name != name:
        known = {run.name for run in workspace.runs()} | {path.name for path in predictions.glob("[!.]*")}
        fail("run", expected=f"one of {', '.join(sorted(known)) or 'none yet'}", got=repr(name), where=workspace.path)
    return [*own, *(path for path in _of_sweeps(workspace) if name in path.parent.name.split("+"))]


def _of_sweeps(workspace: Workspace) -> list[Path]:
    """Return the folders that sweeps go on from: their envelopes, and what shards have counted."""
    folder = workspace.path / "ensembles"
    return sorted(path for kind in ("envelopes", "parts") for path in folder.glob(f"*/*.{kind}"))


def disk_use(folder: Path) -> int:
    """Return the bytes of all files below a folder; those that vanish meanwhile count nothing."""
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(place, file)).st_size  # noqa: PTH118  a store has many thousands
            except FileNotFoundError:
                continue
    return total


def disk_use_by_name(workspace: Workspace) -> Counter[str]:
    """Return the bytes of what belongs to each name of a workspace, as :func:`folders_of` finds it.

    Every folder is walked once, and what sweeps go on from counts for both of their runs.
    """
    taken: Counter[str] = Counter()
    for folder in (*workspace.path.glob("runs/*"), *workspace.path.glob("predictions/*")):
        if folder.is_dir():
            taken[folder.name] += disk_use(folder)
    for folder in _of_sweeps(workspace):
        size = disk_use(folder)
        taken.update(dict.fromkeys(folder.parent.name.split("+"), size))
    return taken


def remove(workspace: Workspace, name: str) -> None:
    """Delete the folders of a name.

    Args:
        workspace: Where they lie.
        name: As :func:`folders_of` takes it.

    Raises:
        InputError: there is nothing of that name, or a process is at work on it; nothing has been deleted then.
    """
    folders = folders_of(workspace, name)
    stored = [path for path in workspace.stored_predictions() + workspace.stored_labels() if path.parent.name == name]
    envelopes = [folder for folder in folders if folder.suffix == ".envelopes"]
    scores = [scores_file(predictions) for predictions in stored]  # held while they are counted, by shards too
    with ExitStack() as stack:
        for place in (workspace.run_folder(name), *stored, *scores, *envelopes):
            stack.enter_context(locked(place, "run"))
        for folder in folders:
            shutil.rmtree(folder)
