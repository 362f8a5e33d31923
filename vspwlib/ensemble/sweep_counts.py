"""What a sweep counts of some videos: parts of a split merge, and the result follows from the whole.

Merged counts give the result of one sweep over all, to the last bit. Up to :data:`~vspwlib.ensemble.curve.MOST` steps
the curves of the videos are kept apart and put together in the order of the split, as one sweep does; beyond, steps lie
on a grid of tau, where their sums do not depend on any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble.curve import TauCounts, TauCurve
from vspwlib.ensemble.interval import STEPS, StepCounts, tau_intervals
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.iou import ClassCounts

_CURVE: dict[str, type] = {"time": np.float64, "number": np.uint8, "hits": np.int8, "predicted": np.int8}


class VideoSweep(NamedTuple):
    """What is kept of a video.

    Attributes:
        miou: (T,) float64, mIoU at the tau written down.
        best: Its best tau and the mIoU there.
        counts: Its counts at hundredths of tau.
    """

    miou: NDArray[np.float64]
    best: tuple[float, float]
    counts: StepCounts


@dataclass(eq=False)
class SweepCounts:
    """Counts of videos at every tau; a part of a split, or the whole. It fills up video by video.

    Attributes:
        taus: T weights of the first run at which scores are written down.
        whole: Counts over all videos.
        videos: What is kept of each video with a true frame, in the order of the split.
        scored: Frames with truth.
        without_truth: Frames left out because there is no truth for them.
    """

    taus: tuple[float, ...]
    whole: TauCounts
    videos: dict[str, VideoSweep]
    scored: int = 0
    without_truth: int = 0

    def add(self, video: str, curve: TauCurve) -> None:
        """Add a video."""
        counts = StepCounts.of(curve.counts_at(STEPS))
        self.videos[video] = VideoSweep(means(curve.at(self.taus)), curve.best(), counts)
        self.whole.add_curve(curve)

    def result(self) -> SweepResult:
        """Return the scores.

        Raises:
            InputError: there is no true pixel.
        """
        curve = self.whole.curve() if self.scored else None
        if curve is None or not curve.start.truth.any():
            fail("sweep", expected="frames with truth", got="no true pixel", fix="sweep a split with masks.")
        per_class, best = curve.at(self.taus), curve.best()
        return SweepResult(
            taus=self.taus,
            miou=means(per_class),
            per_class=per_class,
            per_video={name: video.miou for name, video in self.videos.items()},
            best=best,
            best_per_class=np.array([curve.best_of_class(number) for number in range(per_class.shape[1])]),
            best_per_video={name: video.best for name, video in self.videos.items()},
            mean_miou=curve.miou(0.5),  # equation (6) for two runs
            vote_miou=curve.miou(1.0),  # a tie between two votes goes to the first run
            resolution=curve.resolution,
            frames_scored=self.scored,
            frames_without_truth=self.without_truth,
            intervals=tau_intervals([video.counts for video in self.videos.values()], per_class.shape[1], best),
        )

    @classmethod
    def merged(cls, parts: Iterable["SweepCounts"], order: Sequence[str]) -> Self:
        """Return the counts over all parts; they are taken one by one.

        Args:
            parts: At least one, all at the same tau.
            order: Names of the videos in the order of the split.

        Raises:
            InputError: there is none, or a video is in two of them.
        """
        found: Self | None = None
        videos: dict[str, VideoSweep] = {}
        curves: dict[str, TauCurve] = {}
        for part in parts:
            if found is None:
                whole = part.whole
                found = cls(part.taus, TauCounts(whole.num_classes, most=whole.most, cells=whole.cells), {})
            twice = sorted(videos.keys() & part.videos.keys())
            require(not twice, "sweep", expected="parts without common videos", got=f"{', '.join(twice)} in two")
            videos |= part.videos
            found.scored, found.without_truth = found.scored + part.scored, found.without_truth + part.without_truth
            if len(part.whole.parts) == len(part.videos):
                curves |= dict(zip(part.videos, part.whole.parts, strict=True))
            else:  # on the grid
                found._add_curves(part.whole.parts)
            if sum(len(curve.time) for curve in curves.values()) > found.whole.most:  # they go to the grid anyway
                found._add_curves(curves.values())
                curves = {}
        if found is None:
            fail("sweep", expected="at least one part", got="none")
        found.videos = {name: videos[name] for name in order if name in videos}
        found._add_curves(curves[name] for name in order if name in curves)
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays, for ``numpy.savez``."""
        rows, pieces, classes = list(self.videos.values()), self.whole.parts, self.whole.num_classes
        return {
            "taus": np.array(self.taus, np.float64),
            "frames": np.array([self.scored, self.without_truth]),
            "bounds": np.array([classes, self.whole.most, self.whole.cells]),
            "videos": np.array(list(self.videos), np.str_),
            "miou": np.array([row.miou for row in rows], np.float64).reshape(len(rows), len(self.taus)),
            "best": np.array([row.best for row in rows], np.float64).reshape(len(rows), 2),
            "step_lengths": np.array([len(row.counts.classes) for row in rows], np.int64),
            "step_classes": _joined([row.counts.classes for row in rows], np.int64),
            "step_counts": _joined([row.counts.counts for row in rows], np.uint32, (len(STEPS), 3)),
            "lengths": np.array([len(piece.time) for piece in pieces], np.int64),
            "starts": np.array([astuple(piece.start) for piece in pieces], np.int64).reshape(len(pieces), 3, classes),
            "resolutions": np.array([piece.resolution for piece in pieces], np.float64),
            **{name: _joined([getattr(piece, name) for piece in pieces], kind) for name, kind in _CURVE.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Rebuild counts from :meth:`to_arrays`."""
        classes, most, cells = arrays["bounds"].tolist()
        counts = cls(tuple(arrays["taus"].tolist()), TauCounts(classes, most=most, cells=cells), {})
        counts.scored, counts.without_truth = arrays["frames"].tolist()
        cuts = np.cumsum(arrays["step_lengths"])[:-1]
        steps = zip(np.split(arrays["step_classes"], cuts), np.split(arrays["step_counts"], cuts, axis=-1), strict=True)
        rows = zip(arrays["videos"].tolist(), arrays["miou"], arrays["best"].tolist(), steps, strict=False)
        for name, scores, (tau, score), (numbers, pixels) in rows:  # none without videos: there is always one piece
            counts.videos[name] = VideoSweep(scores, (tau, score), StepCounts(numbers, pixels))
        begin = 0
        for length, start, fineness in zip(*(arrays[key] for key in ("lengths", "starts", "resolutions")), strict=True):
            own = slice(begin, begin := begin + int(length))
            time, number, hits, predicted = (arrays[name][own] for name in _CURVE)
            counts.whole.add_curve(TauCurve(ClassCounts(*start), time, number, hits, predicted, float(fineness)))
        return counts

    def _add_curves(self, curves: Iterable[TauCurve]) -> None:
        for curve in curves:
            self.whole.add_curve(curve)


def means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row, classes without truth (nan) left out; nan where there is nothing else."""
    there = ~np.isnan(rows)
    return np.where(there, rows, 0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan)


def _joined(arrays: Sequence[NDArray[Any]], kind: type, shape: tuple[int, ...] = ()) -> NDArray[Any]:
    """Return arrays one after the other along their last axis, an empty one where there are none."""
    return np.concatenate([np.empty((*shape, 0), kind), *arrays], axis=-1)
