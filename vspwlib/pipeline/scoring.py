"""Score predictions, stored or as PNG files, and the location prior that any network must beat."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.data.images import read_mask, read_raw_mask
from vspwlib.data.index import Frame, Split, open_split
from vspwlib.data.writing import write_whole
from vspwlib.labels import NUM_CLASSES
from vspwlib.locks import locked
from vspwlib.metrics.frames import FrameCollector, FrameConfusions
from vspwlib.metrics.scoring import OnFrame, ScoredFrame, score_split
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.prediction import origin
from vspwlib.pipeline.relocating import existing_data
from vspwlib.pipeline.shards import (
    Arrays,
    Shard,
    Stamp,
    Waiting,
    count_shard,
    digest,
    digest_masks,
    digest_names,
    forget_parts,
    videos_of,
)
from vspwlib.pipeline.sources import Source, open_source
from vspwlib.predict.labels import LabelSource
from vspwlib.runs import frames_file, scores_file, write_json

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def score(predictions: Path, truth: Path, split: str | None, *, progress: Progress | None = None) -> SplitScore:
    """Score predictions against a split; every labelled frame must be there.

    Args:
        predictions: Store or PNG folder.
        truth: Data set with masks.
        split: Which list of it; None for clips without lists.
        progress: Called with frames done and frames in all.

    Returns:
        Counts of the split; those of predictions that say what they are, are also written beside them, with what each
        frame's pixels were taken for. Shards of them that wait for others are dropped.

    Raises:
        InputError: naming the first frames that lack a prediction, or when no frame has a mask.
    """
    frames, source = open_split(truth, split), open_source(predictions)
    _refuse_unlabelled(frames)
    result, confusions = _score_source(source, frames, progress)
    file = scores_file(predictions)
    with locked(file, "scores", wait=True) if source.manifest else nullcontext():
        _keep(source, result, confusions)
        forget_parts(file)
    return result


def score_shard(
    predictions: Path, truth: Path, split: str | None, shard: Shard, *, progress: Progress | None = None
) -> SplitScore | Waiting:
    """Score every so-many-th video; the last shard writes what :func:`score` writes.

    Args:
        predictions: Predictions of a workspace. Those of the shard's videos must be there.
        truth: Data set with masks.
        split: Which list of it; None for clips without lists.
        shard: ``(index, count)``.
        progress: Called with frames done and frames in all, of the shard.

    Returns:
        Counts of the split, or what is missing.

    Raises:
        InputError: as :func:`score` and :func:`~vspwlib.pipeline.shards.count_shard`; another process scores the same,
            or the predictions do not say what they are.
    """
    frames, source, file = open_split(truth, split), open_source(predictions), scores_file(predictions)
    got, fix = "a folder that says nothing of itself", "take it into the workspace with `vspw import predictions`."
    require(
        bool(source.manifest), "--shard", expected="predictions of a workspace", got=got, where=predictions, fix=fix
    )
    _refuse_unlabelled(frames)

    names = digest_names(frames)

    def stamp(number: int) -> Stamp:
        own, now = videos_of(frames, (number, shard[1])), open_source(predictions)
        states = [now.state(video.name) for video in own.videos]
        return {"frames": names, "masks": digest_masks(own), "predictions": digest([origin(now.manifest), states])}

    def count() -> Arrays:
        result, confusions = _score_source(source, videos_of(frames, shard), progress)
        return {**confusions.to_arrays(), "score": np.array(json.dumps(result.to_json()))}

    def merge(parts: Iterator[Arrays]) -> SplitScore:
        result, found = SplitScore.empty(), []
        for part in parts:
            result += SplitScore.from_json(json.loads(str(part["score"])))
            found.append(FrameConfusions.from_arrays(part))
        _keep(source, result, FrameConfusions.merged(found, [video.name for video in frames.videos]))
        return result

    with locked(file, "scores", part=shard):
        return count_shard(file, "scores", shard, stamp=stamp, count=count, merge=merge)


def _score_source(source: Source, frames: Split, progress: Progress | None) -> tuple[SplitScore, FrameConfusions]:
    """Score predictions, and keep what the pixels of each frame were taken for."""
    _refuse_missing(source.labels, frames, source.path)
    collector = FrameCollector()

    def predict(frame: Frame, size: tuple[int, int]) -> NDArray[np.integer]:
        return source.labels.labels(frame.video, frame.name, size)

    return _count_frames(frames, predict, progress, collector.add), collector.collected()


def _keep(source: Source, result: SplitScore, confusions: FrameConfusions) -> None:
    """Write the scores of predictions beside them, where they say what they are."""
    told = {"path": str(source.path), "miou": result.miou}
    logger.info("%s: mIoU %.4f", source.path, result.miou, extra=told)
    if source.manifest:
        write_whole(frames_file(source.path), confusions.save)
        write_scores(scores_file(source.path), result, origin(source.manifest))


def stored_truth(predictions: Path | None) -> tuple[Path, str]:
    """Return the data set and split that predictions of a workspace were made from.

    Raises:
        InputError: when ``predictions`` is a folder of PNGs that remembers neither; the data set is gone.
    """
    manifest = open_source(predictions).manifest if predictions is not None else {}
    if not manifest:
        fail("score", expected="TRUTH and --split", got="neither", fix="only the workspace's predictions know theirs.")
    return existing_data(Path(manifest["data_root"])), manifest["split"]


def write_scores(path: Path, result: SplitScore, origin: dict[str, Any]) -> None:
    """Write counts with their provenance."""
    write_json(path, {**result.to_json(), "provenance": origin})


def location_prior(split: Split) -> NDArray[np.int64]:
    """Count how often each class stands at each place of a split's masks.

    Args:
        split: Labelled frames; masks of other sizes are resized to the first one's (nearest).

    Returns:
        ``(124, H, W)`` int64.
    """
    from PIL import Image

    counts: NDArray[np.int64] | None = None
    for _, path in split.labelled():
        mask = read_mask(path)
        if counts is None:
            counts = np.zeros((NUM_CLASSES, *mask.shape), np.int64)
        height, width = counts.shape[1:]
        if mask.shape != (height, width):
            mask = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
        rows, columns = np.nonzero(mask < NUM_CLASSES)
        counts[mask[rows, columns], rows, columns] += 1
    if counts is None:
        fail("prior", expected="frames with masks", got="none", where=f"{split.root} {split.name}")
    return counts


def score_prior(truth: Path, split: str, *, train_split: str = "train", progress: Progress | None = None) -> SplitScore:
    """Score the location prior: for each pixel the most frequent training class there, the same map for every frame.

    Args:
        truth: Data set with masks.
        split: List to score.
        train_split: List that the prior is counted on.
        progress: Called with frames done and frames in all.
    """
    from PIL import Image

    prior = Image.fromarray(location_prior(open_split(truth, train_split)).argmax(axis=0).astype(np.uint8))

    def predict(_frame: Frame, size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(prior.resize(size[::-1], Image.Resampling.NEAREST))

    return score_frames(open_split(truth, split), predict, progress)


def _refuse_missing(source: LabelSource, split: Split, predictions: Path) -> None:
    known: dict[str, set[str]] = {}
    missing = []
    videos = set(source.videos())
    for frame, _ in split.labelled():
        if frame.video not in known:
            known[frame.video] = set(source.frames(frame.video)) if frame.video in videos else set()
        if frame.name not in known[frame.video]:
            missing.append(f"{frame.video}/{frame.name}")
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        fail(
            "predictions",
            expected="one for every labelled frame",
            got=f"none for {shown}",
            where=predictions,
            fix="finish predicting: a score over silently missing frames means nothing.",
        )


def score_frames(
    split: Split,
    predict: Callable[[Frame, tuple[int, int]], NDArray[np.integer]],
    progress: Progress | None = None,
    *,
    on_frame: OnFrame | None = None,
) -> SplitScore:
    """Score predictions that are made frame by frame.

    Args:
        split: Frames; those without a mask are left out, but counted.
        predict: Returns the ids ``(H, W)`` of a frame at a size.
        progress: Called with frames done and frames in all.
        on_frame: Called with the names of video and frame and the frame's confusion.

    Raises:
        InputError: no frame has a mask.
    """
    _refuse_unlabelled(split)
    return _count_frames(split, predict, progress, on_frame)


def _refuse_unlabelled(split: Split) -> None:
    """Refuse a split without a mask: there is nothing to score."""
    require(
        any(True for _ in split.labelled()),
        "truth",
        expected="frames with masks",
        got=f"{split.num_frames} frames without",
        where=f"{split.root} {split.name}",
        fix="predict it and look at it; it cannot be scored.",
    )


def _count_frames(
    split: Split,
    predict: Callable[[Frame, tuple[int, int]], NDArray[np.integer]],
    progress: Progress | None,
    on_frame: OnFrame | None,
) -> SplitScore:
    """Score frame by frame; no video and no mask score nothing."""
    total, done = split.num_frames, 0

    def frames(video_frames: tuple[Frame, ...]) -> Iterator[ScoredFrame]:
        nonlocal done
        for frame in video_frames:
            if frame.mask is None:
                yield frame.name, np.empty((0, 0), np.uint8), None
            else:
                raw = read_raw_mask(frame.mask)
                yield frame.name, predict(frame, (raw.shape[0], raw.shape[1])), raw
            done += 1
            if progress is not None:
                progress(done, total)

    return score_split(((video.name, frames(video.frames)) for video in split.videos), on_frame=on_frame)
