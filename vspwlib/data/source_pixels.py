"""Count the pixels of other data sets by the values of their own masks, and name every file that is not sound.

COCO-Stuff and ADE20K lie as :mod:`vspwlib.data.stills` says. Of CamVid ``<video>/origin/`` and ``<video>/mask/`` are
read, in CamVid's ids and not VSPW's; videos lie in ``data/`` or at the top. Files pair by stem.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np

from vspwlib.checks import check_folder, fail, require
from vspwlib.data.index import named
from vspwlib.data.layout import IMAGE_SUFFIXES, child_folders, files_by_stem
from vspwlib.data.mask_counts import SourceProblem, count_mask, strange_ids
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.data.stills import open_stills
from vspwlib.labels.mapping import LabelMapping
from vspwlib.labels.sources import SourceSet


@dataclass(frozen=True, slots=True)
class SourcePair:
    """An image and its mask in the ids of its own data set."""

    image: Path
    mask: Path


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
                for value, pixels in counts.items():
                    found.pixels[value] += pixels
                    found.occurrences[value] += 1
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
    if facts.name != "camvid":
        stills = open_stills(facts.name, root)
        return [SourcePair(still.image, still.mask) for still in stills.stills], [*stills.problems]
    pairs: list[SourcePair] = []
    problems: list[SourceProblem] = []
    for images, masks in _camvid_folders(root):
        by_stem = files_by_stem(images, IMAGE_SUFFIXES)
        annotations = files_by_stem(masks, (".png",)) if masks.is_dir() else {}
        pairs += [SourcePair(path, annotations[stem]) for stem, path in by_stem.items() if stem in annotations]
        for kind, files, others in (
            ("missing mask", by_stem, annotations),
            ("mask without image", annotations, by_stem),
        ):
            alone = [path for stem, path in files.items() if stem not in others]
            problems += [SourceProblem(kind, _below(root, path), "not counted") for path in alone]
    expected = "images and masks of the same names, in <video>/origin and <video>/mask"
    got = f"not one pair ({named(problem.path for problem in problems) or 'no such folders'})"
    fix = f"name the folder that holds {facts.title}."
    require(bool(pairs), "--root", expected=expected, got=got, where=root, fix=fix)
    return pairs, problems


def _camvid_folders(root: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folders of images and of masks of every video."""
    home = root / "data" if (root / "data").is_dir() else root
    for name in child_folders(home):
        if (home / name / "origin").is_dir():
            yield home / name / "origin", home / name / "mask"


def _read(
    pair: SourcePair, root: Path, facts: SourceSet, mapping: LabelMapping
) -> tuple[Mapping[int, int] | None, list[SourceProblem]]:
    """Count one mask; None where the pair cannot be used."""
    read = count_mask(pair.image, pair.mask)
    faults = [read.fault] if read.fault else strange_ids(read.counts, mapping.known, facts)
    places = {"unreadable image": pair.image}
    problems = [SourceProblem(kind, _below(root, places.get(kind, pair.mask)), text) for kind, text in faults]
    return (None if read.fault else read.counts), problems


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
