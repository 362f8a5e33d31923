"""Image sets through a mapping: where they lie, and which of their images are used.

The pixel counts of a set are kept in the workspace, in ``filters/<set>-<digest of its folder>/``. `vspw map filter` and
training both look there, so that whichever comes first reads the images, and the other does not.

Opens without torch.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vspwlib.checks import fail
from vspwlib.data.parallel import Progress
from vspwlib.data.still_filter import Denominator, StillReport, judge, mapping_digest, write_report
from vspwlib.data.still_pixels import count_pixels, gather_pixels
from vspwlib.data.stills import StillSet, open_stills
from vspwlib.labels.mapping import LabelMapping, load_mapping
from vspwlib.locks import locked
from vspwlib.pipeline.shards import Arrays, Shard, Waiting, count_shard, digest, forget_parts, parts_folder
from vspwlib.runs import Workspace, read_json


@dataclass(frozen=True)
class FilteredStills:
    """An image set, the mapping it is seen through, and what that keeps of it."""

    stills: StillSet
    mapping: LabelMapping
    report: StillReport


@dataclass(frozen=True)
class CountedStills:
    """Pixel counts of an image set that the workspace keeps.

    Attributes:
        name: ``cocostuff`` or ``ade20k``.
        folder: Where the counts lie.
        root: Folder of the images, where it is known and still there.
    """

    name: str
    folder: Path
    root: Path | None

    @property
    def file(self) -> Path:
        """The counts, for :func:`vspwlib.data.still_pixels.read_pixels`."""
        return self.folder / "pixels.jsonl"


def counted_stills(workspace: Workspace, name: str) -> list[CountedStills]:
    """Return the pixel counts that a workspace keeps of an image set, newest first.

    Where the images lie is told by ``report.json``, by the workspace's own data and by its runs; the digest in the
    folder's name says whether it is they that were counted.
    """
    folders = [file.parent for file in workspace.path.glob(f"filters/{name}-*/pixels.jsonl")]
    roots = [workspace.path / "data" / "mini" / name, *_references(workspace, name)]
    found = []
    for folder in sorted(folders, key=lambda folder: -(folder / "pixels.jsonl").stat().st_mtime_ns):
        report = folder / "report.json"
        told = read_json(report, "report").get("root") if report.is_file() else None
        candidates = [*([Path(told)] if told else []), *roots]
        fitting = (root for root in candidates if filter_folder(workspace, name, root) == folder and root.is_dir())
        found.append(CountedStills(name, folder, next(fitting, None)))
    return found


def _references(workspace: Workspace, name: str) -> list[Path]:
    """Return the folders that a workspace and its runs name for an image set."""
    own = workspace.data_sets.get(name)
    trained = [run.config.get("data", {}).get(name) for run in workspace.runs()]
    return [*([own] if own else []), *(Path(root) for root in dict.fromkeys(trained) if root)]


def filter_folder(workspace: Workspace, name: str, root: str | Path) -> Path:
    """Return where the pixel counts of an image set are kept, and by default what `vspw map filter` makes of them."""
    place = str(Path(root).expanduser().resolve())
    return workspace.path / "filters" / f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def still_root(workspace: Workspace, name: str, root: Path | None) -> Path:
    """Return the folder of an image set: the one named, else what the workspace knows or drew itself.

    Raises:
        InputError: there is none.
    """
    embedded = workspace.path / "data" / "mini" / name
    known = root or workspace.data_sets.get(name) or (embedded if embedded.is_dir() else None)
    if known is None:
        fail("--root", expected=f"the folder of {name}", got="nothing", fix="name it, or train with it once.")
    return known


def filter_stills(
    name: str,
    root: str | Path,
    folder: Path,
    *,
    mapping: str | Path | None = None,
    threshold: float,
    denominator: Denominator = "all",
    splits: Collection[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> FilteredStills:
    """Choose the images of a set that keep enough valid pixels.

    Args:
        name: ``cocostuff`` or ``ade20k``.
        root: Its folder.
        folder: Where pixel counts are kept (:func:`filter_folder`); what is there is not counted again, by shards
            neither, whose parts are taken in.
        mapping: A CSV for this set; the package's by default.
        threshold: An image's ratio must be greater.
        denominator: ``all`` or ``labelled`` pixels.
        splits: Splits of the set to take; all by default.
        workers: Number of threads; one a core by default.
        progress: Called with images done and images in all.

    Returns:
        The set, the mapping and the report.

    Raises:
        InputError: no such set, or a mapping that does not fit it.
    """
    stills = open_stills(name, root, splits)
    table = load_mapping(mapping or name, dataset=name)
    file = folder / "pixels.jsonl"
    with locked(folder, f"pixel counts of {name}", wait=True):  # the second finds what the first has counted
        gather_pixels(stills, file, _shard_files(file))
        counted = count_pixels(stills, file, workers=workers, progress=progress)
        forget_parts(file)
    return FilteredStills(stills, table, judge(stills, counted, table, threshold=threshold, denominator=denominator))


def filter_shard(
    name: str,
    root: str | Path,
    folder: Path,
    shard: Shard,
    *,
    mapping: str | Path | None = None,
    threshold: float,
    denominator: Denominator = "all",
    splits: Collection[str] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> FilteredStills | Waiting:
    """Count the pixels of every so-many-th image; the last shard chooses among all, and writes the results.

    Each shard keeps its counts in a file of its own, an image at a time, so a stopped one goes on. Images that have
    changed when all are merged are counted again by the last.

    Args:
        name: As the other arguments, that of :func:`filter_stills`.
        root: Folder of the set.
        folder: Where pixel counts and results are kept.
        shard: ``(index, count)``.
        mapping: A CSV for this set; the package's by default.
        threshold: An image's ratio must be greater.
        denominator: ``all`` or ``labelled`` pixels.
        splits: Splits of the set to take; all by default.
        workers: Number of threads; one a core by default.
        progress: Called with images done and images in all, of the shard.

    Returns:
        The set, the mapping and the report, which is written; or what is missing.

    Raises:
        InputError: as :func:`filter_stills` and :func:`~vspwlib.pipeline.shards.count_shard`.
    """
    stills = open_stills(name, root, splits)
    table = load_mapping(mapping or name, dataset=name)
    file, (index, count) = folder / "pixels.jsonl", shard
    own = replace(stills, stills=stills.stills[index::count])
    options = {"threshold": threshold, "denominator": denominator, "mapping": [table.name, mapping_digest(table)]}
    seen = {**options, "images": digest([stills.key(still.image) for still in stills.stills])}

    def count_own() -> Arrays:
        mine = parts_folder(file) / f"{index}-of-{count}.jsonl"
        count_pixels(own, mine, known_from=file, workers=workers, progress=progress)
        return {}

    def merge(_parts: Iterator[Arrays]) -> FilteredStills:  # they are empty: the counts lie beside them
        gather_pixels(stills, file, _shard_files(file))
        counted = count_pixels(stills, file, workers=workers)
        report = judge(stills, counted, table, threshold=threshold, denominator=denominator)
        write_report(report, folder, root=Path(root))
        return FilteredStills(stills, table, report)

    what = f"pixel counts of {name}"
    with locked(folder, what, part=shard, wait=True):
        return count_shard(file, what, shard, stamp=lambda _: seen, count=count_own, merge=merge)


def _shard_files(file: Path) -> list[Path]:
    """Return what shards have counted."""
    return sorted(parts_folder(file).glob("*-of-*.jsonl"))
