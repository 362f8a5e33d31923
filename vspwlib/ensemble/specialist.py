"""Combine a base, which knows all classes, with specialists, each of which was made for a few.

Two ways: a specialist is believed where it predicts one of its classes (:func:`claimed_labels`), or its probabilities
of these classes are mixed with the base's (:func:`specialist_weights`, a case of weights by class).

Letters: K classes, H×W a frame, h×w its grid of scores at stride 4.
"""

from collections.abc import Collection, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vspwlib.checks import check_range, check_shape, require
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES, VOID
from vspwlib.predict.scores import Size, probability_bands
from vspwlib.predict.views import LOWEST

ROWS = 8  # rows of a band, as in vspwlib.ensemble.soft


def specialist_weights(
    groups: Sequence[Collection[int]], weight: float, num_classes: int = NUM_CLASSES
) -> NDArray[np.float64]:
    """Return the weights w_ic of P_c = sum_i w_ic * P_ic, as :mod:`vspwlib.ensemble.class_weights` takes them.

    Args:
        groups: Class ids of each specialist; no class has two.
        weight: Of a specialist on its classes, 0..1; the base keeps the rest. 1 puts it in the base's place.
        num_classes: Classes C.

    Returns:
        ``(1 + S, C)`` float64, the base first; every column sums to 1.

    Raises:
        InputError: a specialist has no class, an unknown one or one of another's, or a weight outside 0..1.

    >>> specialist_weights([[2]], 0.25, num_classes=3)
    array([[1.  , 1.  , 0.75],
           [0.  , 0.  , 0.25]])
    """
    check_range("weight of a specialist", weight, 0, 1)
    check_groups(groups, num_classes)
    weights = np.zeros((1 + len(groups), num_classes))
    for row, group in enumerate(groups, start=1):
        weights[row, [*group]] = weight
    weights[0] = 1 - weights[1:].sum(0)
    return weights


def claimed_labels(
    scores: Sequence[Tensor], size: Size, groups: Sequence[Collection[int]], *, rows: int = ROWS
) -> NDArray[np.uint8]:
    """Return the base's label of every pixel, but where a specialist's most probable class is one of its own: that.

    Of several specialists that claim a pixel, the one with the higher probability has it; among equals the first named.

    Args:
        scores: ``(K, h, w)`` float32 of the base and of each specialist, on one device, K <= 255.
        size: ``(H, W)`` of the frame.
        groups: Class ids of each specialist; no class has two.
        rows: Rows of a band.

    Returns:
        ``(H, W)`` uint8 in main memory.

    Raises:
        InputError: shapes or groups that are not as stated.

    >>> base, other = torch.tensor([[[0.9]], [[0.1]]]).log(), torch.tensor([[[0.4]], [[0.6]]]).log()
    >>> [claimed_labels([base, other], (1, 1), [[kind]]).item() for kind in (0, 1)]
    [0, 1]
    """
    own = _own_classes(scores, groups)
    out = np.empty(size, np.uint8)
    for bands in zip(*(probability_bands(values, size, rows=rows) for values in scores), strict=True):
        first, probs = bands[0][0], [band for _, band in bands]
        labels, chosen = probs[0].max(0).indices, _claims(probs, own)
        for place, prob in enumerate(probs[1:], start=1):
            labels = torch.where(chosen == place, prob.max(0).indices, labels)
        out[first : first + len(labels)] = labels.to(torch.uint8).cpu().numpy()
    return out


def claimed_scores(scores: Sequence[Tensor], groups: Sequence[Collection[int]]) -> Tensor:
    """Return the logarithm of the distributions that :func:`claimed_labels` chooses between, taken on the grid.

    Args:
        scores: As for :func:`claimed_labels`.
        groups: Likewise.

    Returns:
        ``(K, h, w)`` float32, at least -60: of each point, those of the base or of the specialist that claims it.
    """
    own = _own_classes(scores, groups)
    probs = [values.softmax(0) for values in scores]
    chosen = _claims(probs, own)
    fused = probs[0]
    for place, prob in enumerate(probs[1:], start=1):
        fused = torch.where(chosen == place, prob, fused)
    return fused.log().clamp_(min=LOWEST)


def check_groups(groups: Sequence[Collection[int]], num_classes: int = NUM_CLASSES) -> None:
    """Require classes for every specialist, and no class for two of them.

    Args:
        groups: Class ids of each specialist.
        num_classes: Classes that there are.

    Raises:
        InputError: saying which is not so.
    """
    taken: set[int] = set()
    for group in groups:
        require(len(group) > 0, "classes of a specialist", expected="at least one", got="none")
        for kind in group:
            check_range("class of a specialist", kind, 0, num_classes - 1)
            got = f"two for {CLASS_NAMES[kind] if num_classes == NUM_CLASSES else kind}"
            require(kind not in taken, "specialists", expected="one for a class", got=got)
        taken |= {*group}


def _claims(probs: Sequence[Tensor], own: Sequence[Tensor]) -> Tensor:
    """Return who has each point of ``(K, ...)`` probabilities: 0 the base, else the place of a specialist."""
    chosen = torch.zeros(probs[0].shape[1:], dtype=torch.uint8, device=probs[0].device)
    most = torch.zeros_like(probs[0][0])
    for place, (prob, classes) in enumerate(zip(probs[1:], own, strict=True), start=1):
        top, kind = prob.max(0)
        has = classes[kind] & (top > most)
        chosen, most = torch.where(has, place, chosen), torch.where(has, top, most)
    return chosen


def _own_classes(scores: Sequence[Tensor], groups: Sequence[Collection[int]]) -> list[Tensor]:
    """Check scores and groups, and return ``(K,)`` bool of each specialist: which classes are its own."""
    require(len(scores) == 1 + len(groups), "scores", expected=f"those of {1 + len(groups)} runs", got=len(scores))
    check_shape("scores", scores[0].shape, ("K", "h", "w"))
    for index, values in enumerate(scores[1:], start=2):
        check_shape("scores", values.shape, tuple(scores[0].shape), where=f"run {index}")
    classes = scores[0].shape[0]
    check_range("classes", classes, 1, VOID)
    check_groups(groups, classes)
    own = torch.zeros(len(groups), classes, dtype=torch.bool, device=scores[0].device)
    for row, group in enumerate(groups):
        own[row, [*group]] = True
    return list(own)
