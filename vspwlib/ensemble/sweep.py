"""Sweep tau over a pair of runs: exact labels and scores of P = tau*P1 + (1-tau)*P2 for every tau, in one pass.

A frame's labels at all tau are its :class:`~vspwlib.ensemble.envelope.Envelope`; scores over frames as functions of tau
are a :class:`~vspwlib.ensemble.curve.TauCurve`. A sweep of a split takes both frame by frame.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble.curve import TauCounts, TauCurve, tau_curve
from vspwlib.ensemble.envelope import Envelope, envelope, envelope_of_bands
from vspwlib.ensemble.interval import STEPS, StepCounts, tau_intervals
from vspwlib.ensemble.result import GRID, PAPER_TAUS, SweepResult
from vspwlib.labels import NUM_CLASSES
from vspwlib.predict.scores import Scores, Size, probabilities, probability_bands

__all__ = [
    "GRID",
    "PAPER_TAUS",
    "Envelope",
    "SweepFrame",
    "TauCurve",
    "envelope",
    "envelope_of_scores",
    "sweep_frames",
    "tau_curve",
]


class _VideoScore(NamedTuple):
    """What is kept of a video: its mIoU at the tau written down, its best tau, and its counts at hundredths of tau."""

    miou: NDArray[np.float64]
    best: tuple[float, float]
    counts: StepCounts


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
        frames: Frames of one video after another; a generator is read once. Frames without truth are left out, but
            counted.
        num_classes: Number of classes.
        taus: Where the curves are written down, ascending, each in 0..1. The best tau are found among all.
        progress: Called with the names of video and frame after each frame.

    Returns:
        The scores. The best tau are picked on the split that they are scored on: upper bounds.

    Raises:
        InputError: If a frame comes twice or the frames of a video are apart, shapes do not fit, the truth holds a
            stray value, or there is no true pixel.

    Source:
        Table 4 of the paper has eleven tau.
    """
    whole, video_scores = TauCounts(num_classes), dict[str, _VideoScore]()
    names: set[tuple[str, str]] = set()
    own, scored = TauCounts(num_classes), 0
    current: str | None = None

    def finish(video: str | None, counts: TauCounts) -> None:
        if video is not None and counts.frames:
            curve = counts.curve()
            counts_drawn = StepCounts.of(curve.counts_at(STEPS))
            video_scores[video] = _VideoScore(_means(curve.at(taus)), curve.best(), counts_drawn)
            whole.add_curve(curve)

    for video, frame, found, truth in frames:
        where = f"video {video}, frame {frame}"
        require((video, frame) not in names, "frames", expected="every frame once", got="one twice", where=where)
        names.add((video, frame))
        if video != current:
            finish(current, own)
            require(
                video not in video_scores,
                "frames",
                expected="those of a video together",
                got=f"{video} again",
                where=where,
            )
            own, current = TauCounts(num_classes), video
        if truth is not None:
            own.add(found, truth, where=where)
            scored += 1
        if progress:
            progress(video, frame)
    finish(current, own)
    curve = whole.curve() if scored else None
    if curve is None or not curve.start.truth.any():
        fail("sweep", expected="frames with truth", got="no true pixel", fix="sweep a split with masks.")
    return _result(curve, taus, video_scores, scored, len(names) - scored)


def _result(
    curve: TauCurve,
    taus: Sequence[float],
    videos: dict[str, _VideoScore],
    scored: int,
    without_truth: int,
) -> SweepResult:
    per_class, best = curve.at(taus), curve.best()
    return SweepResult(
        taus=tuple(taus),
        miou=_means(per_class),
        per_class=per_class,
        per_video={name: video.miou for name, video in videos.items()},
        best=best,
        best_per_class=np.array([curve.best_of_class(number) for number in range(per_class.shape[1])]),
        best_per_video={name: video.best for name, video in videos.items()},
        mean_miou=curve.miou(0.5),  # equation (6) for two runs
        vote_miou=curve.miou(1.0),  # a tie between two votes goes to the first run
        resolution=curve.resolution,
        frames_scored=scored,
        frames_without_truth=without_truth,
        intervals=tau_intervals([video.counts for video in videos.values()], per_class.shape[1], best),
    )


def _means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row, classes without truth (nan) left out; nan where there is nothing else."""
    there = ~np.isnan(rows)
    return np.where(there, rows, 0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan)
