"""Score a network while it trains: one view of the validation frames, nothing stored."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from torch import nn

from vspwlib.checks import fail
from vspwlib.config import Recipe
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import Split
from vspwlib.labels import NUM_CLASSES
from vspwlib.metrics.iou import confusion, miou, pixel_accuracy
from vspwlib.pipeline.building import build_predictor
from vspwlib.predict.scores import labels


def build_evaluator(recipe: Recipe, split: Split, *, device: str) -> Callable[[nn.Module], dict[str, float]]:
    """Return a function that scores a network on a split: mIoU and pixel accuracy of one view, nothing stored."""
    frames = list(replace(split, videos=split.videos[: recipe.train.val_videos]).labelled())
    if not frames:
        fail(
            "validation",
            expected="frames with masks",
            got="none",
            where=f"{split.root} {split.name}",
            fix="--set train.val_every=0",
        )

    def evaluate(network: nn.Module) -> dict[str, float]:
        predictor = build_predictor(recipe, network, device=device, single_view=True)
        counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
        images = (read_image(frame.image) for frame, _ in frames)
        for (_, mask), scores in zip(frames, predictor.predict_frames(images), strict=True):
            truth = read_mask(mask)
            counts += confusion(labels(scores, (truth.shape[0], truth.shape[1])), truth)
        return {"miou": miou(counts), "pixel_acc": pixel_accuracy(counts)}

    return evaluate
