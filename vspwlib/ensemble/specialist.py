"""Weights of a base and of specialists, each of which has a say on a few classes: a case of weights by class."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_range, require
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES


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
    weights = np.zeros((1 + len(groups), num_classes))
    taken: set[int] = set()
    for row, group in enumerate(groups, start=1):
        require(len(group) > 0, "classes of a specialist", expected="at least one", got="none")
        for kind in group:
            check_range("class of a specialist", kind, 0, num_classes - 1)
            got = f"two for {CLASS_NAMES[kind] if num_classes == NUM_CLASSES else kind}"
            require(kind not in taken, "specialists", expected="one for a class", got=got)
            weights[row, kind] = weight
        taken |= {*group}
    weights[0] = 1 - weights[1:].sum(0)
    return weights
