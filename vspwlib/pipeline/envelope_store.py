"""Envelopes of two runs on disk: derived from their score stores, a video made anew when its scores change.

    <store>/                 zarr group; attributes: kind, schema
      <video>/               attributes: origin, frames, sizes, changes, and complete, written last
        start                (frames, pixels) uint8, labels at tau = 0, one chunk a frame
        changes              (frames, 13, most) uint8, one chunk a frame: the bytes of what changes, plane by plane

A change takes 13 bytes: how many pixels after the last one (4), its tau (8), its label (1). The tau are exact, so the
labels and curves read from here are those of :func:`~vspwlib.ensemble.sweep.envelope_of_scores` at every tau. They are
also what does not compress; bytes of equal weight lie together for the rest.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble.envelope import Envelope
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import CHUNK_NAMES, address, faults, node_name, open_group, refuse_foreign

KIND = "vspw-envelopes"
SCHEMA = 1

_PARTS: tuple[np.dtype[Any], ...] = (np.dtype("<u4"), np.dtype("<f8"), np.dtype("u1"))  # pixels further, tau, label
_WIDTH = sum(part.itemsize for part in _PARTS)


class EnvelopeStore:
    """Envelopes of P = tau*P1 + (1-tau)*P2 by video. It is a class because it owns an open zarr group.

    A video is there when all of it was written, from the very scores that the two runs' stores hold now.

    Args:
        url: Where the store is or comes to be: a path, or any URL that fsspec knows.
        first: Predictions of P1.
        second: Predictions of P2.

    Raises:
        InputError: something else stands there.
    """

    def __init__(self, url: str | Path, first: ScoreStore, second: ScoreStore) -> None:
        self.url = address(url)
        self._sources = (first, second)
        refuse_foreign(self.url, KIND)
        self._group = open_group(self.url, "r")
        if self._group is not None and self._group.attrs.get("schema") != SCHEMA:
            self._group = None  # of another version: derived, so made anew
        self._known: dict[str, tuple[Mapping[str, Any], Any, Any]] = {}

    def frames(self, video: str) -> list[str]:
        """Return the names of the frames that are there of a video; none where its scores have changed since."""
        found = self._find(video)
        return list(found[0]["frames"]) if found else []

    def envelope(self, video: str, frame: str) -> Envelope:
        """Return the labels of a frame at every tau.

        Raises:
            InputError: the frame is not there, or its chunk is damaged.
        """
        found, place = self._find(video), f"{self.url}/{node_name(video)}, frame {frame}"
        if found is None or frame not in found[0]["frames"]:
            fail("envelope", expected="a stored one", got="none", where=place, fix="run `vspw ensemble sweep`.")
        attributes, starts, changes = found
        row = attributes["frames"].index(frame)
        height, width = attributes["sizes"][row]
        with faults(place, fix=f"delete {self.url}; it is made again from the predictions."):
            start, planes = starts[row, : height * width], changes[row, :, : attributes["changes"][row]]
            return Envelope(start.reshape(height, width), *_unpacked(planes))

    def begin(self) -> None:
        """Make the store where it is missing. Of several processes that write it, one at a time may do so, before all.

        A store that only one process writes begins with its first video.
        """
        self._root()

    def write(self, video: str, frames: Mapping[str, Envelope]) -> None:
        """Write a video; what was there of it is replaced.

        Args:
            video: Name of the video.
            frames: Envelopes by frame, made from the scores as they are now; in memory all at once.
        """
        require(bool(frames), "envelopes", expected="at least one frame", got="none", where=f"video {video}")
        self._known.pop(video, None)
        parts = list(frames.values())
        pixels, most = max(part.start.size for part in parts), max(1, *(part.breakpoints for part in parts))
        with faults(f"{self.url}/{node_name(video)}"):
            group = self._root().create_group(node_name(video), overwrite=True)
            starts = _array(group, "start", (len(parts), pixels))
            changes = _array(group, "changes", (len(parts), _WIDTH, most))
            for row, part in enumerate(parts):
                starts[row, : part.start.size] = part.start.reshape(-1)
                changes[row, :, : part.breakpoints] = _packed(part)
            sizes = [[*part.start.shape] for part in parts]
            counts = [part.breakpoints for part in parts]
            group.attrs.update({"video": video, "origin": self._origin(video), "frames": list(frames)})
            group.attrs.update({"sizes": sizes, "changes": counts, "complete": True})

    def _root(self) -> Any:
        """Return the group, open for writing, made where it is missing or of another version."""
        import zarr

        if self._group is None:  # with its attributes at once: a kill in between would leave a group of nobody's
            wanted = {"kind": KIND, "schema": SCHEMA}
            self._group = zarr.create_group(self.url, zarr_format=3, attributes=wanted, overwrite=True)
        elif self._group.read_only:
            self._group = zarr.open_group(self.url, mode="r+", zarr_format=3)
        return self._group

    def _find(self, video: str) -> tuple[Mapping[str, Any], Any, Any] | None:
        """Return what is stored of a video: attributes and both arrays; None where it is not there or out of date."""
        if video not in self._known:
            with faults(f"{self.url}/{node_name(video)}"):
                group = None if self._group is None else self._group.get(node_name(video))
                if group is None or not group.attrs.get("complete") or group.attrs["origin"] != self._origin(video):
                    return None
                self._known[video] = (dict(group.attrs), group["start"], group["changes"])
        return self._known[video]

    def _origin(self, video: str) -> list[str]:
        return [store.video_checksum(video) for store in self._sources]


def _array(group: Any, name: str, shape: tuple[int, ...]) -> Any:
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return group.create_array(
        name,
        shape=shape,
        chunks=(1, *shape[1:]),
        dtype="uint8",
        compressors=[ZstdCodec(level=1), Crc32cCodec()],
        chunk_key_encoding=CHUNK_NAMES,
    )


def _packed(envelope: Envelope) -> NDArray[np.uint8]:
    """Return the changes of a frame as (13, N) bytes."""
    columns = (np.diff(envelope.pixel, prepend=np.int32(0)), envelope.time, envelope.label)
    planes = [
        np.ascontiguousarray(column, part).view(np.uint8).reshape(-1, part.itemsize).T
        for column, part in zip(columns, _PARTS, strict=True)
    ]
    return np.concatenate(planes)


def _unpacked(planes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8]]:
    """Undo :func:`_packed`."""
    columns, row = [], 0
    for part in _PARTS:
        block = np.ascontiguousarray(planes[row : row + part.itemsize].T)
        columns.append(block.view(part).reshape(-1))
        row += part.itemsize
    further, time, label = columns
    return np.cumsum(further, dtype=np.int32), time, label
