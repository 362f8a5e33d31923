"""Score predictions of a split against its truth, one frame in memory at a time."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import require
from vspwlib.labels import NUM_CLASSES, raw_to_id
from vspwlib.metrics.consistency import CLIP_LENGTHS, ConsistencyMeter
from vspwlib.metrics.iou import ClassCounts, confusion
from vspwlib.metrics.summary import ClipSum, SplitScore, VideoScore

ScoredFrame = tuple[str, NDArray[np.integer], NDArray[np.uint8] | None]
"""Name of a frame, its predicted ids (H, W) in 0..123, its truth (H, W) as raw values of the mask file, or None."""

OnFrame = Callable[[str, str, NDArray[np.int64]], None]


def score_split(
    videos: Iterable[tuple[str, Iterable[ScoredFrame]]],
    *,
    clip_lengths: Sequence[int] = CLIP_LENGTHS,
    progress: Callable[[str, str], None] | None = None,
    on_frame: OnFrame | None = None,
) -> SplitScore:
    """Score videos of predictions; frames and videos may be generators, each is read once.

    Frames without truth are not scored, but counted. Consistency runs over the frames that have one, as the official
    script does when it lists the files of a video's ``mask/``; a missing *prediction* is for the caller to refuse.

    Args:
        videos: (name, frames) of each video, the frames in the order of their names.
        clip_lengths: The n of VC_n; none for splits that were not filmed at VSPW's 15 frames a second, where VC says
            nothing.
        progress: Called with the names of video and frame after each frame.
        on_frame: Called with the names of video and frame and the (C, C) confusion of each frame that has a truth.

    Returns:
        The counts of the split.

    Raises:
        InputError: If a video comes twice, its frames are not in the order of their names, or a map is refused by
            :func:`~vspwlib.metrics.iou.confusion`; the message names video and frame.

    >>> truth = np.array([[1, 2], [0, 255]], np.uint8)
    >>> score = score_split([("walk", [("00000001", np.array([[0, 0], [9, 9]]), truth)])])
    >>> score.miou, score.frames_scored
    (0.25, 1)
    """
    scored: dict[str, VideoScore] = {}
    total = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    for name, frames in videos:
        require(name not in scored, "videos", expected="every video once", got=f"{name} twice")
        scored[name], matrix = _score_video(name, frames, clip_lengths, progress, on_frame)
        total += matrix
    return SplitScore(scored, total)


def _score_video(
    video: str,
    frames: Iterable[ScoredFrame],
    clip_lengths: Sequence[int],
    progress: Callable[[str, str], None] | None,
    on_frame: OnFrame | None,
) -> tuple[VideoScore, NDArray[np.int64]]:
    """Score one video; return its counts and its confusion."""
    matrix = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    meter = ConsistencyMeter(clip_lengths)
    scored = missing = 0
    previous = ""
    for frame, pred, raw_truth in frames:
        where = f"video {video}, frame {frame}"
        got = f"{frame} after {previous}"
        require(previous < frame, "frames", expected="names in ascending order", got=got, where=f"video {video}")
        previous = frame
        if raw_truth is None:
            missing += 1
        else:
            own = confusion(pred, raw_to_id(raw_truth), where=where)
            matrix += own
            if on_frame:
                on_frame(video, frame, own)
            meter.add(pred, raw_truth, where=where)
            scored += 1
        if progress:
            progress(video, frame)
    consistency = {n: ClipSum.of(meter.scores(n)) for n in clip_lengths}
    return VideoScore(ClassCounts.of(matrix), consistency, scored, missing), matrix
