"""When a file or folder changed last: what caches of the app look at before they hand out what was read."""

from pathlib import Path


def last_change(path: Path) -> int:
    """Return the time of the last change in nanoseconds, 0 where nothing is."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
