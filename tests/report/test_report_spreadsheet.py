"""CSV that no spreadsheet runs."""

import csv
import io

import pytest

from vspwlib.report.spreadsheet import csv_text


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_would_be_a_formula_gets_an_apostrophe(start):
    rows = [{"run": f'{start}HYPERLINK("x")', start: "a"}]
    assert read(csv_text(rows, ["run", start])) == [["run", f"'{start}"], [f'\'{start}HYPERLINK("x")', "a"]]


def test_other_values_stay_as_they_are():
    rows = [{"run": 'a,b "c"\nd', "change": -0.5, "miou": None, "left out": 1}, {"run": "x-y=z@w"}]
    assert read(csv_text(rows, ["run", "change", "miou"])) == [
        ["run", "change", "miou"],
        ['a,b "c"\nd', "-0.5", ""],
        ["x-y=z@w", "", ""],
    ]
