"""``vspw map materialise``: the copy it writes."""

import json

from typer.testing import CliRunner

from tests.data.image_sets import write_coco
from vspwlib.cli.map import app
from vspwlib.data.index import open_split


def run(*arguments):
    result = CliRunner().invoke(app, ["materialise", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return result


def test_only_kept_images_are_written_and_found_again(tmp_path):
    coco = write_coco(tmp_path / "coco", {"a": 90, "b": 60, "c": 85})
    options = ("--dataset", "cocostuff", "--root", coco, "--out", tmp_path / "out", "--workspace", tmp_path / "ws")
    done = json.loads(run(*options, "--copy", "--json").stdout)
    assert (done["written"], done["found"], done["images_are"]) == (2, 0, "copy")
    frames = list(open_split(tmp_path / "out", "train").frames())
    assert [frame.name for frame in frames] == ["a", "c"]
    assert not any(frame.image.is_symlink() for frame in frames)
    text = run(*options, "--copy").stdout
    assert "0 masks written, 2 were there" in " ".join(text.split())


def test_problems_are_pointed_at(tmp_path):
    coco = write_coco(tmp_path / "coco", {"a": 90, "b": 90})
    (coco / "images/train2017/b.jpg").write_bytes(b"")
    result = run("--dataset", "cocostuff", "--root", coco, "--out", tmp_path / "out", "--workspace", tmp_path / "ws")
    assert "1 masks written" in " ".join(result.stdout.split())
    assert "1 problems; `vspw map filter` names them" in result.stderr
