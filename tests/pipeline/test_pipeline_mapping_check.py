"""What tells whether a mapping holds: pixels of the photographs that were used, and the stored scores of two runs."""

import shutil

import numpy as np
import pytest

from tests.pipeline.mapping_runs import SEA, mapping_runs
from vspwlib.checks import InputError
from vspwlib.pipeline.mapping_check import split_score, taught_by
from vspwlib.runs import read_json, scores_file, write_json


@pytest.fixture
def workspace(tmp_path):
    return mapping_runs(tmp_path)


def test_pixels_are_those_of_the_images_that_were_kept(workspace):
    (taught,) = taught_by(workspace.run("stills"), workspace)
    assert (taught.data, taught.mapping.name) == ("cocostuff", "cocostuff")
    expected = np.zeros(256, np.int64)
    expected[[0, SEA, 255]] = 540, 600, 60  # b keeps a tenth of its pixels and is left out
    assert np.array_equal(taught.pixels, expected)


def test_a_run_that_saw_videos_is_refused(workspace):
    with pytest.raises(InputError, match=r"taught by photographs alone, got videos\. Fix: train one with --set"):
        taught_by(workspace.run("videos"), workspace)


def test_a_mapping_that_changed_since_is_refused(workspace):
    file = workspace.run("stills").path / "config.json"
    config = read_json(file, "run")
    config["stills"]["cocostuff"]["mapping_digest"] = "0" * 16
    write_json(file, config)
    with pytest.raises(InputError, match="the mapping has changed since the run was trained"):
        taught_by(workspace.run("stills"), workspace)


def test_scores_are_found_or_the_command_that_makes_them_is_named(workspace):
    assert split_score(workspace, "stills", "val").confusion.sum() == 90
    with pytest.raises(InputError, match="run `vspw predict stills --split test9`"):
        split_score(workspace, "stills", "test9")
    store = workspace.predictions("stills", "vspw", "val")
    scores_file(store).unlink()
    with pytest.raises(InputError, match=r"run `vspw score .*vspw-val\.zarr`"):
        split_score(workspace, "stills", "val")
    shutil.copytree(store, store.with_name("other-val.zarr"))
    with pytest.raises(InputError, match="one store of stills on val, got other-val, vspw-val"):
        split_score(workspace, "stills", "val")
