"""Hard predictions that a workspace holds: a folder of PNGs that says what it is, whole video by whole video.

    <folder>/
      manifest.json          run, dataset, split, data_root, …, as a score store's attributes
      <video>/<frame>.png    class ids 0..K-1, one channel

:class:`~vspwlib.predict.labels.PngPredictions` reads it like any folder of that layout. A video is written under a
hidden name, which no reader sees, and renamed: it is there with all its frames or not at all.
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from vspwlib.checks import fail, require
from vspwlib.predict import manifest as statements
from vspwlib.predict.labels import LabelMap, PngPredictions, write_png_predictions
from vspwlib.runs import read_json, write_json

KIND = "vspw-labels"
MANIFEST = "manifest.json"


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with what every such folder must say added; see :func:`vspwlib.predict.manifest.complete`."""
    stated = statements.complete({**given, "kind": KIND})
    del stated["grid_stride"]  # label maps are as large as their frames
    return stated


def read_manifest(folder: str | Path) -> dict[str, Any] | None:
    """Return what a folder of label maps says about itself; None for a folder that says nothing.

    Args:
        folder: The folder above the videos' folders.

    Raises:
        InputError: the file is damaged, or of another kind or schema.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        return None
    found: dict[str, Any] = read_json(path, "manifest of the predictions")
    kind, schema = found.get("kind"), found.get("schema")
    fix = "read it with the version that wrote it, or delete the file: the folder is then read as any system's PNGs."
    expected = f"kind {KIND}, schema {statements.SCHEMA}"
    got = f"kind {kind}, schema {schema}"
    require(expected == got, "manifest of the predictions", expected=expected, got=got, where=path, fix=fix)
    return found


def create_label_folder(folder: Path, manifest: Mapping[str, Any], *, overwrite: bool = False) -> None:
    """Begin a folder of label maps, or go on with an earlier one of the same predictions.

    Args:
        folder: Where; its parent is made.
        manifest: What the predictions are; see :func:`complete`.
        overwrite: Drop what an earlier one holds.

    Raises:
        InputError: it holds other predictions (saying which statement differs), or something else stands there, which
            is never dropped.
    """
    wanted, found = complete(manifest), check_replaceable(folder)
    if overwrite and folder.is_dir():
        shutil.rmtree(folder)
    elif found is not None:
        statements.check_same(found, wanted, folder)
        return
    write_json(folder / MANIFEST, wanted)


def check_replaceable(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder of label maps, None where nothing is, and refuse what is something else.

    Args:
        folder: Where label maps are to go.

    Raises:
        InputError: a file stands there, or a folder of other files.
    """
    found = read_manifest(folder) if folder.is_dir() else None
    empty = folder.is_dir() and all(path.match(".*.tmp") for path in folder.iterdir())  # but for what a kill has left
    foreign = folder.exists() and found is None and not empty
    fix = "choose another place, or move it away."
    require(not foreign, "predictions", expected="label maps of ours or nothing", got="others", where=folder, fix=fix)
    return found


def write_label_video(folder: Path, video: str, frames: Iterable[tuple[str, LabelMap]], num_classes: int = 124) -> None:
    """Write all frames of one video, then put it in place of what stood there.

    Args:
        folder: A folder begun by :func:`create_label_folder`.
        video: Name of the video.
        frames: Name and ``(H, W)`` uint8 ids 0..K-1 of every frame, taken one by one.
        num_classes: Classes K.

    Raises:
        InputError: wrong ids, or a file cannot be written. The video stays as it was.
    """
    part, target = folder / f".{video}.part", folder / video
    shutil.rmtree(part, ignore_errors=True)  # left by a call that was killed
    try:
        for frame, ids in frames:
            write_png_predictions(folder, part.name, frame, ids, num_classes)
        if target.exists():
            shutil.rmtree(target)
        part.rename(target)
    except OSError as error:
        fix = "make room or choose another place, and give the same command again: finished videos are kept."
        fail("label maps", expected="to be written", got=error.strerror or error, where=target, fix=fix)
    finally:
        with suppress(OSError):
            shutil.rmtree(part, ignore_errors=True)


def has_label_video(folder: Path, video: str, frames: Sequence[str]) -> bool:
    """Say whether a folder holds a video of exactly these frames.

    Args:
        folder: The folder above the videos' folders.
        video: Name of the video.
        frames: Names of its frames, in any order.
    """
    place = folder / video
    here = {path.name for path in place.glob("*") if not path.name.startswith(".")}
    return here == {f"{name}.png" for name in frames}


def digest(predictions: PngPredictions) -> str:
    """Return a SHA-256 of all videos' and frames' names and files."""
    found = hashlib.sha256()
    for video in predictions.videos():
        for frame in predictions.frames(video):
            content = hashlib.sha256((predictions.folder / video / f"{frame}.png").read_bytes()).hexdigest()
            found.update(f"{video}/{frame} {content}\n".encode())
    return found.hexdigest()
