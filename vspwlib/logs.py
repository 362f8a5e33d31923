"""Logs: lines on stderr for people, JSON lines in a file for machines, both from the standard library's loggers.

Every module logs under its own name below ``vspwlib``; a program that imports the package and sets nothing up hears
warnings alone, as from any library. What a message is about stands in its ``extra`` too, so that nobody parses text.
"""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vspwlib.checks import fail

LEVELS = ("debug", "info", "warning", "error")

FILE_ONLY = "file_only"  # what a record's ``extra`` holds that stderr hears of in another way

_OWN = {*vars(logging.makeLogRecord({})), "message", "asctime", FILE_ONLY}  # what every record has


class JsonLines(logging.Formatter):
    """One JSON object a record.

    It holds time (ISO 8601, UTC), level, logger, message, process, the rank where there are several, what the message
    is about, and the traceback where there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if (rank := os.environ.get("RANK")) is not None:
            said["rank"] = int(rank)
        said |= {key: value for key, value in vars(record).items() if key not in _OWN and key not in said}
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


class _Stderr(logging.Handler):
    """Writes to what ``sys.stderr`` is at the time: a progress bar stands in for it, and keeps below the lines."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"{self.format(record)}\n")


def set_up(level: str = "warning", file: Path | None = None) -> None:
    """Log to stderr from a level on, and everything from there or ``info`` on to a file; called again it starts anew.

    Args:
        level: One of :data:`LEVELS`.
        file: File to which JSON lines are added. Several processes may add to one: a line is written at once.

    Raises:
        InputError: another level, or the file cannot be opened.
    """
    if level not in LEVELS:
        fail("--log-level", expected=" or ".join(LEVELS), got=repr(level))
    root = logging.getLogger("vspwlib")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    lines = _Stderr()
    lines.addFilter(lambda record: not hasattr(record, FILE_ONLY))
    lines.setLevel(level.upper())
    lines.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    root.addHandler(lines)
    root.setLevel(lines.level)
    if file is None:
        return
    try:
        kept = logging.FileHandler(file, encoding="utf-8")
    except OSError as error:
        fail("--log-file", expected="a file to add to", got=error.strerror or str(error), where=file)
    kept.setLevel(min(lines.level, logging.INFO))
    kept.setFormatter(JsonLines())
    root.addHandler(kept)
    root.setLevel(kept.level)
