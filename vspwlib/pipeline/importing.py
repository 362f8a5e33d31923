"""Take label maps of any other system into the workspace: every frame checked, then all of them or none."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_name, require
from vspwlib.data.images import image_size
from vspwlib.data.index import Video, named, open_split
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES, VOID, raw_to_id
from vspwlib.locks import locked
from vspwlib.pipeline.prediction import data_label
from vspwlib.pipeline.sources import Source, check_frames
from vspwlib.pipeline.stored_scores import forget_scores
from vspwlib.predict import label_folder
from vspwlib.predict.labels import LabelMap, PngPredictions
from vspwlib.runs import Workspace, environment, write_json

RAW_VALUES = 256  # any byte may be read from a file in raw ids; what is no class is refused with a word of its own


@dataclass(frozen=True)
class Imported:
    """What :func:`import_predictions` did.

    Attributes:
        labels: Folder of the label maps in the workspace.
        videos: Videos taken.
        frames: Frames taken.
        stray: What stood beside them and was left: ``video``, ``video/frame`` or a file.
        classes: Classes that occur in them.
        wall: Whether class 0, wall, is one of these; see :attr:`doubt`.
    """

    labels: Path
    videos: int
    frames: int
    stray: tuple[str, ...]
    classes: int
    wall: bool

    @property
    def doubt(self) -> str:
        """What may be wrong although every check passed; empty where nothing is."""
        fix = "if the files hold VSPW's raw values, 1..124, import them with --raw --overwrite."
        return "" if self.wall else f"no file holds id 0 (wall): {fix}"

    def summary(self) -> dict[str, Any]:
        """Return everything under its name, as JSON values."""
        return {**vars(self), "labels": str(self.labels), "stray": list(self.stray), "doubt": self.doubt}


def import_predictions(
    folder: Path,
    workspace: Workspace,
    name: str,
    root: Path,
    split: str,
    *,
    raw: bool = False,
    origin: str = "",
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Copy a folder of PNGs to the predictions of a workspace, where they can be scored and vote.

    Args:
        folder: ``<video>/<frame>.png``, one 8-bit channel of ids 0..123, grey or palette.
        workspace: Where they go.
        name: Name of the system among the predictions.
        root: The data set that was predicted.
        split: Split of it.
        raw: The files hold VSPW's raw values 1..124 instead.
        origin: What the files came from; the folder's name by default.
        overwrite: Replace an earlier import of that name.
        progress: Called with frames done and frames in all.

    Returns:
        Where they lie, counts, and what was left out.

    Raises:
        InputError: frames are missing, a file has another size than its image, several channels or 16 bits, or holds a
            value that is no class; the name is taken, or another process is at work on these predictions. The workspace
            stays as it was.
    """
    check_name("--name", name)
    target = workspace.hard_predictions(name, data_label(root), split)
    with locked(target, "predictions"):  # a name whose import failed leaves no folder: it is taken away with the lock
        _refuse_taken(name, target, workspace, overwrite=overwrite)
        frames = open_split(root, split)
        source = PngPredictions(folder, RAW_VALUES if raw else NUM_CLASSES)
        stray = check_frames(Source(name, folder, source, {}), frames) + _stray_files(source)
        seen = np.zeros(NUM_CLASSES, bool)
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)  # left by a call that was killed
        try:
            done = 0
            for video in frames.videos:
                label_folder.write_label_video(part, video.name, _read_video(source, video, seen, raw=raw))
                done += len(video.frames)
                if progress is not None:
                    progress(done, frames.num_frames)
            made = {"imported": origin or folder.resolve().name, "raw": raw}
            write_json(part / label_folder.MANIFEST, _manifest(name, root, split, made, PngPredictions(part)))
            _put_in_place(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return Imported(target, len(frames.videos), frames.num_frames, tuple(stray), int(seen.sum()), bool(seen[0]))


def _refuse_taken(name: str, target: Path, workspace: Workspace, *, overwrite: bool) -> None:
    """Refuse the name of a run, an ensemble or a model, and of an earlier import unless it is to be replaced."""
    fix = "give the system a name of its own."
    is_run = name in {run.name for run in workspace.runs()}
    require(not is_run, "--name", expected="a new name", got=f"'{name}', a run", fix=fix)
    found = label_folder.check_replaceable(target)
    if found is not None or target.with_suffix(".zarr").exists():
        imported = found is not None and "imported" in found["predict"]
        got = f"'{name}', which exists" if imported else f"'{name}', an ensemble or a model of mmseg"
        fix = "--overwrite replaces it, another --name stands beside it." if imported else fix
        require(imported and overwrite, "--name", expected="a new name", got=got, where=target, fix=fix)


def _stray_files(source: PngPredictions) -> list[str]:
    """Return what stands in a folder of predictions and is no PNG of a video."""
    videos = set(source.videos())
    stray = [path for path in source.folder.iterdir() if path.name not in videos]
    stray += [path for video in videos for path in (source.folder / video).iterdir() if path.suffix != ".png"]
    shown = (path.relative_to(source.folder).as_posix() for path in stray if not path.name.startswith("."))
    return sorted(name for name in shown if name != label_folder.MANIFEST)


def _read_video(
    source: PngPredictions, video: Video, seen: NDArray[np.bool_], *, raw: bool
) -> Iterator[tuple[str, LabelMap]]:
    """Yield the checked label maps of a video, and mark the classes that occur."""
    for frame in video.frames:
        ids = source.labels(video.name, frame.name, image_size(frame.image))
        if raw:
            values, ids = ids, raw_to_id(ids)
            void = np.unique(values[ids == VOID]).tolist()
            where = source.folder / video.name / f"{frame.name}.png"
            fix = "void is no prediction; without --raw, files hold ids 0..123."
            require(not void, "label map", expected="raw values 1..124", got=named(void), where=where, fix=fix)
        seen[np.unique(ids)] = True
        yield frame.name, ids


def _manifest(name: str, root: Path, split: str, made: dict[str, Any], files: PngPredictions) -> dict[str, Any]:
    """Return what imported predictions say about themselves."""
    return label_folder.complete(
        {
            "run": name,
            "dataset": data_label(root),
            "split": split,
            "data_root": str(root.resolve()),
            "weights": label_folder.digest(files)[:16],
            "predict": made,
            "class_names": CLASS_NAMES,
            "commit": environment()["commit"],
        }
    )


def _put_in_place(part: Path, target: Path) -> None:
    """Rename finished predictions into place; earlier ones and their scores go only then."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    part.rename(target)
    forget_scores(target)
    shutil.rmtree(old, ignore_errors=True)
