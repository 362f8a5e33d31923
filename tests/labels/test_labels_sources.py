"""The values of other data sets' masks against facts of their releases."""

import csv

from vspwlib.labels.sources import SOURCE_SETS


def test_numbers_of_classes_are_those_of_the_releases():
    classes = {name: facts.num_classes for name, facts in SOURCE_SETS.items()}
    assert classes == {"cocostuff": 171, "ade20k": 150, "camvid": 11}
    assert {name: facts.unlabelled for name, facts in SOURCE_SETS.items()} == {
        "cocostuff": 255,
        "ade20k": 0,
        "camvid": 255,
    }


def test_values_are_distinct_bytes_and_hold_the_gaps():
    for facts in SOURCE_SETS.values():
        assert list(facts.values) == sorted(set(facts.values))
        assert 0 <= facts.values[0] <= facts.values[-1] <= 255
        assert {facts.unlabelled, *facts.never} <= set(facts.values)
    # Categories that COCO named and never drew, by COCO's own ids, which begin at one.
    removed = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83, 91}
    assert {value + 1 for value in SOURCE_SETS["cocostuff"].never} == removed


def test_the_gaps_are_the_rows_without_a_train_id(shared):
    with (shared / "reference" / "cocostuff_classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    facts = SOURCE_SETS["cocostuff"]
    assert [int(row["png_id"]) for row in rows] == [value for value in facts.values if value != facts.unlabelled]
    assert tuple(int(row["png_id"]) for row in rows if not row["train_id"]) == facts.never
