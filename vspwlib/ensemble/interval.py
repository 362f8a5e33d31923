"""How well a split tells the best tau: bootstrap over videos of the whole curve.

Each draw takes as many videos as there are, with replacement, adds up their counts at every tau of a grid and picks its
own best tau. If the best tau of the draws lie far apart, the split does not tell which tau is best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape
from vspwlib.metrics.bootstrap import (
    LEVEL,
    Interval,
    draw_videos,
    mean_of_classes,
    percentile_interval,
    resampled_iou,
)
from vspwlib.metrics.iou import ClassCounts, miou

DRAWS = 1000
STEPS = tuple(step / 100 for step in range(101))
"""Where curves are drawn anew: hundredths, finer than any interval of the best tau seen so far."""


class StepCounts(NamedTuple):
    """Counts of a video at each hundredth of tau. A video has a few of the classes, so the others are not kept.

    Attributes:
        classes: (c,) numbers of the classes that are true or predicted somewhere.
        counts: (101, 3, c) integers, the 3 being intersection, truth, predicted.
    """

    classes: NDArray[np.integer]
    counts: NDArray[np.integer]

    @classmethod
    def of(cls, counts: NDArray[np.integer]) -> Self:
        """Keep of (101, 3, C) counts those that are not 0, in four bytes: a video has less than 2**32 pixels."""
        classes = np.flatnonzero(counts.any(axis=(0, 1)))
        return cls(classes, counts[..., classes].astype(np.uint32))


@dataclass(frozen=True)
class TauIntervals:
    """A best tau, and where it and its score fall when videos are drawn anew. Ends are nan with fewer than five videos.

    Attributes:
        tau: The best tau; each draw picks its own, to hundredths.
        miou: mIoU at that tau, which stays the same in all draws. It was picked on these videos, so it is too high.
        gain: That mIoU less the higher one of the two runs alone, again at that tau.
    """

    tau: Interval
    miou: Interval
    gain: Interval

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers; ends that are nan become null."""
        rows = {name: getattr(self, name) for name in ("tau", "miou", "gain")}
        ends = {
            name: {"value": row.value, "low": row.low if row.judged else None, "high": row.high if row.judged else None}
            for name, row in rows.items()
        }
        return {"videos": self.tau.videos, "draws": DRAWS, "level": LEVEL, **ends}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Rebuild intervals from :meth:`to_json`."""
        nan = float("nan")

        def one(row: dict[str, Any]) -> Interval:
            low, high = (nan if row[end] is None else float(row[end]) for end in ("low", "high"))
            return Interval(float(row["value"]), low, high, int(data["videos"]))

        return cls(one(data["tau"]), one(data["miou"]), one(data["gain"]))


def tau_intervals(
    videos: Sequence[StepCounts], num_classes: int, best: tuple[float, float], *, seed: int = 0
) -> TauIntervals:
    """Bootstrap the best tau of a pair of runs.

    Args:
        videos: Counts of each video.
        num_classes: Number of classes C.
        best: The best tau on all videos and the mIoU there.
        seed: Of the draws.

    Returns:
        95 % percentile intervals. The score's are those at the hundredth next to the best tau, moved to its value.

    Raises:
        InputError: If the shapes do not fit, or there is no video.
    """
    for video in videos:
        check_shape("counts", video.counts.shape, (len(STEPS), 3, len(video.classes)))
    taken = draw_videos(len(videos), draws=DRAWS, seed=seed)

    def at_step(step: int) -> NDArray[np.int64]:
        dense = np.zeros((len(videos), 3, num_classes), np.int64)
        for own, video in zip(dense, videos, strict=True):
            own[:, video.classes] = video.counts[step]
        return dense

    curves = np.stack([mean_of_classes(resampled_iou(at_step(step), taken)) for step in range(len(STEPS))], axis=1)
    labelled = int(np.count_nonzero(at_step(0)[:, 1].any(axis=1)))
    taus = np.array(STEPS)[np.argmax(curves, axis=1)]
    taus[np.isnan(curves[:, 0])] = np.nan
    at = round(best[0] * (len(STEPS) - 1))
    second, there, first = (miou(ClassCounts(*at_step(step).sum(axis=0))) for step in (0, at, -1))
    gain, shift = best[1] - max(second, first), best[1] - there
    ends = np.maximum(curves[:, 0], curves[:, -1])

    def interval(value: float, drawn: NDArray[np.float64]) -> Interval:
        return percentile_interval(value, drawn, labelled)

    return TauIntervals(
        interval(best[0], taus), interval(best[1], curves[:, at] + shift), interval(gain, curves[:, at] + shift - ends)
    )
