"""What each frame's pixels were taken for: the way from a class, or from a confusion, to the frames to look at.

A frame holds a few dozen pairs of a true and a predicted class, so what is kept of it is a list and no matrix.
"""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, check_shape, fail
from vspwlib.labels import NUM_CLASSES


class FoundFrame(NamedTuple):
    """A frame that a search found.

    Attributes:
        video: Name of the video.
        frame: Name of the frame.
        wrong: Pixels in question: of the class or the confusion that was asked for.
        share: They as a share, 0..1, of the frame's pixels that have or get the class; of the true class's pixels for a
            confusion.
    """

    video: str
    frame: str
    wrong: int
    share: float


#: What NumPy and zipfile raise on a damaged archive.
_DAMAGED = (
    *(ArithmeticError, BadZipFile, EOFError, LookupError, MemoryError, OSError, RuntimeError),
    *(TypeError, ValueError, zlib.error),
)


@dataclass(frozen=True, eq=False)
class FrameConfusions:
    """Pairs of true and predicted classes of every scored frame.

    Attributes:
        videos: (F,) name of each frame's video.
        frames: (F,) names.
        owner: (N,) int32, frame of each pair.
        truth: (N,) uint8, true class.
        predicted: (N,) uint8, predicted class.
        pixels: (N,) int64, how many pixels.
    """

    videos: tuple[str, ...]
    frames: tuple[str, ...]
    owner: NDArray[np.int32]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    pixels: NDArray[np.int64]

    def worst_of_class(self, number: int, count: int = 6) -> list[FoundFrame]:
        """Return the frames with most wrong pixels of a class: missed ones, and ones of others taken for it.

        The worst frame of each video, most wrong pixels first: its neighbours look alike.
        """
        check_range("class", number, 0, NUM_CLASSES - 1)
        of_class = (self.truth == number) | (self.predicted == number)
        return self._most(of_class & (self.truth != self.predicted), of_class, count)

    def worst_of_confusion(self, truth: int, predicted: int, count: int = 6) -> list[FoundFrame]:
        """Return the frames where most pixels of one class were taken for another, the worst of each video."""
        for number in (truth, predicted):
            check_range("class", number, 0, NUM_CLASSES - 1)
        of_class = self.truth == truth
        return self._most(of_class & (self.predicted == predicted), of_class, count)

    @classmethod
    def merged(cls, parts: Iterable["FrameConfusions"], order: Sequence[str]) -> Self:
        """Return the frames of all parts.

        Args:
            parts: At least one, of different videos.
            order: Names of all videos; frames are put in this order, and stay in that of their part within a video.
        """
        parts = list(parts)
        place = {name: number for number, name in enumerate(order)}
        names = [pair for part in parts for pair in zip(part.videos, part.frames, strict=True)]
        chosen = sorted(range(len(names)), key=lambda number: place[names[number][0]])
        now_at = np.empty(len(names), np.int32)
        now_at[chosen] = np.arange(len(names))
        firsts = np.cumsum([0, *(len(part.frames) for part in parts)]).tolist()
        owner = now_at[np.concatenate([part.owner + first for part, first in zip(parts, firsts, strict=False)])]
        pairs = np.argsort(owner, kind="stable")
        videos, frames = zip(*(names[number] for number in chosen), strict=True) if names else ((), ())
        truth, predicted, pixels = (
            np.concatenate([getattr(part, name) for part in parts])[pairs] for name in ("truth", "predicted", "pixels")
        )
        return cls(tuple(videos), tuple(frames), owner[pairs], truth, predicted, pixels)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays, for ``numpy.savez``."""
        names = {name: np.array(getattr(self, name), np.str_) for name in ("videos", "frames")}
        return {**names, **{name: getattr(self, name) for name in ("owner", "truth", "predicted", "pixels")}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild frames from :meth:`to_arrays`."""
        videos, frames = (tuple(map(str, arrays[name].tolist())) for name in ("videos", "frames"))
        return cls(videos, frames, arrays["owner"], arrays["truth"], arrays["predicted"], arrays["pixels"])

    def save(self, path: Path) -> None:
        """Write them as a compressed NumPy archive; give a temporary name to what must be there whole or not at all."""
        arrays: dict[str, Any] = self.to_arrays()
        with path.open("wb") as handle:
            np.savez_compressed(handle, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the file is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                return cls.from_arrays({name: archive[name] for name in archive.files})
        except _DAMAGED as error:
            fail("frames", expected="a NumPy archive", got=error, where=path, fix="run `vspw score` again.")

    def _most(self, wrong: NDArray[np.bool_], of_class: NDArray[np.bool_], count: int) -> list[FoundFrame]:
        """Return the frame of each video with most wrong pixels, those without any left out."""
        lost, whole = (
            np.bincount(self.owner[chosen], weights=self.pixels[chosen], minlength=len(self.frames))
            for chosen in (wrong, of_class)
        )
        found: dict[str, FoundFrame] = {}
        for index in np.argsort(-lost, kind="stable"):
            if len(found) == count or not lost[index]:
                break
            video, share = self.videos[index], float(lost[index] / whole[index])
            found.setdefault(video, FoundFrame(video, self.frames[index], int(lost[index]), share))
        return list(found.values())


class FrameCollector:
    """Gathers the confusions of frames as they are scored. It is a class because it fills up."""

    def __init__(self) -> None:
        self._names: list[tuple[str, str]] = []
        self._pairs: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]] = []

    def add(self, video: str, frame: str, matrix: NDArray[np.int64]) -> None:
        """Add a frame: its (C, C) confusion, rows of truth."""
        check_shape("confusion", matrix.shape, (NUM_CLASSES, NUM_CLASSES))
        truth, predicted = matrix.nonzero()
        self._names.append((video, frame))
        self._pairs.append((truth, predicted, matrix[truth, predicted]))

    def collected(self) -> FrameConfusions:
        """Return the frames so far."""
        counts = [len(pixels) for _, _, pixels in self._pairs]
        empty = [np.empty(0, np.int64)]
        truth, predicted, pixels = (np.concatenate([pair[part] for pair in self._pairs] or empty) for part in range(3))
        videos, frames = (tuple(names[part] for names in self._names) for part in range(2))
        owner = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
        return FrameConfusions(
            videos, frames, owner, truth.astype(np.uint8), predicted.astype(np.uint8), pixels.astype(np.int64)
        )
