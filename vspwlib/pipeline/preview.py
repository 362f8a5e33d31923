"""Fuse single frames of stored predictions, and read single pixels, to be looked at."""

import numpy as np
import numpy.typing as npt
import torch

from vspwlib.ensemble.sweep import Envelope, envelope_of_scores
from vspwlib.predict.scores import scores_at
from vspwlib.predict.store import ScoreStore


def fused_frame(first: ScoreStore, second: ScoreStore, video: str, frame: str) -> Envelope:
    """Find the labels of a frame under P = tau*P1 + (1-tau)*P2 for every tau.

    Args:
        first: Predictions of P1.
        second: Predictions of P2 on the same split.
        video: Name of the video.
        frame: Name of the frame.

    Returns:
        Its envelope; ``.labels(tau)`` is the map (H, W) uint8 at a tau.

    Raises:
        InputError: when a store lacks the frame.
    """
    scores = [store.scores(video, frame) for store in (first, second)]
    return envelope_of_scores(scores[0], scores[1], first.size(video, frame))


def probabilities_at(store: ScoreStore, video: str, frame: str, x: int, y: int) -> npt.NDArray[np.float32]:
    """Return P at one pixel of a frame.

    Args:
        store: Predictions of a run.
        video: Name of the video.
        frame: Name of the frame.
        x: Column of the pixel.
        y: Row of the pixel.

    Returns:
        ``(K,)`` float32, as :func:`vspwlib.predict.scores.probabilities` has it there.
    """
    row, column = torch.tensor([float(y)]), torch.tensor([float(x)])
    at = scores_at(store.scores(video, frame), store.size(video, frame), row, column)
    return at[0].softmax(-1).numpy()
