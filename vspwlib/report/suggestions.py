"""What a model predicts where another data set has its labels: rows to review a mapping by, pure functions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import COLUMNS, LabelMapping
from vspwlib.metrics.cross import CrossCounts

Rows = list[dict[str, Any]]

SHOWN = 3  # classes that are proposed for a value

#: What the model says of a row: its class is the one predicted most; it is among those shown; it is not; the row is
#: void, so every class shown is a proposal; the model predicts the row's class nowhere, so it cannot confirm it; no
#: pixel of the value was seen.
VERDICTS = ("agrees", "near", "differs", "void", "unlearnt", "unseen")


def suggestion_rows(mapping: LabelMapping, counts: CrossCounts) -> Rows:
    """Return one row a source value: what the mapping says, what the model predicts there.

    Args:
        mapping: The mapping under review.
        counts: Predictions on pixels of each value.

    Returns:
        Rows of ``value``, ``source``, ``vspw``, ``kind``, ``pixels``, ``images``; ``share``, of the value's pixels that
        are predicted as the mapping says (None where it is void or unseen); ``proposed``, at most three of ``vspw``,
        ``share`` and ``lift``, how many times as often the class is predicted there as over all pixels, those with the
        greatest share first and ties by class id; ``verdict``, one of :data:`VERDICTS`; ``weight``, the pixels by
        which the first proposal beats what the mapping says. Greatest weight first, as the order of review, and those
        of whose class the model knows nothing last.
    """
    overall = counts.pixels.sum(axis=0)
    whole = int(overall.sum())
    rows = []
    for row in mapping.rows:
        own = counts.pixels[row.source_value]
        seen = int(own.sum())
        order = [int(number) for number in np.argsort(-own, kind="stable")[:SHOWN] if own[number]]
        proposed = [
            {
                "vspw": CLASS_NAMES[number],
                "share": int(own[number]) / seen,
                "lift": int(own[number]) * whole / (seen * int(overall[number])),
            }
            for number in order
        ]
        mapped = row.target != VOID
        agreeing = int(own[row.target]) if mapped else 0
        rows.append(
            {
                "value": row.source_value,
                "source": row.source_name,
                "vspw": row.vspw_name,
                "kind": row.kind,
                "pixels": seen,
                "images": int(counts.images[row.source_value]),
                "share": agreeing / seen if mapped and seen else None,
                "proposed": proposed,
                "verdict": _verdict(row.target, order, overall),
                "weight": int(own.max()) - agreeing,
            }
        )
    return sorted(rows, key=lambda row: (row["verdict"] == "unlearnt", -row["weight"]))


def agreement(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum rows up.

    Returns:
        ``share``: of the pixels that the mapping gives a class, those that the model gives the same (None without
        any); ``verdicts``: rows by verdict.
    """
    mapped = [row for row in rows if row["share"] is not None]
    pixels = sum(row["pixels"] for row in mapped)
    same = sum(row["share"] * row["pixels"] for row in mapped)
    verdicts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in VERDICTS}
    return {"share": same / pixels if pixels else None, "verdicts": verdicts}


def review_table(mapping: LabelMapping, rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the mapping as a table of text with the evidence beside it, header first, in the order of the rows.

    Saved as CSV it is a mapping again: change rows after looking at the evidence, and name the file with `--mapping`.
    """
    evidence = ("verdict", "pixels", "images", "proposed")
    by_value = {row.source_value: row for row in mapping.rows}
    table = [[*COLUMNS, *evidence]]
    for row in rows:
        own = by_value[row["value"]]
        raw = VOID if own.target == VOID else own.target + 1
        cells = [own.source_value, own.source_name, raw, own.vspw_name, own.kind, own.reason]
        table.append([str(cell) for cell in (*cells, row["verdict"], row["pixels"], row["images"], spelled(row))])
    return table


def spelled(row: dict[str, Any]) -> str:
    """Name what is proposed for a value.

    >>> spelled({"proposed": [{"vspw": "sea", "share": 0.613, "lift": 4.0}, {"vspw": "lake", "share": 0.2, "lift": 9}]})
    'sea 61% (4.0x), lake 20% (9.0x)'
    """
    return ", ".join(f"{one['vspw']} {one['share']:.0%} ({one['lift']:.1f}x)" for one in row["proposed"])


def _verdict(target: int, proposed: list[int], overall: NDArray[np.int64]) -> str:
    if not proposed:
        return "unseen"
    if target == VOID:
        return "void"
    if target == proposed[0]:
        return "agrees"
    if not overall[target]:
        return "unlearnt"
    return "near" if target in proposed else "differs"
