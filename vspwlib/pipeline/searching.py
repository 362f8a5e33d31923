"""Search the weights of an ensemble of runs over stored predictions.

Predictions are reduced once to what weights can change (:mod:`vspwlib.ensemble.joint`), kept in the workspace under
``ensembles/``; after that any number of weights is scored without the predictions being read again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vspwlib.checks import require
from vspwlib.data.images import read_mask
from vspwlib.data.index import Video
from vspwlib.ensemble.class_fit import MOST
from vspwlib.ensemble.class_search import ClassSearch, cross_fit_classes, transfer_classes
from vspwlib.ensemble.class_weights import class_frame
from vspwlib.ensemble.joint import JointFrame, joint_frame
from vspwlib.ensemble.labelled import Frames, LabelledFrame, labelled_frame
from vspwlib.ensemble.search import (
    CrossFit,
    WeightFit,
    corners,
    cross_fit,
    fit_weights,
    score_weights,
)
from vspwlib.pipeline.joint_store import JointStore
from vspwlib.pipeline.prediction import provenance
from vspwlib.pipeline.sources import open_alike
from vspwlib.predict.ahead import in_order
from vspwlib.predict.scores import Scores, Size
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace

Progress = Callable[[int, int], None]

IN_MEMORY = 2_000_000_000  # bytes of joint frames that are kept between steps; more are read from disk each time


@dataclass(frozen=True)
class Transfer:
    """Weights fitted on one split and scored on another.

    Attributes:
        fit: Weights and mIoU on the split that was fitted.
        held_out: mIoU of these weights on the other split.
        equal: mIoU of equal weights there.
        alone: mIoU of each run there.
        best: Fitted to the other split itself: what no choice of weights made beforehand can be expected to reach.
    """

    fit: WeightFit
    held_out: float
    equal: float
    alone: tuple[float, ...]
    best: WeightFit


def joint_frames(
    workspace: Workspace,
    runs: Sequence[str],
    data: str | None,
    split: str,
    *,
    by_class: bool = False,
    progress: Progress | None = None,
) -> Frames:
    """Reduce the predictions of several runs on a split to joint frames, and return what reads them.

    Args:
        workspace: Where the predictions lie and the joint frames go.
        runs: Names of the runs, the first being P1.
        data: Name of the data set that was predicted; None for the only one of the first run.
        split: Split that all have predicted.
        by_class: Whether classes get weights of their own, which leave more of them open.
        progress: Called with frames done, kept ones included, and frames in all.

    Returns:
        A function that makes an iterator over the labelled frames.

    Raises:
        InputError: as :func:`~vspwlib.pipeline.sources.open_alike`, or a run comes twice.
    """
    require(len({*runs}) == len(runs), "runs", expected="different ones", got=", ".join(runs))
    sources, root, frames = open_alike(workspace, runs, split, dataset=data)
    stores = [source.scores() for source in sources]
    data = data or stores[0].manifest["dataset"]
    origin = {"data_root": str(root), "split": split, "sources": [_origin(store) for store in stores]}
    suffix, reduce = ("class-joint", class_frame) if by_class else ("joint", joint_frame)
    joint = JointStore(workspace.path / "ensembles" / "+".join(runs) / f"{data}-{split}.{suffix}", origin)
    videos = [video for video in frames.videos if any(frame.mask for frame in video.frames)]
    whole, done = sum(len(_labelled(video)) for video in videos), 0
    for video in videos:
        if not joint.has(video.name):
            joint.write(video.name, _reduced(stores, video, reduce))
        done += len(_labelled(video))
        if progress is not None:
            progress(done, whole)
    if sum(joint.size(video.name) for video in videos) > IN_MEMORY:
        return lambda: _read(joint, videos)
    kept = list(_read(joint, videos))
    return lambda: kept


def search(
    workspace: Workspace,
    runs: Sequence[str],
    data: str | None,
    split: str,
    *,
    folds: int = 5,
    on_reading: Progress | None = None,
    on_fitting: Progress | None = None,
) -> CrossFit:
    """Fit weights to a split, and score weights fitted alike on videos they have not seen (:func:`cross_fit`)."""
    frames = joint_frames(workspace, runs, data, split, progress=on_reading)
    return cross_fit(frames, len(runs), folds=folds, progress=on_fitting)


def transfer(
    workspace: Workspace,
    runs: Sequence[str],
    data: str | None,
    fitted: str,
    scored: str,
    *,
    on_reading: Progress | None = None,
    on_fitting: Progress | None = None,
) -> Transfer:
    """Fit weights to one split and score them on another."""
    own = joint_frames(workspace, runs, data, fitted, progress=on_reading)
    other = joint_frames(workspace, runs, data, scored, progress=on_reading)
    tick = on_fitting or (lambda _done, _whole: None)
    tick(0, 2)
    fit = fit_weights(own, len(runs))
    tick(1, 2)
    best = fit_weights(other, len(runs))
    tick(2, 2)
    held_out, equal, *alone = score_weights(other, [fit.weights, [1.0] * len(runs), *corners(len(runs))])
    return Transfer(fit, held_out, equal, tuple(alone), best)


def search_classes(
    workspace: Workspace,
    runs: Sequence[str],
    data: str | None,
    fitted: str,
    scored: str | None = None,
    *,
    folds: int = 5,
    on_reading: Progress | None = None,
    on_fitting: Progress | None = None,
) -> ClassSearch:
    """Fit weights of every class to a split, and score them on another, or on folds of the same.

    Where all frames have more open classes than memory is given to, one of so many frames is fitted.
    """
    frames = joint_frames(workspace, runs, data, fitted, by_class=True, progress=on_reading)
    open_classes = sum(len(frame.frame.number) for frame in frames())
    every = max(1, -(-open_classes // MOST))
    if scored is None:
        return cross_fit_classes(frames, len(runs), folds=folds, every=every, progress=on_fitting)
    others = joint_frames(workspace, runs, data, scored, by_class=True, progress=on_reading)
    return transfer_classes(frames, others, len(runs), every=every, progress=on_fitting)


def _origin(store: ScoreStore) -> dict[str, Any]:
    facts = provenance(store)
    return {"run": facts.get("run"), "weights": facts.get("weights"), "checksum": store.checksum()}


def _labelled(video: Video) -> dict[str, Path]:
    """Return the masks of a video's labelled frames by name."""
    return {frame.name: frame.mask for frame in video.frames if frame.mask}


def _reduced(
    stores: Sequence[ScoreStore], video: Video, reduce: Callable[[list[Scores], Size], JointFrame]
) -> Iterator[tuple[str, JointFrame]]:
    """Yield the joint frames of a video, as many at a time as there are threads."""

    def work(name: str) -> tuple[str, JointFrame]:
        scores: list[Scores] = [store.scores(video.name, name) for store in stores]
        return name, reduce(scores, stores[0].size(video.name, name))

    return in_order(work, _labelled(video), torch.get_num_threads())


def _read(joint: JointStore, videos: Sequence[Video]) -> Iterator[LabelledFrame]:
    """Yield the labelled frames with their truth."""
    for video in videos:
        masks = _labelled(video)
        for name, frame in joint.read(video.name):
            yield labelled_frame(video.name, frame, read_mask(masks[name]))
