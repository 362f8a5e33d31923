"""Bring full-resolution video to the size of VSPW_480p, as the official script does.

Height 480 and width ``int(480 * w / h)`` whatever the size of the file (smaller frames grow); images by bilinear
resampling and saved as JPEG, masks by nearest neighbour and saved as one-channel PNG with the values untouched. Split
lists and the dictionary are copied. A run that was broken off goes on where it stopped: files appear whole or not at
all, and those that are there are kept.

Source: VSPW-dataset/VSPW_baseline, change2_480p.py.
"""

import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vspwlib.checks import InputError, require
from vspwlib.data.images import check_same_size, read_image, read_raw_mask
from vspwlib.data.layout import (
    DICTIONARY,
    IMAGE_SUFFIXES,
    Layout,
    child_folders,
    files_by_stem,
    find_layout,
    frames_folder,
)
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.data.writing import write_whole

HEIGHT = 480
JPEG_QUALITY = 75  # Pillow's default, which the official script leaves alone
MASK_FOLDERS = ("mask", "mask_vspw")


@dataclass
class PrepareReport:
    """What a run did.

    Attributes:
        written: Files made.
        kept: Files that were there already.
        broken: Source files left out, each with the reason; an image takes its masks with it.
    """

    written: int = 0
    kept: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        broken = [{"path": path, "message": message} for path, message in self.broken]
        return {"written": self.written, "kept": self.kept, "broken": broken}


@dataclass(frozen=True)
class _Job:
    """One video: where it is, where it goes, and its files by stem."""

    source: Path
    target: Path
    images: dict[str, Path]
    masks: dict[str, dict[str, Path]]


def prepare_480p(
    source: str | Path, target: str | Path, *, workers: int | None = None, progress: Progress | None = None
) -> PrepareReport:
    """Write a copy of a data folder at 480 pixels height.

    Args:
        source: A VSPW tree, a folder of clips, or one clip.
        target: Where the copy goes; may exist, to be completed.
        workers: Number of threads; one a core by default.
        progress: Called with frames done and frames in all.

    Returns:
        How many files were written and kept, and which could not be read.

    Raises:
        InputError: the source is no data folder, the target lies within the source's videos, or the disk is full.
    """
    layout, target = find_layout(source), Path(target).expanduser()
    apart = not target.resolve().is_relative_to(layout.root.resolve())
    require(apart, "target", expected="a folder outside the source", got=target, fix="name a folder beside the source.")
    _copy_texts(layout, target)
    reports = run_parallel(
        _prepare_video, _jobs(layout, target), workers=workers, progress=progress, size=lambda job: len(job.images)
    )
    return PrepareReport(
        sum(report.written for report in reports),
        sum(report.kept for report in reports),
        [broken for report in reports for broken in report.broken],
    )


def size_480p(width: int, height: int) -> tuple[int, int]:
    """Return the (width, height) a frame has in VSPW_480p.

    >>> size_480p(1920, 1080), size_480p(1080, 1920), size_480p(640, 360)
    ((853, 480), (270, 480), (853, 480))
    """
    return int(HEIGHT * width / height), HEIGHT


def _copy_texts(layout: Layout, target: Path) -> None:
    """Copy the split lists and the dictionary."""
    for path in (*layout.lists.values(), layout.root / DICTIONARY):
        if path.is_file():
            write_whole(target / path.name, partial(shutil.copyfile, path))


def _jobs(layout: Layout, target: Path) -> list[_Job]:
    """List every video there is, whether or not it stands in a list."""
    folders = [layout.videos]
    if layout.holds_many:
        folders = [layout.videos / name for name in child_folders(layout.videos)]
    jobs = []
    for folder in folders:
        masks = {kind: files_by_stem(folder / kind, (".png",)) for kind in MASK_FOLDERS if (folder / kind).is_dir()}
        images = files_by_stem(frames_folder(folder), IMAGE_SUFFIXES)
        jobs.append(_Job(folder, target / folder.relative_to(layout.root), images, masks))
    return jobs


def _prepare_video(job: _Job) -> PrepareReport:
    """Resize the files of one video that are not there yet."""
    report = PrepareReport()
    frames = job.target / frames_folder(job.source).relative_to(job.source)
    for stem, path in job.images.items():
        masks = {job.target / kind / f"{stem}.png": found[stem] for kind, found in job.masks.items() if stem in found}
        goals = [frames / f"{stem}.jpg", *masks]
        missing = [goal for goal in goals if not goal.exists()]
        report.kept += len(goals) - len(missing)
        if not missing:
            continue
        try:
            image = read_image(path)
            raws = {goal: _fitting_mask(masks[goal], image) for goal in missing if goal in masks}
        except InputError as error:
            report.broken.append((str(path), str(error)))
            continue
        size = size_480p(image.shape[1], image.shape[0])
        for goal in missing:
            if goal in raws:
                mask = Image.fromarray(raws[goal]).resize(size, Image.Resampling.NEAREST)
                write_whole(goal, partial(mask.save, format="PNG"))
            else:
                picture = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
                write_whole(goal, partial(picture.save, format="JPEG", quality=JPEG_QUALITY))
            report.written += 1
    return report


def _fitting_mask(path: Path, image: np.ndarray) -> np.ndarray:
    """Read a mask that is as large as its image."""
    raw = read_raw_mask(path)
    check_same_size(image.shape, raw.shape, where=path)
    return raw
