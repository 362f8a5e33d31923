"""What a sweep of tau found. Opens without torch, so that reports and the app can read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_keys, check_range, reading, require
from vspwlib.ensemble.interval import TauIntervals
from vspwlib.metrics.summary import MOST_CLASSES

PAPER_TAUS = tuple(step / 10 for step in range(11))
"""The weights of the first run in Table 4 of the paper: 0.0, 0.1 … 1.0."""

GRID = tuple(step / 1000 for step in range(1001))
"""Where the curves of a sweep are written down: 0.0, 0.001 … 1.0; the paper's eleven are among them."""

SCHEMA = 2
_FIX = "run `vspw ensemble sweep` again."
_DIGITS = 9  # of a score in JSON, far below what one pixel of a large split changes


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Scores of P = tau*P1 + (1-tau)*P2 on a split, and of the mean and the vote of the two runs.

    Attributes:
        taus: T weights of the first run named.
        miou: (T,) float64 in 0..1, over all pixels of the split.
        per_class: (T, C) float64, IoU of each class, nan where it has no true pixel.
        per_video: mIoU of each video at each tau, (T,) float64, nan in a video without a true pixel.
        best: The tau with the highest mIoU of all tau, not of those above alone, and that mIoU.
        best_per_class: (C, 2) float64, the same of each class and its IoU; nan where it has no true pixel.
        best_per_video: The same of each video and its mIoU.
        mean_miou: mIoU of (P1 + P2) / 2.
        vote_miou: mIoU of the majority vote, which two runs of equal weight decide for the first.
        resolution: 0 where every tau was looked at; else multiples of it were (:mod:`vspwlib.ensemble.curve`).
        frames_scored: Frames with truth.
        frames_without_truth: Frames left out because there is no truth for them.
        upper_bound: Whether the best tau was picked on this very split, so that its score cannot be expected elsewhere.
        intervals: Where the best tau and its score fall when videos are drawn anew; None in older files.
    """

    taus: tuple[float, ...]
    miou: NDArray[np.float64]
    per_class: NDArray[np.float64]
    per_video: Mapping[str, NDArray[np.float64]]
    best: tuple[float, float]
    best_per_class: NDArray[np.float64]
    best_per_video: Mapping[str, tuple[float, float]]
    mean_miou: float
    vote_miou: float
    frames_scored: int
    resolution: float = 0.0
    frames_without_truth: int = 0
    upper_bound: bool = True
    intervals: TauIntervals | None = None

    @property
    def best_tau(self) -> float:
        """The tau with the highest mIoU, the lowest of several."""
        return self.best[0]

    @property
    def best_miou(self) -> float:
        """The highest mIoU over all tau; see ``upper_bound``."""
        return self.best[1]

    def at(self, tau: float) -> float:
        """Return the mIoU at one of :attr:`taus`.

        Raises:
            InputError: it is none of them.
        """
        require(tau in self.taus, "tau", expected=f"one of {len(self.taus)} from {self.taus[0]:g} on", got=tau)
        return float(self.miou[self.taus.index(tau)])

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain lists and numbers (schema 2), for ``json.dump``; nan becomes null.

        Curves are rounded to nine digits; classes without a true pixel are left out.
        """
        there = np.flatnonzero(~np.isnan(self.per_class).all(axis=0))
        return {
            "schema": SCHEMA,
            "num_classes": self.per_class.shape[1],
            "taus": list(self.taus),
            "miou": _rounded(self.miou),
            "best": {"tau": self.best_tau, "miou": self.best_miou, "upper_bound": self.upper_bound},
            "mean_miou": self.mean_miou,
            "vote_miou": self.vote_miou,
            "resolution": self.resolution,
            "per_class": {str(number): _rounded(self.per_class[:, number]) for number in there},
            "per_video": {name: _rounded(row) for name, row in sorted(self.per_video.items())},
            "best_per_class": {str(number): self.best_per_class[number].tolist() for number in there},
            "best_per_video": {name: _with_null(np.array(best)) for name, best in sorted(self.best_per_video.items())},
            "intervals": None if self.intervals is None else self.intervals.to_json(),
            "frames_scored": self.frames_scored,
            "frames_without_truth": self.frames_without_truth,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: object = "") -> Self:
        """Rebuild a result from :meth:`to_json`.

        Args:
            data: The parsed JSON object.
            where: File it came from, for the message.

        Raises:
            InputError: If it is of another schema, incomplete, or its lists do not fit together.
        """
        check_keys("sweep", data, ("schema",), where=where)
        require(
            data["schema"] == SCHEMA, "sweep", expected=f"schema {SCHEMA}", got=data["schema"], where=where, fix=_FIX
        )
        keys = ("num_classes", "taus", "miou", "best", "mean_miou", "vote_miou", "per_class", "per_video")
        check_keys("sweep", data, keys, where=where)
        with reading("sweep", expected=f"scores of schema {SCHEMA}", where=where, fix=_FIX):
            taus, classes = tuple(map(float, data["taus"])), int(data["num_classes"])
            check_range("num_classes", classes, 1, MOST_CLASSES, where=where)
            per_class, best_per_class = np.full((len(taus), classes), np.nan), np.full((classes, 2), np.nan)
            for number, row in data["per_class"].items():
                per_class[:, int(number)] = row
                best_per_class[int(number)] = data["best_per_class"][number]
            result = cls(
                taus=taus,
                miou=np.array(data["miou"], np.float64),
                per_class=per_class,
                per_video={name: np.array(row, np.float64) for name, row in data["per_video"].items()},
                best=(float(data["best"]["tau"]), float(data["best"]["miou"])),
                best_per_class=best_per_class,
                best_per_video={
                    name: (_or_nan(tau), _or_nan(score)) for name, (tau, score) in data["best_per_video"].items()
                },
                mean_miou=float(data["mean_miou"]),
                vote_miou=float(data["vote_miou"]),
                frames_scored=int(data["frames_scored"]),
                resolution=float(data["resolution"]),
                frames_without_truth=int(data["frames_without_truth"]),
                upper_bound=bool(data["best"]["upper_bound"]),
                intervals=TauIntervals.from_json(data["intervals"]) if data.get("intervals") else None,
            )
            curves = (result.miou, result.per_class, *result.per_video.values())
            same = bool(result.taus) and all(len(curve) == len(result.taus) for curve in curves)
        require(same, "sweep", expected="one score a tau", got="other lengths", where=where, fix=_FIX)
        return result


def _rounded(row: NDArray[np.float64]) -> list[float | None]:
    return _with_null(np.round(row, _DIGITS))


def _with_null(row: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in row.tolist()]


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)
