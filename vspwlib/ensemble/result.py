"""What a sweep of tau found. Opens without torch, so that reports and the app can read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_keys, fail, require

PAPER_TAUS = tuple(step / 10 for step in range(11))
"""The weights of the first run in Table 4 of the paper: 0.0, 0.1 … 1.0."""

SCHEMA = 1


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Scores of P = tau*P1 + (1-tau)*P2 on a split, and of the mean and the vote of the two runs.

    Attributes:
        taus: T weights of the first run named.
        miou: (T,) float64 in 0..1, over all pixels of the split.
        per_class: (T, C) float64, IoU of each class, nan where it has no true pixel.
        per_video: mIoU of each video at each tau, (T,) float64, nan in a video without a true pixel.
        mean_miou: mIoU of (P1 + P2) / 2.
        vote_miou: mIoU of the majority vote, which two runs of equal weight decide for the first.
        frames_scored: Frames with truth.
        frames_without_truth: Frames left out because there is no truth for them.
        upper_bound: Whether the best tau was picked on this very split, so that its score cannot be expected elsewhere.
    """

    taus: tuple[float, ...]
    miou: NDArray[np.float64]
    per_class: NDArray[np.float64]
    per_video: Mapping[str, NDArray[np.float64]]
    mean_miou: float
    vote_miou: float
    frames_scored: int
    frames_without_truth: int = 0
    upper_bound: bool = True

    @property
    def best_tau(self) -> float:
        """The tau with the highest mIoU, the lowest of several."""
        return self.taus[int(self.miou.argmax())]

    @property
    def best_miou(self) -> float:
        """The highest mIoU over the taus; see ``upper_bound``."""
        return float(self.miou.max())

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain lists and numbers (schema 1), for ``json.dump``; nan becomes null."""
        return {
            "schema": SCHEMA,
            "taus": list(self.taus),
            "miou": self.miou.tolist(),
            "best": {"tau": self.best_tau, "miou": self.best_miou, "upper_bound": self.upper_bound},
            "mean_miou": self.mean_miou,
            "vote_miou": self.vote_miou,
            "per_class": [_with_null(row) for row in self.per_class],
            "per_video": {name: _with_null(row) for name, row in sorted(self.per_video.items())},
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
        keys = ("schema", "taus", "miou", "best", "mean_miou", "vote_miou", "per_class", "per_video")
        check_keys("sweep", dict(data), keys, where=where)
        require(data["schema"] == SCHEMA, "sweep", expected=f"schema {SCHEMA}", got=data["schema"], where=where)
        try:
            result = cls(
                taus=tuple(map(float, data["taus"])),
                miou=np.array(data["miou"], np.float64),
                per_class=np.array(data["per_class"], np.float64),
                per_video={name: np.array(row, np.float64) for name, row in data["per_video"].items()},
                mean_miou=float(data["mean_miou"]),
                vote_miou=float(data["vote_miou"]),
                frames_scored=int(data["frames_scored"]),
                frames_without_truth=int(data["frames_without_truth"]),
                upper_bound=bool(data["best"]["upper_bound"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            fail("sweep", expected=f"scores of schema {SCHEMA}", got=repr(error), where=where, fix="sweep again.")
        curves = (result.miou, result.per_class, *result.per_video.values())
        same = bool(result.taus) and all(len(curve) == len(result.taus) for curve in curves)
        require(same, "sweep", expected="one score a tau", got="other lengths", where=where, fix="sweep again.")
        return result


def _with_null(row: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else value for value in row.tolist()]
