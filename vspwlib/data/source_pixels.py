"""Count the pixels of other data sets by the values of their own masks, and name every file that is not sound.

==========  ===========================  ================================================
data set    images                       masks
==========  ===========================  ================================================
cocostuff   ``images/<split>/``          ``annotations/<split>/``
ade20k      ``images/<split>/``          ``annotations/<split>/``
camvid      ``<video>/origin/``          ``<video>/mask/``, CamVid's ids, not VSPW's
==========  ===========================  ================================================

Every folder below ``images/`` or ``annotations/`` is a split (``train2017``, ``validation``); videos lie in ``data/``
or at the top. Files pair by stem. COCO-Stuff's masks are those of ``stuffthingmaps_trainval2017``, named alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from vspwlib.checks import InputError, check_folder, fail, require
from vspwlib.data.check import what_came
from vspwlib.data.images import read_image, read_raw_mask
from vspwlib.data.index import named
from vspwlib.data.layout import IMAGE_SUFFIXES, child_folders, files_by_stem
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.labels.mapping import LabelMapping
from vspwlib.labels.sources import SourceSet

_DERIVED = "_labelTrainIds"  # files that mmseg writes beside COCO-Stuff's masks, in another numbering


@dataclass(frozen=True, slots=True)
class SourcePair:
    """An image and its mask in the ids of its own data set."""

    image: Path
    mask: Path


@dataclass(frozen=True, slots=True)
class SourceProblem:
    """One thing that is wrong with a file.

    Attributes:
        kind: ``missing mask``, ``mask without image``, ``unreadable image``, ``unreadable mask`` or ``mask size``: not
            counted; ``unknown ids`` or ``unused ids``: counted.
        path: The file below the root.
        message: What is wrong with it.
    """

    kind: str
    path: str
    message: str


@dataclass
class SourcePixels:
    """What the masks of a data set hold.

    Attributes:
        root: The folder the user named.
        images: Pairs that could be read; the others are among the problems and not counted.
        pixels: int64 (256,), pixels by source value.
        occurrences: int64 (256,), images in which a value occurs.
        problems: Everything that is wrong with a file.
    """

    root: Path
    images: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    occurrences: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    problems: list[SourceProblem] = field(default_factory=list)

    def require_sound(self) -> None:
        """Refuse a data set with any problem.

        Raises:
            InputError: the first problem, and how many there are.
        """
        if self.problems:
            first, count = self.problems[0], len(self.problems)
            got = f"{count}, the first: {first.kind}, {first.path}: {first.message}"
            fail("data set", expected="no problem, as --strict asks", got=got, where=self.root)


def count_source_pixels(
    root: str | Path,
    facts: SourceSet,
    mapping: LabelMapping,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SourcePixels:
    """Read every pair of a data set and count the pixels of each value.

    Args:
        root: Its folder, in the layout above.
        facts: The data set.
        mapping: Says which values are known; others are counted and named, and so are those that are never drawn.
        workers: Number of threads; one a core by default.
        progress: Called with pairs done and pairs in all.

    Returns:
        The counts and the problems, those of files without a partner first.

    Raises:
        InputError: no such folder, or not one pair in it.
    """
    folder = check_folder("--root", root)
    pairs, problems = find_pairs(folder, facts)
    found = SourcePixels(folder, problems=problems)

    lock = Lock()

    def read(pair: SourcePair) -> list[SourceProblem]:
        counts, faults = _read(pair, folder, facts, mapping)
        if counts is not None:
            with lock:
                found.images += 1
                found.pixels += counts
                found.occurrences += counts > 0
        return faults

    for faults in run_parallel(read, pairs, workers=workers, progress=progress):
        found.problems += faults
    return found


def find_pairs(root: Path, facts: SourceSet) -> tuple[list[SourcePair], list[SourceProblem]]:
    """Pair images with masks without opening them.

    Args:
        root: The data set's folder.
        facts: The data set.

    Returns:
        The pairs, at least one, in the order of their folders and names, and the files that have no partner.

    Raises:
        InputError: there is no pair.
    """
    pairs: list[SourcePair] = []
    problems: list[SourceProblem] = []
    for images, masks in _camvid_folders(root) if facts.name == "camvid" else _split_folders(root):
        by_stem = files_by_stem(images, IMAGE_SUFFIXES) if images.is_dir() else {}
        annotations = files_by_stem(masks, (".png",)) if masks.is_dir() else {}
        annotations = {stem: path for stem, path in annotations.items() if not stem.endswith(_DERIVED)}
        pairs += [SourcePair(path, annotations[stem]) for stem, path in by_stem.items() if stem in annotations]
        if not annotations and by_stem:  # one line for a split whose truth is kept back
            message = f"none of its {len(by_stem)} images has an annotation"
            problems.append(SourceProblem("missing mask", _below(root, images), message))
            continue
        alone = [path for stem, path in by_stem.items() if stem not in annotations]
        problems += [
            SourceProblem("missing mask", _below(root, path), "an image without its annotation") for path in alone
        ]
        alone = [path for stem, path in annotations.items() if stem not in by_stem]
        problems += [SourceProblem("mask without image", _below(root, path), "not counted") for path in alone]
    layout = "<video>/origin and <video>/mask" if facts.name == "camvid" else "images/<split> and annotations/<split>"
    expected = f"images and masks of the same names, in {layout}"
    got = f"not one pair ({named(problem.path for problem in problems) or 'no such folders'})"
    fix = f"name the folder that holds {facts.title}."
    require(bool(pairs), "--root", expected=expected, got=got, where=root, fix=fix)
    return pairs, problems


def _split_folders(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folders of images and of masks of every split."""
    homes = [root / name for name in ("images", "annotations")]
    for split in sorted({name for home in homes if home.is_dir() for name in child_folders(home)}):
        yield homes[0] / split, homes[1] / split


def _camvid_folders(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folders of images and of masks of every video."""
    home = root / "data" if (root / "data").is_dir() else root
    for name in child_folders(home):
        if (home / name / "origin").is_dir():
            yield home / name / "origin", home / name / "mask"


def _read(
    pair: SourcePair, root: Path, facts: SourceSet, mapping: LabelMapping
) -> tuple[np.ndarray | None, list[SourceProblem]]:
    """Count one mask; None where the pair cannot be used."""
    where = _below(root, pair.mask)
    try:
        height, width, _ = read_image(pair.image).shape
    except InputError as error:
        return None, [SourceProblem("unreadable image", _below(root, pair.image), what_came(error))]
    try:
        mask = read_raw_mask(pair.mask)
    except InputError as error:
        return None, [SourceProblem("unreadable mask", where, what_came(error))]
    if mask.shape != (height, width):
        message = f"{mask.shape[1]}x{mask.shape[0]}, its image {width}x{height}; not counted"
        return None, [SourceProblem("mask size", where, message)]
    counts = np.bincount(mask.ravel(), minlength=256)
    problems = []
    unknown = mapping.unknown_values(mask)
    if unknown:
        problems.append(SourceProblem("unknown ids", where, f"{_spelled(unknown)}; counted as void"))
    unused = {value: int(counts[value]) for value in facts.never if counts[value]}
    if unused:
        message = f"{_spelled(unused)}; never drawn in {facts.title}: is the mask in another numbering?"
        problems.append(SourceProblem("unused ids", where, message))
    return counts, problems


def _spelled(pixels: dict[int, int]) -> str:
    """Name values with their pixels.

    >>> _spelled({151: 2, 200: 30})
    '151 (2 pixels), 200 (30 pixels)'
    """
    return named(f"{value} ({count} pixels)" for value, count in pixels.items())


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
