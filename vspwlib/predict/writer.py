"""Write one video of a score store, frame by frame."""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from vspwlib.checks import check_shape, require
from vspwlib.predict.blend import grid_size
from vspwlib.predict.scores import Scores, Size
from vspwlib.predict.store_files import CHUNK_NAMES, array_name, faults, node_name

DEEPEST = -6e4  # fp16 ends at -65504


class VideoWriter:
    """A video on its way into the store; it is there only after :meth:`close`.

    A class because frames come one by one from a predictor that knows their sizes only then.

    Args:
        root: Root group of the store, open for writing.
        url: Where the store is, for messages.
        video: Name of the video; what an unfinished write left of it is removed.
        frames: Names of all its frames.
        num_classes: Classes K of the store.
    """

    def __init__(self, root: Any, url: str, video: str, frames: Sequence[str], num_classes: int) -> None:
        distinct = len(set(frames)) == len(frames) > 0
        require(distinct, "frames", expected="distinct names, at least one", got=f"{len(frames)} names", where=video)
        self.place = f"{url}/{node_name(video)}"
        self._video, self._frames, self._num_classes = video, list(frames), num_classes
        self._sizes: list[Size] = []
        self._crc32: list[int] = []
        self._arrays: dict[Size, Any] = {}
        with faults(self.place):
            self._group = root.create_group(node_name(video), overwrite=True)

    def add(self, size: Size, scores: Scores) -> None:
        """Write the next frame.

        Args:
            size: ``(H, W)`` of the frame.
            scores: ``(K, ceil(H/4), ceil(W/4))`` floating point, on any device.

        Raises:
            InputError: more frames than named, a wrong shape, scores that are not finite, or a full disk.
        """
        row = len(self._sizes)
        require(row < len(self._frames), "video", expected=f"{len(self._frames)} frames", got="more", where=self.place)
        values = pack(scores, size, self._num_classes, where=f"{self._video}/{self._frames[row]}")
        with faults(self.place):
            if size not in self._arrays:
                self._arrays[size] = self._create_array(size)
            self._arrays[size][row] = values
        self._sizes.append(size)
        self._crc32.append(zlib.crc32(values.data))

    def close(self) -> dict[str, Any]:
        """Mark the video as complete and return its attributes.

        Raises:
            InputError: frames are missing; the video stays unfinished.
        """
        want, got = len(self._frames), len(self._sizes)
        require(want == got, "video", expected=f"{want} frames", got=got, where=self.place)
        sizes = [list(map(int, size)) for size in self._sizes]
        attributes = {"video": self._video, "frames": self._frames, "sizes": sizes, "crc32": self._crc32}
        with faults(self.place):
            self._group.attrs.update({**attributes, "complete": True})
        return attributes

    def _create_array(self, size: Size) -> Any:
        """Create the array for the frames of one size."""
        from zarr.codecs import Crc32cCodec, ZstdCodec

        grid = (*grid_size(*size), self._num_classes)
        return self._group.create_array(
            array_name(size),
            shape=(len(self._frames), *grid),
            chunks=(1, *grid),
            dtype="float16",
            fill_value=np.nan,  # tells a chunk that was never written, or is lost, from scores
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            chunk_key_encoding=CHUNK_NAMES,
            dimension_names=("frame", "y", "x", "class"),
        )


def pack(scores: Scores, size: Size, num_classes: int, *, where: str = "") -> npt.NDArray[np.float16]:
    """Return scores as they are stored: pixel-major, less the highest of each point, fp16.

    Args:
        scores: ``(K, h, w)`` floating point, tensor on any device or array.
        size: ``(H, W)`` of the frame.
        num_classes: Classes K.
        where: Video and frame, for the message.

    Returns:
        ``(h, w, K)`` float16, between -60 000 and 0; lower values, minus infinity too, are clipped.

    Raises:
        InputError: another shape than the frame's grid, or a point whose highest score is infinite or not a number.
    """
    check_shape("scores", scores.shape, (num_classes, *grid_size(*size)), where=where)
    values = (torch.from_numpy(scores) if isinstance(scores, np.ndarray) else scores.detach()).float()
    top = values.amax(dim=0)
    fix = "the weights may have diverged; look at the training log."
    require(bool(top.isfinite().all()), "scores", expected="finite numbers", got="inf or NaN", where=where, fix=fix)
    return (values - top).clamp_(min=DEEPEST).half().permute(1, 2, 0).contiguous().cpu().numpy()
