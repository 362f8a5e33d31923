"""Search the weights of an ensemble of runs over stored predictions.

Predictions are reduced once to what weights can change (:mod:`vspwlib.ensemble.joint`), kept in the workspace under
``ensembles/``; after that any number of weights is scored without the predictions being read again.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vspwlib.checks import fail, require
from vspwlib.data.images import read_mask
from vspwlib.data.index import Video, open_split
from vspwlib.ensemble.joint import JointFrame, joint_frame
from vspwlib.ensemble.joint_store import JointStore
from vspwlib.ensemble.search import CrossFit, Frames, LabelledFrame, WeightFit, count_frames, cross_fit, fit_weights
from vspwlib.metrics.iou import ClassCounts, miou
from vspwlib.pipeline.ensembling import open_predictions
from vspwlib.pipeline.prediction import provenance
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
    workspace: Workspace, runs: Sequence[str], data: str, split: str, *, progress: Progress | None = None
) -> Frames:
    """Reduce the predictions of several runs on a split to joint frames, and return what reads them.

    Args:
        workspace: Where the predictions lie and the joint frames go.
        runs: Names of the runs, the first being P1.
        data: Name of the data set that was predicted.
        split: Split that all have predicted.
        progress: Called with frames done, kept ones included, and frames in all.

    Returns:
        A function that makes an iterator over the labelled frames.

    Raises:
        InputError: a run has not predicted the split, or stores do not hold the same frames and classes.
    """
    require(len({*runs}) == len(runs), "runs", expected="different ones", got=", ".join(runs))
    stores = [open_predictions(workspace, run, data, split) for run in runs]
    root = Path(stores[0].manifest["data_root"])
    frames = open_split(root, split)
    origin = {"data_root": str(root), "split": split, "sources": [_origin(store) for store in stores]}
    joint = JointStore(workspace.path / "ensembles" / "+".join(runs) / f"{data}-{split}.joint", origin)
    videos = [video for video in frames.videos if any(frame.mask for frame in video.frames)]
    whole, done = sum(len(_labelled(video)) for video in videos), 0
    for video in videos:
        if not joint.has(video.name):
            joint.write(video.name, _reduced(stores, video))
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
    data: str,
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
    data: str,
    fitted: str,
    scored: str,
    *,
    on_reading: Progress | None = None,
) -> Transfer:
    """Fit weights to one split and score them on another."""
    own = joint_frames(workspace, runs, data, fitted, progress=on_reading)
    other = joint_frames(workspace, runs, data, scored, progress=on_reading)
    fit = fit_weights(own, len(runs))
    alone = [[float(run == index) for index in range(len(runs))] for run in range(len(runs))]
    return Transfer(
        fit,
        _miou(other, fit.weights),
        _miou(other, [1.0] * len(runs)),
        tuple(_miou(other, weights) for weights in alone),
        fit_weights(other, len(runs)),
    )


def _miou(frames: Frames, weights: Sequence[float]) -> float:
    counts = list(count_frames(frames(), weights).values())
    return miou(sum(counts[1:], counts[0])) if counts else miou(ClassCounts.zeros())


def _origin(store: ScoreStore) -> dict[str, Any]:
    facts = provenance(store)
    return {"run": facts.get("run"), "weights": facts.get("weights"), "checksum": store.checksum()}


def _labelled(video: Video) -> dict[str, Path]:
    """Return the masks of a video's labelled frames by name."""
    return {frame.name: frame.mask for frame in video.frames if frame.mask}


def _reduced(stores: Sequence[ScoreStore], video: Video) -> Iterator[tuple[str, JointFrame]]:
    """Yield the joint frames of a video, as many at a time as there are threads."""
    frames = _labelled(video)
    for store in stores:
        held = {*store.frames(video.name)}
        missing = [name for name in frames if name not in held]
        if missing:
            got = f"{len(missing)} missing, the first {missing[0]}"
            fail("predictions", expected=f"all labelled frames of {video.name}", got=got, where=store.url)

    def work(name: str) -> tuple[str, JointFrame]:
        sizes = {store.size(video.name, name) for store in stores}
        require(len(sizes) == 1, "predictions", expected="one size of a frame", got=sizes, where=f"{video.name}/{name}")
        return name, joint_frame([store.scores(video.name, name) for store in stores], sizes.pop())

    workers = torch.get_num_threads()
    waiting: deque[Future[tuple[str, JointFrame]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for name in frames:
            waiting.append(pool.submit(work, name))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read(joint: JointStore, videos: Sequence[Video]) -> Iterator[LabelledFrame]:
    """Yield the labelled frames with their truth."""
    for video in videos:
        masks = _labelled(video)
        for name, frame in joint.read(video.name):
            yield LabelledFrame(video.name, frame, read_mask(masks[name]))
