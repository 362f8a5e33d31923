"""What people bring: files sent by the browser, checked before they lie in the workspace, and the clips among them.

    workspace/uploads/<name>/film.mp4          as it was sent
    workspace/uploads/<name>/origin/<i>.jpg    its frames, once `vspw data frames` has written them
    workspace/uploads/<name>/<name>.zip        label maps as they were sent

A file is written into a hidden folder, which is renamed once its content has been checked.
"""

import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from vspwlib.checks import check_name, fail
from vspwlib.runs import Workspace

_LONGEST = 60  # characters of a name
_PIECE = 2**20  # bytes copied at a time


def safe_name(text: str) -> str:
    r"""Make a folder's name of the name of a file that a browser sent.

    >>> safe_name("C:\\films\\Straße bei Nacht (2).mp4"), safe_name("../../etc/passwd"), safe_name("-rf")
    ('Stra_e_bei_Nacht_2', 'passwd', 'rf')
    """
    stem = PurePosixPath(text.replace("\\", "/")).stem
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")[:_LONGEST] or "mine"


def folder_of(workspace: Workspace, name: str) -> Path:
    """Return where what is brought under a name lies.

    Raises:
        InputError: the name is no folder's.
    """
    return workspace.path / "uploads" / check_name("name", name)


def keep_upload(
    workspace: Workspace, name: str, file_name: str, content: BinaryIO, check: Callable[[Path], object]
) -> Path:
    """Write what a browser sent into a folder of its own.

    Args:
        workspace: Where.
        name: Of the folder.
        file_name: Of the file in it: chosen here, never by the browser.
        content: What was sent.
        check: Raises where the file is not what it should be; it is gone then.

    Returns:
        The file.

    Raises:
        InputError: the name is taken or no folder's, the disk is full, or as ``check``.
    """
    folder = folder_of(workspace, name)
    part = folder.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.mkdir(parents=True)
        with (part / file_name).open("wb") as kept:
            shutil.copyfileobj(content, kept, _PIECE)
        check(part / file_name)
        if folder.exists():
            fail(
                "name", expected="a new one", got=f"'{name}', which is there", where=folder, fix="choose another name."
            )
        part.rename(folder)
    except OSError as error:
        got = error.strerror or str(error)
        fail("upload", expected="room in the workspace", got=got, where=folder, fix="make room, then send it again.")
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder / file_name


def clips(workspace: Workspace) -> dict[str, Path]:
    """Return the clips that were made of films, by name, the newest first."""
    return {name: folder for name, folder in brought(workspace).items() if (folder / "origin").is_dir()}


def brought(workspace: Workspace) -> dict[str, Path]:
    """Return every folder of what was sent, by name, the newest first."""
    found = [path for path in (workspace.path / "uploads").glob("[!.]*") if path.is_dir()]
    return {path.name: path for path in sorted(found, key=lambda path: -path.stat().st_mtime_ns)}


def remove(workspace: Workspace, name: str) -> None:
    """Delete what was brought under a name, whole or not at all for whoever looks.

    Raises:
        InputError: the name is no folder's, or nothing is there.
    """
    folder = folder_of(workspace, name)
    gone = folder.with_name(f".{secrets.token_hex(8)}.part")
    try:
        folder.rename(gone)
    except OSError as error:
        got = error.strerror or str(error)
        fail("name", expected="something that was brought", got=got, where=folder, fix="reload the page.")
    shutil.rmtree(gone, ignore_errors=True)
