"""``vspw map suggest``: what it prints and writes."""

import json

import pytest
import torch
from typer.testing import CliRunner

from tests.data.image_sets import write_coco
from tests.pipeline.mapping_runs import add_run
from vspwlib.checks import InputError
from vspwlib.cli.map import app
from vspwlib.config import override
from vspwlib.labels.mapping import load_mapping
from vspwlib.models.checkpoint import save_weights
from vspwlib.pipeline.building import build_network
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Two runs with random weights and three photographs; "taught" says that it was trained on them."""
    folder = tmp_path_factory.mktemp("suggest")
    place, root = Workspace(folder / "ws"), write_coco(folder / "coco", {"a": 30, "b": 60, "c": 90})
    (root / "images/train2017/lonely.jpg").touch()
    place.add_data("cocostuff", root)
    resolved = override(recipe("upernet_swin_tiny", "mini"), {"predict.short_side": "none"})
    for name, stills in (("fresh", {}), ("taught", {"cocostuff": {}})):
        run = add_run(place, name, resolved, {"vspw": folder}, stills)
        torch.manual_seed(0)
        save_weights(run.checkpoints / "last.safetensors", build_network(resolved).state_dict())
    return place


def call(workspace, name, *arguments):
    options = ["suggest", name, "--dataset", "cocostuff", "--workspace", str(workspace.path), *map(str, arguments)]
    result = CliRunner().invoke(app, options, env={"COLUMNS": "160"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_json_has_every_row_and_the_csv_is_a_mapping(workspace, tmp_path):
    file = tmp_path / "new/review.csv"
    found = json.loads(call(workspace, "fresh", "--out", file, "--json"))
    assert (found["images"], found["taught"], len(found["rows"])) == (3, False, 183)
    person = next(row for row in found["rows"] if row["source"] == "person")
    assert (person["pixels"], person["images"]) == (600 * (30 + 60 + 90) // 100, 3)
    assert sum(one["share"] for one in person["proposed"]) <= 1
    assert [problem["path"] for problem in found["problems"]] == ["images/train2017/lonely.jpg"]
    assert {*load_mapping(file, dataset="cocostuff").rows} == {*load_mapping("cocostuff").rows}


def test_the_table_and_a_run_that_repeats_what_it_was_taught(workspace):
    text = call(workspace, "fresh")
    assert "person" in text
    assert "3 images; labels:" in text
    assert "missing mask (1)" in text
    assert "repeats what it was taught" not in text
    assert "repeats what it was taught" in " ".join(call(workspace, "taught", "--rows", 1).split())


def test_wrong_options(workspace, tmp_path):
    with pytest.raises(InputError, match=r"a name that ends in \.csv"):
        call(workspace, "fresh", "--out", tmp_path / "review.html")
    with pytest.raises(InputError, match="--weights"):
        call(workspace, "fresh", "--weights", "newest")
