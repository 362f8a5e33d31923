"""The contrastive loss by other means: plain loops over pairs, and autograd over the full matrix."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def by_loops(x, labels, temperature, *, images=None, bank=None, balanced=False, void=255):
    """The definition, pair by pair, in plain Python and NumPy."""
    everything = [
        (features, label, image, place)
        for place, (features, label, image) in enumerate(
            zip(x, labels, images if images is not None else np.zeros(len(x)), strict=True)
        )
        if label != void
    ]
    others = [] if bank is None else [(f, label, None, None) for f, label in zip(*bank, strict=True) if label >= 0]
    losses: dict[int, list[float]] = {}
    for features, label, image, place in everything:
        seen = [entry for entry in everything if entry[3] != place] + others
        positives = [features @ other[0] / temperature for other in seen if other[1] == label]
        negatives = [
            features @ other[0] / temperature
            for other in seen
            if other[1] != label and (images is None or other[2] == image)
        ]
        if not positives:
            continue
        terms = []
        for positive in positives:
            largest = max([positive, *negatives])
            total = math.exp(positive - largest) + sum(math.exp(value - largest) for value in negatives)
            terms.append(-(positive - largest) + math.log(total))
        losses.setdefault(label, []).append(sum(terms) / len(terms))
    if not losses:
        return 0.0
    if balanced:
        return float(np.mean([np.mean(values) for values in losses.values()]))
    return float(np.mean([value for values in losses.values() for value in values]))


def by_autograd(x: Tensor, labels: Tensor, temperature) -> Tensor:
    """The full matrix, differentiated by autograd."""
    x, labels = x[labels != 255], labels[labels != 255]
    similarity = x @ x.T / temperature
    same = labels[:, None] == labels
    positives = same & ~torch.eye(len(x), dtype=torch.bool)
    log_mass = similarity.masked_fill(same, -math.inf).logsumexp(1, keepdim=True)
    margin = torch.where(positives & (log_mass > -math.inf), similarity - log_mass, math.inf)
    terms = torch.where(torch.isfinite(margin), -functional.logsigmoid(torch.nan_to_num(margin, posinf=0.0)), 0)
    number = positives.sum(1)
    return (terms.sum(1) / number.clamp(min=1)).sum() / (number > 0).sum().clamp(min=1)


def make(rows=60, channels=5, classes=6, *, seed=0, dtype=torch.float64, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (rows,), generator=generator)
    labels[torch.rand(rows, generator=generator) < 0.2] = 255
    x = torch.randn(rows, channels, generator=generator, dtype=torch.float64)
    return (functional.normalize(x, dim=1) * scale).to(dtype), labels
