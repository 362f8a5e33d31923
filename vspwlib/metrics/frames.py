"""What each frame's pixels were taken for: the way from a class, or from a confusion, to the frames to look at.

A frame holds a few dozen pairs of a true and a predicted class, so what is kept of it is a list and no matrix.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self
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

    def save(self, path: Path) -> None:
        """Write them as a compressed NumPy archive; give a temporary name to what must be there whole or not at all."""
        with path.open("wb") as handle:
            np.savez_compressed(
                handle,
                videos=np.array(self.videos, np.str_),
                frames=np.array(self.frames, np.str_),
                owner=self.owner,
                truth=self.truth,
                predicted=self.predicted,
                pixels=self.pixels,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: the file is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
            videos, frames = (tuple(map(str, found[name].tolist())) for name in ("videos", "frames"))
            return cls(videos, frames, found["owner"], found["truth"], found["predicted"], found["pixels"])
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
