"""``vspw submit``: names and paths, and what it prints."""

import json
import zipfile

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipeline.score_stores import SIZES, every_frame, score_stores
from vspwlib.cli import app
from vspwlib.predict.labels import write_png_predictions


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return score_stores(tmp_path_factory.mktemp("submit"))


def run(made, predictions, out, *arguments):
    command = ["submit", predictions, "--split", "val", "--out", str(out), "--workspace", str(made.workspace.path)]
    result = CliRunner().invoke(app, [*command, *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_run_is_named_or_its_store_is(made, tmp_path):
    by_name = json.loads(run(made, "a", tmp_path / "a.zip", "--json").stdout)
    by_path = json.loads(run(made, str(made.stores["a"]), tmp_path / "b.zip", "--json").stdout)
    assert by_name["sha256"] == by_path["sha256"]
    assert (by_name["videos"], by_name["frames"], by_name["zip"]) == (2, 5, str(tmp_path / "a.zip"))


def test_a_folder_of_pngs_needs_its_data_named(made, tmp_path):
    for video, frame in [*every_frame(), ("9_zzzzzzzzzzz", "1")]:
        write_png_predictions(tmp_path / "pngs", video, frame, np.full(SIZES.get(video, (2, 2)), 7, np.uint8))
    options = ["--data", f"vspw={made.data}", "--top", ""]
    result = run(made, str(tmp_path / "pngs"), tmp_path / "c.zip", *options)
    assert "5 frames of 2 videos" in result.stdout
    assert "left out: 9_zzzzzzzzzzz" in result.stderr
    with zipfile.ZipFile(tmp_path / "c.zip") as archive:
        assert archive.namelist() == [f"{video}/{frame}.png" for video, frame in every_frame()]
