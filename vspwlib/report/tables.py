"""Runs, scores and sweeps as rows: plain dictionaries for the command line, the app, notebooks and Markdown alike.

Scores are fractions in 0..1, None where there is nothing to score; whoever prints them multiplies by 100.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vspwlib.checks import InputError, check_keys
from vspwlib.ensemble.interval import TauIntervals
from vspwlib.ensemble.result import SweepResult
from vspwlib.labels import CLASSES
from vspwlib.metrics.iou import iou_per_class
from vspwlib.metrics.summary import SplitScore
from vspwlib.runs import Run, read_json
from vspwlib.tables import TABLES

Row = dict[str, Any]

PAPER_TABLE4: dict[float, float] = dict(
    sorted((row.tau, row.paper) for row in TABLES[4].rows if isinstance(row.tau, float) and row.paper is not None)
)
"""Table 4 of the paper as printed: tau, the weight of the contrastive model, to mIoU in per cent on VSPW's Test2."""

PAPER_TABLE4_NOTE = TABLES[4].note

SCORES = ("miou", "vc8", "vc16", "pixel_acc", "fwiou")


def curve_rows(run: Run) -> list[Row]:
    """Return a run's training curves in long form: keys run, curve (``loss``, ``lr``, ``val mIoU``), step, value."""
    rows: list[Row] = []
    for record in run.log():
        values = {"val mIoU": "miou"} if record["kind"] == "val" else {"loss": "loss", "lr": "lr"}
        rows += [
            {"run": run.name, "curve": curve, "step": record["step"], "value": record[key]}
            for curve, key in values.items()
            if key in record
        ]
    return rows


def class_rows(score: SplitScore, other: SplitScore | None = None) -> list[Row]:
    """List the classes that occur in a split's truth.

    Args:
        score: Scores of a run.
        other: Scores of a second run on the same split.

    Returns:
        One row a class, in id order. Keys: id, class, group, truth_share (of the true pixels), iou; with ``other`` also
        iou_other and difference (``iou - iou_other``).
    """
    truth = score.counts.truth
    ious = iou_per_class(score.confusion)
    others = iou_per_class(other.confusion) if other is not None else None
    rows = []
    for index in np.flatnonzero(truth).tolist():
        item = CLASSES[index]
        row: Row = {
            "id": item.id,
            "class": item.name,
            "group": item.group,
            "truth_share": float(truth[index] / truth.sum()),
            "iou": float(ious[index]),
        }
        if others is not None:
            there = not np.isnan(others[index])
            row["iou_other"] = float(others[index]) if there else None
            row["difference"] = float(ious[index] - others[index]) if there else None
        rows.append(row)
    return rows


def confused_pairs(score: SplitScore, limit: int = 20) -> list[Row]:
    """List the most frequent mistakes: pairs of a true and a predicted class.

    Args:
        score: Scores of a run.
        limit: Number of pairs, most pixels first; of equals, the lower true and then predicted id.

    Returns:
        Rows with keys truth, predicted, pixels, share_of_truth (of the true class's pixels), share_of_errors.
    """
    wrong = score.confusion.copy()
    np.fill_diagonal(wrong, 0)
    truth, errors = score.counts.truth, wrong.sum()
    order = np.argsort(-wrong, axis=None, kind="stable")[:limit]
    cells = [divmod(int(cell), len(wrong)) for cell in order]
    return [
        {
            "truth": CLASSES[row].name,
            "predicted": CLASSES[column].name,
            "pixels": int(wrong[row, column]),
            "share_of_truth": float(wrong[row, column] / truth[row]),
            "share_of_errors": float(wrong[row, column] / errors),
        }
        for row, column in cells
        if wrong[row, column]
    ]


def sweep_rows(sweep: SweepResult, taus: Sequence[float] | None = None) -> list[Row]:
    """List what a sweep scored: tau by tau, the best of all tau, then the mean and the vote of the two runs.

    Args:
        sweep: The sweep.
        taus: Those to list, such as the paper's eleven; by default all that the sweep wrote down.

    Returns:
        Rows with keys method (``"τ"``, ``"best"``, ``"mean"`` or ``"vote"``), tau (None for the vote), miou, note.
    """
    notes = {0.0: "P2 alone", 1.0: "P1 alone"}
    chosen = sweep.taus if taus is None else taus
    rows: list[Row] = [{"method": "τ", "tau": tau, "miou": sweep.at(tau), "note": notes.get(tau, "")} for tau in chosen]
    bound = "an upper bound: τ was chosen on this split" if sweep.upper_bound else "chosen on another split"
    rows.append({"method": "best", "tau": sweep.best_tau, "miou": sweep.best_miou, "note": bound})
    rows.append({"method": "mean", "tau": 0.5, "miou": sweep.mean_miou, "note": ""})
    rows.append({"method": "vote", "tau": None, "miou": sweep.vote_miou, "note": "of two: the first"})
    return rows


def class_sweep_rows(sweep: SweepResult, number: int) -> list[Row]:
    """List the IoU of one class tau by tau, and the best of all tau, with the keys of :func:`sweep_rows`.

    Args:
        sweep: The sweep.
        number: A class with true pixels.
    """
    curve = zip(sweep.taus, sweep.per_class[:, number].tolist(), strict=True)
    best_tau, best = sweep.best_per_class[number].tolist()
    rows: list[Row] = [{"method": "τ", "tau": tau, "miou": value, "note": ""} for tau, value in curve]
    return [*rows, {"method": "best", "tau": best_tau, "miou": best, "note": ""}]


def intervals_text(intervals: TauIntervals) -> str:
    """Say in a sentence how well a split tells the best tau.

    >>> from vspwlib.metrics.bootstrap import Interval
    >>> rows = [Interval(0.4, 0.31, 0.48, 40), Interval(0.5, 0.45, 0.54, 40), Interval(0.012, 0.004, 0.021, 40)]
    >>> print(intervals_text(TauIntervals(*rows)).partition(", and ")[0])
    Drawing the 40 videos anew, the best τ is 0.31 to 0.48 (95 %)
    """
    tau, gain = intervals.tau, intervals.gain
    if not tau.judged:
        return f"{tau.videos} videos with truth are too few for an interval of the best τ."
    return (
        f"Drawing the {tau.videos} videos anew, the best τ is {tau.low:g} to {tau.high:g} (95 %), and "
        f"τ = {tau.value:g} gains {100 * gain.low:.2f} to {100 * gain.high:.2f} points over the better run."
    )


def to_markdown(rows: Sequence[Mapping[str, Any]], columns: Iterable[str] | None = None, *, decimals: int = 4) -> str:
    """Write rows as a Markdown table.

    Args:
        rows: Rows of like keys.
        columns: Keys to show, in order; all of the first row's by default.
        decimals: Digits after the point of fractional numbers.

    Returns:
        The table, empty without rows; None becomes a dash, numbers stand to the right.

    >>> print(to_markdown([{"run": "a", "miou": 0.5}, {"run": "b", "miou": None}], decimals=2))
    | run | miou |
    | :--- | ---: |
    | a | 0.50 |
    | b | – |
    """
    if not rows:
        return ""
    keys = list(columns or rows[0])
    numeric = {key: all(isinstance(row[key], int | float | None) for row in rows) for key in keys}
    lines = [keys, ["---:" if numeric[key] else ":---" for key in keys]]
    lines += [[_cell(row[key], decimals) for key in keys] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_facts(run: Run) -> Row:
    """Return what is listed of a run besides scores: run, recipe, profile, state, seed, commit."""
    config, place = run.config, run.path / "config.json"
    check_keys("run configuration", config, ("recipe",), where=place)
    recipe = config["recipe"]
    check_keys("recipe", recipe, ("name", "profile", "train"), where=place)
    path = run.path / "environment.json"
    return {
        "run": run.name,
        "recipe": recipe["name"],
        "profile": recipe["profile"],
        "state": _state(run, recipe["train"]["iterations"]),
        "seed": recipe["train"]["seed"],
        "commit": read_json(path, "environment").get("commit") if path.is_file() else None,
    }


def _state(run: Run, iterations: int) -> str:
    if run.finished:
        return "finished"
    step = max((record["step"] for record in run.log()), default=0)
    return f"step {step} of {iterations}"


def score_facts(path: Path) -> Row:
    """Return what is listed of a scores file: its scores, split and data set."""
    content = read_json(path, "scores")
    summary = SplitScore.from_json(content, where=path).summary()
    origin = content.get("provenance", {})
    return {**{key: summary[key] for key in SCORES}, "split": origin.get("split"), "dataset": origin.get("dataset")}


def report_fault(error: InputError, on_error: Callable[[InputError], None] | None) -> None:
    """Hand an error to whoever collects them, or raise it where nobody does."""
    if on_error is None:
        raise error
    on_error(error)


def _cell(value: Any, decimals: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.{decimals}f}"
    return str(value).replace("|", "\\|").replace("\n", " ")
