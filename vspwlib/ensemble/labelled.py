"""Frames with their truth, as searches of weights take them: what no weights change is counted once and put away."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape
from vspwlib.ensemble.joint import JointFrame
from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.metrics.iou import ClassCounts, confusion


class LabelledFrame(NamedTuple):
    """The open pixels of a frame of N runs that have a true class, and the counts of all others.

    Attributes:
        video: Name of the video.
        frame: A frame of one row, (1, D), of these pixels alone.
        truth: (1, D) uint8, their true classes.
        settled: Pixels per class of the rest of the frame.
    """

    video: str
    frame: JointFrame
    truth: NDArray[np.uint8]
    settled: ClassCounts


Frames = Callable[[], Iterable[LabelledFrame]]
"""Makes an iterator over the labelled frames; called once a step."""


def labelled_frame(
    video: str, frame: JointFrame, truth: NDArray[np.uint8], num_classes: int = NUM_CLASSES
) -> LabelledFrame:
    """Count what is settled in a frame, and keep what is open.

    Args:
        video: Name of the video.
        frame: The frame of N runs.
        truth: (H, W) uint8, ids 0..num_classes-1, 255 void.
        num_classes: Number of classes.

    Raises:
        InputError: a truth of another shape or with stray ids.
    """
    check_shape("truth", truth.shape, frame.agreed.shape, where=f"video {video}")
    true = truth.reshape(-1)[frame.pixel]
    rest = truth.copy()
    rest.reshape(-1)[frame.pixel] = VOID
    settled = ClassCounts.of(confusion(frame.agreed, rest, num_classes, where=video))
    judged, width = true != VOID, np.diff(frame.first)
    kept = np.repeat(judged, width)
    first = np.concatenate([[0], np.cumsum(width[judged], dtype=np.int64)])
    pixels = int(judged.sum())
    agreed = frame.agreed.reshape(-1)[frame.pixel[judged]][None]
    small = JointFrame(agreed, np.arange(pixels, dtype=np.int32), first, frame.number[kept], frame.probs[:, kept])
    return LabelledFrame(video, small, true[judged][None], settled)
