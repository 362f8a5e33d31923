"""``vspw data``: what it prints and how it exits."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vspwlib.cli.data import app
from vspwlib.labels import CLASS_NAMES


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for kind, name, shape in (("origin", "1.jpg", (48, 64, 3)), ("mask", "1.png", (48, 64))):
        folder = tmp_path / "tree" / "data" / "a" / kind
        folder.mkdir(parents=True)
        Image.fromarray(np.full(shape, 7, np.uint8)).save(folder / name)
    (tmp_path / "tree" / "val.txt").write_text("a\n")
    return tmp_path / "tree"


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout


def test_check_prints_a_table_and_exits_by_usability(tree):
    code, text = run("check", tree)
    assert code == 0
    assert "val" in text
    assert "64x48 (1)" in text
    assert "short video" in text
    (tree / "data" / "a" / "origin" / "1.jpg").write_bytes(b"")
    code, text = run("check", tree)
    assert code == 2
    assert "unreadable image" in text
    assert "0 bytes" in text


def test_check_prints_nothing_but_json(tree):
    code, text = run("check", tree, "--json", "--split", "val", "--workers", 1)
    assert code == 0
    report = json.loads(text)
    assert report["usable"] is True
    assert report["splits"][0]["class_pixels"] == {CLASS_NAMES[7 - 1]: 48 * 64}


def test_long_findings_are_cut_in_the_table_alone(tree):
    for number in range(2, 16):
        (tree / "data" / "a" / "origin" / f"{number}.jpg").touch()
    code, text = run("check", tree)
    assert code == 2
    assert "and 4 more" in text
    assert len(json.loads(run("check", tree, "--json")[1])["splits"][0]["problems"]) > 14


def test_prepare_reports_what_it_did(tree, tmp_path):
    code, text = run("prepare", tree, tmp_path / "out")
    assert code == 0
    assert "2 files written, 0 were there, 0 left out" in " ".join(text.split())
    code, text = run("prepare", tree, tmp_path / "out", "--json")
    assert json.loads(text) == {"written": 0, "kept": 2, "broken": []}
