"""Files are whole or not there."""

import pytest

from vspwlib.checks import InputError
from vspwlib.data.writing import write_text, write_whole


def test_a_file_appears_when_it_is_whole(tmp_path):
    seen = []

    def save(part):
        part.write_text("half")
        seen.append((part.name, (tmp_path / "new" / "a.txt").exists()))
        part.write_text("whole")

    write_whole(tmp_path / "new" / "a.txt", save)
    assert seen == [(".a.txt.part", False)]
    assert [(path.name, path.read_text()) for path in (tmp_path / "new").iterdir()] == [("a.txt", "whole")]


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def save(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"file: expected to be written, got No space left on device"):
        write_whole(tmp_path / "a.txt", save)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_what_a_killed_run_left_is_replaced(tmp_path):
    (tmp_path / ".a.png.part").write_text("left over")
    write_whole(tmp_path / "a.png", lambda part: part.symlink_to(tmp_path / "elsewhere"))
    assert (tmp_path / "a.png").readlink() == tmp_path / "elsewhere"
