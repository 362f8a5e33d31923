"""Score a network while it trains: one view of the validation frames, nothing stored, shared by the processes."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from vspwlib.checks import fail
from vspwlib.config import Recipe
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import Frame, Split
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import confusion, miou, pixel_accuracy
from vspwlib.pipeline.building import build_predictor
from vspwlib.predict.predictor import Predictor
from vspwlib.predict.scores import labels


def build_evaluator(recipe: Recipe, split: Split, fabric: Fabric) -> Callable[[nn.Module], dict[str, float]]:
    """Return a function that scores a network on a split: mIoU and pixel accuracy of one view, nothing stored.

    Every process takes every so-many-th video, and counts of pixels are added up over all: the scores are the same in
    each, and those of one process. So all must call the function, at the same step.

    Args:
        recipe: Test-time settings, and on how many of the videos.
        split: Videos, some of them with masks.
        fabric: Device and processes.

    Raises:
        InputError: no frame has a mask; from the function, that of a file, or that another process has failed.
    """
    videos = split.videos[: recipe.train.val_videos]
    if not any(video.labelled for video in videos):
        fail(
            "validation",
            expected="frames with masks",
            got="none",
            where=f"{split.root} {split.name}",
            fix="--set train.val_every=0",
        )
    own = list(replace(split, videos=videos[fabric.global_rank :: fabric.world_size]).labelled())

    def evaluate(network: nn.Module) -> dict[str, float]:
        predictor = build_predictor(recipe, network, device=str(fabric.device), single_view=True)
        counts = _added(lambda: _count(predictor, own), fabric)
        return {"miou": miou(counts), "pixel_acc": pixel_accuracy(counts)}

    return evaluate


def _count(predictor: Predictor, frames: Sequence[tuple[Frame, Path]]) -> NDArray[np.int64]:
    """Return the confusion over frames: zeros where there are none."""
    counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    images = (read_image(frame.image) for frame, _ in frames)
    for (_, mask), scores in zip(frames, predictor.predict_frames(images), strict=True):
        truth = read_mask(mask)
        counts += confusion(labels(scores, (truth.shape[0], truth.shape[1])), truth)
    return counts


def _added(count: Callable[[], NDArray[np.int64]], fabric: Fabric) -> NDArray[np.int64]:
    """Return the sum of what all processes count.

    A process that fails says so before it ends: without, the others would wait for its counts until a timeout.
    """
    if fabric.world_size == 1:
        return count()
    counts, failed, error = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64), np.zeros(fabric.world_size, np.int64), None
    try:
        counts = count()
    except Exception as caught:  # noqa: BLE001  raised again below
        failed[fabric.global_rank], error = 1, caught
    both = torch.from_numpy(np.concatenate([counts.reshape(-1), failed])).to(fabric.device)
    with suppress(RuntimeError) if error else nullcontext():  # of others that have ended too: this one's own says more
        torch.distributed.all_reduce(both)
    if error is not None:
        raise error
    total = both.cpu().numpy()
    if total[counts.size :].any():
        ended = ", ".join(map(str, np.flatnonzero(total[counts.size :])))
        fail(
            "validation",
            expected=f"counts of all {fabric.world_size} processes",
            got=f"none of process {ended}",
            where=f"seen by process {fabric.global_rank}",
            fix="its own message says why; start all again with --resume.",
        )
    return total[: counts.size].reshape(counts.shape)
