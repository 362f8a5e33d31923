"""Files of JSON lines that long work appends to, one line a finished piece, so that a killed run goes on where it was.

The first line says what the file holds; who opens it with another is refused. A line that a kill left half written is
cut off.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from vspwlib.checks import fail

Record = TypeVar("Record")


def open_records(
    file: Path, header: Mapping[str, Any], parse: Callable[[Any], Record], *, what: str, fix: str
) -> list[Record]:
    """Read the finished pieces of a file, or begin a new one.

    Args:
        file: Made where it is missing, with its folder.
        header: Plain values that the first line must hold.
        parse: From the values of a line to a record; may raise what indexing and unpacking raise.
        what: Name of the file in messages.
        fix: How to mend a file that is another's or damaged.

    Returns:
        The records, oldest first.

    Raises:
        InputError: the first line is another, or a whole line cannot be read.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    content = file.read_bytes() if file.is_file() else b""
    whole = _whole_lines(content)
    if len(whole) < len(content):
        with file.open("r+b") as handle:
            handle.truncate(len(whole))
    if not whole:
        file.write_text(json.dumps(header) + "\n", "utf-8")
        return []
    return _parse(whole, file, header, parse, what=what, fix=fix)


def read_records(
    file: Path, header: Mapping[str, Any], parse: Callable[[Any], Record], *, what: str, fix: str
) -> list[Record]:
    """Read the finished pieces of a file and leave it as it is, which another process may be appending to.

    Args:
        file: As :func:`open_records` makes it.
        header: Plain values that the first line must hold.
        parse: From the values of a line to a record.
        what: Name of the file in messages.
        fix: How to mend a file that is another's or damaged.

    Returns:
        The records, oldest first; none where there is no file or no whole line.

    Raises:
        InputError: the first line is another, or a whole line cannot be read.
    """
    whole = _whole_lines(file.read_bytes()) if file.is_file() else b""
    return _parse(whole, file, header, parse, what=what, fix=fix) if whole else []


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _parse(
    whole: bytes, file: Path, header: Mapping[str, Any], parse: Callable[[Any], Record], *, what: str, fix: str
) -> list[Record]:
    """Hold the first line against the header and parse the others."""
    first, *rest = whole.decode("utf-8", errors="replace").splitlines()
    try:
        found = json.loads(first)
        wrong = [key for key, value in header.items() if found.get(key) != value]
        records = [] if wrong else [parse(json.loads(line)) for line in rest]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        fail(what, expected="JSON lines", got=f"{type(error).__name__}: {error}", where=file, fix=fix)
    if wrong:
        key = wrong[0]
        fail(what, expected=f"those with {key} {header[key]}", got=found.get(key), where=file, fix=fix)
    return records
