"""A data set has moved, or a whole workspace with the data in it: the paths in the workspace's files follow.

Runs, predictions and scores hold the absolute path of the data they were made from. Only such paths change: every other
byte of a file stays, so that what is compared with it still fits.
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from vspwlib.checks import fail, require
from vspwlib.config import Recipe
from vspwlib.locks import locked
from vspwlib.pipeline.reproducing import SCRIPT, reproduce_script
from vspwlib.runs import Workspace, read_json, write_text

#: Folders of many files, of which those at the top alone name the data.
_STORES = (".zarr", ".labels", ".envelopes", ".joint")


def relocate_data(workspace: Workspace, old: Path, new: Path, *, write: bool = True) -> list[Path]:
    """Replace the path of moved data, and of all that lies in it, wherever a workspace's files name it.

    Stopped halfway, it is given again. Stores on object storage keep what they say; data are named to them by
    ``--data``.

    Args:
        workspace: Whose runs, predictions, ensembles and references are meant.
        old: The path as the files have it; of a data set, or of a folder that held some.
        new: Where that is now.
        write: False only says which files would change.

    Returns:
        The files that name it.

    Raises:
        InputError: no file names ``old``; ``new`` is not there, or a data set in it has another name, by which its
            predictions could not be found; a process is at work on a run or on predictions.
    """
    old, new = Path(os.path.abspath(old)), new.resolve()  # noqa: PTH100  a link that is gone cannot be resolved
    pattern, written = _pattern(old), '"' + json.dumps(os.fspath(new))[1:-1]
    with ExitStack() as stack:
        for place in _guarded(workspace) if write else ():
            stack.enter_context(locked(place, "run"))
        texts = {path: path.read_text("utf-8") for path in _files(workspace)}
        found = [path for path, text in texts.items() if pattern.search(text)]
        roots = _roots(workspace, texts)
        if not found:
            known = ", ".join(map(os.fspath, sorted(roots))) or "none"
            fail("data", expected=f"a path that files name ({known})", got=os.fspath(old), where=workspace.path)
        _check(new, {root.relative_to(old) for root in roots if root.is_relative_to(old)}, name=old.name)
        if write:
            for path in found:
                write_text(path, pattern.sub(lambda _: written, texts[path]))
            _write_scripts(workspace, found)
    return found


def existing_data(root: Path) -> Path:
    """Return the folder of a data set that a workspace's files name.

    Raises:
        InputError: it is gone; the message says how to go on.
    """
    fix = f"name it with --data PATH, or tell the workspace once where it went: vspw data moved {root} NEW."
    require(root.is_dir(), "--data", expected="the data set's folder", got="nothing there", where=root, fix=fix)
    return root


def _check(folder: Path, parts: set[Path], *, name: str) -> None:
    """Require that a folder is there, and in it the data sets under the names they had; ``name`` was the folder's."""
    require(folder.is_dir(), "data", expected="a folder", got="nothing there", where=folder)
    for part in parts:
        wanted, place = part.name or name, (folder / part).resolve()
        fix = f"give it the name {wanted}: predictions are found by it."
        require(place.is_dir() and place.name == wanted, "data", expected=f"a folder {wanted}", got=place, fix=fix)


def _files(workspace: Workspace) -> Iterator[Path]:
    """Find the JSON files that may name data."""
    yield from workspace.path.glob("*.json")
    for part in ("runs", "predictions", "ensembles", "filters"):
        for place, folders, files in os.walk(workspace.path / part):
            if place.endswith(_STORES):
                folders.clear()
            yield from (Path(place, file) for file in sorted(files) if file.endswith(".json"))


def _pattern(path: Path) -> re.Pattern[str]:
    """Match a path, and the beginning of any path in it, at the beginning of a JSON string."""
    forms = {re.escape(json.dumps(os.fspath(path), ensure_ascii=plain)[1:-1]) for plain in (True, False)}
    return re.compile(f'"(?:{"|".join(sorted(forms))})(?=["/])')


def _roots(workspace: Workspace, texts: dict[Path, str]) -> set[Path]:
    """Return the folders of data that runs, predictions and scores say they were made from."""
    said = re.compile(r'"data_root":\s*("(?:[^"\\]|\\.)*")')
    roots = {Path(json.loads(root)) for text in texts.values() for root in said.findall(text)}
    return roots | {Path(folder) for run in workspace.runs() for folder in run.config["data"].values()}


def _guarded(workspace: Workspace) -> list[Path]:
    """Return what a process that trains, predicts, writes an ensemble or sweeps holds locked."""
    sweeps = [file.with_suffix(".envelopes") for file in workspace.sweep_files()]
    runs = [run.path for run in workspace.runs()]
    return [*runs, *workspace.stored_predictions(), *workspace.stored_labels(), *sweeps]


def _write_scripts(workspace: Workspace, changed: list[Path]) -> None:
    """Write anew how to train those runs again whose configuration has changed."""
    for run in workspace.runs():
        script, made_with = run.path / SCRIPT, run.path / "environment.json"
        if run.path / "config.json" in changed and script.is_file() and made_with.is_file():
            recipe = Recipe.from_dict(run.config["recipe"])
            data = {name: Path(folder) for name, folder in run.config["data"].items()}
            text = reproduce_script(recipe, data, read_json(made_with, "environment"), name=run.name)
            write_text(script, text)
