"""Print rows of :mod:`vspwlib.report.paper_tables` for people: the same columns as text, Markdown and LaTeX."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vspwlib.report.paper_tables import RESULTS, caption, table_rows, team_rows
from vspwlib.report.tables import to_markdown
from vspwlib.tables import TABLES, table

Rows = Sequence[Mapping[str, Any]]

#: What LaTeX reads as its own, and how it is written.
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "τ": r"$\tau$",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": r"--",
}


@dataclass(frozen=True)
class PrintedTable:
    """A table of the paper, laid out.

    Attributes:
        number: 1 to 6.
        profile: Scale of the runs.
        rows: What :func:`~vspwlib.report.paper_tables.table_rows` or, for 6, ``team_rows`` returned.
        printed: The same as text, without columns that are empty.
        caption: What it holds, and its note.
    """

    number: int
    profile: str
    rows: list[dict[str, Any]]
    printed: list[dict[str, str]]
    caption: str

    @property
    def text(self) -> str:
        """For a terminal."""
        return f"Table {self.number}. {TABLES[self.number].title}\n\n{text_table(self.printed)}\n\n{self.caption}\n"

    @property
    def markdown(self) -> str:
        """The table and its caption."""
        return markdown_table(self.printed, self.caption)

    @property
    def latex(self) -> str:
        """A float with title and caption, labelled ``tab:table2-mini``."""
        entry = TABLES[self.number]
        return latex_table(self.printed, f"{entry.title}. {self.caption}", f"tab:{entry.name}-{self.profile}")


def printed_table(number: int, profile: str, results: Path = RESULTS) -> PrintedTable:
    """Read and lay out a table of the paper beside the published runs of a profile.

    Args:
        number: 1 to 6.
        profile: ``mini``, ``camvid`` or ``vspw``.
        results: Folder of published results.

    Raises:
        InputError: no such table, or a file of the results cannot be read.
    """
    entry = table(number)
    if number == 6:
        rows = team_rows(profile, results)
        return PrintedTable(number, profile, rows, printed_teams(rows), entry.note)
    rows = table_rows(number, profile, results)
    return PrintedTable(number, profile, rows, printed_rows(rows), caption(entry, profile, rows))


def printed_rows(rows: Rows) -> list[dict[str, str]]:
    """Return a paper's table as text, with the columns that it has values for.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.table_rows`.

    Returns:
        Rows with keys row, ``paper mIoU``, ``this run`` (mean ± spread), seeds, difference, ``paper's effect``, ``this
        run's effect`` with its 95 % interval and a star where it is clear, VC8, VC16.
    """
    printed = [
        {
            "row": row["row"],
            "paper mIoU": _number(row["paper"]),
            "this run": _number(row["mean"]) + ("" if row["spread"] is None else f" ± {row['spread']:.2f}"),
            "seeds": str(len(row["seeds"]) or ""),
            "difference": _signed(row["difference"]),
            "paper's effect": _signed(row["paper_effect"]),
            "this run's effect": _effect(row),
            "VC8": _number(row["vc8"]),
            "VC16": _number(row["vc16"]),
        }
        for row in rows
    ]
    kept = [name for name in (printed[0] if printed else ()) if any(row[name] for row in printed)]
    return [{name: row[name] for name in kept} for row in printed]


def printed_teams(rows: Rows) -> list[dict[str, str]]:
    """Return Table 6 as text.

    Args:
        rows: From :func:`~vspwlib.report.paper_tables.team_rows`.
    """
    names = {"challenge": "paper", "published": "published", "here": "this run"}
    return [
        {
            "row": row["row"],
            "from": names[row["kind"]],
            "data": row["data"],
            "mIoU": _number(row["mean"]),
            "VC8": _number(row["vc8"]),
            "VC16": _number(row["vc16"]),
            "source": row["source"],
        }
        for row in rows
    ]


def markdown_table(rows: Sequence[Mapping[str, str]], caption: str) -> str:
    """Write printed rows as Markdown under their caption."""
    return f"{to_markdown(rows)}\n\n{caption}\n" if rows else f"{caption}\n"


def latex_table(rows: Sequence[Mapping[str, str]], caption: str, label: str) -> str:
    r"""Write printed rows as a LaTeX table of the package booktabs.

    >>> print(latex_table([{"row": "a & b", "this run": "1.00"}], "Of τ.", "tab:1"))
    \begin{table}
      \centering
      \caption{Of $\tau$.}
      \label{tab:1}
      \begin{tabular}{lr}
        \toprule
        row & this run \\
        \midrule
        a \& b & 1.00 \\
        \bottomrule
      \end{tabular}
    \end{table}
    <BLANKLINE>
    """
    columns = list(rows[0]) if rows else []
    lines = [" & ".join(map(_escaped, line)) + r" \\" for line in (columns, *(row.values() for row in rows))]
    body = [rf"\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", r"  \toprule", f"  {lines[0]}", r"  \midrule"]
    body += [*(f"  {line}" for line in lines[1:]), r"  \bottomrule", r"\end{tabular}"]
    head = [r"\centering", rf"\caption{{{_escaped(caption)}}}", rf"\label{{{label}}}"]
    return "\n".join([r"\begin{table}", *(f"  {line}" for line in (*head, *body)), r"\end{table}", ""])


def text_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Write printed rows in columns for a terminal.

    >>> print(text_table([{"row": "crop 480", "this run": "21.48"}, {"row": "896", "this run": "9.21"}]))
    row       this run
    crop 480     21.48
    896           9.21
    """
    if not rows:
        return ""
    columns = list(rows[0])
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}

    def line(values: Mapping[str, str]) -> str:
        first, *others = columns
        cells = [values[first].ljust(widths[first]), *(values[name].rjust(widths[name]) for name in others)]
        return "  ".join(cells).rstrip()

    return "\n".join([line({name: name for name in columns}), *map(line, rows)])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.2f}".replace("-", "−")


def _effect(row: Mapping[str, Any]) -> str:
    if row["low"] is None or row["high"] is None:
        return _signed(row["effect"])
    interval = f"{_signed(row['effect'])} [{_signed(row['low'])}, {_signed(row['high'])}]"
    return interval + (" *" if row["clear"] else "")


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
