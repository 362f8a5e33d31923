"""What the labels of other data sets mean in VSPW: tables that people can review, as look-ups that code can use.

The tables of this package are ours, decided row by row; ``docs/label_mapping.md`` says how. Their form, which a user's
own table has too, is that of :mod:`vspwlib.labels.mapping_rows`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import check_choice, fail, require
from vspwlib.labels.classes import VOID
from vspwlib.labels.mapping_rows import COLUMNS, KINDS, VOID_NAME, MappingRow, read_rows, refuse_cell
from vspwlib.labels.sources import SOURCE_SETS, SourceSet

__all__ = ["COLUMNS", "KINDS", "VOID_NAME", "LabelMapping", "MappingRow", "load_mapping"]

_NAMED = 6  # values that a message spells out


@dataclass(frozen=True)
class LabelMapping:
    """A label mapping: its rows, and the look-up made from them.

    Attributes:
        name: Name of the data set, or of the file without its ending.
        rows: One row a source value, in the order of the table.
    """

    name: str
    rows: tuple[MappingRow, ...]

    @cached_property
    def lookup(self) -> NDArray[np.uint8]:
        """Read-only (256,) uint8: source value to class id 0..123, or 255 where it is void or not known."""
        table = np.full(256, VOID, np.uint8)
        for row in self.rows:
            table[row.source_value] = row.target
        table.flags.writeable = False
        return table

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Read-only (256,) bool: the source values that the mapping names, as a class or as void."""
        table = np.zeros(256, np.bool_)
        table[[row.source_value for row in self.rows]] = True
        table.flags.writeable = False
        return table

    def apply(self, mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn a mask of the source into class ids.

        Args:
            mask: uint8 array of any shape, values as in the source's files.

        Returns:
            uint8 array of the same shape: ids 0..123, 255 (void) where the source has no counterpart or the value is
            not known; :meth:`unknown_values` tells the latter apart.

        Raises:
            InputError: when the array is not uint8.

        >>> load_mapping("ade20k").apply(np.array([[0, 1, 3]], np.uint8)).tolist()
        [[255, 0, 28]]
        """
        _check_bytes(mask)
        return self.lookup.take(mask)

    def unknown_values(self, mask: NDArray[np.uint8]) -> dict[int, int]:
        """Count the pixels of values that the mapping does not name.

        Args:
            mask: uint8 array of any shape.

        Returns:
            Pixels by value, in the order of the values; empty for a sound mask.

        Raises:
            InputError: when the array is not uint8.

        >>> load_mapping("ade20k").unknown_values(np.array([[0, 151], [1, 151]], np.uint8))
        {151: 2}
        """
        _check_bytes(mask)
        counts = np.bincount(mask.ravel(), minlength=256)
        return {int(value): int(counts[value]) for value in np.flatnonzero((counts > 0) & ~self.known)}


def load_mapping(source: str | Path, *, dataset: str | None = None) -> LabelMapping:
    """Read a mapping and check every cell of it.

    Args:
        source: ``"cocostuff"``, ``"ade20k"`` or ``"camvid"``, or a CSV file of your own.
        dataset: Name of the data set that the mapping is for. A file must then name each of its values once, as the
            data set does; without it values need only be distinct.

    Returns:
        The mapping.

    Raises:
        InputError: no such mapping or file, or a cell that is wrong; the message names row (the line in the file) and
            column.

    >>> mapping = load_mapping("camvid")
    >>> len(mapping.rows), mapping.rows[0].vspw_name
    (12, 'sky')
    """
    if str(source) in SOURCE_SETS:
        name = str(source)
        if dataset not in {None, name}:
            fail("mapping", expected=f"one for {dataset}", got=name, fix=f"name a table of {dataset}'s values.")
        where: str | Path = f"{name}_to_vspw.csv"
        rows = read_rows(resources.files(__package__).joinpath(str(where)).read_text(encoding="utf-8"), where)
        _check_values(rows.values(), SOURCE_SETS[name], where)
        return LabelMapping(name, tuple(rows.values()))
    where = Path(source).expanduser()
    rows = read_rows(_text(where), where)
    if dataset is not None:
        _check_values(rows.values(), SOURCE_SETS[check_choice("data set", dataset, SOURCE_SETS)], where)
        _check_names(rows, load_mapping(dataset), where)
    return LabelMapping(where.stem, tuple(rows.values()))


def _text(path: Path) -> str:
    names = f"one of {', '.join(sorted(SOURCE_SETS))}, or a CSV file"
    fix = "check the path, or start from a table that comes with the package."
    require(path.is_file(), "mapping", expected=names, got="no such file", where=path, fix=fix)
    try:
        return path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        fail("mapping", expected="a CSV file in UTF-8", got=error, where=path, fix="save it as CSV (UTF-8).")


def _check_values(rows: Iterable[MappingRow], facts: SourceSet, where: str | Path) -> None:
    """Require a row for each value of the data set and none besides."""
    found = {row.source_value for row in rows}
    missing, strange = sorted({*facts.values} - found), sorted(found - {*facts.values})
    expected, place = f"every value of {facts.title} once", f"{where}, column source_value"
    if missing:
        fix = f"add their rows; what has no counterpart gets {VOID}, {VOID_NAME} and the kind none."
        fail("mapping", expected=expected, got=f"no row for {_listed(missing)}", where=place, fix=fix)
    if strange:
        fix = "remove them, or name the data set that the table is for."
        fail("mapping", expected=expected, got=f"rows for {_listed(strange)} besides", where=place, fix=fix)


def _check_names(rows: Mapping[int, MappingRow], model: LabelMapping, where: str | Path) -> None:
    """Require the data set's own name at each value: shifted or dense numbers are caught here."""
    names = {row.source_value: row.source_name for row in model.rows}
    for line, row in rows.items():
        if row.source_name != names[row.source_value]:
            expected = f"'{names[row.source_value]}', the name of {row.source_value} in {model.name}"
            fix = "count as the mask files do, gaps included."
            refuse_cell("source_name", expected, f"'{row.source_name}'", f"{where}, row {line}", fix)


def _listed(values: Iterable[int]) -> str:
    """Name the first few values.

    >>> _listed(range(10))
    '0, 1, 2, 3, 4, 5 and 4 more'
    """
    numbers = list(values)
    rest = len(numbers) - _NAMED
    return ", ".join(map(str, numbers[:_NAMED])) + (f" and {rest} more" if rest > 0 else "")


def _check_bytes(mask: NDArray[np.uint8]) -> None:
    fix = "cast after checking the range."
    require(mask.dtype == np.uint8, "mask", expected="dtype uint8", got=mask.dtype, fix=fix)
