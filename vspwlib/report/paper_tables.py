"""The paper's tables beside the runs of a profile: rows for the command line, the app, notebooks and Markdown alike.

Every figure is in per cent, every difference in points. A small profile's figures are of other networks, data and
training than the paper's: ``difference`` says how far apart they lie, and only effects, what a row gains over the
table's first, can be compared.
"""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from vspwlib.checks import require
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.iou import iou_per_class
from vspwlib.metrics.paired import Difference, mean_difference
from vspwlib.recipes import recipe
from vspwlib.report.results import Result, read_results
from vspwlib.tables import PUBLISHED, TABLES, Table, TableRow, home, table

Row = dict[str, Any]

RESULTS = Path("results")

_ANY = "upernet_swin_tiny"  # a recipe that every profile has, to ask the profile for its splits


def table_split(number: int, profile: str) -> str:
    """Return the split that stands for the one a table was printed for: the profile's first or last test split.

    >>> table_split(2, "mini"), table_split(4, "camvid"), table_split(4, "vspw")
    ('test1', 'test', 'val')
    """
    splits = recipe(_ANY, profile).test_splits
    return splits[0] if table(number).split == "Test1" else splits[-1]


def is_comparable(profile: str) -> bool:
    """Whether a difference to printed figures means anything to look at: not on val, where the paper prints none."""
    return profile != "vspw"


def table_rows(number: int, profile: str, results: Path = RESULTS, *, split: str | None = None) -> list[Row]:
    """Return a table: what the paper printed, what the published runs of a profile scored, and how they differ.

    Args:
        number: 1 to 5; :func:`team_rows` has 6.
        profile: ``mini``, ``camvid`` or ``vspw``.
        results: Folder of published results.
        split: Where runs are read; by default :func:`table_split`.

    Returns:
        A row for each of the table's. Keys: row (its title), key, paper, mean, spread (standard deviation over seeds,
        None of one seed), seeds, difference (mean less paper), paper_effect and effect (gain over the table's first
        row), low and high (95 % interval of the effect when videos are drawn anew; None where no counts are
        published), clear (whether the interval leaves out 0 and no seed has the other sign), vc8, vc16. None where
        there is nothing.

    Raises:
        InputError: no such table, or a file of the results cannot be read.
    """
    place = split or table_split(number, profile)
    rows: list[Row] = []
    first: tuple[TableRow, list[Result]] | None = None
    for row in table(number).rows:
        found = results_of(row.key, profile, results) if row.key else []
        first = first or (row, found)
        rows.append(_row(row, found, first, place, comparable=is_comparable(profile)))
    return rows


def require_published(rows: Sequence[Mapping[str, Any]], number: int, profile: str) -> None:
    """Refuse to go on where no row of a table has been run at a profile's scale.

    Raises:
        InputError: none has.
    """
    fix = f"run `vspw tables {number} --profile {profile}`, or choose another profile."
    published = any(row["mean"] is not None for row in rows)
    require(published, f"results of table {number}", expected=f"a published run at {profile}", got="none", fix=fix)


def results_of(key: str, profile: str, results: Path = RESULTS) -> list[Result]:
    """Return the published results of a recipe or an ensemble, by seed.

    Raises:
        InputError: no table has it, or a file cannot be read.
    """
    return read_results(results, home(key).name, profile).get(key, [])


def class_effect_rows(
    first: str, second: str, profile: str, split: str, results: Path = RESULTS, *, least: float = 0.0
) -> list[Row]:
    """Return what the second recipe gains on each class over the first, the mean of the seeds that both have.

    Args:
        first: Recipe or ensemble with counts.
        second: Another.
        profile: Scale of both.
        split: Where they are read.
        results: Folder of published results.
        least: Share of the labelled pixels, in per cent, that a class must have.

    Returns:
        Rows with keys class, iou_other (first), iou (second), difference, share (of the labelled pixels), the largest
        gain first. Of the keys of :func:`vspwlib.report.tables.class_rows`, in per cent.
    """
    pairs = _pairs(results_of(first, profile, results), results_of(second, profile, results), split)
    if not pairs:
        return []
    means = [np.mean([iou_per_class(pair[place].counts) for pair in pairs], axis=0) for place in (0, 1)]
    truth = pairs[0][0].counts.truth
    shares = 100 * truth / truth.sum()
    rows: list[Row] = [
        {
            "class": CLASS_NAMES[number],
            "iou_other": float(100 * means[0][number]),
            "iou": float(100 * means[1][number]),
            "difference": float(100 * (means[1][number] - means[0][number])),
            "share": float(shares[number]),
        }
        for number in np.flatnonzero(truth)
        if shares[number] >= least
    ]
    return sorted(rows, key=lambda row: -row["difference"])


def team_rows(profile: str, results: Path = RESULTS) -> list[Row]:
    """Return Table 6: the challenge's entries, later published results, and the ensembles and models published here.

    Returns:
        Rows with keys row, kind (``challenge``, ``published`` or ``here``), data, mean, vc8, vc16, source. Figures of
        different ``data`` do not compare.
    """
    rows: list[Row] = [
        _team(entry.title, "challenge", "VSPW Test2", entry.paper, source="the paper, Table 6")
        for entry in TABLES[6].rows
    ]
    for other in PUBLISHED:
        title = f"{other.method}, {other.backbone}"
        rows.append(
            _team(title, "published", "VSPW val", other.miou, vc8=other.vc8, vc16=other.vc16, source=other.source)
        )
    for number in (5, 3, 2, 1):
        split = table_split(4, profile)
        for row in table_rows(number, profile, results, split=split):
            if row["mean"] is not None and row["key"] != "t4_pair":
                source = f"results/{home(row['key']).name}, mean of {len(row['seeds'])}"
                kept = {name: row[name] for name in ("vc8", "vc16")}
                rows.append(_team(row["row"], "here", f"{profile} {split}", row["mean"], source=source, **kept))
    return rows


def _team(
    title: str,
    kind: str,
    data: str,
    mean: float | None,
    *,
    vc8: float | None = None,
    vc16: float | None = None,
    source: str,
) -> Row:
    return {"row": title, "kind": kind, "data": data, "mean": mean, "vc8": vc8, "vc16": vc16, "source": source}


def _row(
    row: TableRow, found: Sequence[Result], first: tuple[TableRow, Sequence[Result]], split: str, *, comparable: bool
) -> Row:
    scored = _by_seed(found, row, split)
    values = list(scored.values())
    mean = float(np.mean(values)) if values else None
    base = _by_seed(first[1], first[0], split)
    shared = sorted(scored.keys() & base.keys())
    gains = [scored[seed] - base[seed] for seed in shared] if row is not first[0] else []
    judged = _judged(first, (row, found), split) if gains else None
    low, high = (100 * judged.interval.low, 100 * judged.interval.high) if judged else (None, None)
    same_sign = bool(gains) and (min(gains) > 0 or max(gains) < 0)
    counts = [score for score in (result.score(split) for result in found) if score and row.tau is None]
    return {
        "row": row.title,
        "key": row.key,
        "paper": row.paper,
        "mean": mean,
        "spread": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "seeds": list(scored),
        "difference": mean - row.paper if comparable and mean is not None and row.paper is not None else None,
        "paper_effect": _less(row.paper, first[0].paper) if row is not first[0] else None,
        "effect": float(np.mean(gains)) if gains else None,
        "low": low,
        "high": high,
        "clear": None if low is None or high is None else same_sign and (low > 0 or high < 0),
        **{f"vc{n}": _mean([100 * score.consistency(n) for score in counts]) for n in (8, 16)},
    }


def _by_seed(found: Sequence[Result], row: TableRow, split: str) -> dict[int, float]:
    """Return the mIoU of a row by seed, for the seeds that have one."""
    values = {result.seed: result.miou(split, row.tau) for result in found}
    return {seed: 100 * value for seed, value in values.items() if value is not None}


def _judged(
    first: tuple[TableRow, Sequence[Result]], second: tuple[TableRow, Sequence[Result]], split: str
) -> Difference | None:
    """Draw videos anew for two rows with counts; None where a row is read off a curve, or videos are too few."""
    if first[0].tau is not None or second[0].tau is not None:
        return None
    pairs = _pairs(first[1], second[1], split)
    found = mean_difference(pairs) if pairs else None
    return found if found is not None and found.interval.judged else None


def _pairs(first: Sequence[Result], second: Sequence[Result], split: str) -> list[tuple[Any, Any]]:
    """Return the counts of two rows at the seeds that both have."""
    ours = {result.seed: result.score(split) for result in first}
    theirs = {result.seed: result.score(split) for result in second}
    both = [(ours[seed], theirs[seed]) for seed in ours if seed in theirs]
    return [(one, other) for one, other in both if one is not None and other is not None]


def _less(value: float | None, base: float | None) -> float | None:
    return None if value is None or base is None else round(value - base, 2)


def _mean(values: Sequence[float]) -> float | None:
    there = [value for value in values if not isnan(value)]
    return float(np.mean(there)) if there else None


def caption(entry: Table, profile: str, rows: Sequence[Mapping[str, Any]], split: str | None = None) -> str:
    """Say what a table holds: whose figures, of which data, over how many seeds; and its note."""
    seeds = max((len(row["seeds"]) for row in rows), default=0)
    place = split or table_split(entry.number, profile)
    ours = f"This run: {profile} {place}, mean and standard deviation of {seeds} seed{'s' * (seeds != 1)}"
    ending = "" if is_comparable(profile) else " Val is not the paper's test part, so no difference is given."
    said = f"Paper: VSPW {entry.split}, as printed. {ours}; effects are over the first row.{ending}"
    return f"{said} {entry.note}".strip()
