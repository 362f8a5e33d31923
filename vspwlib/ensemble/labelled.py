"""Frames with their truth, as searches of weights take them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vspwlib.ensemble.joint import JointFrame


class LabelledFrame(NamedTuple):
    """A frame of N runs with its truth, (H, W) uint8 ids, 255 void."""

    video: str
    frame: JointFrame
    truth: NDArray[np.uint8]


Frames = Callable[[], Iterable[LabelledFrame]]
"""Makes an iterator over the labelled frames; called once a step."""
