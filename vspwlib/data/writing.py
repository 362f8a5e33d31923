"""Write files whole or not at all."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from vspwlib.checks import fail


def write_whole(path: Path, save: Callable[[Path], object]) -> None:
    """Write a file under a hidden name, which no reader takes for a frame, then put it in place.

    Args:
        path: The file; its folder is made where it is missing.
        save: Writes the file it is given.

    Raises:
        InputError: the disk is full, or the folder is not to be written to.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)  # left by a run that was killed; a link cannot be made over it
        save(part)
        part.replace(path)
    except OSError as error:
        fail(
            "file",
            expected="to be written",
            got=error.strerror or str(error),
            where=path,
            fix="make room or choose another target, and run the command again: finished files are kept.",
        )
    finally:
        with contextlib.suppress(OSError):  # whatever stopped it: nothing half-written stays
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, as :func:`write_whole` writes."""
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
