"""Counts of a split shared by commands: each leaves a part beside the file that is to be, and the last one merges.

    <name>.json              what one command for the whole split writes
    <name>.parts/
      <i>-of-<n>.npz         what shard i of n has counted, and a stamp: what it was counted from

Parts hold counts and no rates, so the merged file is the one that a single command would have written, to the last
count. What changes the counts is in the stamp: a part counts only while its stamp says what is true when the parts are
merged. Whoever writes a part holds the lock of the folder until it has looked whether the others are there, so of
shards that end together exactly one finds all.

Opens without torch.
"""

import hashlib
import json
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail
from vspwlib.data.index import Split, named
from vspwlib.data.writing import write_whole
from vspwlib.locks import locked

Merged = TypeVar("Merged")
Arrays = Mapping[str, NDArray[Any]]
Stamp = Mapping[str, Any]
Shard = tuple[int, int]

SCHEMA = 1
_NAME = re.compile(r"(\d+)-of-(\d+)\.npz")
_DAMAGED = (BadZipFile, EOFError, KeyError, OSError, TypeError, ValueError, zlib.error)


@dataclass(frozen=True)
class Waiting:
    """What a shard returns while others are missing.

    Attributes:
        shard: ``(index, count)`` of the one that is counted.
        missing: By number, why a shard must be counted again, which is known once all have been; else empty.
        file: What is written once all are there.
    """

    shard: Shard
    missing: Mapping[int, str]
    file: Path

    def summary(self) -> dict[str, Any]:
        """Return everything under its name, as JSON values."""
        missing = {self._name(number): why or "not counted" for number, why in self.missing.items()}
        return {"shard": self._name(self.shard[0]), "missing": missing, "file": str(self.file)}

    def __str__(self) -> str:
        """Say in a line or more what is missing."""
        outdated = {number: why for number, why in self.missing.items() if why}
        lines = [f"shard {self._name(self.shard[0])} is counted; missing: {named(map(self._name, self.missing))}"]
        lines += [f"shard {self._name(number)} must be counted again: {why}" for number, why in outdated.items()]
        return "\n".join([*lines, f"the last one writes {self.file}"])

    def _name(self, number: int) -> str:
        return f"{number}/{self.shard[1]}"


def count_shard(
    file: Path,
    what: str,
    shard: Shard,
    *,
    stamp: Callable[[int], Stamp],
    count: Callable[[], Arrays],
    merge: Callable[[Iterator[Arrays]], Merged],
) -> Merged | Waiting:
    """Count a part, and merge all parts if it is the last.

    Args:
        file: What a command for the whole split writes.
        what: Name of the work in messages.
        shard: ``(index, count)``. The caller keeps two commands off one shard.
        stamp: Returns what the shard of a number would be counted from now, as JSON values by name; looked at anew at
            each call. A shard whose values have changed since it was counted is missing.
        count: Returns the shard's counts.
        merge: Takes the counts of all shards in their order, each read when it is asked for; writes the file.

    Returns:
        What ``merge`` returns, or what is missing.

    Raises:
        InputError: parts of another number of shards are there; as the functions raise.
    """
    index, total = shard
    folder = parts_folder(file)
    _refuse_others(folder, total)
    seen = json.dumps({"schema": SCHEMA, **stamp(index)})  # before the counting: a change meanwhile makes it outdated
    counts = count()
    with locked(folder, what, wait=True):
        _refuse_others(folder, total)
        write_whole(_part(folder, shard), lambda path: _save(path, counts, seen))
        parts = {number: _part(folder, (number, total)) for number in range(total)}
        missing = {number: "" for number, part in parts.items() if not part.is_file()}
        if not missing:  # only now: to look at what all were counted from takes long on a large split
            missing = {number: fault for number, part in parts.items() if (fault := _fault(part, stamp(number)))}
        if missing:
            return Waiting(shard, missing, file)
        merged = merge(map(_load, parts.values()))
        forget_parts(file)
        return merged


def parts_folder(file: Path) -> Path:
    """Return where the parts of a file lie until it is written.

    >>> parts_folder(Path("a/vspw-val.scores.json")).name
    'vspw-val.scores.parts'
    """
    return file.with_suffix(".parts")


def forget_parts(file: Path) -> None:
    """Delete the parts of a file: it is written, or what they were counted from is gone."""
    shutil.rmtree(parts_folder(file), ignore_errors=True)


def videos_of(split: Split, shard: Shard) -> Split:
    """Return the videos of a shard, every ``count``-th from ``index`` on, as prediction takes them."""
    index, count = shard
    return replace(split, videos=split.videos[index::count])


def digest_names(split: Split) -> str:
    """Return a digest of the names of all videos and frames: they decide which videos a shard has."""
    return digest([[video.name, [frame.name for frame in video.frames]] for video in split.videos])


def digest_masks(split: Split) -> str:
    """Return a digest of which frames have a mask, and of its length, the same wherever the data set is copied to."""
    labelled = [(frame.video, frame.name, mask) for frame, mask in split.labelled()]
    return digest([[video, name, mask.stat().st_size if mask.is_file() else -1] for video, name, mask in labelled])


def digest(values: object) -> str:
    """Return 16 hex digits of the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def _part(folder: Path, shard: Shard) -> Path:
    return folder / f"{shard[0]}-of-{shard[1]}.npz"


def _refuse_others(folder: Path, total: int) -> None:
    """Refuse to count beside parts of another number of shards: their videos are others."""
    names = [name for path in folder.glob("*.npz") if (name := _NAME.fullmatch(path.name))]
    others = sorted(int(name[2]) for name in names if int(name[2]) != total)
    if others:
        fix = f"go on with --shard i/{others[0]}, or delete that folder."
        fail("--shard", expected=f"one of {others[0]}, as those there", got=f"one of {total}", where=folder, fix=fix)


def _fault(part: Path, stamp: Stamp) -> str:
    """Return why a part counts as missing; empty where its stamp is that of now."""
    try:
        with np.load(part, allow_pickle=False) as archive:
            seen = json.loads(str(archive["stamp"]))
    except _DAMAGED:
        return "its part is damaged"
    now = json.loads(json.dumps({"schema": SCHEMA, **stamp}))
    differing = sorted(key for key in seen.keys() | now.keys() if seen.get(key) != now.get(key))
    return f"it was counted with other {', '.join(differing)}" if differing else ""


def _save(path: Path, counts: Arrays, seen: str) -> None:
    arrays: dict[str, Any] = {**counts, "stamp": np.array(seen)}
    with path.open("wb") as handle:  # given a name, NumPy would add .npz to it
        np.savez(handle, **arrays)


def _load(part: Path) -> Arrays:
    try:
        with np.load(part, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _DAMAGED as error:
        fail("part", expected="counts of a shard", got=error, where=part, fix="delete it and give that shard again.")
