"""The store of soft predictions: one zarr group per run and split, one chunk per frame, on any path or fsspec URL.

    <store>/                 attributes: the manifest
      <video>/               attributes: video, frames, sizes, crc32, and complete, written last
        480x853              (frames, h, w, K) float16, a row for each frame of the video, chunks of one row

Scores are those of a frame's stride-4 grid, pixel-major, less the highest of each point: a constant over classes
cancels in the softmax and in the argmax, also after resizing, and what competes is near zero, where fp16 has most
digits. Scores more than 60 000 below the highest are clipped there. Chunks are compressed by zstd and sealed by crc32c.
Frames of another size in the same video have an array of their own; the rows of all other frames stay unwritten there.

A video without ``complete`` counts as absent and is overwritten, so that a stopped prediction goes on where it was.
That asks of the place that a file is written whole or not at all, and is read as it was last written; object stores do
both. They have no locks: nothing but the user keeps two writers off one video.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vspwlib.checks import fail, require
from vspwlib.predict import manifest as statements
from vspwlib.predict.scores import Scores, Size
from vspwlib.predict.store_files import (
    address,
    array_name,
    disown,
    faults,
    fsspec_options,
    node_name,
    open_group,
    refuse_foreign,
)
from vspwlib.predict.writer import VideoWriter


@dataclass(frozen=True)
class StoredVideo:
    """What a store says of a complete video.

    Attributes:
        frames: Names of the frames, in order.
        sizes: ``(H, W)`` of each.
        crc32: Checksum of each frame's float16 bytes.
        rows: Row of each frame in its array.
        arrays: Arrays opened so far, by the size of their frames.
    """

    frames: tuple[str, ...]
    sizes: tuple[Size, ...]
    crc32: tuple[int, ...]
    rows: dict[str, int]
    arrays: dict[Size, Any] = field(default_factory=dict, compare=False)

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> "StoredVideo":
        """Read the attributes of a video's group."""
        frames = tuple(attributes["frames"])
        sizes = tuple((int(height), int(width)) for height, width in attributes["sizes"])
        return cls(frames, sizes, tuple(attributes["crc32"]), {name: row for row, name in enumerate(frames)})


class ScoreStore:
    """Soft predictions of one run on one split; made by :meth:`create` or :meth:`open`.

    A class because it owns an open store and remembers what it has read of it.

    Args:
        group: The open zarr group.
        url: Where it is.
        manifest: What it says about itself.
    """

    def __init__(self, group: Any, url: str, manifest: dict[str, Any]) -> None:
        self.url, self.manifest = url, manifest
        self._group = group
        self._known: dict[str, StoredVideo] = {}

    @classmethod
    def create(cls, url: str | Path, manifest: Mapping[str, Any], *, overwrite: bool = False) -> "ScoreStore":
        """Open a store for writing: a new one, or an earlier one of the same predictions to go on with.

        Args:
            url: A path, or any URL that fsspec knows and whose client is installed.
            manifest: What the scores are; see :func:`vspwlib.predict.manifest.complete`.
            overwrite: Drop what an earlier store holds. Of several shards only the first may do so.

        Raises:
            InputError: the store holds other predictions (saying which statement differs), it is damaged, or something
                that is no store stands there.
        """
        import zarr

        where, wanted = address(url), statements.complete(manifest)
        refuse_foreign(where, statements.KIND)
        found = None if overwrite else open_group(where, "r+")
        if found is not None:
            stored = dict(found.attrs)
            statements.check_readable(stored, where)
            statements.check_same(stored, wanted, where)
            return cls(found, where, stored)
        if overwrite:
            disown(where, statements.KIND)
        options = fsspec_options(where)
        with faults(where):
            group = zarr.create_group(
                where, zarr_format=3, attributes=wanted, overwrite=overwrite, storage_options=options
            )
        return cls(group, where, wanted)

    @classmethod
    def open(cls, url: str | Path) -> "ScoreStore":
        """Open a store for reading.

        Raises:
            InputError: nothing is there, or it is damaged or no score store.
        """
        where = address(url)
        group = open_group(where, "r")
        if group is None:
            fail("prediction store", expected="a zarr store", got="none there", where=where, fix="run `vspw predict`.")
        manifest = dict(group.attrs)
        statements.check_readable(manifest, where)
        return cls(group, where, manifest)

    def writer(self, video: str, frames: Sequence[str]) -> VideoWriter:
        """Begin a video whose frames come one by one; an unfinished one of that name is overwritten."""
        self._known.pop(video, None)
        return VideoWriter(self._group, self.url, video, frames, int(self.manifest["num_classes"]))

    def write_video(self, video: str, frames: Sequence[str], sizes: Iterable[Size], scores: Iterable[Scores]) -> None:
        """Write one video, holding one frame at a time; an unfinished one of that name is overwritten.

        Args:
            video: Name of the video.
            frames: Names of all its frames.
            sizes: ``(H, W)`` of each frame.
            scores: ``(K, ceil(H/4), ceil(W/4))`` floating point of each frame, on any device.

        Raises:
            InputError: wrong shapes, scores that are not finite, missing frames, or a full disk.
        """
        writer = self.writer(video, frames)
        for size, values in zip(sizes, scores, strict=True):
            writer.add(size, values)
        writer.close()

    def finished(self, video: str) -> bool:
        """Return whether a video is there and complete."""
        return self._find(video) is not None

    def videos(self) -> list[str]:
        """Return the names of the complete videos, sorted."""
        with faults(self.url):
            found = [dict(group.attrs) for _, group in self._group.groups()]
            complete = {attributes["video"]: attributes for attributes in found if attributes.get("complete")}
            for name in complete.keys() - self._known.keys():
                self._known[name] = StoredVideo.from_attributes(complete[name])
        return sorted(complete)

    def frames(self, video: str) -> list[str]:
        """Return the names of a video's frames, in order."""
        return list(self._get(video).frames)

    def size(self, video: str, frame: str) -> Size:
        """Return ``(H, W)`` of a frame."""
        return self._get(video).sizes[self._row(video, frame)]

    def scores(self, video: str, frame: str) -> npt.NDArray[np.float32]:
        """Return the scores of a frame, less the highest of each point.

        Args:
            video: Name of a complete video.
            frame: Name of one of its frames.

        Returns:
            ``(K, ceil(H/4), ceil(W/4))`` float32, pixel-major in memory: the form that :mod:`vspwlib.predict.scores`
            takes without a copy.

        Raises:
            InputError: no such video or frame, or its chunk is missing or damaged.
        """
        stored, row = self._get(video), self._row(video, frame)
        size = stored.sizes[row]
        folder, name = f"{self.url}/{node_name(video)}", array_name(size)
        place = f"{folder}/{name}, row {row}, frame {frame}"
        fix = f"delete {folder} and predict again; other finished videos are kept."
        with faults(place, fix=fix):
            if size not in stored.arrays:
                stored.arrays[size] = self._group[node_name(video)][name]
            values = stored.arrays[size][row]  # (h, w, K) float16
        require(not np.isnan(values.flat[0]), "prediction store", expected="a chunk", got="none", where=place, fix=fix)
        return torch.from_numpy(values).float().permute(2, 0, 1).numpy()

    def checksum(self) -> str:
        """Return a SHA-256 of all complete videos: names, sizes, and every score as it is stored.

        It is made of the checksums taken on writing, so no scores are read, and compression does not enter.
        """
        return _digest([self._content(name) for name in self.videos()])

    def video_checksum(self, video: str) -> str:
        """Return a SHA-256 of one complete video, made as :meth:`checksum` is."""
        return _digest(self._content(video))

    def _content(self, video: str) -> tuple[Any, ...]:
        stored = self._get(video)
        return video, stored.frames, stored.sizes, stored.crc32

    def _find(self, video: str) -> StoredVideo | None:
        """Return what the store says of a complete video, else None."""
        if video not in self._known:
            with faults(f"{self.url}/{node_name(video)}"):
                group = self._group.get(node_name(video))
                if group is None or not group.attrs.get("complete"):
                    return None
                self._known[video] = StoredVideo.from_attributes(group.attrs)
        return self._known[video]

    def _get(self, video: str) -> StoredVideo:
        """Return what the store says of a video that must be complete."""
        stored = self._find(video)
        if stored is None:
            fail("video", expected="a finished one", got=repr(video), where=self.url, fix=_near(video, self.videos()))
        return stored

    def _row(self, video: str, frame: str) -> int:
        """Return the row of a frame that must be there."""
        stored = self._get(video)
        if frame not in stored.rows:
            where = f"{self.url}, video {video}"
            fail("frame", expected="one of the video", got=repr(frame), where=where, fix=_near(frame, stored.frames))
        return stored.rows[frame]


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _near(name: str, known: Sequence[str]) -> str:
    """Suggest the nearest of many names."""
    near = get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else "predict it with `vspw predict`."
