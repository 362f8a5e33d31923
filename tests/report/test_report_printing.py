"""Printed tables: which columns there are, and what stands in them."""

from pathlib import Path

import pytest

from vspwlib.report.paper_tables import table_rows
from vspwlib.report.printing import (
    latex_table,
    markdown_table,
    printed_rows,
    printed_table,
    printed_teams,
    text_table,
)
from vspwlib.tables import TABLES

RESULTS = Path(__file__).resolve().parents[2] / "results"

EMPTY = dict.fromkeys(["paper", "mean", "spread", "difference", "paper_effect", "effect", "low", "high", "clear"])
ROW = {"row": "crop 480", "key": "t2_480", "seeds": [], "vc8": None, "vc16": None, **EMPTY}


def test_columns_without_a_value_are_left_out():
    rows = printed_rows([{**ROW, "paper": 58.49}, {**ROW, "row": "b", "mean": 21.476, "seeds": [0]}])
    assert rows == [
        {"row": "crop 480", "paper mIoU": "58.49", "this run": "", "seeds": ""},
        {"row": "b", "paper mIoU": "", "this run": "21.48", "seeds": "1"},
    ]
    assert printed_rows([]) == []


def test_spread_sign_and_interval_are_printed():
    full = {"mean": 29.2, "spread": 0.85, "difference": -31.1, "paper_effect": 1.81, "effect": 7.7, "seeds": [0, 1]}
    clear = {**ROW, **full, "low": 4.8, "high": 11.8, "clear": True}
    (found,) = printed_rows([clear])
    assert (found["this run"], found["difference"]) == ("29.20 ± 0.85", "−31.10")
    assert found["this run's effect"] == "+7.70 [+4.80, +11.80] *"
    assert printed_rows([{**clear, "clear": False}])[0]["this run's effect"] == "+7.70 [+4.80, +11.80]"
    assert printed_rows([{**ROW, "effect": -1.0}])[0]["this run's effect"] == "−1.00"


def test_teams_say_whose_figures_they_are():
    row = {
        "row": "a",
        "kind": "challenge",
        "data": "VSPW Test2",
        "mean": 65.95,
        "vc8": None,
        "vc16": None,
        "source": "s",
    }
    assert printed_teams([row, {**row, "kind": "here"}])[1]["from"] == "this run"
    assert printed_teams([row])[0]["from"] == "paper"


def test_markdown_and_text_hold_every_cell():
    rows = [{"row": "a|b", "this run": "1.00"}, {"row": "c", "this run": "22.00"}]
    assert markdown_table(rows, "Said.").endswith("| a\\|b | 1.00 |\n| c | 22.00 |\n\nSaid.\n")
    assert markdown_table([], "Said.") == "Said.\n"
    assert text_table(rows).splitlines()[1:] == ["a|b      1.00", "c       22.00"]
    assert text_table([]) == ""


def test_latex_takes_its_own_letters_as_text():
    found = latex_table([{"row": "50 % of $x_1 ~ {τ} \\ 1 ± 2 − 3"}], "A & b", "tab:x")
    assert r"50 \% of \$x\_1 \textasciitilde{} \{$\tau$\} \textbackslash{} 1 $\pm$ 2 $-$ 3 \\" in found
    assert r"\caption{A \& b}" in found


@pytest.mark.parametrize("number", TABLES)
def test_a_table_is_laid_out_for_a_terminal_a_page_and_a_paper(number: int) -> None:
    found = printed_table(number, "mini", RESULTS)
    title = TABLES[number].rows[0].title
    assert found.text.startswith(f"Table {number}. {TABLES[number].title}\n")
    assert f"| {title} |" in found.markdown
    assert rf"\label{{tab:table{number}-mini}}" in found.latex
    assert all(found.caption in text for text in (found.text, found.markdown))
    if number < 6:
        assert found.rows == table_rows(number, "mini", RESULTS)
