"""Count the pixels of every value in the masks of an image set, once: what any mapping and threshold is judged by.

The counts go to a file of JSON lines, one line an image as soon as it is read, so that a run that was killed goes on
where it stopped. They are counts of *source* values: the file knows nothing of a mapping and serves all of them. The
first line names the data set; of two lines on one image the later counts. Images that could not be used, or whose files
have another length than when they were read, are read again.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vspwlib.data.mask_counts import count_mask
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.data.record_file import open_records, read_records
from vspwlib.data.stills import Still, StillSet

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class StillPixels:
    """What one pair of files holds.

    Attributes:
        image: The image below the set's root.
        split: Its split.
        lengths: Bytes of the image and of the annotation, by which a changed file is told; -1 where there is none.
        height: Of the image, in pixels; 0 where it cannot be read.
        width: Likewise.
        counts: Pixels by source value; empty where the pair cannot be used.
        problem: Kind and message where it cannot be used.
    """

    image: str
    split: str
    lengths: tuple[int, int]
    height: int = 0
    width: int = 0
    counts: Mapping[int, int] = field(default_factory=dict)
    problem: tuple[str, str] | None = None


def count_pixels(
    stills: StillSet,
    file: Path,
    *,
    known_from: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[StillPixels]:
    """Read every pair that the file does not have yet, and return them all.

    Args:
        stills: The pairs.
        file: Where the counts are kept; made where it is missing.
        known_from: Another such file; what it has is not counted again either, and not copied.
        workers: Number of threads; one a core by default.
        progress: Called with pairs done, those of an earlier run included, and pairs in all.

    Returns:
        One record a pair, in the order of ``stills``.

    Raises:
        InputError: the file is another data set's, damaged before its last line, or not to be written.
    """
    known = {} if known_from is None else {record.image: record for record in read_pixels(known_from, stills.name)}
    known |= _open_file(file, stills)
    missing = []
    for still in stills.stills:
        record = known.get(stills.key(still.image))
        if record is None or record.problem is not None or record.lengths != _lengths(still):
            missing.append(still)
    before = len(stills.stills) - len(missing)
    lock = threading.Lock()

    def shifted(done: int, whole: int) -> None:
        if progress is not None:
            progress(before + done, before + whole)

    with file.open("a", encoding="utf-8") as lines:

        def read(still: Still) -> None:
            record = _read(stills, still)
            with lock:
                known[record.image] = record
                lines.write(json.dumps(_to_json(record)) + "\n")
                lines.flush()  # a line is on its way to the disk before the next image is begun

        run_parallel(read, missing, workers=workers, progress=shifted)
    return [known[stills.key(still.image)] for still in stills.stills]


def gather_pixels(stills: StillSet, file: Path, others: Iterable[Path]) -> None:
    """Add what other files have counted, in the order of the pairs.

    Args:
        stills: The pairs.
        file: Where the counts are kept; made where it is missing.
        others: Files that count the same set, such as those of shards; they may be missing, or unfinished.

    Raises:
        InputError: a file is another data set's, damaged before its last line, or not to be written.
    """
    known = _open_file(file, stills)
    found = {record.image: record for other in others for record in read_pixels(other, stills.name)}
    images = [stills.key(still.image) for still in stills.stills]
    new = [found[image] for image in images if image in found and found[image] != known.get(image)]
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(_to_json(record)) + "\n" for record in new)


def read_pixels(file: Path, name: str) -> tuple[StillPixels, ...]:
    """Return what a file holds and read no image: what :func:`count_pixels` has counted so far.

    Args:
        file: Where the counts are kept.
        name: ``cocostuff`` or ``ade20k``.

    Returns:
        One record an image, by split and then by name; none where there is no file.

    Raises:
        InputError: the file is another data set's, or damaged before its last line.
    """
    fix = "delete the file and run `vspw map filter` again."
    records = read_records(file, _header(name), _from_json, what="pixel counts", fix=fix)
    latest = {record.image: record for record in records}  # an image that was read again stands there twice
    return tuple(sorted(latest.values(), key=lambda record: (record.split, record.image)))


def _read(stills: StillSet, still: Still) -> StillPixels:
    """Read one pair."""
    lengths, found = _lengths(still), count_mask(still.image, still.mask)
    return StillPixels(stills.key(still.image), still.split, lengths, *found.size, found.counts, found.fault)


def _lengths(still: Still) -> tuple[int, int]:
    sizes = [path.stat().st_size if path.is_file() else -1 for path in (still.image, still.mask)]
    return sizes[0], sizes[1]


def _open_file(file: Path, stills: StillSet) -> dict[str, StillPixels]:
    """Return what is there, by image."""
    fix = "name another folder with --out, or delete the file."
    records = open_records(file, _header(stills.name), _from_json, what="pixel counts", fix=fix)
    return {record.image: record for record in records}


def _header(name: str) -> dict[str, Any]:
    return {"schema": SCHEMA, "data": name, "counts": "source values"}


def _to_json(record: StillPixels) -> dict[str, Any]:
    return {
        "image": record.image,
        "split": record.split,
        "lengths": record.lengths,
        "size": [record.height, record.width],
        "counts": record.counts,  # JSON turns the keys into text
        "problem": record.problem,
    }


def _from_json(values: Mapping[str, Any]) -> StillPixels:
    (image_length, mask_length), (height, width) = values["lengths"], values["size"]
    counts = {int(value): int(pixels) for value, pixels in values["counts"].items()}
    problem = (values["problem"][0], values["problem"][1]) if values["problem"] else None
    return StillPixels(values["image"], values["split"], (image_length, mask_length), height, width, counts, problem)
