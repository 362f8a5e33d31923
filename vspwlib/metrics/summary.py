"""The score of a split as counts that add up, and the figures that follow from them.

A :class:`SplitScore` keeps what the scores are made of (pixels per video and class, the split's confusion, sums of clip
scores), not the scores. So shards of a split merge by ``+``, a file of it serves every later figure (per-class tables,
bootstrap over videos, confusion matrix), and none of it needs a pixel again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_keys, check_range, reading, require
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES
from vspwlib.metrics.consistency import CLIP_LENGTHS
from vspwlib.metrics.iou import ClassCounts, frequency_weighted_iou, iou_per_class, miou, pixel_accuracy

SCHEMA = 1
MOST_CLASSES = 1024  # of a file of counts: a confusion of more would be larger than a file of that name has any use for
_COUNTS = ("intersection", "truth", "predicted")


@dataclass(frozen=True)
class ClipSum:
    """Sum of clip scores and the number of clips in it; clips that score nan are not among them.

    >>> (ClipSum.of([1.0, float("nan")]) + ClipSum.of([0.5])).mean
    0.75
    """

    total: float = 0.0
    clips: int = 0

    @classmethod
    def of(cls, scores: Iterable[float]) -> Self:
        """Sum the scores of a video's clips."""
        there = [score for score in scores if score == score]  # noqa: PLR0124  nan differs from itself
        return cls(float(sum(there)), len(there))

    def __add__(self, other: Self) -> Self:
        """Sum over the clips of both."""
        return type(self)(self.total + other.total, self.clips + other.clips)

    @property
    def mean(self) -> float:
        """Mean clip score in 0..1, nan without a clip."""
        return self.total / self.clips if self.clips else float("nan")


@dataclass(frozen=True, eq=False)
class VideoScore:
    """Counts of one video.

    Attributes:
        counts: Pixels per class.
        consistency: Clip scores by clip length n.
        frames_scored: Frames with truth.
        frames_without_truth: Frames that could not be scored because there is no truth for them.
    """

    counts: ClassCounts
    consistency: Mapping[int, ClipSum] = field(default_factory=dict)
    frames_scored: int = 0
    frames_without_truth: int = 0


@dataclass(frozen=True, eq=False)
class SplitScore:
    """Counts of a split, by video.

    Attributes:
        videos: Counts of each video, by name.
        confusion: (C, C) int64 over all videos, rows truth.
    """

    videos: Mapping[str, VideoScore]
    confusion: NDArray[np.int64]

    @classmethod
    def empty(cls, num_classes: int = NUM_CLASSES) -> Self:
        """Return the score of no video, the neutral element of ``+``."""
        return cls({}, np.zeros((num_classes, num_classes), np.int64))

    def __add__(self, other: Self) -> Self:
        """Merge two shards of a split.

        Raises:
            InputError: If a video is in both (it would count twice), or the numbers of classes differ.
        """
        twice = sorted(self.videos.keys() & other.videos.keys())
        require(not twice, "scores", expected="shards without common videos", got=f"{', '.join(twice)} in both")
        sizes = len(self.confusion), len(other.confusion)
        require(sizes[0] == sizes[1], "scores", expected=f"{sizes[0]} classes", got=f"{sizes[1]} classes")
        return type(self)({**self.videos, **other.videos}, self.confusion + other.confusion)

    @property
    def counts(self) -> ClassCounts:
        """Pixels per class over all videos."""
        return ClassCounts.of(self.confusion)

    @property
    def frames_scored(self) -> int:
        """Frames with truth."""
        return sum(video.frames_scored for video in self.videos.values())

    @property
    def frames_without_truth(self) -> int:
        """Frames that no score is made of, because there is no truth for them."""
        return sum(video.frames_without_truth for video in self.videos.values())

    @property
    def miou(self) -> float:
        """Mean IoU over the classes with true pixels, in 0..1; nan when no pixel was counted."""
        return miou(self.confusion)

    def consistency(self, n: int) -> float:
        """VC_n over the clips of all videos, in 0..1; nan when there is no clip."""
        # Added up by name, so that the order of merging does not touch the last digit.
        sums = [self.videos[name].consistency.get(n, ClipSum()) for name in sorted(self.videos)]
        return sum(sums, ClipSum()).mean

    def summary(self) -> dict[str, Any]:
        """Figures for people and machines: fractions, ready for JSON, null where there is nothing to score.

        Returns:
            ``miou``, ``pixel_acc``, ``fwiou``, ``vc8``, ``vc16``; ``per_class``: IoU by class name; ``per_video``: mIoU
            by video; ``frames_scored``, ``frames_without_truth``.
        """
        ious = iou_per_class(self.confusion).tolist()
        return {
            "miou": _or_null(self.miou),
            "pixel_acc": _or_null(pixel_accuracy(self.confusion)),
            "fwiou": _or_null(frequency_weighted_iou(self.confusion)),
            **{f"vc{n}": _or_null(self.consistency(n)) for n in CLIP_LENGTHS},
            "per_class": {name: _or_null(iou) for name, iou in zip(_names(len(ious)), ious, strict=True)},
            "per_video": {name: _or_null(miou(self.videos[name].counts)) for name in sorted(self.videos)},
            "frames_scored": self.frames_scored,
            "frames_without_truth": self.frames_without_truth,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain lists and numbers (schema 1), for ``json.dump``; zero counts are left out."""
        rows, columns = self.confusion.nonzero()
        pixels = self.confusion[rows, columns]
        return {
            "schema": SCHEMA,
            "num_classes": len(self.confusion),
            "videos": {name: _video_to_json(self.videos[name]) for name in sorted(self.videos)},
            "confusion": {"truth": rows.tolist(), "predicted": columns.tolist(), "pixels": pixels.tolist()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: object = "") -> Self:
        """Rebuild a score from :meth:`to_json`.

        Args:
            data: The parsed JSON object.
            where: File it came from, for the message.

        Raises:
            InputError: If it is of another schema, incomplete, or its videos do not add up to its confusion.
        """
        check_keys("score", data, ("schema", "num_classes", "videos", "confusion"), where=where)
        require(data["schema"] == SCHEMA, "score", expected=f"schema {SCHEMA}", got=data["schema"], where=where)
        with reading("score", expected=f"counts of schema {SCHEMA}", where=where, fix="score again."):
            check_range("num_classes", data["num_classes"], 1, MOST_CLASSES, where=where)
            matrix = np.zeros((data["num_classes"],) * 2, np.int64)
            cells = data["confusion"]
            matrix[cells["truth"], cells["predicted"]] = cells["pixels"]
            videos = {name: _video_from_json(video, len(matrix)) for name, video in data["videos"].items()}
        score = cls(videos, matrix)
        total = sum((video.counts for video in videos.values()), ClassCounts.zeros(len(matrix)))
        same = all(np.array_equal(getattr(total, name), getattr(score.counts, name)) for name in _COUNTS)
        expected = "videos that add up to the confusion"
        require(same, "score", expected=expected, got="other sums", where=where, fix="score again.")
        return score


def _names(num_classes: int) -> tuple[str, ...]:
    return CLASS_NAMES if num_classes == NUM_CLASSES else tuple(map(str, range(num_classes)))


def _or_null(value: float) -> float | None:
    return None if np.isnan(value) else value


def _video_to_json(video: VideoScore) -> dict[str, Any]:
    classes = (video.counts.truth + video.counts.predicted).nonzero()[0]
    return {
        "frames_scored": video.frames_scored,
        "frames_without_truth": video.frames_without_truth,
        "classes": classes.tolist(),
        **{name: getattr(video.counts, name)[classes].tolist() for name in _COUNTS},
        "vc": {str(n): {"sum": vc.total, "clips": vc.clips} for n, vc in sorted(video.consistency.items())},
    }


def _video_from_json(data: Mapping[str, Any], num_classes: int) -> VideoScore:
    counts = ClassCounts.zeros(num_classes)
    for name in _COUNTS:
        getattr(counts, name)[data["classes"]] = data[name]
    consistency = {int(n): ClipSum(float(vc["sum"]), int(vc["clips"])) for n, vc in data["vc"].items()}
    return VideoScore(counts, consistency, int(data["frames_scored"]), int(data["frames_without_truth"]))
