"""``vspw embedding``: what it prints and writes, and what it refuses before any network runs."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from vspwlib.cli import app, main
from vspwlib.config import override
from vspwlib.metrics.similarity import PairSimilarity
from vspwlib.models.checkpoint import save_weights
from vspwlib.pipeline.building import build_network
from vspwlib.pipeline.embedding import Embedder
from vspwlib.recipes import recipe
from vspwlib.runs import Workspace, environment, read_json

RUNS = ("before", "after")


def write_tree(root, videos) -> None:
    rng = np.random.default_rng(0)
    (root / "val.txt").parent.mkdir(parents=True)
    (root / "val.txt").write_text("\n".join(videos))
    for video in videos:
        mask = rng.choice([0, 1, 49], (4, 6)).astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        for part, array in (("origin", np.stack([mask * 4] * 3, -1)), ("mask", mask)):
            folder = root / "data" / video / part
            folder.mkdir(parents=True)
            for frame in (5, 6, 9):
                Image.fromarray(array).save(folder / f"{frame:08d}.png")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    """Two runs with random weights, which cost nothing to train."""
    folder = tmp_path_factory.mktemp("embedding")
    write_tree(folder / "tree", ("walk", "yard"))
    write_tree(folder / "other", ("walk",))
    place = Workspace(folder / "ws")
    for seed, name in enumerate((*RUNS, "elsewhere", "unfinished")):
        resolved = override(recipe("upernet_swin_tiny", "mini", seed=seed), {"predict.short_side": "none"})
        root = folder / ("other" if name == "elsewhere" else "tree")
        config = {"recipe": resolved.to_dict(), "data": {"vspw": str(root)}}
        run = place.create_run(name, config, environment(), overwrite=False)
        if name != "unfinished":
            torch.manual_seed(seed)
            save_weights(run.checkpoints / "last.safetensors", build_network(resolved).state_dict())
    return place


def call(workspace, *arguments):
    result = CliRunner().invoke(app, ["embedding", *arguments, "--workspace", str(workspace.path)])
    assert result.exit_code == 0, result.output
    return result.output


def test_json_holds_both_runs_and_the_files_hold_the_sums(workspace):
    printed = json.loads(call(workspace, *RUNS, "--split", "val", "--every", "1", "--json"))["runs"]
    assert list(printed) == list(RUNS)
    assert printed["before"]["clips"] == 4
    assert printed["before"]["within"] != printed["after"]["within"]
    for run in RUNS:
        similarity = PairSimilarity.from_json(read_json(workspace.run(run).embedding_file("val"), "similarity"))
        assert similarity.summary() == printed[run]
        assert printed[run]["gap"] == pytest.approx(printed[run]["within"] - printed[run]["between"])


def test_the_table_and_the_figure(workspace, tmp_path):
    page = tmp_path / "new folder" / "both.html"
    printed = call(workspace, *RUNS, "--split", "val", "--video", "yard", "--frame", "00000006", "--figure", str(page))
    measured = read_json(workspace.run("before").embedding_file("val"), "similarity")
    assert measured["clips"] == 2  # the first of each video
    similarity = PairSimilarity.from_json(measured)
    assert f"{similarity.within:.3f}" in printed
    assert f"{similarity.gap:.3f}" in printed
    text = page.read_text()
    for words in ("Video yard", "00000006", "00000009", "over 2 clips", "before", "after"):
        assert words in text
    assert [path.name for path in page.parent.iterdir()] == ["both.html"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["before", "nobody"], "got 'nobody'"),
        (["before", "before"], "runs: expected different ones"),
        (["before", "unfinished"], "weights: expected finished training"),
        (["before", "elsewhere"], "name the one to measure on with --data PATH"),
        (["before", "--split", "vall"], "did you mean 'val'"),
        (["before", "--video", "yart"], "did you mean 'yard'"),
        (["before", "--video", "walk", "--frame", "00000009"], "00000005 to 00000006, got '00000009'"),
        (["before", "--frame", "00000005"], "--frame: expected --video with it"),
        (["before", "--every", "0"], "--every"),
        (["before", "--weights", "first"], "--weights"),
        (["before", "--figure", "a.png"], "ends in .html, got a.png"),
    ],
)
def test_wrong_input_is_refused_before_any_network_runs(workspace, arguments, message, monkeypatch, capsys):
    def load(*_, **__):
        pytest.fail("a network was loaded")

    monkeypatch.setattr(Embedder, "of", load)
    monkeypatch.setattr(sys, "argv", ["vspw", "embedding", *arguments, "--workspace", str(workspace.path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_runs_of_two_data_sets_are_compared_on_the_one_that_is_named(workspace):
    other = workspace.path.parent / "other"
    printed = call(workspace, "before", "elsewhere", "--split", "val", "--data", str(other), "--json")
    assert {item["clips"] for item in json.loads(printed)["runs"].values()} == {1}
    assert read_json(workspace.run("before").embedding_file("val"), "similarity")["provenance"]["dataset"] == "other"
