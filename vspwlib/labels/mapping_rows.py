"""The rows of a mapping table: the form of each cell, and messages that name row and column.

A table is a CSV with the columns of :data:`COLUMNS`, one row a value of the source's mask files. ``vspw_raw_id`` is the
number in VSPW's mask files (1..124), or 255 and the name ``void`` where VSPW has no counterpart: void is said, never
left out. ``kind`` says how the source's class relates to VSPW's:

* ``exact``: the same name for the same thing;
* ``synonym``: another name for the same thing;
* ``narrower``: a part of what VSPW's class holds (``sheep`` within ``other_animal``);
* ``broader``: holds VSPW's class and more (``bed`` together with what lies on it);
* ``approximate``: overlaps with it, or the nearest of several imperfect choices;
* ``none``: no counterpart, void.
"""

import csv
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import NoReturn

from vspwlib.checks import fail, require
from vspwlib.labels.classes import CLASS_NAMES, NUM_CLASSES, VOID

COLUMNS = ("source_value", "source_name", "vspw_raw_id", "vspw_name", "kind", "reason")
KINDS = ("exact", "synonym", "narrower", "broader", "approximate", "none")
VOID_NAME = "void"

_HEADER_FIX = "copy the header of a table that comes with the package; other columns may stand beside."


@dataclass(frozen=True, slots=True)
class MappingRow:
    """What one value of the source's mask files means in VSPW.

    Attributes:
        source_value: As in the file, 0..255.
        source_name: The source's name for it.
        target: Id of VSPW's class, 0..123, or 255 for void.
        vspw_name: Its name, or ``"void"``.
        kind: One of :data:`KINDS`; ``"none"`` if and only if it is void.
        reason: Why, in a sentence.
    """

    source_value: int
    source_name: str
    target: int
    vspw_name: str
    kind: str
    reason: str


def read_rows(text: str, where: str | Path) -> dict[int, MappingRow]:
    """Read a table, checking each row on its own and that no value comes twice.

    Args:
        text: The CSV.
        where: Its file, for messages.

    Returns:
        The rows by their line in the file; the header is line 1.

    Raises:
        InputError: the header, a row or a cell is wrong.
    """
    reader = csv.DictReader(StringIO(text, newline=""), strict=True)
    rows: dict[int, MappingRow] = {}
    lines: dict[int, int] = {}  # of each value
    try:
        _check_header(reader, where)
        for cells in reader:
            place = f"{where}, row {reader.line_num}"
            row = _row(cells, place)
            if row.source_value in lines:
                got = f"{row.source_value} again, after row {lines[row.source_value]}"
                refuse_cell("source_value", "each value once", got, place, "remove one of the two.")
            lines[row.source_value] = reader.line_num
            rows[reader.line_num] = row
    except csv.Error as error:
        fail("mapping", expected="a CSV file", got=error, where=f"{where}, row {reader.line_num}")
    require(bool(rows), "mapping", expected="at least one row", got="a header alone", where=where)
    return rows


def refuse_cell(column: str, expected: str, got: object, place: str, fix: str = "") -> NoReturn:
    """Refuse a cell.

    Args:
        column: Its column.
        expected: What would have been right.
        got: What stands there.
        place: Its file and row.
        fix: What to do about it.

    Raises:
        InputError: always.
    """
    fail("mapping", expected=expected, got=got, where=f"{place}, column {column}", fix=fix)


def _check_header(reader: "csv.DictReader[str]", where: str | Path) -> None:
    header = [name.strip() for name in reader.fieldnames or ()]
    missing = [name for name in COLUMNS if name not in header]
    expected = f"the columns {', '.join(COLUMNS)}"
    got = f"no {', '.join(missing)}" if header else "an empty file"
    require(not missing, "mapping", expected=expected, got=got, where=f"{where}, row 1", fix=_HEADER_FIX)
    reader.fieldnames = header


def _row(cells: dict[str | None, str | None], place: str) -> MappingRow:
    """Turn one line into a row."""
    if None in cells or None in cells.values():
        got = "more cells than columns" if None in cells else "fewer cells than columns"
        fix = "put text that holds commas between double quotes."
        fail("mapping", expected="one cell a column", got=got, where=place, fix=fix)
    cell = {str(name): str(value).strip() for name, value in cells.items()}
    value = _number(cell, "source_value", place)
    if not 0 <= value <= 255:
        refuse_cell("source_value", "0..255, as in the mask files", value, place)
    for name in ("source_name", "reason"):
        if not cell[name]:
            refuse_cell(name, "text", "an empty cell", place, "say it in a few words.")
    raw = _number(cell, "vspw_raw_id", place)
    if not (1 <= raw <= NUM_CLASSES or raw == VOID):
        fix = "write the number in VSPW's mask files, which is the class id plus one."
        refuse_cell("vspw_raw_id", f"1..{NUM_CLASSES}, or {VOID} for void", raw, place, fix)
    right = VOID_NAME if raw == VOID else CLASS_NAMES[raw - 1]
    if cell["vspw_name"] != right:
        refuse_cell("vspw_name", f"'{right}', the name of {raw}", f"'{cell['vspw_name']}'", place, _renumber(cell))
    if cell["kind"] not in KINDS:
        refuse_cell("kind", f"one of {', '.join(KINDS)}", f"'{cell['kind']}'", place)
    if (cell["kind"] == "none") != (raw == VOID):
        kinds = "'none' for void" if raw == VOID else f"another kind than 'none' for {right}"
        refuse_cell("kind", kinds, f"'{cell['kind']}'", place)
    target = VOID if raw == VOID else raw - 1
    return MappingRow(value, cell["source_name"], target, right, cell["kind"], cell["reason"])


def _number(cell: dict[str, str], column: str, place: str) -> int:
    try:
        return int(cell[column])
    except ValueError:
        refuse_cell(column, "a whole number", f"'{cell[column]}'", place)


def _renumber(cell: dict[str, str]) -> str:
    """Say which number the name has, where it has one."""
    name = cell["vspw_name"]
    if name in CLASS_NAMES:
        return f"'{name}' is vspw_raw_id {CLASS_NAMES.index(name) + 1}."
    return "copy the name from the class table (`vspwlib.labels.CLASS_NAMES`)."
