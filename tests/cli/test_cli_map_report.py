"""``vspw map report``: what it prints, writes and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli import app

TABLES = Path(__file__).parents[2] / "vspwlib" / "labels"


def report(*options: str) -> dict:
    result = CliRunner().invoke(app, ["map", "report", *options, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def shown(*options: str) -> str:
    result = CliRunner().invoke(app, ["map", "report", *options], env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*options: str) -> str:
    result = CliRunner().invoke(app, ["map", "report", *options])
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


@pytest.fixture
def ade(tmp_path: Path) -> Path:
    root = tmp_path / "ade"
    mask = np.array([[0, 1, 1, 127], [13, 13, 13, 13]], np.uint8)
    for name, values in (("a", mask), ("b", np.full((2, 4), 9, np.uint8))):
        for kind, suffix, array in (("images", "jpg", np.zeros((2, 4, 3), np.uint8)), ("annotations", "png", values)):
            folder = root / kind / "training"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / f"{name}.{suffix}")
    return root


def changed(tmp_path: Path, line: str, other: str) -> Path:
    text = (TABLES / "ade20k_to_vspw.csv").read_text("utf-8")
    assert text.count(line) == 1
    file = tmp_path / "mine.csv"
    file.write_text(text.replace(line, other), encoding="utf-8")
    return file


def test_without_data_classes_are_counted():
    found = report("--dataset", "cocostuff")
    assert (found["mapping"], found["summary"]["classes"]) == ("cocostuff", 171)
    assert len(found["sources"]) == 183
    assert len(found["targets"]) == 124
    assert "pixels" not in found["summary"]
    assert not {"images", "against", "figure"} & found.keys()
    text = shown("--dataset", "cocostuff")
    assert f"{found['summary']['mapped']} of 171 classes of COCO-Stuff map" in text
    assert f"never gain ({len(found['summary']['never'])})" in text
    assert "street sign" not in text


def test_with_data_pixels_are_counted(ade):
    found = report("--dataset", "ade20k", "--root", str(ade), "--workers", "1")
    summary = found["summary"]
    assert (found["images"], found["problems"], summary["pixels"]) == (2, [], 16)
    assert [summary[name] for name in ("valid", "void", "unlabelled", "unknown")] == [14, 1, 1, 0]
    pixels = {row["source"]: row["pixels"] for row in found["sources"] if row["pixels"]}
    assert pixels == {"other": 1, "wall": 2, "windowpane": 8, "person": 4, "animal": 1}
    gained = {row["vspw"]: row["pixels"] for row in found["targets"] if row["pixels"]}
    assert gained == {"wall": 2, "window": 8, "person": 4}
    text = shown("--dataset", "ade20k", "--root", str(ade))
    assert "16 pixels in 2 images: 87.50% valid, 6.25% void, 6.25% unlabelled, 0.00% unknown" in text
    assert text.index("windowpane") < text.index("animal")


def test_bad_files_are_named_and_strict_refuses_them(ade):
    (ade / "annotations/training/b.png").unlink()
    Image.fromarray(np.full((2, 4), 200, np.uint8)).save(ade / "annotations/training/a.png")
    found = report("--dataset", "ade20k", "--root", str(ade))
    assert [(one["kind"], one["path"]) for one in found["problems"]] == [
        ("missing mask", "images/training/b.jpg"),
        ("unknown ids", "annotations/training/a.png"),
    ]
    assert found["summary"]["unknown"] == 8
    text = shown("--dataset", "ade20k", "--root", str(ade))
    assert "unknown ids (1)" in text
    assert "200 (8 pixels)" in text
    message = refused("--dataset", "ade20k", "--root", str(ade), "--strict")
    assert "expected no problem, as --strict asks, got 2, the first: missing mask, images/training/b.jpg" in message


def test_a_second_mapping_stands_beside_the_first(ade, tmp_path):
    mine = changed(tmp_path, "127,animal,255,void,none,", "127,animal,66,other_animal,approximate,")
    found = report("--dataset", "ade20k", "--root", str(ade), "--against", str(mine))["against"]
    assert found["mapping"] == "mine"
    assert [(row["source"], row["first"], row["second"], row["pixels"]) for row in found["rows"]] == [
        ("animal", "void", "other_animal", 1)
    ]
    assert {row["vspw"]: row["difference"] for row in found["targets"]} == {"other_animal": 1, "void": -1}
    assert found["summary"]["valid"] == 15
    text = shown("--dataset", "ade20k", "--mapping", str(mine), "--against", "ade20k")
    assert "First is mine, second ade20k: rows that differ" in text
    assert report("--dataset", "ade20k", "--against", "ade20k")["against"]["rows"] == []


def test_the_figure_is_a_page_of_its_own(tmp_path, ade):
    page = tmp_path / "page.html"
    mine = changed(tmp_path, "127,animal,255,void,none,", "127,animal,66,other_animal,approximate,")
    options = ("--dataset", "ade20k", "--root", str(ade), "--against", str(mine), "--figure", str(page))
    assert report(*options)["figure"] == str(page)
    text = page.read_text("utf-8")
    assert text.count("sankey") >= 2
    assert "Mapping ade20k" in text
    assert "Mapping mine" in text


def test_what_is_wrong_is_said_in_one_message(tmp_path, ade):
    wrong = changed(tmp_path, "127,animal,255,void,none,", "127,animal,255,void,nothing,")
    assert "row 129, column kind" in refused("--dataset", "ade20k", "--mapping", str(wrong))
    assert "did you mean 'ade20k'" in refused("--dataset", "ade20")
    assert "expected one for ade20k, got camvid" in refused("--dataset", "ade20k", "--against", "camvid")
    assert "ends in .html" in refused("--dataset", "ade20k", "--figure", "a.png")
    assert "--strict: expected --root" in refused("--dataset", "ade20k", "--strict")
    assert "not one pair" in refused("--dataset", "camvid", "--root", str(ade))


def test_real_samples(shared):
    """Figures of the samples under the tables as they stand: whoever changes a row sees here what it costs."""
    coco = report("--dataset", "cocostuff", "--root", str(shared / "data" / "cocostuff_sample"))
    ade = report("--dataset", "ade20k", "--root", str(shared / "data" / "ade20k_sample"))
    found = [(one["images"], one["problems"], one["summary"]["pixels"]) for one in (coco, ade)]
    assert found == [(139, [], 38_666_514), (37, [], 9_096_632)]
    valid = [round(one["summary"]["valid"] / one["summary"]["pixels"], 4) for one in (coco, ade)]
    assert valid == [0.9033, 0.9536]
