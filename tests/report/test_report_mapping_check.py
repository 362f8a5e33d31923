"""Rows against confusions made by hand."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import LabelMapping, MappingRow
from vspwlib.report.mapping_check import Taught, class_rows, suspect_rows


def number(name: str) -> int:
    return CLASS_NAMES.index(name)


def matrix(cells: dict[tuple[str, str], int]) -> np.ndarray:
    out = np.zeros((124, 124), np.int64)
    for (true, predicted), pixels in cells.items():
        out[number(true), number(predicted)] = pixels
    return out


def taught(data: str, rows: dict[int, tuple[str, str, int]]) -> Taught:
    pixels = np.zeros(256, np.int64)
    made = []
    for value, (source, target, count) in rows.items():
        pixels[value] = count
        void = target == "void"
        ident = VOID if void else number(target)
        made.append(MappingRow(value, source, ident, target, "none" if void else "exact", "because"))
    return Taught(data, LabelMapping(data, tuple(made)), pixels)


COCO = taught(
    "cocostuff",
    {
        0: ("pond", "sky", 40),  # the wrong row
        1: ("clouds", "sky", 90),
        2: ("wall-brick", "wall", 30),
        3: ("metal", "void", 70),
        4: ("tide", "sea", 0),
        5: ("swamp", "lake", 5),
    },
)
STILLS = matrix(
    {("sky", "sky"): 90, ("sky", "wall"): 10, ("lake", "sky"): 40, ("lake", "lake"): 10, ("sea", "sky"): 20}
)
VIDEOS = matrix({("sky", "sky"): 85, ("sky", "wall"): 15, ("lake", "sky"): 5, ("lake", "lake"): 45, ("sea", "sea"): 20})


def test_classes_beside_what_taught_them():
    rows = class_rows(STILLS, VIDEOS, [COCO])
    assert [(row["vspw"], row["truth"], row["taught"], row["sources"]) for row in rows] == [
        ("sky", 100, 130, ["clouds", "pond"]),
        ("lake", 50, 5, ["swamp"]),
        ("sea", 20, 0, []),
    ]
    assert np.allclose([row["stills"] for row in rows], [90 / 160, 10 / 50, 0], rtol=1e-12)
    assert np.allclose([row["videos"] for row in rows], [85 / 105, 45 / 50, 1], rtol=1e-12)


def test_suspects_are_what_only_the_photographs_teach():
    first, second = suspect_rows(STILLS, VIDEOS, [COCO])  # sky as wall is rarer than with videos: no suspect
    assert (first["truth"], first["predicted"], first["excess"], first["known"]) == ("lake", "sky", 35, True)
    assert (first["stills"], first["videos"], first["sources"]) == (0.8, 0.1, ["clouds", "pond"])
    assert (second["truth"], second["predicted"], second["excess"], second["known"]) == ("sea", "sky", 20, False)


def test_labels_of_two_sets_are_told_apart():
    other = taught("ade20k", {1: ("sky", "sky", 1000)})
    assert class_rows(STILLS, VIDEOS, [COCO, other])[0]["sources"] == [
        "ade20k sky",
        "cocostuff clouds",
        "cocostuff pond",
    ]


def test_scores_of_other_frames_are_refused():
    with pytest.raises(InputError, match="two of the same frames"):
        class_rows(STILLS, VIDEOS + 1, [COCO])
    with pytest.raises(InputError, match="confusion: expected shape"):
        suspect_rows(STILLS[:5], VIDEOS[:5], [COCO])
