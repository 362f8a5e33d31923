"""The class table against independent facts."""

import csv
import subprocess
import sys

import pytest

from vspwlib.checks import InputError
from vspwlib.labels import CLASS_NAMES, CLASSES, GROUPS, NUM_CLASSES, VOID, class_named


def test_table_has_124_distinct_classes_in_id_order():
    assert NUM_CLASSES == len(CLASSES) == 124
    assert [item.id for item in CLASSES] == list(range(124))
    assert len(set(CLASS_NAMES)) == 124
    assert VOID == 255


def test_names_and_thing_flags_are_the_upstream_ones(shared):
    with (shared / "reference" / "vspw_classes.csv").open() as file:
        facts = [(int(row["id"]), row["name"]) for row in csv.DictReader(file)]
    assert [(item.id, item.name) for item in CLASSES] == facts
    with (shared / "reference" / "vspw_palette.csv").open() as file:
        things = [row["isthing_in_DVIS_TubeLink"] == "1" for row in csv.DictReader(file)]
    assert [item.thing for item in CLASSES] == things


@pytest.mark.parametrize(
    ("name", "index", "thing"),
    [("wall", 0, False), ("sky", 28, False), ("person", 60, True), ("Microwave_oven", 101, True), ("train", 123, True)],
)
def test_known_classes_stand_at_their_ids(name, index, thing):
    found = class_named(name)
    assert (found.id, found.thing) == (index, thing)


def test_58_classes_are_things_as_in_vipseg():
    assert sum(item.thing for item in CLASSES) == 58


def test_every_group_is_used_and_of_a_readable_size():
    assert 8 <= len(GROUPS) <= 12
    sizes = {group: sum(item.group == group for item in CLASSES) for group in GROUPS}
    assert sum(sizes.values()) == 124
    assert max(sizes.values()) <= 20


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean 'building'"):
        class_named("bulding")


def test_import_needs_no_torch():
    code = "import sys, vspwlib.labels; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
