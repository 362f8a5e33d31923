"""Score the fusion of two runs over a grid of tau, frame by frame.

The taus share nearly all of the counting: pixels where both runs agree have one label for every tau and are counted
once; only disputed pixels are counted at each tau.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vspwlib.checks import check_shape, require
from vspwlib.ensemble.fuse import vote
from vspwlib.ensemble.pair import pair_labels
from vspwlib.ensemble.result import PAPER_TAUS, SweepResult
from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.metrics.iou import ClassCounts, confusion, iou_per_class, miou

PairFrame = tuple[str, str, Tensor, Tensor, NDArray[np.uint8] | None]
"""Video, frame, probabilities (K, H, W) of the first and the second run, true ids (H, W) with 255 void, or None."""

_MEAN_TAU = 0.5  # equation (6) for two runs


def sweep_grid(
    pairs: Iterable[PairFrame],
    taus: Sequence[float] = PAPER_TAUS,
    num_classes: int = NUM_CLASSES,
    *,
    progress: Callable[[str, str], None] | None = None,
) -> SweepResult:
    """Score P = tau*P1 + (1-tau)*P2 at every tau, and the mean and the vote of the two runs.

    Args:
        pairs: Frames with the probabilities of both runs, on CPU or GPU; a generator is read once, frame by frame.
            Frames without truth are left out, but counted.
        taus: Weights of the first run, each in 0..1.
        num_classes: Number of classes, K of the probabilities.
        progress: Called with the names of video and frame after each frame.

    Returns:
        The scores. The best tau is picked on the split it is scored on, hence an upper bound.

    Raises:
        InputError: If a frame comes twice, shapes do not fit, the truth holds a stray value, or there is no true pixel.

    Source:
        Table 4 of the paper.
    """
    taus = tuple(taus)
    counts: dict[str, NDArray[np.int64]] = {}
    seen: set[tuple[str, str]] = set()
    scored = 0
    for video, frame, p1, p2, truth in pairs:
        where = f"video {video}, frame {frame}"
        require((video, frame) not in seen, "frames", expected="every frame once", got="one twice", where=where)
        seen.add((video, frame))
        if truth is not None:
            check_shape("probabilities", p1.shape, (num_classes, *truth.shape), where=where)
            counts[video] = counts.get(video, 0) + _count_frame(p1, p2, truth, taus, where)
            scored += 1
        if progress:
            progress(video, frame)
    total = sum(counts.values(), np.zeros((len(taus) + 2, 3, num_classes), np.int64))
    require(
        bool(total.any()), "sweep", expected="frames with truth", got="no true pixel", fix="sweep a split with masks."
    )
    mious = _mious(total)
    return SweepResult(
        taus=taus,
        miou=mious[: len(taus)],
        per_class=np.stack([iou_per_class(ClassCounts(*row)) for row in total[: len(taus)]]),
        per_video={video: _mious(rows[: len(taus)]) for video, rows in counts.items()},
        mean_miou=float(mious[-2]),
        vote_miou=float(mious[-1]),
        frames_scored=scored,
        frames_without_truth=len(seen) - scored,
    )


def _count_frame(
    p1: Tensor, p2: Tensor, truth: NDArray[np.uint8], taus: tuple[float, ...], where: object
) -> NDArray[np.int64]:
    """Count one frame: (T + 2, 3, K) int64, the :class:`ClassCounts` at each tau, of the mean and of the vote."""
    num_classes = len(p1)
    pair = pair_labels(p1, p2, (*taus, _MEAN_TAU))
    disputed = pair.disputed.cpu().numpy()
    agreed = truth.copy()
    agreed.reshape(-1)[disputed] = VOID
    shared = _counts(confusion(pair.first.cpu().numpy(), agreed, num_classes, where=where))
    voted = vote([ids.flatten()[pair.disputed] for ids in (pair.first, pair.second)], num_classes)
    true = truth.reshape(-1)[disputed]
    variants = (*pair.labels.cpu().numpy(), voted.cpu().numpy())
    return np.stack([shared + _counts(confusion(labels, true, num_classes, where=where)) for labels in variants])


def _counts(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """(3, C) int64: intersection, truth, predicted."""
    counts = ClassCounts.of(matrix)
    return np.stack((counts.intersection, counts.truth, counts.predicted))


def _mious(rows: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([miou(ClassCounts(*row)) for row in rows])
