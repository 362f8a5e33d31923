"""Joint frames on disk: derived from score stores, one file a video, made anew when a source changes.

    <store>/manifest.json    what it was made from; another manifest makes the files void
      <video>.npz            the frames of a video, their arrays one after another

Files are plain NumPy archives without compression: they are read many times and written once.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from vspwlib.checks import fail
from vspwlib.data.writing import write_text, write_whole
from vspwlib.ensemble.joint import JointFrame

SCHEMA = 1


class JointStore:
    """Joint frames of a split, by video. It is a class because it owns a folder.

    Args:
        folder: Where the files are.
        origin: What they are made from, plain values: names and checksums of the sources. Files of other origin that
            are there already are removed.
    """

    def __init__(self, folder: Path, origin: Mapping[str, Any]) -> None:
        self.folder = folder
        wanted = json.dumps({"schema": SCHEMA, **origin}, indent=1, sort_keys=True)
        manifest = folder / "manifest.json"
        if not manifest.is_file() or manifest.read_text(encoding="utf-8") != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            write_text(manifest, wanted)

    def has(self, video: str) -> bool:
        """Return whether a video has been written whole."""
        return self._file(video).is_file()

    def size(self, video: str) -> int:
        """Return the bytes of a video's file, which are those of its frames in memory."""
        return self._file(video).stat().st_size

    def write(self, video: str, frames: Iterable[tuple[str, JointFrame]]) -> None:
        """Write all frames of a video."""
        names, parts = [], []
        for name, frame in frames:
            names.append(name)
            parts.append(frame)
        arrays = {
            "names": np.array(names, np.str_),
            "sizes": np.array([part.agreed.shape for part in parts], np.int64).reshape(-1, 2),
            "pixels": np.array([len(part.pixel) for part in parts], np.int64),
            "agreed": _flat([part.agreed.reshape(-1) for part in parts], np.uint8),
            "pixel": _flat([part.pixel for part in parts], np.int32),
            "classes": _flat([np.diff(part.first) for part in parts], np.uint8),  # at most 255
            "number": _flat([part.number for part in parts], np.uint8),
            "probs": np.concatenate([part.probs for part in parts], axis=1),
        }

        def save(path: Path) -> None:
            with path.open("wb") as handle:
                np.savez(handle, **arrays)

        write_whole(self._file(video), save)

    def read(self, video: str) -> Iterator[tuple[str, JointFrame]]:
        """Yield the names and frames of a video, in order.

        Raises:
            InputError: the file is damaged.
        """
        file = self._file(video)
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            names, sizes, pixels = (arrays[name].tolist() for name in ("names", "sizes", "pixels"))
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            fail("joint frames", expected="a NumPy archive", got=error, where=file, fix="delete it and run again.")
        label, open_pixel, entry = 0, 0, 0
        for name, (height, width), count in zip(names, sizes, pixels, strict=True):
            classes = arrays["classes"][open_pixel : open_pixel + count]
            first = np.concatenate([[0], np.cumsum(classes, dtype=np.int64)])
            last = entry + int(first[-1])
            yield (
                name,
                JointFrame(
                    arrays["agreed"][label : label + height * width].reshape(height, width),
                    arrays["pixel"][open_pixel : open_pixel + count],
                    first,
                    arrays["number"][entry:last],
                    arrays["probs"][:, entry:last],
                ),
            )
            label, open_pixel, entry = label + height * width, open_pixel + count, last

    def _file(self, video: str) -> Path:
        """Return the file of a video; names that are no plain file names become digests."""
        plain = video.replace("-", "").replace("_", "").isalnum() and len(video) < 100
        return self.folder / f"{video if plain else hashlib.sha256(video.encode()).hexdigest()}.npz"


def _flat(parts: list[Any], dtype: type) -> Any:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype)
