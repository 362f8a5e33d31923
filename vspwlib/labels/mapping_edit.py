"""Change rows of a label mapping, and turn it into the text and the name of a table of one's own."""

import csv
import re
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

from vspwlib.checks import fail, require
from vspwlib.labels.classes import CLASS_NAMES, VOID
from vspwlib.labels.mapping import LabelMapping
from vspwlib.labels.mapping_rows import COLUMNS, VOID_NAME, MappingRow, refuse_cell
from vspwlib.labels.sources import SOURCE_SETS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # spreadsheets run cells that begin so
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # names of devices on Windows


def retarget(row: MappingRow, vspw_name: str, kind: str, reason: str) -> MappingRow:
    """Return a row that goes to another class.

    Args:
        row: The row.
        vspw_name: Name of VSPW's class, or ``void``.
        kind: How the source's class relates to it; of void it is ``none``, whatever is said here.
        reason: Why, in a sentence.

    Raises:
        InputError: no class has that name.
    """
    if vspw_name == VOID_NAME:
        return replace(row, target=VOID, vspw_name=VOID_NAME, kind="none", reason=reason)
    names = f"'{VOID_NAME}' or one of VSPW's 124 class names"
    require(vspw_name in CLASS_NAMES, "class name", expected=names, got=f"'{vspw_name}'")
    return replace(row, target=CLASS_NAMES.index(vspw_name), vspw_name=vspw_name, kind=kind, reason=reason)


def with_rows(mapping: LabelMapping, rows: Mapping[int, MappingRow]) -> LabelMapping:
    """Return a mapping with some of its rows replaced, by source value."""
    return replace(mapping, rows=tuple(rows.get(row.source_value, row) for row in mapping.rows))


def mapping_text(mapping: LabelMapping) -> str:
    """Return a mapping as CSV with the columns of :data:`~vspwlib.labels.mapping.COLUMNS`.

    Raises:
        InputError: a text begins like a formula of a spreadsheet, or has a line break. It is refused and not escaped:
            names must stay those of the data set.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in mapping.rows:
        place = f"{mapping.name}, source value {row.source_value}"
        for column, cell in (("source_name", row.source_name), ("reason", row.reason)):
            if cell.startswith(_FORMULA):
                refuse_cell(column, "text that is no formula", f"'{cell[:40]}'", place, "begin with a letter.")
            if "\n" in cell or "\r" in cell:
                refuse_cell(column, "one line", "a line break", place)
        raw = VOID if row.target == VOID else row.target + 1
        writer.writerow([row.source_value, row.source_name, raw, row.vspw_name, row.kind, row.reason])
    return text.getvalue()


def check_mapping_name(name: str) -> str:
    """Return a name for a mapping of one's own.

    Raises:
        InputError: it is no plain file name, or that of a mapping of the package.
    """
    plain = "1 to 60 letters, digits, - and _, a letter or digit first"
    require(bool(_NAME.fullmatch(name)) and not _RESERVED.fullmatch(name), "name", expected=plain, got=f"'{name}'")
    if name.lower() in SOURCE_SETS:
        fail("name", expected="one of your own", got=f"'{name}', which comes with the package", fix="choose another.")
    return name
