"""What classes weigh in a run's loss: by a rule, from the masks that it trains on, or from a file; and a specialist's.

Counts of a split are kept in the workspace, ``counts/<data>-<split>-<digest>.json``, and the weights in the run's
configuration, so that a resumed run takes the same.

Opens without torch.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.config import LossConfig, Recipe
from vspwlib.data.class_counts import RULES, ClassCounts, balancing_weights, count_classes
from vspwlib.data.index import data_digest, open_split
from vspwlib.data.parallel import Progress
from vspwlib.data.still_filter import StillReport
from vspwlib.labels import NUM_CLASSES, class_named
from vspwlib.runs import Workspace, read_json, write_json


def weigh_classes(
    recipe: Recipe,
    root: Path,
    workspace: Workspace,
    *,
    stills: Sequence[StillReport] = (),
    progress: Progress | None = None,
) -> dict[str, Any] | None:
    """Return the weights of a recipe's loss, as they are recorded in a run; None where all classes weigh the same.

    Args:
        recipe: Its group ``loss`` says how; ``train_split`` and ``mix``, what is trained on.
        root: The video data set.
        workspace: Where counts are kept.
        stills: The image sets beside it, in the order of ``mix.stills``.
        progress: Called with masks counted and masks in all.

    Returns:
        ``class_weights``, and ``dice_weights`` of a specialist, each a number for each of 124 classes; and
        ``class_counts`` where a rule made the weights of them.

    Raises:
        InputError: there is no such rule, file or class, a weight is no number that is not negative, or no mask counts.
    """
    loss = recipe.loss
    focus = [class_named(name).id for name in loss.focus]
    if loss.class_weights == "none" and not focus:
        return None
    found: dict[str, Any] = {}
    weights = np.ones(NUM_CLASSES)
    if loss.class_weights in RULES:
        counts = training_counts(recipe, root, workspace, stills=stills, progress=progress)
        weights = balancing_weights(counts, loss.class_weights, beta=loss.class_beta)
        found["class_counts"] = counts.to_json()
    elif loss.class_weights != "none":
        weights = read_weights(loss)
    if focus:
        emphasis = np.ones(NUM_CLASSES)
        emphasis[focus] = loss.focus_weight
        weights = weights * emphasis
        found["dice_weights"] = emphasis.tolist()
    return {"class_weights": weights.tolist(), **found}


def training_counts(
    recipe: Recipe,
    root: Path,
    workspace: Workspace,
    *,
    stills: Sequence[StillReport] = (),
    progress: Progress | None = None,
) -> ClassCounts:
    """Count the classes of what a recipe trains on: the videos' masks, and photographs in the proportion of the mix.

    Args:
        recipe: Its ``train_split`` and ``mix``.
        root: The video data set.
        workspace: Where counts are kept; those of a split that has not changed are not taken again.
        stills: The image sets, in the order of ``mix.stills``.
        progress: Called with masks counted and masks in all.
    """
    sources = [_split_counts(root, recipe.train_split, workspace, progress)]
    sources += [ClassCounts.of(map(_by_class, report)) for report in map(_kept_classes, stills)]
    images = [source.images for source in sources]
    shares = recipe.mix.weights or images
    counts = ClassCounts.of(())
    for source, share in zip(sources, shares, strict=True):
        if share:  # as many masks in all, but so many of this source
            counts += source.scaled(share / math.fsum(shares) * sum(images) / source.images)
    return counts


def read_weights(loss: LossConfig) -> NDArray[np.float64]:
    """Read weights from a JSON file, class names to numbers; taken as they stand, classes not named weigh 1.

    Args:
        loss: Its ``class_weights`` names the file.

    Raises:
        InputError: it is neither a rule nor a file, names an unknown class, or holds what is no weight.
    """
    path, what = Path(loss.class_weights).expanduser(), "loss.class_weights"
    if not path.is_file():
        expected = f"none, {', '.join(RULES)} or an existing file"
        fail(what, expected=expected, got=repr(loss.class_weights), fix="check the word or the path.")
    stated = read_json(path, what)
    fix = 'for example {"person": 2.0, "road": 0.5}.'
    require(isinstance(stated, dict), what, expected="class names to numbers", got="no object", where=path, fix=fix)
    weights = np.ones(NUM_CLASSES)
    for name, value in stated.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = number and math.isfinite(value) and value >= 0
        require(fits, what, expected="a number >= 0", got=repr(value), where=f"{path}, {name}", fix=fix)
        weights[class_named(name).id] = value
    require(bool(weights.any()), what, expected="weights that are not all 0", got="zeros", where=path)
    return weights


def _split_counts(root: Path, split: str, workspace: Workspace, progress: Progress | None) -> ClassCounts:
    """Return the counts of a split's masks, from the workspace where they are."""
    name = root.resolve().name
    file = workspace.path / "counts" / f"{name}-{split}-{data_digest(root, split)}.json"
    if file.is_file():
        return ClassCounts.from_json(read_json(file, "class counts"), where=file)
    counts = count_classes(open_split(root, split), progress=progress)
    write_json(file, {"schema": 1, "data": name, "split": split, **counts.to_json()})
    return counts


def _kept_classes(report: StillReport) -> list[dict[int, int]]:
    return [dict(image.classes) for image in report.images if image.kept]


def _by_class(pixels: dict[int, int]) -> NDArray[np.int64]:
    counts = np.zeros(NUM_CLASSES, np.int64)
    counts[list(pixels)] = list(pixels.values())
    return counts
