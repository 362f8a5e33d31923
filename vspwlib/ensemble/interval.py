"""How well a split tells the best tau: bootstrap over videos of the whole curve.

Each draw takes as many videos as there are, with replacement, adds up their counts at every tau of a grid and picks its
own best tau. If the best tau of the draws lie far apart, the split does not tell which tau is best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape
from vspwlib.metrics.bootstrap import FEWEST_VIDEOS, LEVEL, Interval, draw_videos, percentile_interval

DRAWS = 1000
STEPS = tuple(step / 100 for step in range(101))
"""Where curves are drawn anew: hundredths, finer than any interval of the best tau seen so far."""

_BLOCK = 20_000_000  # counts of draws that are in memory at a time


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
    counts: Sequence[NDArray[np.integer]] | NDArray[np.integer], best: tuple[float, float], *, seed: int = 0
) -> TauIntervals:
    """Bootstrap the best tau of a pair of runs.

    Args:
        counts: Of each video (101, 3, C) integers, at each hundredth of tau: intersection, truth, predicted.
        best: The best tau on all videos and the mIoU there.
        seed: Of the draws.

    Returns:
        95 % percentile intervals. The score's are those at the hundredth next to the best tau, moved to its value.

    Raises:
        InputError: If the shapes do not fit, or there is no video.
    """
    per_video = np.asarray(counts, np.int64)
    check_shape("counts", per_video.shape, ("V", len(STEPS), 3, "C"))
    curves = resampled_curves(per_video, draw_videos(len(per_video), draws=DRAWS, seed=seed))
    videos = int(np.count_nonzero(per_video[:, 0, 1].any(axis=1)))
    taus = np.array(STEPS)[np.argmax(curves, axis=1)]
    taus[np.isnan(curves[:, 0])] = np.nan
    at = round(best[0] * (len(STEPS) - 1))
    ends = np.maximum(curves[:, 0], curves[:, -1])
    own = mean_curve(per_video.sum(axis=0)[None])[0]
    gain = best[1] - max(own[0], own[-1])
    shift = best[1] - own[at]

    def interval(value: float, drawn: NDArray[np.float64]) -> Interval:
        return percentile_interval(value, drawn, videos, fewest=FEWEST_VIDEOS)

    return TauIntervals(
        interval(best[0], taus), interval(best[1], curves[:, at] + shift), interval(gain, curves[:, at] + shift - ends)
    )


def resampled_curves(counts: NDArray[np.int64], taken: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mIoU of each draw at each tau.

    Args:
        counts: (V, T, 3, C) int64.
        taken: (draws, V) int64, how often each video was taken.

    Returns:
        (draws, T) float64, nan in a draw without a true pixel.
    """
    there = np.flatnonzero(counts[:, 0, 1].any(axis=0))
    flat = counts[..., there].reshape(len(counts), -1).astype(np.float64)  # for BLAS; whole numbers below 2**53 stay
    shape = (*counts.shape[1:3], len(there))
    rows = max(1, _BLOCK // max(1, flat.shape[1]))
    parts = [
        mean_curve((taken[start : start + rows].astype(np.float64) @ flat).reshape(-1, *shape))
        for start in range(0, len(taken), rows)
    ]
    return np.concatenate(parts)


def mean_curve(counts: NDArray[Any]) -> NDArray[np.float64]:
    """Return mIoU from (draws, T, 3, C) counts: (draws, T), over classes with true pixels; nan where there are none."""
    hits, truth, predicted = (counts[:, :, kind] for kind in range(3))
    there = truth > 0
    ious = np.where(there, hits / np.maximum(truth + predicted - hits, 1), 0.0)
    number = there.sum(axis=2)
    return np.where(number > 0, ious.sum(axis=2) / np.maximum(number, 1), np.nan)
