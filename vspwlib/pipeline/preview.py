"""Fuse single frames of stored predictions, to be looked at."""

from vspwlib.ensemble.sweep import Envelope, envelope_of_scores
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
