"""Rows of two runs beside each other: figures, and classes in the order in which their differences are clear.

Scores are fractions in 0..1, None where there is nothing to score or to judge.
"""

from math import inf, isnan
from typing import Any

from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.paired import Comparison, Difference

Row = dict[str, Any]

FEW_VIDEOS = 20
"""Below it a percentile interval tends to be too narrow; tables say so."""


def figure_rows(comparison: Comparison) -> list[Row]:
    """List the figures of two runs.

    Returns:
        A row each for ``miou``, ``vc8``, ``vc16``, ``pixel_acc``. Keys: figure, first, second, difference (second minus
        first), low and high (of its interval), ahead (share of the draws in which the second run is better), videos
        that it rests on, judged.
    """
    return [{"figure": name, **_facts(item)} for name, item in comparison.figures.items()]


def class_difference_rows(comparison: Comparison) -> list[Row]:
    """List the IoU of classes in both runs, the clearest difference first.

    Clear is an interval that lies far from 0; one that holds 0 comes after all that do not. Classes that are not judged
    come last, by id.

    Returns:
        A row for each class with truth. Keys: id, class, and those of :func:`figure_rows`.
    """
    ordered = sorted(comparison.classes.items(), key=lambda entry: (-_distance(entry[1]), entry[0]))
    return [{"id": index, "class": CLASS_NAMES[index], **_facts(item)} for index, item in ordered]


def _distance(item: Difference) -> float:
    """How far an interval lies from 0; below 0 where it holds 0."""
    return max(item.interval.low, -item.interval.high) if item.interval.judged else -inf


def _facts(item: Difference) -> Row:
    interval = item.interval
    figures = {
        "first": item.first,
        "second": item.second,
        "difference": interval.value,
        "low": interval.low,
        "high": interval.high,
        "ahead": item.ahead,
    }
    there = {name: None if isnan(value) else value for name, value in figures.items()}
    return {**there, "videos": interval.videos, "judged": interval.judged}
