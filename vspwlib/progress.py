"""How far a command is, for machines: a small file that others read while the command runs."""

import os
import time
from pathlib import Path

from vspwlib.runs import write_json

ENVIRONMENT_VARIABLE = "VSPW_PROGRESS"

_PAUSE = 0.25  # seconds between two writes: often enough for a bar on a screen, too seldom to slow any loop down


class ProgressFile:
    """Writes ``{"title", "done", "total", "time"}`` to the file that ``VSPW_PROGRESS`` names; without it, nothing.

    It owns the state that waits for the next write: the last one always reaches the disk, with :meth:`close`. ``total``
    is null while nobody knows it; ``time`` is in seconds since 1970. The file is whole at any moment.
    """

    def __init__(self, title: str, total: float | None = None) -> None:
        named = os.environ.get(ENVIRONMENT_VARIABLE)
        self._path = Path(named) if named else None
        self._title = title
        self._waiting: dict[str, str | float | None] | None = None
        self._written = float("-inf")
        self.report(0, total)

    def report(self, done: float, total: float | None, title: str | None = None) -> None:
        """Note how much is done of how much, and of what when that is not the command's own title."""
        if self._path is None:
            return
        self._waiting = {"title": title or self._title, "done": done, "total": total, "time": time.time()}
        if time.monotonic() - self._written >= _PAUSE:
            self.close()

    def close(self) -> None:
        """Write what is still waiting."""
        if self._path is not None and self._waiting is not None:
            write_json(self._path, self._waiting)
            self._waiting, self._written = None, time.monotonic()
