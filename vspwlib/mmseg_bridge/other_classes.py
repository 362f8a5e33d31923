"""Models that were trained on other data sets' classes, read as VSPW's through a label mapping."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vspwlib.checks import check_choice, require
from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.labels.mapping import load_mapping
from vspwlib.labels.sources import SOURCE_SETS
from vspwlib.predict.views import LOWEST


@dataclass(frozen=True)
class OtherClasses:
    """The classes of a data set in the order in which mmseg counts them, and what they mean in VSPW.

    Attributes:
        dataset: Name of the data set.
        names: Its classes: the values of its masks in order, those left out that no mask holds.
        targets: VSPW's id of each, or 255 where it has no counterpart.
    """

    dataset: str
    names: tuple[str, ...]
    targets: tuple[int, ...]

    @property
    def digest(self) -> str:
        """The first 16 hex digits of a SHA-256 of the targets."""
        return hashlib.sha256(bytes(self.targets)).hexdigest()[:16]


def other_classes(text: str) -> OtherClasses:
    """Return the classes of ``--mapping``: the name of a data set, or ``NAME=FILE.csv`` for a mapping of your own.

    Raises:
        InputError: no such data set, or a table that is refused by :func:`vspwlib.labels.mapping.load_mapping`.

    >>> found = other_classes("ade20k")
    >>> found.names[2], found.targets[2], len(found.names)
    ('sky', 28, 150)
    """
    dataset, equals, file = text.partition("=")
    facts = SOURCE_SETS[check_choice("--mapping", dataset, SOURCE_SETS)]
    fix = f"leave the = out for the table that comes with the package, or name a file: {dataset}=FILE.csv."
    require(bool(file) or not equals, "--mapping", expected="a data set or NAME=FILE.csv", got=repr(text), fix=fix)
    rows = {row.source_value: row for row in load_mapping(file or dataset, dataset=dataset).rows}
    classes = [rows[value] for value in facts.values if value not in {facts.unlabelled, *facts.never}]
    return OtherClasses(dataset, tuple(row.source_name for row in classes), tuple(row.target for row in classes))


def as_vspw(score_fn: Callable[[Tensor], Tensor], classes: OtherClasses) -> Callable[[Tensor], Tensor]:
    """Return a function that gives scores of VSPW's classes from one that gives those of other classes.

    P of a class is the sum of P over the classes that mean it, divided by that over all classes that mean any; scores
    are the logarithm of the sum, at least -60. What no class means, is never predicted.

    Args:
        score_fn: Maps images to scores ``(B, K, h, w)`` of the other classes.
        classes: What these mean.
    """
    kept = [place for place, target in enumerate(classes.targets) if target != VOID]
    targets = torch.tensor([classes.targets[place] for place in kept])

    def score(images: Tensor) -> Tensor:
        probs = score_fn(images).float().softmax(dim=1)[:, kept]
        summed = probs.new_zeros(len(probs), NUM_CLASSES, *probs.shape[2:])
        return summed.index_add_(1, targets.to(probs.device), probs).log_().clamp_(min=LOWEST)

    return score
