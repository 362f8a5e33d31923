"""Zips of label maps: what is sound is unpacked byte for byte, what is not leaves nothing behind."""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data import label_archive
from vspwlib.data.label_archive import label_files, unpacked_labels


def png(height: int = 4, width: int = 6) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(height * width, dtype=np.uint8).reshape(height, width)).save(file, "PNG")
    return file.getvalue()


def zipped(path: Path, files: dict[str, bytes], mode: int = 0, packing: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, packing
            archive.writestr(info, content)
    return path


def unpack(path: Path, beside: Path) -> dict[str, bytes]:
    with unpacked_labels(path, beside) as folder:
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("top", ["", "submission/"])
def test_label_maps_come_out_as_they_went_in(tmp_path, top):
    files = {f"{top}walk/1.png": png(), f"{top}yard/00000002.png": png(8, 8)}
    beside = {"__MACOSX/._walk": b"x", f"{top}readme.txt": b"hi", f"{top}walk/.DS_Store": b"y"}
    path = zipped(tmp_path / "a.zip", files | beside)
    assert set(label_files(path)) == {("walk", "1"), ("yard", "00000002")}
    found = unpack(path, tmp_path / "work")
    assert found == {name.removeprefix(top): content for name, content in files.items()}
    assert list((tmp_path / "work").iterdir()) == []


def test_a_folder_is_taken_as_it_is(tmp_path):
    with unpacked_labels(tmp_path, tmp_path / "work") as folder:
        assert folder == tmp_path
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../walk/1.png", "names inside the archive"),
        ("a/../../walk/1.png", "names inside the archive"),
        ("/etc/walk/1.png", "names inside the archive"),
        ("C:/walk/1.png", "names inside the archive"),
        ("walk\\..\\1.png", "names inside the archive"),
        ("walk/-rf.png", r"<video>/<frame>\.png"),
        ("-rf/1.png", r"<video>/<frame>\.png"),
        ("1.png", r"<video>/<frame>\.png"),
        ("a/b/c/1.png", r"<video>/<frame>\.png"),
        ("walk/1.py", "zip the label maps alone"),
    ],
)
def test_names_that_are_no_label_map_are_refused(tmp_path, name, message):
    path = zipped(tmp_path / "a.zip", {"walk/2.png": png(), name: png()})
    with pytest.raises(InputError, match=message):
        unpack(path, tmp_path / "work")
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"a.zip"}


def test_links_and_devices_are_refused(tmp_path):
    for number, kind in enumerate((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR)):
        path = zipped(tmp_path / f"{number}.zip", {"walk/1.png": b"/etc/passwd"}, mode=kind | 0o777)
        with pytest.raises(InputError, match="expected plain files"):
            label_files(path)


def test_encrypted_files_are_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"walk/1.png": png()})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="link or encrypted"):
        label_files(path)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    zeros = zipped(tmp_path / "zeros.zip", {"walk/1.png": bytes(30 * 2**20)}, packing=zipfile.ZIP_DEFLATED)
    assert zeros.stat().st_size < 40_000
    with pytest.raises(InputError, match="bytes a file"):
        label_files(zeros)
    large = zipped(tmp_path / "large.zip", {"walk/1.png": bytes(label_archive.LARGEST_FILE + 1)})
    with pytest.raises(InputError, match="bytes a file"):
        label_files(large)
    many = zipped(tmp_path / "many.zip", {f"walk/{number}.png": png() for number in range(6)})
    monkeypatch.setattr(label_archive, "MOST_FILES", 5)
    with pytest.raises(InputError, match="at most 5 files, got 6"):
        label_files(many)
    monkeypatch.setattr(label_archive, "MOST_FILES", 6)
    monkeypatch.setattr(label_archive, "LARGEST_WHOLE", 5 * len(png()))
    with pytest.raises(InputError, match="less, unpacked"):
        label_files(many)


def test_a_size_that_is_a_lie_is_found_out(tmp_path):
    """The directory says 100 bytes, the stream has a million."""
    path = zipped(tmp_path / "a.zip", {"walk/1.png": png() + bytes(10**6)}, packing=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        content[content.index(mark) + place : content.index(mark) + place + 4] = struct.pack("<I", 100)
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected whole files"):
        unpack(path, tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_picture_that_is_a_bomb_is_refused_by_its_header(tmp_path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = zipped(tmp_path / "a.zip", {"walk/1.png": b"\x89PNG\r\n\x1a\n" + chunk})
    with pytest.raises(InputError, match="8192 pixels a side, got 60000x60000"):
        unpack(path, tmp_path / "work")


@pytest.mark.parametrize("content", [b"", b"GIF89a" * 9, b"\x89PNG\r\n\x1a\n"])
def test_what_is_called_png_and_is_none_is_refused(tmp_path, content):
    with pytest.raises(InputError, match="label map: expected a PNG"):
        unpack(zipped(tmp_path / "a.zip", {"walk/1.png": content}), tmp_path / "work")


def test_damage_and_wrong_files_are_named(tmp_path):
    path = zipped(tmp_path / "a.zip", {"walk/1.png": png()})
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match="expected whole files"):
        unpack(path, tmp_path / "work")
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="expected a zip file"):
        label_files(tmp_path / "b.zip")
    with pytest.raises(InputError, match="none of these"):
        label_files(zipped(tmp_path / "c.zip", {"readme.txt": b"x"}))


def test_one_frame_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="walk/1 twice"):
        label_files(zipped(tmp_path / "a.zip", {"walk/1.png": png(), "top/walk/1.png": png()}))
