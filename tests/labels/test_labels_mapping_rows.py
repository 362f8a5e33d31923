"""Whatever is wrong with a table is named with its row and column."""

import pytest

from vspwlib.checks import InputError
from vspwlib.labels.mapping_rows import COLUMNS, read_rows

HEADER = ",".join(COLUMNS)
SOUND = "7,thing,29,sky,synonym,Because."


def test_rows_come_by_their_line():
    text = f'{HEADER}\n{SOUND}\n\n8,other,255,void,none,"two\nlines"\n9,last,1,wall,broader,Why.\n'
    rows = read_rows(text, "a.csv")
    assert {line: row.source_value for line, row in rows.items()} == {2: 7, 5: 8, 6: 9}
    assert [(row.target, row.vspw_name) for row in rows.values()] == [(28, "sky"), (255, "void"), (0, "wall")]


def test_columns_may_stand_in_any_order():
    order = [5, 3, 0, 1, 4, 2]
    lines = [",".join(line.split(",")[place] for place in order) for line in (HEADER, SOUND)]
    assert read_rows("\n".join(lines), "a.csv") == read_rows(f"{HEADER}\n{SOUND}", "a.csv")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,thing,29,sky,synonym,Why.", "expected a whole number, got 'x' (a.csv, row 3, column source_value)"),
        ("256,thing,29,sky,synonym,Why.", "got 256 (a.csv, row 3, column source_value)"),
        ("-1,thing,29,sky,synonym,Why.", "got -1 (a.csv, row 3, column source_value)"),
        ("7,thing,29,sky,synonym,Why.", "got 7 again, after row 2 (a.csv, row 3, column source_value)"),
        ("8,,29,sky,synonym,Why.", "got an empty cell (a.csv, row 3, column source_name)"),
        ("8,thing,0,sky,synonym,Why.", "expected 1..124, or 255 for void, got 0 (a.csv, row 3, column vspw_raw_id)"),
        ("8,thing,125,sky,synonym,Why.", "got 125 (a.csv, row 3, column vspw_raw_id)"),
        ("8,thing,,sky,synonym,Why.", "expected a whole number, got '' (a.csv, row 3, column vspw_raw_id)"),
        ("8,thing,28,sky,synonym,Why.", "expected 'other_construction', the name of 28, got 'sky'"),
        ("8,thing,28,sky,synonym,Why.", "'sky' is vspw_raw_id 29."),
        ("8,thing,29,skye,synonym,Why.", "got 'skye' (a.csv, row 3, column vspw_name)"),
        ("8,thing,255,,none,Why.", "expected 'void', the name of 255, got '' (a.csv, row 3, column vspw_name)"),
        ("8,thing,29,sky,alike,Why.", "got 'alike' (a.csv, row 3, column kind)"),
        (
            "8,thing,29,sky,none,Why.",
            "expected another kind than 'none' for sky, got 'none' (a.csv, row 3, column kind)",
        ),
        ("8,thing,255,void,exact,Why.", "expected 'none' for void, got 'exact' (a.csv, row 3, column kind)"),
        ("8,thing,29,sky,synonym,  ", "got an empty cell (a.csv, row 3, column reason)"),
        ("8,thing,29,sky,synonym", "got fewer cells than columns (a.csv, row 3)"),
        ("8,thing,29,sky,synonym,Why, not.", "got more cells than columns (a.csv, row 3)"),
        ('8,thing,29,sky,synonym,"Why"x', "expected a CSV file"),
    ],
)
def test_a_wrong_row_is_named(row, message):
    with pytest.raises(InputError) as caught:
        read_rows(f"{HEADER}\n{SOUND}\n{row}\n", "a.csv")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file (a.csv, row 1)"),
        (f"{HEADER}\n", "expected at least one row"),
        (f"{HEADER.replace('kind', 'fit')}\n{SOUND}", "got no kind (a.csv, row 1)"),
        (f"{HEADER};\n{SOUND}".replace(",", ";"), "got no source_value, source_name"),
    ],
)
def test_a_wrong_table_is_named(text, message):
    with pytest.raises(InputError) as caught:
        read_rows(text, "a.csv")
    assert message in str(caught.value)
