"""Names inside a score store, opening its zarr groups, and its faults as messages that a user can act on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vspwlib.checks import DISK_FULL, InputError, fail, require

# What zarr raises on files that are not as they were written.
DAMAGE = (ValueError, KeyError, TypeError, IndexError, RuntimeError)
PARTIAL = ".partial"  # how zarr ends the temporary names of the files it writes
AGAIN = "predict again with --overwrite."
CHUNK_NAMES = {"name": "default", "separator": "."}  # a file a frame; zarr's own "/" puts each into folders of its own


def address(url: str | Path) -> str:
    """Return a store's address as zarr takes it: a URL as it is, a path without ``file://`` or ``~``.

    >>> address("s3://bucket/a.zarr"), address("file:///tmp/a.zarr")
    ('s3://bucket/a.zarr', '/tmp/a.zarr')
    """
    text = str(url).removeprefix("file://")
    return text if "://" in text else str(Path(text).expanduser())


def node_name(video: str) -> str:
    """Return the name of a video's group, which zarr and every file system allow.

    >>> node_name("0_wHveSGjXyDY"), node_name("a/b"), node_name("__a"), node_name("..")
    ('0_wHveSGjXyDY', 'a%2Fb', '%5F_a', '%2E.')
    """
    name = quote(video, safe="")
    reserved = name.startswith("__") or not name.strip(".")
    return f"%{ord(name[0]):02X}{name[1:]}" if name and reserved else name


def array_name(size: tuple[int, int]) -> str:
    """Return the name of the array that holds a video's frames of one size.

    >>> array_name((480, 853))
    '480x853'
    """
    return f"{size[0]}x{size[1]}"


@contextmanager
def faults(where: str, *, fix: str = AGAIN) -> Iterator[None]:
    """Turn what zarr and the file system raise inside into one message naming the place and the mend.

    Args:
        where: The file, group or store at work.
        fix: What mends damage.

    Raises:
        InputError: in place of a full disk, a refused access, a damaged or a missing file.
    """
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        fail("prediction store", expected="a known kind of address", got=str(error), where=where, fix="install it.")
    except FileNotFoundError:
        fail("prediction store", expected="its metadata", got="a missing file", where=where, fix=fix)
    except OSError as error:
        if error.errno in DISK_FULL:
            fix = "free some space and give the same command again; finished videos are kept."
            fail("disk", expected="room for the prediction store", got="none left", where=where, fix=fix)
        fix = "choose a place that this user may read and write."
        fail("prediction store", expected="access", got=error.strerror or error, where=where, fix=fix)
    except DAMAGE as error:
        fail("prediction store", expected="files as they were written", got=f"damage ({error})", where=where, fix=fix)


def open_group(where: str, mode: str) -> Any:
    """Return the root group of a store, or None where there is none.

    Args:
        where: Address of the store.
        mode: ``r``, or ``r+`` to write to it too.
    """
    import zarr

    with faults(where):
        try:
            return zarr.open_group(where, mode=mode)  # type: ignore[arg-type]
        except FileNotFoundError:
            return None


def refuse_foreign(where: str, kind: str) -> None:
    """Refuse a local path at which something else stands, before anything is written there or deleted.

    Args:
        where: Address of the store; nothing is known of one on a server.
        kind: What the store's own attribute ``kind`` must be. A store whose metadata cannot be read may pass.

    Raises:
        InputError: a file, a folder of other files, or a zarr store of another kind. What a kill has left of zarr's
            first file is nothing.
    """
    path = Path(where)
    if "://" in where or not path.exists():
        return
    metadata, got = path / "zarr.json", ""
    if not path.is_dir():
        got = "a file"
    elif metadata.is_file():
        with suppress(ValueError, OSError, AttributeError):
            found = json.loads(metadata.read_text(encoding="utf-8")).get("attributes", {}).get("kind")
            got = "" if found == kind else f"a zarr store of {found or 'something else'}"
    elif any(file.suffix != PARTIAL for file in path.iterdir()):
        got = "a folder of other files"
    fix = "choose another place, or move it away."
    require(not got, "prediction store", expected="a prediction store or nothing", got=got, where=where, fix=fix)
