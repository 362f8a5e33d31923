"""From what was drawn to what an annotator leaves: class values, with void where outlines were not followed closely."""

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.synthetic import noise
from vspwlib.data.synthetic.kinds import label_table
from vspwlib.labels import VOID

_UNLABELLED = {"vspw": VOID, "cocostuff": VOID, "ade20k": 0}


def annotate(drawn: NDArray[np.uint8], space: str, care: float, place: int = 0) -> NDArray[np.uint8]:
    """Turn kind codes into the values of a mask file.

    Args:
        drawn: (H, W) kind codes.
        space: ``vspw``, ``cocostuff`` or ``ade20k``.
        care: How much of the outlines is labelled up to the edge: 2 nearly all of them, 0 about half, -2 nearly none.
            The rest gets a thin border without a label.
        place: Picks where the annotator was careless; one number a clip keeps the borders steady over its frames.

    Returns:
        (H, W) uint8 in the values of that data set.
    """
    labels = label_table(space)[drawn]
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    rows, columns = np.indices(labels.shape) / 1.0
    careless = noise.read("soft", columns + 53.0 * place, rows, 400.0) > care
    labels[edge & careless] = _UNLABELLED[space]
    return labels
