"""``vspw import``: what it prints."""

import json
import shutil
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from tests.mmseg_bridge.tiny_config import save, tiny_config
from tests.pipeline.score_stores import SIZES, every_frame, score_stores
from vspwlib.checks import InputError
from vspwlib.cli.importing import app
from vspwlib.predict.labels import write_png_predictions
from vspwlib.predict.store import ScoreStore


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


def test_a_model_of_mmseg_is_predicted_in_shards_with_settings_of_its_own(tmp_path):
    made = score_stores(tmp_path)
    config, checkpoint = save(tmp_path / "theirs", tiny_config())
    config.write_text(config.read_text() + "print('said by the config')\n")
    options = ["--split", "val", "--workspace", str(made.workspace.path), "--data", str(made.data), "--name", "theirs"]

    def run(*arguments, code=0):
        result = CliRunner().invoke(app, ["mmseg-config", str(config), str(checkpoint), *options, *arguments])
        assert result.exit_code == code, result.output
        return result

    settings = ["--set", "flip=true", "--set", "predict.short_side=24", "--device", "cpu"]
    found = json.loads(run(*settings, "--shard", "1/2", "--json").stdout)
    assert (found["videos"], found["frames"], found["store"]) == (
        1,
        2,
        str(made.workspace.predictions("theirs", "tiny", "val")),
    )
    assert found["notes"][0].endswith("tensors of auxiliary heads")
    text = run(*settings)
    assert "kept  1" in text.stdout
    assert "said by the config" in text.stderr
    assert "left out: " in text.stderr
    stated = ScoreStore.open(found["store"]).manifest["predict"]
    assert (stated["flip"], stated["short_side"], stated["precision"]) == (True, 24, "fp32")
    for wrong in (["--precision", "fp8"], ["--shard", "2/2"], ["--overwrite", "--shard", "0/2"]):
        assert isinstance(run(*wrong, code=1).exception, InputError)


def test_a_zip_is_imported_like_its_folder(tmp_path):
    made = score_stores(tmp_path)
    for video, frame in every_frame():
        write_png_predictions(tmp_path / "pngs", video, frame, np.full(SIZES[video], 7, np.uint8))
    archive = shutil.make_archive(str(tmp_path / "theirs"), "zip", tmp_path, "pngs")
    options = ["--split", "val", "--workspace", str(made.workspace.path), "--data", f"vspw={made.data}", "--json"]

    def run(source, name):
        result = CliRunner().invoke(app, ["predictions", str(source), *options, "--name", name])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    zipped, folder = run(archive, "zipped"), run(tmp_path / "pngs", "folder")
    assert zipped["frames"] == folder["frames"] == 5
    assert zipped["stray"] == []
    manifests = [json.loads((Path(found["labels"]) / "manifest.json").read_text()) for found in (zipped, folder)]
    assert [manifest["predict"]["imported"] for manifest in manifests] == ["theirs.zip", "pngs"]
    assert manifests[0]["weights"] == manifests[1]["weights"]
    assert not list((made.workspace.path / "uploads").iterdir())
