"""Smooth stored predictions over time: mix into each frame what its neighbours say, along optical flow."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.data.images import read_image
from vspwlib.data.index import Frame, Video
from vspwlib.pipeline.derived import Derivation, Progress, Written, members, write_derived
from vspwlib.pipeline.sources import open_alike
from vspwlib.predict.flow import Flow, Neighbour, optical_flow, smoothed_labels, smoothed_scores
from vspwlib.predict.labels import LabelMap
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace


def write_smoothed(
    workspace: Workspace,
    run: str,
    split: str,
    name: str,
    *,
    reach: int = 1,
    weight: float = 0.5,
    threshold: float = 1.0,
    data: Path | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Smooth the predictions of a run along optical flow (:mod:`vspwlib.predict.flow`), on the CPU.

    Flow is estimated between whole frames as they are stored. The label maps are those of the mean at full resolution;
    the store holds its logarithm at the points of the stride-4 grid.

    Args:
        workspace: Where the predictions lie and the new ones go.
        run: Run or ensemble with scores.
        split: Split that it has predicted.
        name: Name of the new predictions.
        reach: Stored frames to either side that are mixed in, whatever holes their numbers have.
        weight: Of each neighbour, the frame itself having 1.
        threshold: Pixels by which flow there and back may miss; beyond, a neighbour does not count.
        data: The data set; by default the one that was predicted.
        overwrite: Drop what stands under that name instead of going on with it.
        progress: Called with frames done, kept ones included, and frames in all.

    Raises:
        InputError: the predictions are missing, unfinished or hard, or a frame cannot be read; a number out of range;
            the name is taken. Nothing has been written then but whole videos.
    """
    check_range("--reach", reach, 1, 16)
    check_range("--weight", weight, 0)
    check_range("--threshold", threshold, 0)
    require(math.isfinite(weight), "--weight", expected="a finite number", got=weight)
    sources, root, frames = open_alike(workspace, [run], split, data=data)
    settings = {"reach": reach, "weight": weight, "threshold": threshold}
    options = " ".join(f"--{key} {value!r}" for key, value in settings.items())
    derivation = Derivation(
        name,
        statement=f"smooth {options} of {sources[0].name}",
        made={"smooth": "DIS flow, medium", **settings, "sources": members(sources)},
        command=f"vspw smooth {run} --split {split} {options} --name {name}",
    )
    make = _Smoother(sources[0].scores(), reach=reach, weight=weight, threshold=threshold)
    return write_derived(
        workspace, sources, frames, derivation, make, root=root, overwrite=overwrite, progress=progress
    )


class _Smoother:
    """Makes the frames of a video in order; a class because it remembers frames and flows as long as they are needed.

    Args:
        store: Scores.
        reach: Frames to either side.
        weight: Of each of them.
        threshold: Of the check.
    """

    def __init__(self, store: ScoreStore, *, reach: int, weight: float, threshold: float) -> None:
        self.store, self.reach, self.weight, self.threshold = store, reach, weight, threshold
        self._video: Video | None = None
        self._grey: dict[int, npt.NDArray[np.uint8]] = {}
        self._scores: dict[int, Tensor] = {}
        self._flows: dict[tuple[int, int], Flow] = {}

    def __call__(self, video: Video, index: int) -> tuple[LabelMap, Tensor]:
        """Return the labels and the scores of a frame."""
        self._forget(video, index)
        size = self.store.size(video.name, video.frames[index].name)
        own = self._scores_of(video.frames, index)
        neighbours = [self._neighbour(video, index, place) for place in self._near(video, index)]
        labels = smoothed_labels(own, neighbours, size, weight=self.weight, threshold=self.threshold)
        return labels, smoothed_scores(own, neighbours, size, weight=self.weight, threshold=self.threshold)

    def _near(self, video: Video, index: int) -> list[int]:
        """Return the frames to mix in; those of another size have no flow."""
        near = range(max(0, index - self.reach), min(len(video.frames), index + self.reach + 1))
        sizes = {place: self.store.size(video.name, video.frames[place].name) for place in near}
        return [place for place in near if place != index and sizes[place] == sizes[index]]

    def _neighbour(self, video: Video, index: int, place: int) -> Neighbour:
        there, back = self._flow(video, index, place), self._flow(video, place, index)
        return Neighbour(self._scores_of(video.frames, place), there, back)

    def _forget(self, video: Video, index: int) -> None:
        """Drop what no later frame of the video needs."""
        oldest = index - self.reach if video is self._video else len(video.frames)
        self._video = video
        self._grey = {place: grey for place, grey in self._grey.items() if place >= oldest}
        self._scores = {place: scores for place, scores in self._scores.items() if place >= oldest}
        self._flows = {pair: flow for pair, flow in self._flows.items() if min(pair) >= oldest}

    def _scores_of(self, frames: tuple[Frame, ...], place: int) -> Tensor:
        if place not in self._scores:
            frame = frames[place]
            self._scores[place] = torch.from_numpy(self.store.scores(frame.video, frame.name))
        return self._scores[place]

    def _flow(self, video: Video, first: int, second: int) -> Flow:
        if (first, second) not in self._flows:
            pair = (self._grey_of(video.frames, first), self._grey_of(video.frames, second))
            self._flows[first, second] = optical_flow(*pair)
        return self._flows[first, second]

    def _grey_of(self, frames: tuple[Frame, ...], place: int) -> npt.NDArray[np.uint8]:
        if place not in self._grey:
            frame = frames[place]
            image = read_image(frame.image)
            size = self.store.size(frame.video, frame.name)
            check_shape("frame", image.shape, (*size, 3), where=frame.image)
            self._grey[place] = grey(image)
        return self._grey[place]


def grey(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the luma of an RGB image, ``(H, W, 3)`` to ``(H, W)`` uint8, by ITU-R BT.601.

    >>> grey(np.array([[[255, 255, 255], [0, 255, 0]]], np.uint8)).tolist()
    [[255, 150]]
    """
    return np.rint(image @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)
