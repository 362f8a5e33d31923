"""The paper's tables as data: every row can be made, and the figures are those printed."""

import pytest

from vspwlib.checks import InputError
from vspwlib.recipes import RECIPES
from vspwlib.tables import ENSEMBLES, TABLES, home, table


def test_every_row_is_a_recipe_an_ensemble_or_a_figure_alone():
    for entry in TABLES.values():
        for row in entry.rows:
            assert row.key in RECIPES or row.key in ENSEMBLES or (not row.key and entry.number == 6), row
            assert (row.tau is None) == (row.key not in ENSEMBLES or ENSEMBLES[row.key].rule != "sweep"), row
    for ensemble in ENSEMBLES.values():
        assert set(ensemble.recipes) <= RECIPES.keys()
        assert len(ensemble.recipes) == (2 if ensemble.rule in {"sweep", "fitted"} else 3)


def test_a_result_lies_in_one_table():
    assert [entry.number for entry in TABLES.values()] == list(TABLES)
    assert {home(key).name for key in ("t1_swin", "t2_896", "t3_nce2", "t4_pair", "t5_pair")} == {
        f"table{number}" for number in range(1, 6)
    }
    for key in ("", "t9"):
        with pytest.raises(InputError, match="table row"):
            home(key)
    with pytest.raises(InputError, match="table: expected one of 1, 2, 3, 4, 5, 6, got 7"):
        table(7)


@pytest.mark.parametrize(
    ("number", "printed"),
    [
        (1, [47.35, 48.2, 48.52, 57.45, 58.49]),
        (2, [58.49, 60.30, 60.77, 61.32]),
        (3, [58.05, 60.0, 60.95]),
        (4, [64.92, 63.56, 65.31, 65.68, 65.87, 65.95, 65.94, 65.64, 65.44, 65.12, 64.79]),
        (5, [65.93, 65.72, 65.95]),
        (6, [65.95, 65.83, 64.84, 64.75, 63.72]),
    ],
)
def test_the_figures_are_those_printed(number, printed):
    assert [row.paper for row in table(number).rows if row.paper is not None] == printed
    assert table(number).split == ("Test1" if number < 4 else "Test2")


def test_the_eleven_weights_stand_as_printed_and_have_one_peak_with_the_endpoints_exchanged():
    rows = {row.tau: row.paper for row in table(4).rows if isinstance(row.tau, float)}
    assert len(rows) == 11
    exchanged = {**rows, 0.0: rows[1.0], 1.0: rows[0.0]}
    curve = [exchanged[tau] for tau in sorted(exchanged)]
    peak = curve.index(max(curve))
    assert curve[: peak + 1] == sorted(curve[: peak + 1])
    assert curve[peak:] == sorted(curve[peak:], reverse=True)
    assert "look swapped" in table(4).note
