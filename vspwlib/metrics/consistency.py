"""Video consistency VC_n: of the pixels whose truth stays constant over n frames, the share whose prediction does too.

The prediction need not be right, only constant. Rules are those of the official script (VSPW-dataset/VSPW_code,
``VC_perclip.py``), its oddities included, since published numbers rest on them:

- the clips of a video with T frames start at 0..T-n-1: the last possible one, at T-n, is left out;
- a video with T <= n frames has none;
- truth is compared raw: "others" (0) and void (255) count as values like any other;
- a clip without a constant true pixel scores nan, and VC_n is the mean over all other clips of all videos.

The script compares every frame of a clip with its first, n-1 comparisons a clip. Here each pixel carries the length of
its current run of equal values, so a frame costs the same for every n, and one pass serves several n.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vspwlib.checks import check_range, check_shape, require

CLIP_LENGTHS = (8, 16)
"""The n of VC8 and VC16."""


class ConsistencyMeter:
    """Clip scores of one video, fed frame by frame, so that no video has to fit in memory.

    >>> meter = ConsistencyMeter(lengths=(2,))
    >>> for ids, raw in (([[0, 1]], [[5, 5]]), ([[0, 2]], [[5, 5]]), ([[0, 2]], [[5, 5]])):
    ...     meter.add(ids, raw)
    >>> meter.scores(2)
    [0.5]
    """

    def __init__(self, lengths: Sequence[int] = CLIP_LENGTHS) -> None:
        for n in lengths:
            check_range("clip length", n, 1)
        self._scores: dict[int, list[float]] = {n: [] for n in lengths}
        self._cap = max(lengths, default=1) - 1  # a longer run tells nothing more
        self._frames = 0
        nothing = np.zeros((0, 0), np.uint8)
        self._pred: NDArray[Any] = nothing
        self._truth: NDArray[Any] = nothing
        self._true_run: NDArray[np.unsignedinteger] = nothing
        self._both_run: NDArray[np.unsignedinteger] = nothing

    def add(self, pred: ArrayLike, truth: ArrayLike, *, where: object = "") -> None:
        """Take the next frame of the video.

        Args:
            pred: (H, W) predicted ids, any integers.
            truth: (H, W) raw values of the mask file.
            where: Video and frame, for the message.

        Raises:
            InputError: If the two shapes differ from each other or from those of the frames before.
        """
        pred, truth = np.array(pred), np.array(truth)  # copies: they are compared with the next frame's
        if self._frames == 0:
            self._true_run = np.zeros(truth.shape, np.min_scalar_type(self._cap + 1))
            self._both_run = self._true_run.copy()
        check_shape("prediction", pred.shape, self._true_run.shape, where=where)
        check_shape("truth", truth.shape, self._true_run.shape, where=where)
        if self._frames:
            true_same = truth == self._truth
            self._extend(self._true_run, true_same)
            self._extend(self._both_run, true_same & (pred == self._pred))
        self._pred, self._truth = pred, truth
        self._frames += 1
        for n, scores in self._scores.items():
            if self._frames >= n:
                scores.append(self._score(n))

    def scores(self, n: int) -> list[float]:
        """Scores of the clips of ``n`` frames seen so far, each in 0..1 or nan, without the last possible clip."""
        return self._scores[n][:-1]

    def _extend(self, run: NDArray[np.unsignedinteger], same: NDArray[np.bool_]) -> None:
        """Lengthen by one the runs of pixels that stayed the same, end the others."""
        run += 1
        np.minimum(run, self._cap, out=run)
        run *= same

    def _score(self, n: int) -> float:
        """Score the clip that ends here: a pixel is constant over n frames when it has not changed n-1 times."""
        constant = np.count_nonzero(self._true_run >= n - 1)
        kept = np.count_nonzero(self._both_run >= n - 1)
        return float(kept / constant) if constant else float("nan")


def clip_scores(preds: ArrayLike, truths: ArrayLike, n: int) -> list[float]:
    """Score every clip of ``n`` consecutive frames of a video.

    Args:
        preds: (T, H, W) predicted ids, any integers.
        truths: (T, H, W) raw values of the mask files (not ids: 0 and 255 differ here).
        n: Frames in a clip, 8 or 16 in VSPW's tables.

    Returns:
        max(T - n, 0) scores, each in 0..1 or nan (no pixel of the clip has a constant truth).

    Raises:
        InputError: If the shapes differ or are not (T, H, W), or n < 1.

    Source:
        VSPW-dataset/VSPW_code, ``VC_perclip.py``.

    >>> clip_scores([[[0, 1]], [[0, 2]], [[0, 2]]], [[[5, 5]], [[5, 5]], [[5, 6]]], n=2)
    [0.5]
    """
    preds, truths = np.asarray(preds), np.asarray(truths)
    check_shape("predictions", preds.shape, ("T", "H", "W"))
    require(
        preds.shape == truths.shape, "truths", expected=f"shape {preds.shape}, as the predictions", got=truths.shape
    )
    meter = ConsistencyMeter((n,))
    for pred, truth in zip(preds, truths, strict=True):
        meter.add(pred, truth)
    return meter.scores(n)


def video_consistency(videos: Iterable[Iterable[float]]) -> float:
    """Mean score over the clips of all videos, pooled, so that long videos weigh more.

    Args:
        videos: The clip scores of each video; nan scores are left out.

    Returns:
        VC_n in 0..1, nan when there is no clip.

    >>> video_consistency([[1.0, 0.5, float("nan")], [], [0.0]])
    0.5
    """
    pooled = np.array([score for scores in videos for score in scores], np.float64)
    pooled = pooled[~np.isnan(pooled)]
    return float(pooled.mean()) if pooled.size else float("nan")
