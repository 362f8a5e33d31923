"""Rows of a comparison: order, and null where there is nothing to say."""

from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.bootstrap import Interval
from vspwlib.metrics.paired import Comparison, Difference
from vspwlib.report.comparison import class_difference_rows, figure_rows

NAN = float("nan")


def difference(low, high, videos=9):
    return Difference(0.25, 0.5, Interval(0.25, low, high, videos), NAN if videos < 5 else 0.75)


def compared(figures=None, classes=None):
    return Comparison(figures or {}, classes or {}, 9, 100, 0, 0.95)


def test_a_row_has_all_that_is_known():
    (row,) = figure_rows(compared({"miou": difference(0.125, 0.375)}))
    assert row == {
        "figure": "miou",
        "first": 0.25,
        "second": 0.5,
        "difference": 0.25,
        "low": 0.125,
        "high": 0.375,
        "ahead": 0.75,
        "videos": 9,
        "judged": True,
    }


def test_what_is_not_there_is_null():
    nothing = Difference(NAN, NAN, Interval(NAN, NAN, NAN, 0), NAN)
    (row,) = figure_rows(compared({"vc16": nothing}))
    assert {row.pop(name) for name in ("first", "second", "difference", "low", "high", "ahead")} == {None}
    assert row == {"figure": "vc16", "videos": 0, "judged": False}


def test_classes_come_by_how_far_their_interval_lies_from_zero():
    classes = {
        3: difference(-0.01, 0.9),  # holds 0, just
        7: difference(NAN, NAN, videos=4),
        2: difference(NAN, NAN, videos=1),
        10: difference(-0.5, 0.5),  # holds 0 by far
        11: difference(0.1, 0.9),
        12: difference(-0.3, -0.2),  # the clearest, though it is not the largest
    }
    rows = class_difference_rows(compared(classes=classes))
    assert [row["id"] for row in rows] == [12, 11, 3, 10, 2, 7]
    assert [row["judged"] for row in rows] == [True] * 4 + [False] * 2
    assert rows[0]["class"] == CLASS_NAMES[12]
    assert (rows[-1]["first"], rows[-1]["difference"], rows[-1]["low"], rows[-1]["ahead"]) == (0.25, 0.25, None, None)
