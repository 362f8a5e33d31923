"""A zip of label maps that somebody has sent, unpacked without trust.

    [<folder>/]<video>/<frame>.png

Names in the archive are taken apart and held against this form; none becomes a path. A file is read no further than it
may be large, and its header is read before anything decodes it.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from vspwlib.checks import InputError, check_name, fail, require

MOST_FILES = 100_000  # all of VSPW's validation and test frames are fewer
LARGEST_FILE = 32 * 2**20  # bytes of one PNG
LARGEST_WHOLE = 8 * 2**30  # bytes of all, unpacked
LARGEST_SIDE = 8192  # pixels
MOST_TIMES = 200  # unpacked to packed: PNGs are compressed already

_PNG = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8s4x4sII")  # signature, length, IHDR, width, height
_BESIDE = (".txt", ".md", ".json")  # what people put beside label maps, and what is left out
_ROOM = 64 * 2**10  # bytes below which a ratio says nothing


def label_files(path: Path) -> dict[tuple[str, str], zipfile.ZipInfo]:
    """Return the label maps in a zip file by video and frame, without unpacking any.

    Args:
        path: The zip file.

    Raises:
        InputError: it is no zip file; it holds links, names outside its own folder, an encrypted file or one of another
            kind, a frame twice, no label map at all, or more than the bounds of this module.
    """
    with _opened(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
    many = len(members) <= MOST_FILES
    require(many, "archive", expected=f"at most {MOST_FILES} files", got=len(members), where=path.name)
    found: dict[tuple[str, str], zipfile.ZipInfo] = {}
    whole = 0
    for member in members:
        place = _place(member, path)
        if place is None:
            continue
        _check_size(member, path)
        whole += member.file_size
        got = f"over {LARGEST_WHOLE / 2**30:.0f} GB"
        require(whole <= LARGEST_WHOLE, "archive", expected="less, unpacked", got=got, where=path.name)
        require(
            place not in found, "archive", expected="each frame once", got=f"{'/'.join(place)} twice", where=path.name
        )
        found[place] = member
    layout = "<video>/<frame>.png"
    require(bool(found), "archive", expected=layout, got="none of these", where=path.name, fix="zip the folder above.")
    return found


@contextmanager
def unpacked_labels(path: Path, beside: Path) -> Iterator[Path]:
    """Yield a folder ``<video>/<frame>.png``: ``path`` itself, or what the zip file ``path`` holds.

    Args:
        path: A folder, or a zip file.
        beside: Folder in which a temporary one is made; it is gone after the block, however the block ends.

    Raises:
        InputError: as :func:`label_files`, or a file is damaged, no PNG, or larger than it says.
    """
    if not path.is_file():
        yield path
        return
    files = label_files(path)
    beside.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unpacked-", dir=beside) as temporary, _opened(path) as archive:
        folder = Path(temporary) / "labels"
        for (video, frame), member in files.items():
            target = folder / video / f"{frame}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_read(archive, member, path))
        yield folder


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        fail("archive", expected="a zip file", got=str(error), where=path.name, fix="zip the folder of PNGs again.")


def _place(member: zipfile.ZipInfo, path: Path) -> tuple[str, str] | None:
    """Return video and frame of a file in an archive; None for what is left out."""
    shown, expected = repr(member.filename[:200]), "[<folder>/]<video>/<frame>.png"
    kind = stat.S_IFMT(member.external_attr >> 16)
    plain = kind in {0, stat.S_IFREG} and not member.flag_bits & 1
    require(plain, "archive", expected="plain files", got=f"a link or encrypted: {shown}", where=path.name)
    name = PurePosixPath(member.filename)
    outside = name.is_absolute() or ".." in name.parts or "\\" in member.filename or ":" in member.filename
    require(not outside, "archive", expected="names inside the archive", got=shown, where=path.name)
    if name.parts[0] == "__MACOSX" or name.name.startswith(".") or name.suffix.lower() in _BESIDE:
        return None
    fits = 2 <= len(name.parts) <= 3 and name.suffix == ".png"
    require(fits, "archive", expected=expected, got=shown, where=path.name, fix="zip the label maps alone.")
    try:
        return check_name("video", name.parts[-2]), check_name("frame", name.stem)
    except InputError:
        fail("archive", expected=expected, got=shown, where=path.name)


def _check_size(member: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a file that says itself that it would fill the disk; :func:`_read` holds it to what it says."""
    most = min(LARGEST_FILE, max(_ROOM, MOST_TIMES * member.compress_size))
    got = f"{member.file_size} bytes packed in {member.compress_size} ({member.filename[:200]!r})"
    require(member.file_size <= most, "archive", expected=f"at most {most} bytes a file", got=got, where=path.name)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    """Return a PNG whose header says that it is small enough to be decoded; zipfile compares the checksum."""
    where = f"{path.name}, {member.filename[:200]!r}"
    try:
        with archive.open(member) as file:
            content = file.read(member.file_size + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, zlib.error) as error:
        fail("archive", expected="whole files", got=str(error), where=where, fix="zip the folder of PNGs again.")
    require(
        len(content) == member.file_size, "archive", expected=f"{member.file_size} bytes", got="others", where=where
    )
    whole = len(content) >= _HEADER.size
    signature, kind, width, height = _HEADER.unpack_from(content) if whole else (b"", b"", 0, 0)
    is_png = signature == _PNG and kind == b"IHDR"
    require(is_png, "label map", expected="a PNG", got="another kind of file", where=where)
    fits = max(width, height) <= LARGEST_SIDE
    require(fits, "label map", expected=f"at most {LARGEST_SIDE} pixels a side", got=f"{width}x{height}", where=where)
    return content
