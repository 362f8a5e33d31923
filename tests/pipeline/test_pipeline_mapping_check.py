"""What tells whether a mapping holds: pixels of the photographs that were used."""

import numpy as np
import pytest

from tests.pipeline.mapping_runs import SEA, mapping_runs
from vspwlib.checks import InputError
from vspwlib.pipeline.mapping_check import taught_by
from vspwlib.runs import read_json, write_json


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
