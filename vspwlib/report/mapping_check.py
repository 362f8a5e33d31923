"""Whether a mapping holds: a run taught by mapped photographs alone, scored on videos beside one that saw videos.

Pure functions of counts. What a photograph-run confuses and a video-run does not has two causes: the images look
different, or a row of the mapping gives one class's pixels the name of another. The rows that feed the class which was
predicted by mistake are where to look.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_shape, require
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES, VOID
from vspwlib.labels.mapping import LabelMapping
from vspwlib.metrics.iou import ClassCounts, iou_per_class

Rows = list[dict[str, Any]]

SHOWN = 3  # source labels that are named for a class


class Taught(NamedTuple):
    """One image set that a run was taught by.

    Attributes:
        data: Its name.
        mapping: What its values became.
        pixels: (256,) int64, pixels by source value in the images that were used.
    """

    data: str
    mapping: LabelMapping
    pixels: NDArray[np.int64]


def class_rows(stills: NDArray[np.int64], videos: NDArray[np.int64], taught: Sequence[Taught]) -> Rows:
    """Compare two runs class by class.

    Args:
        stills: (124, 124) int64, confusion of the run taught by photographs, rows truth.
        videos: Likewise of the run that saw videos, on the same frames.
        taught: What the former was taught by.

    Returns:
        Rows, one for each class with truth, most true pixels first: ``id``, ``vspw``, ``truth`` (pixels), ``taught``
        (pixels of the class in the photographs), ``sources`` (the labels they come from, most pixels first), ``stills``
        and ``videos`` (IoU, 0 to 1).

    Raises:
        InputError: confusions of another shape, or of different truth.
    """
    _check(stills, videos)
    ious = [iou_per_class(ClassCounts.of(matrix)) for matrix in (stills, videos)]
    truth, fed = stills.sum(axis=1), _fed(taught)
    rows = []
    for number in np.argsort(-truth, kind="stable"):
        if not truth[number]:
            break
        sources = fed.get(int(number), {})
        rows.append(
            {
                "id": int(number),
                "vspw": CLASS_NAMES[number],
                "truth": int(truth[number]),
                "taught": sum(sources.values()),
                "sources": list(sources),
                "stills": float(ious[0][number]),
                "videos": float(ious[1][number]),
            }
        )
    return rows


def suspect_rows(stills: NDArray[np.int64], videos: NDArray[np.int64], taught: Sequence[Taught]) -> Rows:
    """List the confusions of the run taught by photographs that the run that saw videos does not share.

    Args:
        stills: As for :func:`class_rows`.
        videos: As for :func:`class_rows`.
        taught: As for :func:`class_rows`.

    Returns:
        Rows of ``truth`` and ``predicted`` (classes), ``stills`` and ``videos`` (share of the true class's pixels, 0 to
        1), ``excess`` (pixels by which the former confuses more), ``known`` (whether the photographs hold the true
        class: one that they do not hold cannot be predicted, and comes last) and ``sources``, the labels that were
        mapped to the class predicted by mistake, most pixels first: one of these rows may be wrong. Greatest excess
        first.
    """
    _check(stills, videos)
    truth, fed = stills.sum(axis=1), _fed(taught)
    excess = stills - videos
    np.fill_diagonal(excess, 0)
    rows = []
    for cell in np.argsort(-excess, axis=None, kind="stable"):
        true, predicted = divmod(int(cell), NUM_CLASSES)
        if excess[true, predicted] <= 0:
            break
        rows.append(
            {
                "truth": CLASS_NAMES[true],
                "predicted": CLASS_NAMES[predicted],
                "stills": float(stills[true, predicted] / truth[true]),
                "videos": float(videos[true, predicted] / truth[true]),
                "excess": int(excess[true, predicted]),
                "known": true in fed,
                "sources": list(fed.get(predicted, {})),
            }
        )
    return sorted(rows, key=lambda row: not row["known"])


def shortened(names: Sequence[str]) -> str:
    """Name the first few.

    >>> shortened(["sea", "river", "lake", "pool"]), shortened([])
    ('sea, river, lake and 1 more', 'nothing')
    """
    rest = len(names) - SHOWN
    return (", ".join(names[:SHOWN]) or "nothing") + (f" and {rest} more" if rest > 0 else "")


def _fed(taught: Sequence[Taught]) -> Mapping[int, dict[str, int]]:
    """Return the pixels by class and source label, the labels with most first; labels of two sets are told apart."""
    found: dict[int, dict[str, int]] = {}
    for data, mapping, pixels in taught:
        check_shape("pixels by source value", pixels.shape, (256,))
        for row in mapping.rows:
            if row.target != VOID and pixels[row.source_value]:
                name = row.source_name if len(taught) == 1 else f"{data} {row.source_name}"
                found.setdefault(row.target, {})[name] = int(pixels[row.source_value])
    return {number: dict(sorted(own.items(), key=lambda item: -item[1])) for number, own in found.items()}


def _check(stills: NDArray[np.int64], videos: NDArray[np.int64]) -> None:
    for matrix in (stills, videos):
        check_shape("confusion", matrix.shape, (NUM_CLASSES, NUM_CLASSES))
    same = bool((stills.sum(axis=1) == videos.sum(axis=1)).all())
    require(same, "scores", expected="two of the same frames", got="other true pixels", fix="score both runs again.")
