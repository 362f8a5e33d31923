"""Zip files that hold one released checkpoint: told apart from PyTorch's own files, and unpacked without trust.

PyTorch's files are zip archives as well. Theirs hold ``<name>/data.pkl``; a download's hold a file named ``*.pth``.
"""

import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from vspwlib.checks import fail

SUFFIXES = (".pth", ".pt", ".pth.tar", ".safetensors")  # the third is PyTorch's, too: an old habit, no tar file

#: Refused above either: the largest released file has 9 GB, and weights barely compress (index tables in it do).
LARGEST_BYTES = 32 * 1024**3
LARGEST_RATIO = 100


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a checkpoint that can be read: ``path`` itself, or the one that the zip file ``path`` holds.

    What is unpacked lies in a temporary folder that is gone after the block, however the block ends. No name within the
    archive is ever used as a path.

    Args:
        path: An existing file of any kind.

    Raises:
        InputError: for a zip file that holds no checkpoint or several, that holds links or names outside its own
            folder, that is encrypted or damaged, or that unpacks to far more than it weighs.
    """
    if not zipfile.is_zipfile(path):
        yield path
        return
    with _opened(path) as archive:
        members = archive.infolist()
        for member in members:
            _refuse_bomb(member, path)
        if _is_torch_file(members):
            yield path
            return
        chosen = _checkpoint_of(members, path)
        with tempfile.TemporaryDirectory(prefix="vspw-checkpoint-") as folder:
            _require_space(Path(folder), chosen, path)
            suffix = next(suffix for suffix in SUFFIXES if chosen.filename.lower().endswith(suffix))
            target = Path(folder) / f"checkpoint{suffix}"
            _extract(archive, chosen, target, path)
            yield target


def is_mappable(path: Path) -> bool:
    """Return whether PyTorch can map a file's tensors into memory: its zip format, with nothing compressed."""
    if not zipfile.is_zipfile(path):
        return False
    with _opened(path) as archive:
        return all(member.compress_type == zipfile.ZIP_STORED for member in archive.infolist())


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        fail("checkpoint", expected="a sound zip file", got=str(error), where=path, fix="download it again.")


def _is_torch_file(members: list[zipfile.ZipInfo]) -> bool:
    return any(PurePosixPath(member.filename).match("*/data.pkl") for member in members)


def _refuse_bomb(member: zipfile.ZipInfo, path: Path) -> None:
    """Refuse a member that says itself that it would fill the disk; :func:`_extract` holds it to what it says."""
    if member.file_size > min(LARGEST_BYTES, LARGEST_RATIO * max(member.compress_size, 1024)):
        fail(
            "checkpoint",
            expected=f"at most {LARGEST_BYTES / 1e9:.0f} GB and {LARGEST_RATIO} times its packed size",
            got=f"{member.file_size} bytes packed in {member.compress_size} ({member.filename})",
            where=path,
            fix="unpack it yourself if you trust it.",
        )


def _checkpoint_of(members: list[zipfile.ZipInfo], path: Path) -> zipfile.ZipInfo:
    """Return the one checkpoint among an archive's members, none of which may reach outside it."""
    for member in members:
        name = PurePosixPath(member.filename.replace("\\", "/"))
        if name.is_absolute() or PureWindowsPath(member.filename).drive or ".." in name.parts:
            fail("checkpoint", expected="names inside the archive", got=member.filename, where=path)
        if stat.S_ISLNK(member.external_attr >> 16):
            fail("checkpoint", expected="plain files in the archive", got=f"the link {member.filename}", where=path)
    found = [
        member
        for member in members
        if member.filename.lower().endswith(SUFFIXES) and not member.filename.startswith("__MACOSX/")
    ]
    if len(found) != 1:
        names = ", ".join(member.filename for member in (found or members)[:4])
        fail(
            "checkpoint",
            expected=f"one file named {', '.join(f'*{suffix}' for suffix in SUFFIXES)} in the archive",
            got=f"{len(found)} of them ({names or 'it is empty'})",
            where=path,
            fix="unpack it and name the file that you mean.",
        )
    if found[0].flag_bits & 1:
        fail("checkpoint", expected="an archive without a password", got="an encrypted one", where=path)
    return found[0]


def _require_space(folder: Path, member: zipfile.ZipInfo, path: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < member.file_size:
        fail(
            "temporary folder",
            expected=f"{member.file_size / 1e9:.1f} GB free to unpack {path.name}",
            got=f"{free / 1e9:.1f} GB",
            where=folder.parent,
            fix="set TMPDIR to a larger place, or unpack the file yourself.",
        )


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """Write one member to ``target``; zipfile reads no more than the size checked before, and compares the checksum."""
    try:
        with archive.open(member) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        fail("checkpoint", expected="a sound zip file", got=str(error), where=path, fix="download it again.")
