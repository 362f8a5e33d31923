"""Fuse single frames of stored predictions, to be looked at."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vspwlib.ensemble.fuse import fuse_pair
from vspwlib.predict.scores import probability_bands
from vspwlib.predict.store import ScoreStore


def fused_labels(
    first: ScoreStore, second: ScoreStore, video: str, frame: str, taus: Sequence[float]
) -> NDArray[np.uint8]:
    """Label a frame by P = tau*P1 + (1-tau)*P2, band by band, so that a large frame takes little memory.

    Args:
        first: Predictions of P1.
        second: Predictions of P2 on the same split.
        video: Name of the video.
        frame: Name of the frame.
        taus: Weights of the first run, each in 0..1.

    Returns:
        (T, H, W) uint8, one map a tau.

    Raises:
        InputError: when a store lacks the frame.
    """
    size = first.size(video, frame)
    bands = [probability_bands(store.scores(video, frame), size) for store in (first, second)]
    return np.concatenate([fuse_pair(p1, p2, taus).numpy() for (_, p1), (_, p2) in zip(*bands, strict=True)], axis=1)
