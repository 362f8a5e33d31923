"""Rows that are changed, and tables as text: what is written is what the reader reads, or it is refused."""

from dataclasses import replace

import pytest

from vspwlib.checks import InputError
from vspwlib.labels import VOID
from vspwlib.labels.mapping import LabelMapping, load_mapping
from vspwlib.labels.mapping_edit import check_mapping_name, mapping_text, retarget, with_rows
from vspwlib.labels.mapping_rows import read_rows
from vspwlib.labels.sources import SOURCE_SETS


@pytest.mark.parametrize("name", SOURCE_SETS)
def test_the_packages_tables_come_back_from_their_text(name):
    mapping = load_mapping(name)
    assert tuple(read_rows(mapping_text(mapping), "text").values()) == mapping.rows


def test_a_row_goes_to_another_class_or_to_void():
    row = load_mapping("camvid").rows[0]
    assert retarget(row, "tree", "broader", "Leaves.") == replace(
        row, target=66, vspw_name="tree", kind="broader", reason="Leaves."
    )
    void = retarget(row, "void", "broader", "Clouds.")
    assert (void.target, void.vspw_name, void.kind) == (VOID, "void", "none")
    with pytest.raises(InputError, match="class name: expected 'void' or one of VSPW's 124"):
        retarget(row, "trees", "exact", "Leaves.")


def test_only_the_rows_named_are_replaced():
    mapping = load_mapping("camvid")
    row = retarget(mapping.rows[3], "void", "none", "Doubtful.")
    found = with_rows(mapping, {row.source_value: row})
    assert [one for one, other in zip(found.rows, mapping.rows, strict=True) if one != other] == [row]
    assert found.lookup[row.source_value] == VOID
    assert mapping.lookup[row.source_value] != VOID


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("column", ["source_name", "reason"])
def test_formulas_are_refused(start, column):
    row = replace(load_mapping("camvid").rows[0], **{column: f"{start}1"})
    with pytest.raises(InputError, match=f"text that is no formula.*column {column}"):
        mapping_text(LabelMapping("mine", (row,)))


def test_a_line_break_is_refused():
    row = replace(load_mapping("camvid").rows[0], reason="one\ntwo")
    with pytest.raises(InputError, match="one line"):
        mapping_text(LabelMapping("mine", (row,)))


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", ".a", "-a", "a.csv", "a b", "é", "CON", "lpt1", "a" * 61, "a\n"]
)
def test_names_that_are_no_plain_file_names_are_refused(name):
    with pytest.raises(InputError, match="letters, digits"):
        check_mapping_name(name)


@pytest.mark.parametrize("name", ["cocostuff", "ADE20K", "camvid"])
def test_names_of_the_package_are_refused(name):
    with pytest.raises(InputError, match="comes with the package"):
        check_mapping_name(name)
    assert check_mapping_name(f"{name}_own-2") == f"{name}_own-2"
