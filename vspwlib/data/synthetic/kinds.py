"""What is drawn, and which label each thing has in VSPW, COCO-Stuff and ADE20K.

A *kind* is finer than a class: ``sky`` and ``cloud`` are both ``sky`` in VSPW, but two classes in COCO-Stuff.
``kinds.csv`` holds one row a kind. A blank name, with the value 0 (ADE20K: other) or 255 (COCO-Stuff: unlabelled),
means that the label space has no class for it; in VSPW, where blank means "others", also that a video's annotator
passes over so small a thing: birds, bottles, lamps, flower pots.
"""

import csv
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from vspwlib.labels import class_named

OTHERS = 0
"""Raw VSPW value of things without a class."""


@cache
def _rows() -> tuple[dict[str, str], ...]:
    text = resources.files(__package__).joinpath("kinds.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _codes() -> dict[str, int]:
    return {row["kind"]: code for code, row in enumerate(_rows())}


def code(kind: str) -> int:
    """Return the number the renderer writes for a kind.

    >>> code("wall")
    0
    """
    return _codes()[kind]


@cache
def label_table(space: str) -> NDArray[np.uint8]:
    """Return the look-up table from kind codes to file values.

    Args:
        space: ``vspw`` (raw ids, 0 = others), ``cocostuff`` (0..181, 255 = unlabelled) or ``ade20k`` (1..150,
            0 = other).

    Returns:
        (256,) uint8, indexed by :func:`code`.

    >>> int(label_table("vspw")[code("sheep")]), int(label_table("cocostuff")[code("sheep")])
    (66, 19)
    """
    table = np.zeros(256, np.uint8)
    for row, kind_code in zip(_rows(), _codes().values(), strict=True):
        if space == "vspw":
            table[kind_code] = class_named(row["vspw"]).id + 1 if row["vspw"] else OTHERS
        else:
            table[kind_code] = int(row[{"cocostuff": "coco", "ade20k": "ade"}[space]])
    return table
