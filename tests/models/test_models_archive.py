"""Zip files: which hold a checkpoint, and which are refused; what is unpacked goes away again."""

import stat
import tempfile
import zipfile

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models import archive
from vspwlib.models.archive import is_mappable, unpacked


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder in which temporary folders are made; at the end it must be empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def pack(path, *members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, contents in members:
            file.writestr(name, contents)
    return path


def read(path):
    with unpacked(path) as file:
        return file.read_bytes()


def test_other_files_and_those_of_torch_are_yielded_as_they_are(tmp_path):
    new, old, text = tmp_path / "new.pth", tmp_path / "old.pth", tmp_path / "a.txt"
    torch.save({"a": torch.zeros(3)}, new)
    torch.save({"a": torch.zeros(3)}, old, _use_new_zipfile_serialization=False)
    text.write_text("hello")
    for path in (new, old, text):
        with unpacked(path) as file:
            assert file == path
    assert [is_mappable(path) for path in (new, old, text)] == [True, False, False]


def test_a_torch_file_that_was_compressed_is_not_mapped(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "new.pth")
    with zipfile.ZipFile(tmp_path / "new.pth") as file:
        members = [(member.filename, file.read(member)) for member in file.infolist()]
    path = pack(tmp_path / "small.pth", *members, compression=zipfile.ZIP_DEFLATED)
    assert not is_mappable(path)
    with unpacked(path) as file:
        assert file == path


@pytest.mark.parametrize("name", ["a.pth", "deep/down/a.PTH", "a.safetensors", "./a.pt", "a.pth.tar"])
def test_the_one_checkpoint_is_unpacked(tmp_path, name, temporary):
    path = pack(tmp_path / "a.zip", ("README.md", "text"), (name, b"weights"), ("__MACOSX/._a.pth", b"junk"))
    with unpacked(path) as file:
        assert file.read_bytes() == b"weights"
        assert file.name.endswith(archive.SUFFIXES)
        assert temporary in file.parents


def test_nothing_is_left_when_the_block_fails(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.pth", b"weights"))
    with pytest.raises(KeyError), unpacked(path):
        raise KeyError


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "0 of them .it is empty"),
        (["a.txt"], "0 of them .a.txt"),
        (["a.pth", "b.pth"], "2 of them .a.pth, b.pth"),
        (["../a.pth"], "names inside the archive, got ../a.pth"),
        (["ok.pth", "x/../../../etc/passwd"], "names inside the archive"),
        (["/etc/a.pth"], "names inside the archive, got /etc/a.pth"),
        (["..\\a.pth"], "names inside the archive"),
        (["C:\\a.pth"], "names inside the archive"),
    ],
)
def test_other_archives_are_refused(tmp_path, names, message):
    path = pack(tmp_path / "a.zip", *((name, b"weights") for name in names))
    with pytest.raises(InputError, match=message):
        read(path)
    assert not (tmp_path.parent / "a.pth").exists()


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.pth")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = pack(tmp_path / "a.zip", (link, "/etc/passwd"))
    with pytest.raises(InputError, match="the link a"):
        read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.pth", bytes(30_000_000)), compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(InputError, match="30000000 bytes packed in"):
        read(path)


def test_a_compressed_torch_file_may_be_a_bomb_too(tmp_path):
    members = (("archive/data.pkl", b""), ("archive/data/0", bytes(30_000_000)))
    path = pack(tmp_path / "a.pth", *members, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="archive/data/0"):
        read(path)


def test_an_archive_that_lies_about_its_size_is_refused(tmp_path):
    """The size stated in both headers is smaller than what comes out."""
    path = pack(tmp_path / "a.zip", ("a.pth", b"w" * 5000), compression=zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes().replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(InputError, match="sound zip file"):
        read(path)


def test_size_is_bounded_and_the_disk_is_asked_first(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.zip", ("a.pth", b"w" * 5000))
    usage = type("Usage", (), {"free": 4999})
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="set TMPDIR"):
        read(path)
    monkeypatch.setattr(archive, "LARGEST_BYTES", 4999)
    with pytest.raises(InputError, match="5000 bytes packed in 5000"):
        read(path)


def test_damaged_and_encrypted_archives_are_named(tmp_path):
    path = pack(tmp_path / "a.zip", ("a.pth", b"weights" * 100))
    contents = bytearray(path.read_bytes())
    contents[60] ^= 0xFF
    path.write_bytes(contents)
    with pytest.raises(InputError, match="Bad CRC-32"):
        read(path)
    locked = bytearray(pack(tmp_path / "b.zip", ("a.pth", b"weights")).read_bytes())
    directory = locked.index(b"PK\x01\x02")
    locked[directory + 8] |= 1
    (tmp_path / "b.zip").write_bytes(locked)
    with pytest.raises(InputError, match="an encrypted one"):
        read(tmp_path / "b.zip")
