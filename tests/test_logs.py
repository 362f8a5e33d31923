"""What is logged: on stderr from a level on, in a file as JSON lines, from every process."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vspwlib import cli
from vspwlib.checks import InputError
from vspwlib.logs import set_up


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    """Leave the package's logger as it was."""
    root = logging.getLogger("vspwlib")
    before = (list(root.handlers), root.level)
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_stderr_hears_from_the_level_on_and_the_file_from_info_on(tmp_path, capsys):
    set_up("warning", tmp_path / "log.jsonl")
    for level in ("debug", "info", "warning"):
        getattr(logging.getLogger("vspwlib.train"), level)("told as %s", level)
    said = capsys.readouterr().err
    assert "told as warning" in said
    assert "told as info" not in said
    assert [one["message"] for one in lines(tmp_path / "log.jsonl")] == ["told as info", "told as warning"]


def test_a_line_says_when_who_and_what_it_is_about(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    set_up("error", tmp_path / "log.jsonl")
    logging.getLogger("vspwlib.predict").info("video %s", "a\nb", extra={"video": "a\nb", "path": Path("x")})
    (one,) = lines(tmp_path / "log.jsonl")
    assert abs(datetime.fromisoformat(one["time"]) - datetime.now(UTC)).total_seconds() < 60
    assert (one["level"], one["logger"], one["rank"]) == ("info", "vspwlib.predict", 3)
    assert (one["message"], one["video"], one["path"]) == ("video a\nb", "a\nb", "x")


def test_a_traceback_is_part_of_its_line(tmp_path):
    set_up("error", tmp_path / "log.jsonl")
    try:
        int("so it was")
    except ValueError:
        logging.getLogger("vspwlib").exception("failed")
    assert "ValueError: invalid literal" in lines(tmp_path / "log.jsonl")[0]["traceback"]


def test_set_up_again_starts_anew_and_adds_to_the_file(tmp_path):
    for _ in range(2):
        set_up("info", tmp_path / "log.jsonl")
        logging.getLogger("vspwlib").info("once")
    assert len(lines(tmp_path / "log.jsonl")) == 2


def test_another_level_or_a_folder_for_a_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected debug or info or warning or error, got 'loud'"):
        set_up("loud")
    with pytest.raises(InputError, match="--log-file: expected a file to add to"):
        set_up("info", tmp_path)


def test_a_command_and_its_end_are_in_the_file(tmp_path):
    command = [sys.executable, "-m", "vspwlib", "--log-file", str(tmp_path / "log.jsonl"), "runs", "show", "no-such"]
    done = subprocess.run([*command, "-w", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    first, last = lines(tmp_path / "log.jsonl")
    assert first["arguments"].endswith(f"runs show no-such -w {tmp_path}")
    assert (last["exit"], last["message"].split(":")[0]) == (2, "ended")
    assert done.stderr.count("no-such") == 1


@pytest.mark.parametrize(("arguments", "code"), [(["runs", "list"], 0), (["runs", "lits"], 2)])
def test_every_end_is_in_the_file_and_not_on_stderr_twice(arguments, code, tmp_path):
    options = ["--log-level", "info", "--log-file", str(tmp_path / "log.jsonl")]
    command = [sys.executable, "-m", "vspwlib", *options, *arguments]
    environment = {**os.environ, "VSPW_WORKSPACE": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code
    last = lines(tmp_path / "log.jsonl")[-1]
    assert (last["message"], last["exit"]) == ("ended", code)
    assert "ended" not in done.stderr


def test_a_crash_is_in_the_file_with_its_traceback(tmp_path, monkeypatch):
    def crash() -> None:
        set_up("error", tmp_path / "log.jsonl")
        raise ZeroDivisionError("of this test")

    monkeypatch.setattr(cli, "app", crash)
    with pytest.raises(ZeroDivisionError):
        cli.main()
    (last,) = lines(tmp_path / "log.jsonl")
    assert (last["message"], last["exit"]) == ("crashed", 1)
    assert "ZeroDivisionError: of this test" in last["traceback"]
