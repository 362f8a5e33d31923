"""Sweep tau over a pair of runs: exact labels and scores of P = tau*P1 + (1-tau)*P2 for every tau, in one pass.

A frame's labels at all tau are its :class:`~vspwlib.ensemble.envelope.Envelope`; scores over frames as functions of tau
are a :class:`~vspwlib.ensemble.curve.TauCurve`. A sweep of a split takes both frame by frame.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble.curve import TauCounts, TauCurve, tau_curve
from vspwlib.ensemble.envelope import Envelope, envelope, envelope_of_bands
from vspwlib.ensemble.result import GRID, PAPER_TAUS, SweepResult
from vspwlib.ensemble.sweep_counts import SweepCounts
from vspwlib.labels import NUM_CLASSES
from vspwlib.predict.scores import Scores, Size, probabilities, probability_bands

__all__ = [
    "GRID",
    "PAPER_TAUS",
    "Envelope",
    "SweepFrame",
    "TauCurve",
    "count_frames",
    "envelope",
    "envelope_of_scores",
    "sweep_frames",
    "tau_curve",
]


SweepFrame = tuple[str, str, Envelope, NDArray[np.uint8] | None]
"""Video, frame, its labels at every tau, true ids (H, W) with 255 void, or None."""

_BAND = 2048  # pixels of a band, at least: 124 classes of two runs are 2 MB


def envelope_of_scores(first: Scores, second: Scores, size: Size, device: torch.device | str | None = None) -> Envelope:
    """Find the labels of a frame at every tau from the scores of two runs.

    Args:
        first: (K, h, w) scores of P1 (:mod:`vspwlib.predict.scores` says what P is).
        second: (K, h', w') scores of P2.
        size: (H, W) of the frame.
        device: Where to compute; None and the CPU take the frame in bands of rows, so that no (K, H, W) is held.

    Returns:
        The envelope, in main memory.

    Raises:
        InputError: a score is nan, or shapes differ.
    """
    for what, scores in (("first run", first), ("second run", second)):
        if np.isnan(float(scores.sum())):
            fail(what, expected="scores", got="nan")
    if device is not None and torch.device(device).type != "cpu":
        return envelope(probabilities(first, size, device), probabilities(second, size, device))
    rows = -(-_BAND // size[1])
    bands = [probability_bands(scores, size, rows=rows) for scores in (first, second)]
    return envelope_of_bands(((p1, p2) for (_, p1), (_, p2) in zip(*bands, strict=True)), size)


def sweep_frames(
    frames: Iterable[SweepFrame],
    num_classes: int = NUM_CLASSES,
    *,
    taus: Sequence[float] = GRID,
    progress: Callable[[str, str], None] | None = None,
) -> SweepResult:
    """Score a pair of runs at every tau, and their mean and vote.

    Args:
        frames: As :func:`count_frames` takes them.
        num_classes: Number of classes.
        taus: Where the curves are written down, ascending, each in 0..1. The best tau are found among all.
        progress: Called with the names of video and frame after each frame.

    Returns:
        The scores. The best tau are picked on the split that they are scored on: upper bounds.

    Raises:
        InputError: as :func:`count_frames`, or there is no true pixel.

    Source:
        Table 4 of the paper has eleven tau.
    """
    return count_frames(frames, num_classes, taus=taus, progress=progress).result()


def count_frames(
    frames: Iterable[SweepFrame],
    num_classes: int = NUM_CLASSES,
    *,
    taus: Sequence[float] = GRID,
    progress: Callable[[str, str], None] | None = None,
) -> SweepCounts:
    """Count what a pair of runs gets right at every tau, of whole videos.

    Args:
        frames: Frames of one video after another, or none; a generator is read once. Frames without truth are left out,
            but counted.
        num_classes: Number of classes.
        taus: Where the curves are written down, ascending, each in 0..1.
        progress: Called with the names of video and frame after each frame.

    Returns:
        The counts; those of other videos of the split can be merged with them.

    Raises:
        InputError: If a frame comes twice or the frames of a video are apart, shapes do not fit, or the truth holds a
            stray value.
    """
    counts = SweepCounts(tuple(taus), TauCounts(num_classes), {})
    names: set[tuple[str, str]] = set()
    own = TauCounts(num_classes)
    current: str | None = None

    def finish(video: str | None) -> None:
        if video is not None and own.frames:
            counts.add(video, own.curve())

    for video, frame, found, truth in frames:
        where = f"video {video}, frame {frame}"
        require((video, frame) not in names, "frames", expected="every frame once", got="one twice", where=where)
        names.add((video, frame))
        if video != current:
            finish(current)
            again, expected = video in counts.videos, "those of a video together"
            require(not again, "frames", expected=expected, got=f"{video} again", where=where)
            own, current = TauCounts(num_classes), video
        if truth is not None:
            own.add(found, truth, where=where)
            counts.scored += 1
        if progress:
            progress(video, frame)
    finish(current)
    counts.without_truth = len(names) - counts.scored
    return counts
