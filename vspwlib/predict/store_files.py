"""Names inside a score store, opening its zarr groups, and its faults as messages that a user can act on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from vspwlib.checks import DISK_FULL, InputError, fail, require

# What zarr raises on files that are not as they were written.
DAMAGE = (ValueError, KeyError, TypeError, IndexError, RuntimeError)
PARTIAL = ".partial"  # how zarr ends the temporary names of the files it writes
AGAIN = "predict again with --overwrite."
CHUNK_NAMES = {"name": "default", "separator": "."}  # a file a frame; zarr's own "/" puts each into folders of its own


def address(url: str | Path) -> str:
    """Return a store's address as zarr takes it: a URL as it is, a path without ``file://`` or ``~``.

    Args:
        url: A URL, a path, or the path of a file that says where the store is; see :func:`linked`.

    Raises:
        InputError: a URL with a password in it, which would go to messages and files; it is not repeated.

    >>> address("s3://bucket/a.zarr"), address("file:///tmp/a.zarr")
    ('s3://bucket/a.zarr', '/tmp/a.zarr')
    """
    text = str(url).removeprefix("file://")
    if "://" not in text:
        path = Path(text).expanduser()
        text = linked(path) or str(path)
    if "://" in text and urlsplit(text).password is not None:
        fix = "give credentials in the environment, as its client reads them."
        fail("prediction store", expected="an address without a password", got="one with a password", fix=fix)
    return text


def linked(path: Path) -> str | None:
    """Return the URL in a file that stands where a store would, ``{"store": URL, …}``; None for anything else."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        url = json.loads(path.read_text(encoding="utf-8"))["store"] if path.is_file() else None
        return url if isinstance(url, str) and "://" in url else None
    return None


def fsspec_options(where: str) -> dict[str, bool] | None:
    """Return the options with which fsspec is to open an address; none for a local path.

    Clients of servers may remember listings. They would miss the videos that other processes have written, and, when
    a store is overwritten, what is to be deleted.

    Raises:
        InputError: no such protocol, or its client is not installed.
    """
    if "://" not in where:
        return None
    import fsspec

    protocol = where.partition("://")[0]
    with faults(where):
        try:
            fsspec.get_filesystem_class(protocol)
        except ValueError:
            fix = "name one that fsspec knows, as in s3://bucket/name.zarr."
            fail("prediction store", expected="a known protocol", got=f"{protocol}://", where=where, fix=fix)
    return {"use_listings_cache": False}


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
        InputError: in place of a full disk, a refused access, a damaged or a missing file, and of whatever the client
            of a server raises.
    """
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        fail("prediction store", expected="a known kind of address", got=str(error), where=where, fix="install it.")
    except FileNotFoundError as error:
        got = "a missing file"
        if "://" in where:  # a bucket is missing, for example
            got, fix = f"nothing there ({error})", f"look at the address, or {fix}"
        fail("prediction store", expected="its metadata", got=got, where=where, fix=fix)
    except OSError as error:
        if error.errno in DISK_FULL:
            fix = "free some space and give the same command again; finished videos are kept."
            fail("disk", expected="room for the prediction store", got="none left", where=where, fix=fix)
        fix = "choose a place that this user may read and write."
        fail("prediction store", expected="access", got=error.strerror or error, where=where, fix=fix)
    except DAMAGE as error:
        fail("prediction store", expected="files as they were written", got=f"damage ({error})", where=where, fix=fix)
    except Exception as error:  # botocore's errors, for one, share no other base
        if "://" not in where:
            raise
        fix = "look at the address, the network, and the credentials in the environment."
        fail("prediction store", expected="an answer of its server", got=error, where=where, fix=fix)


def open_group(where: str, mode: str) -> Any:
    """Return the root group of a store, or None where there is none.

    Args:
        where: Address of the store.
        mode: ``r``, or ``r+`` to write to it too.
    """
    import zarr

    with faults(where):
        try:
            return zarr.open_group(where, mode=mode, storage_options=fsspec_options(where))  # type: ignore[arg-type]
        except FileNotFoundError:
            return None


def disown(where: str, kind: str) -> None:
    """Let a store state no predictions any more, before it is deleted file by file.

    Where the deletion is cut short, the store is then neither read nor gone on with: videos that have lost chunks, but
    not yet their mark, do not count.

    Args:
        where: Address of the store; there may be none.
        kind: Attribute that it keeps, so that it can be overwritten.
    """
    with suppress(InputError):  # nobody can read a damaged one, or go on with it
        group = open_group(where, "r+")
        if group is not None:
            group.attrs.put({"kind": kind})


def refuse_foreign(where: str, kind: str) -> None:
    """Refuse an address at which something else stands, before anything is written there or deleted.

    Args:
        where: Address of the store.
        kind: What the store's own attribute ``kind`` must be. A store whose metadata cannot be read may pass.

    Raises:
        InputError: a file, a folder of other files, or a zarr store of another kind. What a kill has left of zarr's
            first file is nothing.
    """
    import fsspec

    got, options = "", fsspec_options(where) or {}
    with faults(where):
        files, path = fsspec.core.url_to_fs(where, **options)
        if not files.exists(path):
            return
        if files.isfile(path):
            got = "a file"
        elif files.isfile(f"{path}/zarr.json"):
            with suppress(ValueError, OSError, AttributeError):
                found = json.loads(files.cat_file(f"{path}/zarr.json")).get("attributes", {}).get("kind")
                got = "" if found == kind else f"a zarr store of {found or 'something else'}"
        elif any(not name.endswith(PARTIAL) for name in files.ls(path, detail=False)):
            got = "a folder of other files"
    fix = "choose another place, or move it away."
    require(not got, "prediction store", expected="a prediction store or nothing", got=got, where=where, fix=fix)
