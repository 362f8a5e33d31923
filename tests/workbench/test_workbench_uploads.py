"""What browsers send: it is there checked and whole, or not at all, and never where its name says."""

import io
from pathlib import Path

import pytest

from vspwlib.checks import InputError, fail
from vspwlib.runs import Workspace
from workbench import uploads
from workbench.uploads import brought, clips, folder_of, keep_upload, remove, safe_name


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "text",
    ["../../etc/passwd", "..\\..\\boot.ini", "", ".", "..", "-rf", "/", "a" * 300, "a\n\0b.mp4", "~root/x", "💥"],
)
def test_every_name_of_a_file_becomes_a_folders(text: str, tmp_path: Path) -> None:
    name = safe_name(text)
    assert folder_of(Workspace(tmp_path), name).parent == tmp_path / "uploads"
    assert name.isascii()


def test_a_file_lands_whole(tmp_path: Path) -> None:
    seen = []
    kept = keep_upload(Workspace(tmp_path), "street", "film.mp4", io.BytesIO(b"x" * 3_000_000), seen.append)
    assert kept == tmp_path / "uploads" / "street" / "film.mp4"
    assert kept.stat().st_size == 3_000_000
    assert files(tmp_path) == ["uploads/street/film.mp4"]
    assert seen[0].parent.name.startswith("."), "it was checked before anybody could see it"


def test_what_fails_its_check_is_gone(tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        assert path.read_bytes() == b"no film"
        fail("film", expected="an mp4", got="text")

    with pytest.raises(InputError, match="expected an mp4"):
        keep_upload(Workspace(tmp_path), "street", "film.mp4", io.BytesIO(b"no film"), refuse)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_a_name_that_is_taken_or_none_is_refused(tmp_path: Path) -> None:
    place = Workspace(tmp_path)
    keep_upload(place, "street", "film.mp4", io.BytesIO(b"first"), lambda _: None)
    with pytest.raises(InputError, match="'street', which is there"):
        keep_upload(place, "street", "film.mp4", io.BytesIO(b"second"), lambda _: None)
    for name in ("../street", "-rf", "", "a/b"):
        with pytest.raises(InputError, match="name: expected a name"):
            keep_upload(place, name, "film.mp4", io.BytesIO(b"x"), lambda _: None)
    assert files(tmp_path) == ["uploads/street/film.mp4"]
    assert (tmp_path / "uploads" / "street" / "film.mp4").read_bytes() == b"first"


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads.shutil, "copyfileobj", full)
    with pytest.raises(InputError, match="room in the workspace, got No space left"):
        keep_upload(Workspace(tmp_path), "street", "film.mp4", io.BytesIO(b"x"), lambda _: None)
    assert files(tmp_path) == []


def test_clips_are_those_whose_frames_are_there(tmp_path: Path) -> None:
    for name in ("a/origin", ".b.part/origin", "c"):
        (tmp_path / "uploads" / name).mkdir(parents=True)
    assert clips(Workspace(tmp_path)) == {"a": tmp_path / "uploads" / "a"}


def test_what_was_brought_can_be_deleted_and_nothing_else(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name in ("first", "second"):
        keep_upload(workspace, name, "film.mp4", io.BytesIO(b"content"), lambda _: None)
    remove(workspace, "first")
    assert list(brought(workspace)) == ["second"]
    assert [path.name for path in (tmp_path / "uploads").iterdir()] == ["second"]
    for name in ("first", "..", "second/..", ""):
        with pytest.raises(InputError):
            remove(workspace, name)
    assert (tmp_path / "uploads" / "second" / "film.mp4").read_bytes() == b"content"
