"""Rows against sums made by hand from a small mapping; the figure shows the rows it is given."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import KINDS, LabelMapping, MappingRow, load_mapping
from vspwlib.labels.sources import SOURCE_SETS, SourceSet
from vspwlib.report.figures import BLUE, GREY, ORANGE
from vspwlib.report.mapping import (
    LINKS,
    change_rows,
    difference_rows,
    faint,
    mapping_figure,
    mapping_summary,
    source_rows,
    target_rows,
)

FACTS = SourceSet("tiny", "Tiny", (0, 1, 2, 3, 4, 5), 0, never=(5,))


def row(value: int, name: str, target: str, kind: str) -> MappingRow:
    number = VOID if target == "void" else CLASS_NAMES.index(target)
    return MappingRow(value, name, number, target, kind, f"Reason {value}.")


TINY = LabelMapping(
    "tiny",
    (
        row(0, "other", "void", "none"),
        row(1, "rug", "cushion_or_carpet", "narrower"),
        row(2, "mat", "cushion_or_carpet", "approximate"),
        row(3, "haze", "sky", "broader"),
        row(4, "metal", "void", "none"),
        row(5, "ghost", "void", "none"),
    ),
)
OTHER = LabelMapping(
    "other",
    (
        *TINY.rows[:2],
        row(2, "mat", "floor", "approximate"),
        row(3, "haze", "void", "none"),
        row(4, "metal", "void", "none"),
        row(6, "extra", "wall", "exact"),
    ),
)


@pytest.fixture
def pixels() -> np.ndarray:
    counts = np.zeros(256, np.int64)
    counts[[0, 1, 2, 3, 4, 9]] = 5, 10, 30, 40, 11, 4
    return counts


def test_summary_counts_classes_that_can_occur():
    summary = mapping_summary(TINY, FACTS)
    assert (summary["classes"], summary["mapped"]) == (4, 3)
    assert summary["kinds"] == {"exact": 0, "synonym": 0, "narrower": 1, "broader": 1, "approximate": 1, "none": 1}
    assert summary["gaining"] == ["sky", "cushion_or_carpet"]
    assert len(summary["never"]) == 122
    assert "pixels" not in summary


def test_pixels_of_the_summary_add_up(pixels):
    summary = mapping_summary(TINY, FACTS, pixels)
    parts = {name: summary[name] for name in ("valid", "void", "unlabelled", "unknown")}
    assert parts == {"valid": 80, "void": 11, "unlabelled": 5, "unknown": 4}
    assert summary["pixels"] == 100


@pytest.mark.parametrize("name", SOURCE_SETS)
def test_summaries_of_the_tables_hold_every_class(name):
    summary = mapping_summary(load_mapping(name), SOURCE_SETS[name], np.ones(256, np.int64))
    assert sum(summary["kinds"].values()) == summary["classes"] == SOURCE_SETS[name].num_classes
    assert summary["mapped"] == summary["classes"] - summary["kinds"]["none"]
    assert sorted(summary["gaining"] + summary["never"]) == sorted(CLASS_NAMES)
    assert summary["unknown"] == 256 - len(SOURCE_SETS[name].values)
    assert sum(summary[part] for part in ("valid", "void", "unlabelled", "unknown")) == 256


def test_source_rows_carry_pixels_when_there_are_any(pixels):
    assert source_rows(TINY)[1] == {
        "value": 1,
        "source": "rug",
        "vspw": "cushion_or_carpet",
        "kind": "narrower",
        "reason": "Reason 1.",
    }
    rows = source_rows(TINY, pixels)
    assert [(one["source"], one["pixels"], one["share"]) for one in rows] == [
        ("other", 5, 0.05),
        ("rug", 10, 0.1),
        ("mat", 30, 0.3),
        ("haze", 40, 0.4),
        ("metal", 11, 0.11),
        ("ghost", 0, 0.0),
    ]
    assert source_rows(TINY, np.zeros(256, np.int64))[0]["share"] == 0


def test_target_rows_say_where_a_class_gains_from(pixels):
    rows = {one["vspw"]: one for one in target_rows(TINY, pixels)}
    assert list(rows) == list(CLASS_NAMES)
    assert rows["cushion_or_carpet"] == {
        "id": 45,
        "vspw": "cushion_or_carpet",
        "sources": ["mat", "rug"],
        "pixels": 40,
        "share": 0.4,
    }
    assert rows["wall"] == {"id": 0, "vspw": "wall", "sources": [], "pixels": 0, "share": 0.0}
    assert target_rows(TINY)[45] == {"id": 45, "vspw": "cushion_or_carpet", "sources": ["rug", "mat"]}


def test_differences_name_rows_and_classes(pixels):
    rows = difference_rows(TINY, OTHER, pixels)
    assert [(one["source"], one["first"], one["second"], one["pixels"]) for one in rows] == [
        ("haze", "sky", "void", 40),
        ("mat", "cushion_or_carpet", "floor", 30),
        ("ghost", "void", None, 0),
        ("extra", None, "wall", 0),
    ]
    assert (rows[0]["first_kind"], rows[0]["second_kind"], rows[0]["share"]) == ("broader", "none", 0.4)
    changes = {one.pop("vspw"): one for one in change_rows(TINY, OTHER, pixels)}
    assert changes == {
        "wall": {"gained": ["extra"], "lost": [], "first_pixels": 0, "second_pixels": 0, "difference": 0},
        "floor": {"gained": ["mat"], "lost": [], "first_pixels": 0, "second_pixels": 30, "difference": 30},
        "sky": {"gained": [], "lost": ["haze"], "first_pixels": 40, "second_pixels": 0, "difference": -40},
        "cushion_or_carpet": {
            "gained": [],
            "lost": ["mat"],
            "first_pixels": 40,
            "second_pixels": 10,
            "difference": -30,
        },
        "void": {"gained": ["haze"], "lost": ["ghost"], "first_pixels": 16, "second_pixels": 56, "difference": 40},
    }
    assert difference_rows(TINY, TINY) == change_rows(TINY, TINY) == []
    assert "difference" not in change_rows(TINY, OTHER)[0]


def test_gains_and_losses_cancel_out(pixels):
    mine, theirs = load_mapping("cocostuff"), load_mapping("cocostuff")
    moved = tuple(row(one.source_value, one.source_name, "wall", "approximate") for one in theirs.rows[:40])
    counts = np.random.default_rng(0).integers(0, 99, 256)
    changes = change_rows(mine, LabelMapping("moved", (*moved, *theirs.rows[40:])), counts)
    assert len(changes) > 10
    assert sum(one["difference"] for one in changes) == 0


def test_the_figure_has_a_link_for_each_class_with_pixels(pixels):
    sankey = mapping_figure(source_rows(TINY, pixels)).data[0]
    labels, link = sankey.node.label, sankey.link
    drawn = {
        (labels[a], labels[b]): (width, colour)
        for a, b, width, colour in zip(link.source, link.target, link.value, link.color, strict=True)
    }
    assert drawn == {
        ("rug", "cushion_or_carpet"): (10, faint(BLUE)),
        ("mat", "cushion_or_carpet"): (30, faint(ORANGE)),
        ("haze", "sky"): (40, faint(ORANGE)),
        ("other", "void"): (5, faint(GREY)),
        ("metal", "void"): (11, faint(GREY)),
    }
    assert "pixels" in link.hovertemplate


def test_without_pixels_each_class_counts_one():
    figure = mapping_figure(source_rows(load_mapping("cocostuff")))
    sankey = figure.data[0]
    assert list(sankey.link.value) == [1] * 183
    assert len(sankey.node.label) == 183 + 84 + 1
    assert "classes" in sankey.link.hovertemplate
    assert figure.layout.height > 3000


def test_kinds_have_a_colour_or_are_void():
    assert {*LINKS, "none"} == set(KINDS)


def test_other_counts_are_refused():
    with pytest.raises(InputError, match=r"expected shape \(256\), got \(124,\)"):
        source_rows(TINY, np.zeros(124, np.int64))
