"""Rows as CSV for spreadsheets, which shall show texts and never run them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: First characters by which spreadsheets know a formula; a tab or a line break before one is skipped by some of them.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def plain(value: Any) -> Any:
    """Put an apostrophe before a text that a spreadsheet would take for a formula; numbers stay numbers.

    Source: OWASP, "CSV Injection".

    >>> plain("=1+1"), plain("mini-t3_nce2-s0"), plain(-0.5)
    ("'=1+1", 'mini-t3_nce2-s0', -0.5)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def csv_text(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Write rows as CSV with a line of headings; None and a missing value are empty.

    Args:
        rows: One mapping for each line.
        columns: Keys of the rows in the order of the columns.

    Returns:
        The text, lines ended as RFC 4180 says.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([plain(name) for name in columns])
    writer.writerows([plain(row.get(name)) for name in columns] for row in rows)
    return file.getvalue()
