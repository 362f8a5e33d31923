"""Weights of an ensemble class by class: P_c = sum_i w_ic * P_ic, each class's weights summing to 1.

A run that is good at sky may be poor at cars. With weights of their own, classes take each run for what it is good at.
The sum is no distribution any more, but its highest class is well defined; equal rows are the weighted sum.

A class can win a pixel under some such weights only if its highest probability in any run reaches what some class has
at least in every run. Everything else is dropped, exactly (:func:`class_frame`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vspwlib.checks import check_keys, check_shape, reading, require
from vspwlib.ensemble import kernels
from vspwlib.ensemble.joint import JointFrame, reduce_scores
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES
from vspwlib.predict.scores import Scores, Size


def class_shares(weights: ArrayLike, runs: int, num_classes: int = NUM_CLASSES) -> NDArray[np.float64]:
    """Check weights of every class and divide each class's by their sum.

    Args:
        weights: (N, C), finite, not negative, no class all 0.
        runs: N.
        num_classes: C.

    Returns:
        (N, C) float64.

    Raises:
        InputError: another shape, or weights that are not as stated; the first such class is named.
    """
    given = np.asarray(weights, np.float64)
    check_shape("class weights", given.shape, (runs, num_classes))
    fit = np.isfinite(given).all(axis=0) & (given >= 0).all(axis=0) & (given.sum(axis=0) > 0)
    first = int(np.argmin(fit))
    got = f"{given[:, first].tolist()} for class {first}"
    require(bool(fit.all()), "class weights", expected="finite numbers >= 0, not all 0", got=got)
    return given / given.sum(axis=0)


def class_frame(scores: Sequence[Scores], size: Size) -> JointFrame:
    """Reduce the scores of several runs to what any weights of classes can make of them.

    Args:
        scores: (K, h, w) of each run, on the CPU; at least one run.
        size: (H, W) of the frame.

    Returns:
        A frame as :func:`~vspwlib.ensemble.joint.joint_frame` makes, with more classes left open.
    """
    return reduce_scores(scores, size, kernels.contenders)


def class_labels(frame: JointFrame, weights: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the labels of a frame under weights of every class, the lowest id of several.

    Args:
        frame: From :func:`class_frame`.
        weights: (N, C) from :func:`class_shares`.

    Returns:
        (H, W) uint8.
    """
    return frame.labels_of(class_sums(frame.number, frame.probs, weights))


def class_weights_to_json(weights: NDArray[np.float64], runs: Sequence[str]) -> dict[str, Any]:
    """Return weights (N, 124) of every class as plain values, under the classes' names, for people to read and edit."""
    return {"schema": 1, "runs": list(runs), "weights": dict(zip(CLASS_NAMES, weights.T.tolist(), strict=True))}


def class_weights_from_json(data: Mapping[str, Any], runs: Sequence[str], *, where: object = "") -> NDArray[np.float64]:
    """Rebuild weights from :func:`class_weights_to_json`.

    Args:
        data: The parsed JSON object.
        runs: The runs that are to be combined, in their order, which may be another than the file's.
        where: File it came from, for the message.

    Returns:
        (N, 124) float64, one row a run.

    Raises:
        InputError: other runs, other classes, or what is no weights.
    """
    check_keys("class weights", data, ("schema", "runs", "weights"), where=where)
    fix = "fit them to these runs: `vspw ensemble search … --per-class --out FILE`."
    with reading("class weights", expected=f"{len(runs)} numbers a class", where=where, fix=fix):
        known = list(map(str, data["runs"]))
        expected, got = f"those of {', '.join(runs)}", ", ".join(known)
        require(sorted(known) == sorted(runs), "class weights", expected=expected, got=got, where=where, fix=fix)
        check_keys("class weights", data["weights"], CLASS_NAMES, where=where)
        table = np.array([data["weights"][name] for name in CLASS_NAMES], np.float64).T
        return class_shares(table[[known.index(run) for run in runs]] if table.ndim == 2 else table, len(runs))


def class_sums(
    number: NDArray[np.uint8], probs: NDArray[np.float32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return sums of open classes: (E,) ids, (N, E) probabilities and (N, C) weights to (E,) float64, run by run."""
    total = weights[0][number] * probs[0].astype(np.float64)
    for own, prob in zip(weights[1:], probs[1:], strict=True):
        total += own[number] * prob
    return total
