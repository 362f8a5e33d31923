"""Set losses as explicit loops over outputs, images, queries and points, and random outputs to hold them against."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.special import log_softmax, softmax

from vspwlib.losses.points import PointDraws
from vspwlib.losses.set_criterion import SetCriterion

SETTINGS = SetCriterion(mask=4.0, no_object=0.2, points=20)  # the other numbers as officially
LAYERS, BATCH, QUERIES, CLASSES = 2, 2, 4, 5

Outputs = list[tuple[torch.Tensor, torch.Tensor]]


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear samples of an (h, w) image, zero beyond it, by separable hat functions over all pixels."""
    rows = np.maximum(0, 1 - np.abs(points[:, 1:] * image.shape[0] - 0.5 - np.arange(image.shape[0])))  # (P, h)
    columns = np.maximum(0, 1 - np.abs(points[:, :1] * image.shape[1] - 0.5 - np.arange(image.shape[1])))
    return np.einsum("ph,pw,hw->p", rows, columns, image)


def mask_terms(logits: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    share = 1 / (1 + np.exp(-logits))
    entropy = -np.mean(mask * np.log(share) + (1 - mask) * np.log(1 - share))
    return entropy, 1 - (2 * (share * mask).sum() + 1) / (share.sum() + mask.sum() + 1)


def numpy_losses(outputs: Outputs, labels: torch.Tensor, draws: PointDraws, weights=(1.0,) * CLASSES) -> np.ndarray:
    """Weighted (classification, mask, dice) of each output, (L, 3)."""
    result = []
    for layer, (class_logits, mask_logits) in enumerate(outputs):
        surprise, weight, entropy, dice, row = 0.0, 0.0, 0.0, 0.0, 0
        for image, seg in enumerate(labels.numpy()):
            kinds = [int(kind) for kind in np.unique(seg) if kind != 255]
            scores, maps = class_logits[image].detach().numpy(), mask_logits[image].detach().numpy()
            points = draws.match[layer, image].numpy()
            cost = np.zeros((len(scores), len(kinds)))
            for q, g in np.ndindex(cost.shape):
                terms = mask_terms(sample(maps[q], points), sample(seg == kinds[g], points))
                cost[q, g] = -2 * softmax(scores[q])[kinds[g]] + 4 * terms[0] + 5 * terms[1]
            target = np.full(len(scores), CLASSES)
            for q, g in zip(*linear_sum_assignment(cost), strict=True):
                target[q] = kinds[g]
                candidates = draws.candidates[layer, row].numpy()
                certainty = np.abs(sample(maps[q], candidates))
                where = np.concatenate([candidates[np.argsort(certainty)[:15]], draws.uniform[layer, row].numpy()])
                terms = mask_terms(sample(maps[q], where), sample(seg == kinds[g], where))
                entropy, dice, row = entropy + terms[0], dice + terms[1], row + 1
            for q, kind in enumerate(target):
                share = 0.2 if kind == CLASSES else weights[kind]
                surprise, weight = surprise - share * log_softmax(scores[q])[kind], weight + share
        result.append([2 * surprise / weight, 4 * entropy / max(row, 1), 5 * dice / max(row, 1)])
    return np.array(result)


def label_maps(*classes: tuple[int, ...]) -> torch.Tensor:
    """One 12 x 16 label map per tuple, made of blocks of its classes and some void."""
    maps = torch.full((len(classes), 12, 16), 255)
    for image, kinds in enumerate(classes):
        for place, kind in enumerate(kinds):
            maps[image, 2 * place : 2 * place + 3, place : 16 - place] = kind
    return maps


def batch(labels: torch.Tensor) -> tuple[Outputs, PointDraws]:
    """Outputs that require gradients, and all random points, for some label maps."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    outputs = [(2 * random(BATCH, QUERIES, CLASSES + 1), 3 * random(BATCH, QUERIES, 6, 8)) for _ in range(LAYERS)]
    pairs = sum(min(QUERIES, len(seg.unique()) - int((seg == 255).any())) for seg in labels)
    sizes = {"match": (LAYERS, BATCH, 20, 2), "candidates": (LAYERS, pairs, 60, 2), "uniform": (LAYERS, pairs, 5, 2)}
    drawn = {name: torch.rand(size, generator=generator, dtype=torch.float64) for name, size in sizes.items()}
    return [(c.requires_grad_(), m.requires_grad_()) for c, m in outputs], PointDraws(**drawn)


def stacked(losses) -> torch.Tensor:
    return torch.stack([losses.classification, losses.mask, losses.dice], dim=1)  # (L, 3)


LABELS = {
    "two images": label_maps((0, 3), (1, 2, 4)),
    "one image is void": label_maps((2, 1), ()),
    "more masks than queries": label_maps((0, 1, 2, 3, 4), (2,)),
}
