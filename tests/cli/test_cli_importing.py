"""``vspw import predictions``: what it prints."""

import json

import numpy as np
from typer.testing import CliRunner

from tests.pipeline.score_stores import SIZES, every_frame, score_stores
from vspwlib.cli.importing import app
from vspwlib.predict.labels import write_png_predictions


def test_it_says_what_was_taken_what_was_left_and_what_is_doubtful(tmp_path):
    made = score_stores(tmp_path)
    for video, frame in [*every_frame(), ("9_zzzzzzzzzzz", "1")]:
        write_png_predictions(tmp_path / "pngs", video, frame, np.full(SIZES.get(video, (2, 2)), 7, np.uint8))
    options = ["--split", "val", "--workspace", str(made.workspace.path), "--data", f"vspw={made.data}"]

    def run(*arguments):
        result = CliRunner().invoke(app, ["predictions", str(tmp_path / "pngs"), *options, *arguments])
        assert result.exit_code == 0, result.output
        return result

    text = run("--name", "theirs")
    assert "5 frames of 2 videos, 1 classes: " in text.stdout
    assert "left out: 9_zzzzzzzzzzz" in text.stderr
    assert "no file holds id 0 (wall)" in text.stderr
    found = json.loads(run("--name", "raw", "--raw", "--json").stdout)
    assert (found["frames"], found["stray"], found["classes"]) == (5, ["9_zzzzzzzzzzz"], 1)
    assert found["labels"] == str(made.workspace.hard_predictions("raw", "tiny", "val"))
