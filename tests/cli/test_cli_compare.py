"""``vspw compare``: what it prints, and what it refuses."""

import json
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipeline.mapping_runs import confusion
from vspwlib.cli import app, main
from vspwlib.metrics.iou import ClassCounts
from vspwlib.metrics.summary import ClipSum, SplitScore, VideoScore
from vspwlib.runs import Workspace, scores_file, write_json

VIDEOS = 6


def store(workspace, run, split, score) -> None:
    folder = workspace.predictions(run, "vspw", split)
    folder.mkdir(parents=True)
    write_json(scores_file(folder), score.to_json())


def score_of(right: int, videos: int = VIDEOS) -> SplitScore:
    """Of 100 pixels of lake ``right`` are right in each video, and sky always; the last video also has a person."""
    found = {}
    matrices = []
    for index in range(videos):
        cells = {("lake", "lake"): right, ("lake", "sea"): 100 - right, ("sky", "sky"): 100}
        matrices.append(confusion(cells | ({("person", "lake"): 5} if index == videos - 1 else {})))
        found[f"v{index}"] = VideoScore(ClassCounts.of(matrices[-1]), {8: ClipSum(right / 100, 1)}, 9)
    return SplitScore(found, np.sum(matrices, axis=0))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Workspace:
    place = Workspace(tmp_path_factory.mktemp("compare") / "ws")
    for name in ("plain", "better", "short", "unscored"):
        place.create_run(name, {}, {}, overwrite=False)
    store(place, "plain", "val", score_of(50))
    store(place, "plain", "test", score_of(50))
    store(place, "better", "val", score_of(80))
    store(place, "short", "val", score_of(80, videos=5))
    return place


def call(workspace, *arguments) -> str:
    result = CliRunner().invoke(
        app, ["compare", *arguments, "--workspace", str(workspace.path)], env={"COLUMNS": "160"}
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_json_has_fractions_of_all_figures_and_classes(workspace):
    found = json.loads(call(workspace, "plain", "better", "--split", "val", "--draws", "200", "--seed", "3", "--json"))
    head = {key: found[key] for key in ("first", "second", "difference", "split", "videos", "draws", "seed", "level")}
    assert head == {
        "first": "plain",
        "second": "better",
        "difference": "second - first",
        "split": "val",
        "videos": VIDEOS,
        "draws": 200,
        "seed": 3,
        "level": 0.95,
    }
    figures = {row["figure"]: row for row in found["figures"]}
    assert list(figures) == ["miou", "vc8", "vc16", "pixel_acc"]
    vc8 = figures["vc8"]
    keys = ("first", "second", "difference", "low", "high", "ahead")
    assert [vc8[key] for key in keys] == pytest.approx([0.5, 0.8, 0.3, 0.3, 0.3, 1.0])
    assert vc8["judged"]
    assert figures["vc16"]["low"] is None
    # 600 pixels of lake, 5 of a person taken for it: 300 / 605 against 480 / 605.
    lake = found["classes"][0]
    assert (lake["class"], lake["difference"]) == ("lake", pytest.approx(180 / 605))
    assert [(row["class"], row["videos"], row["judged"]) for row in found["classes"]] == [
        ("lake", 6, True),
        ("sky", 6, True),
        ("person", 1, False),
    ]
    assert call(workspace, "plain", "better", "--draws", "200", "--seed", "3", "--json").count("vspw-val") == 1


def test_the_tables_say_which_way_and_what_is_left_out(workspace):
    text = call(workspace, "plain", "better", "--draws", "100", "--rows", "1")
    assert text.index("A  plain") < text.index("B  better") < text.index("B − A")
    assert "vspw-val, in per cent: 6 videos, drawn anew 100 times" in text
    assert "+30.00 to +30.00" in text
    assert "clearest difference first: 1 of 2" in text
    assert "lake" in text
    assert "sky" not in text
    assert "no interval, fewer than 5 videos: VC16" in text
    assert "classes not judged, in fewer than 5 videos (1): person" in text
    assert "only 6 videos" in text
    assert "not the seed of training" in text
    back = call(workspace, "better", "plain", "--draws", "100", "--level", "0.9")
    assert "-30.00 to -30.00" in back
    assert "90 % interval" in back


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plain", "plain"], "runs: expected different ones, got plain twice"),
        (["plain", "nobody"], "run: expected one of better, plain, short, unscored, got 'nobody'"),
        (["plain", "unscored"], "got vspw-test, vspw-val of plain; none of unscored"),
        (["plain", "better", "--split", "test"], "run `vspw predict better --split test`"),
        (["plain", "short"], "second run: expected the 6 videos of the first, got no v5"),
        (["plain", "better", "--draws", "10"], "draws: expected 100 to 100000, got 10"),
        (["plain", "better", "--seed", "-1"], "seed: expected 0 to inf, got -1"),
        (["plain", "better", "--level", "95"], "level: expected 0.5 to 0.999, got 95"),
    ],
)
def test_wrong_input_ends_with_one_message(workspace, arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["vspw", "compare", *arguments, "--workspace", str(workspace.path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
