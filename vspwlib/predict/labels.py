"""Hard predictions under one interface: label maps of a score store, or of a folder of PNGs from any system."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from vspwlib.checks import check_folder, check_shape, fail, require
from vspwlib.data.images import UNREADABLE, image_size
from vspwlib.predict.scores import Size, labels
from vspwlib.predict.store import ScoreStore

LabelMap = npt.NDArray[np.uint8]


class LabelSource(Protocol):
    """Whatever can be asked for the predicted classes of a frame."""

    def videos(self) -> list[str]:
        """Return the names of the videos, sorted."""
        ...

    def frames(self, video: str) -> list[str]:
        """Return the names of a video's frames, in order."""
        ...

    def size(self, video: str, frame: str) -> Size:
        """Return the frame's own ``(H, W)``."""
        ...

    def labels(self, video: str, frame: str, size: Size | None = None) -> LabelMap:
        """Return the classes ``(H, W)`` uint8 of a frame at ``size``, by default its own."""
        ...


class StoreLabels:
    """The label maps of a score store: the most probable class of every pixel.

    Args:
        store: Soft predictions.
    """

    def __init__(self, store: ScoreStore) -> None:
        self.store = store

    def videos(self) -> list[str]:
        """Return the names of the finished videos, sorted."""
        return self.store.videos()

    def frames(self, video: str) -> list[str]:
        """Return the names of a video's frames, in order."""
        return self.store.frames(video)

    def size(self, video: str, frame: str) -> Size:
        """Return ``(H, W)`` of a frame."""
        return self.store.size(video, frame)

    def labels(self, video: str, frame: str, size: Size | None = None) -> LabelMap:
        """Return the most probable classes of a frame.

        Args:
            video: Name of a finished video.
            frame: Name of one of its frames.
            size: ``(H, W)`` to which the scores are resized; by default the frame's own.

        Returns:
            ``(H, W)`` uint8.
        """
        return labels(self.store.scores(video, frame), size or self.store.size(video, frame))


class PngPredictions:
    """A folder of label maps, ``<video>/<frame>.png``, one channel of class ids from 0: the form of a submission.

    Args:
        folder: The folder that holds one folder for each video.
        num_classes: Classes K; ids are 0..K-1.
    """

    def __init__(self, folder: str | Path, num_classes: int = 124) -> None:
        self.folder, self.num_classes = check_folder("predictions", folder), num_classes
        found = sorted(path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))
        self._frames = {path.name: frames for path in found if (frames := _stems(path))}
        fix = "name the folder above the videos' folders."
        layout = "<video>/<frame>.png"
        require(bool(self._frames), "predictions", expected=layout, got="none of these", where=self.folder, fix=fix)

    def videos(self) -> list[str]:
        """Return the names of the videos, sorted."""
        return list(self._frames)

    def frames(self, video: str) -> list[str]:
        """Return the names of a video's frames, sorted."""
        if video not in self._frames:
            fail("video", expected="a folder of PNGs", got="none", where=self.folder / video)
        return list(self._frames[video])

    def size(self, video: str, frame: str) -> Size:
        """Return ``(H, W)`` as the header of a frame's file states it.

        Raises:
            InputError: the file is missing or no image.
        """
        return image_size(self.folder / video / f"{frame}.png")

    def labels(self, video: str, frame: str, size: Size | None = None) -> LabelMap:
        """Return the label map of a frame.

        Args:
            video: Name of a video.
            frame: Name of one of its frames.
            size: ``(H, W)`` that the map must have; by default any.

        Returns:
            ``(H, W)`` uint8, 0..K-1.

        Raises:
            InputError: the file is missing, damaged or of several channels, of another size, or holds an id that is no
                class. Void is no prediction either.
        """
        path = self.folder / video / f"{frame}.png"
        ids = _read(path)
        fix = f"write class ids 0..{self.num_classes - 1}, not the raw values of the masks and no void."
        most = int(ids.max(initial=0))
        expected = f"ids 0..{self.num_classes - 1}"
        require(most < self.num_classes, "label map", expected=expected, got=most, where=path, fix=fix)
        if size is not None:
            check_shape("label map", ids.shape, size, where=path)
        return ids


def write_png_predictions(folder: str | Path, video: str, frame: str, ids: LabelMap, num_classes: int = 124) -> Path:
    """Write one label map as ``<folder>/<video>/<frame>.png``, a grey PNG of class ids.

    Args:
        folder: Where the videos' folders stand; made when it is not there.
        video: Name of the video.
        frame: Name of the frame.
        ids: ``(H, W)`` uint8, 0..K-1.
        num_classes: Classes K.

    Returns:
        Path of the file, which is there whole or not at all.

    Raises:
        InputError: wrong ids, or the file cannot be written.
    """
    check_shape("label map", ids.shape, ("H", "W"))
    valid = ids.dtype == np.uint8 and int(ids.max(initial=0)) < num_classes
    got = f"{ids.dtype} up to {ids.max(initial=0)}"
    require(valid, "label map", expected=f"uint8 ids 0..{num_classes - 1}", got=got, where=f"{video}/{frame}")
    path = Path(folder) / video / f"{frame}.png"
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(ids).save(temporary, format="png")
        temporary.replace(path)
    except OSError as error:
        fail(
            "label map",
            expected="room for a file",
            got=error.strerror or error,
            where=path,
            fix="choose another place.",
        )
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def _stems(folder: Path) -> list[str]:
    """Return the stems of the PNGs in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.png") if not path.name.startswith("."))


def _read(path: Path) -> LabelMap:
    """Read a PNG of one 8-bit channel, palette or grey."""
    try:
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError:
        fail("label map", expected="a file", got="nothing there", where=path)
    except UNREADABLE as error:
        fail("label map", expected="a whole PNG", got=error, where=path, fix="write the file again.")
    fix = "write class ids in one channel; colours cannot be turned back into ids."
    require(image.mode in {"L", "P"}, "label map", expected="one 8-bit channel", got=image.mode, where=path, fix=fix)
    return np.array(image)
