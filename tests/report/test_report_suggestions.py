"""Proposals against shares worked out by hand, and a mapping that comes back from the review table."""

import csv

import numpy as np

from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import LabelMapping, MappingRow, load_mapping
from vspwlib.metrics.cross import CrossCounts
from vspwlib.report.suggestions import agreement, review_table, suggestion_rows


def number(name: str) -> int:
    return CLASS_NAMES.index(name)


def row(value: int, source: str, target: str) -> MappingRow:
    kind = "none" if target == "void" else "exact"
    return MappingRow(value, source, VOID if target == "void" else number(target), target, kind, "because")


TINY = LabelMapping(
    "tiny",
    (
        row(0, "haze", "sky"),
        row(1, "pool", "lake"),
        row(2, "metal", "void"),
        row(3, "quay", "path"),
        row(4, "ghost", "sea"),
        row(5, "ox", "cattle"),
    ),
)


def counted(pixels: dict[int, dict[str, int]]) -> CrossCounts:
    counts = CrossCounts.zeros()
    for value, own in pixels.items():
        for name, count in own.items():
            counts.pixels[value, number(name)] = count
        counts.images[value] = 2
    return counts


COUNTS = counted(
    {
        0: {"sky": 60, "wall": 30, "sea": 10},
        1: {"sea": 50, "lake": 30, "sky": 20},
        2: {"wall": 25, "car": 25},
        3: {"wall": 20, "car": 15, "sky": 10, "sea": 5, "path": 1},
        5: {"wall": 400},
    }
)


def test_rows_in_the_order_of_review():
    rows = suggestion_rows(TINY, COUNTS)
    # 60 of 60 for haze: nothing to gain; pool 50 - 30; metal 25 (void: nothing agrees); quay 20 - 1; ox cannot be told
    assert [(one["source"], one["weight"], one["verdict"]) for one in rows] == [
        ("metal", 25, "void"),
        ("pool", 20, "near"),
        ("quay", 19, "differs"),
        ("haze", 0, "agrees"),
        ("ghost", 0, "unseen"),
        ("ox", 400, "unlearnt"),
    ]


def test_shares_and_lifts_by_hand():
    by_source = {one["source"]: one for one in suggestion_rows(TINY, COUNTS)}
    pool = by_source["pool"]
    assert (pool["pixels"], pool["images"], pool["share"]) == (100, 2, 0.3)
    assert [(one["vspw"], one["share"]) for one in pool["proposed"]] == [("sea", 0.5), ("lake", 0.3), ("sky", 0.2)]
    whole = 100 + 100 + 50 + 51 + 400
    sea = 10 + 50 + 5
    assert np.isclose(pool["proposed"][0]["lift"], 0.5 / (sea / whole), rtol=1e-12)
    # 25 pixels each: the lower id first
    tied = [one["vspw"] for one in by_source["metal"]["proposed"]]
    assert tied == sorted(("wall", "car"), key=number)
    assert len(by_source["quay"]["proposed"]) == 3
    assert by_source["metal"]["share"] is None
    assert (by_source["ghost"]["share"], by_source["ghost"]["proposed"]) == (None, [])


def test_agreement_over_mapped_pixels():
    facts = agreement(suggestion_rows(TINY, COUNTS))
    assert np.isclose(facts["share"], (60 + 30 + 1 + 0) / (100 + 100 + 51 + 400), rtol=1e-12)
    assert facts["verdicts"] == {"agrees": 1, "near": 1, "differs": 1, "void": 1, "unlearnt": 1, "unseen": 1}
    assert agreement([])["share"] is None


def test_the_review_table_is_a_mapping_again(tmp_path):
    mapping = load_mapping("camvid")
    counts = counted({row.source_value: {"sky": 5} for row in mapping.rows})
    file = tmp_path / "review.csv"
    with file.open("w", newline="") as handle:
        csv.writer(handle).writerows(review_table(mapping, suggestion_rows(mapping, counts)))
    again = load_mapping(file, dataset="camvid")
    assert {*again.rows} == {*mapping.rows}
    assert "sky 100% (1.0x)" in file.read_text()
