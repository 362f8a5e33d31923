"""``vspw map filter``: what it prints, writes and refuses."""

import json

import pytest
from typer.testing import CliRunner

from tests.data.image_sets import share_mask, write_coco, write_pair
from vspwlib.checks import InputError
from vspwlib.cli.map import app


def run(*arguments):
    result = CliRunner().invoke(app, ["filter", *map(str, arguments)], env={"COLUMNS": "120"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


@pytest.fixture
def coco(tmp_path):
    return write_coco(tmp_path / "coco", {"a": 90, "b": 80, "c": 55})


def test_the_table_and_the_files(coco, tmp_path):
    text = run("--dataset", "cocostuff", "--root", coco, "--out", tmp_path / "out")
    assert "1 of 3 images have a ratio above 0.8" in text
    assert "0.5: 3" in text
    assert "person" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "pixels.jsonl",
        "manifest.jsonl",
        "kept.txt",
        "report.json",
    }
    assert (tmp_path / "out/kept.txt").read_text() == "images/train2017/a.jpg\n"


def test_nothing_but_json_and_no_second_pass(coco, tmp_path):
    first = json.loads(run("--dataset", "cocostuff", "--root", coco, "--workspace", tmp_path / "ws", "--json"))
    assert (first["kept"], first["threshold"]) == (1, 0.8)
    for path in coco.rglob("*.png"):
        path.write_bytes(b"x" * path.stat().st_size)  # as long as before: it would be noticed only if it were read
    options = ("--threshold", 0.5, "--denominator", "labelled", "--json")
    again = json.loads(run("--dataset", "cocostuff", "--root", coco, "--workspace", tmp_path / "ws", *options))
    assert (again["kept"], again["problems"]) == (3, 0)
    assert again["folder"] == first["folder"]


def test_problems_are_listed_and_strict_makes_them_an_error(coco, tmp_path):
    for name in "defghij":
        (coco / f"images/train2017/{name}.jpg").touch()
    write_pair(coco, "train2017", "k", share_mask(200, 10, rest=0))
    options = ("--dataset", "cocostuff", "--root", coco, "--out", tmp_path / "out")
    text = run(*options)
    assert "missing mask (7)" in text
    assert "and 2 more" in text
    assert "200 (60 pixels); counted as void" in text
    assert len(json.loads(run(*options, "--json"))["problem_list"]) == 8
    with pytest.raises(InputError, match=r"expected no problems \(strict\), got 8"):
        run(*options, "--strict")


def test_the_real_samples(shared, tmp_path):
    for name, images in (("cocostuff", 139), ("ade20k", 37)):
        options = ("--dataset", name, "--root", shared / "data" / f"{name}_sample", "--workspace", tmp_path)
        report = json.loads(run(*options, "--strict", "--json"))
        assert (report["images"], report["problems"]) == (images, 0)
        assert 0 < report["kept"] == report["kept_above"]["0.8"] < images
        assert sum(report["histogram"]) == images
