"""Stored scores are found by run and split, or the command that makes them is named."""

import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.pipeline.mapping_runs import add_scores, confusion
from vspwlib.checks import InputError
from vspwlib.pipeline.stored_scores import shared_split, split_score
from vspwlib.runs import Workspace, scores_file


@pytest.fixture
def workspace(tmp_path):
    """Runs a and b with scores on val, and a run c that has predicted nothing."""
    place = Workspace(tmp_path / "ws")
    for name in "abc":
        place.create_run(name, {}, {}, overwrite=False)
    for name, pixels in (("a", 10), ("b", 20)):
        add_scores(place, name, confusion({("lake", "sea"): pixels}))
    return place


def copy_store(workspace, run, name):
    """Copy a run's store on val, with its scores."""
    store = workspace.predictions(run, "vspw", "val")
    copy = store.with_name(f"{name}.zarr")
    shutil.copytree(store, copy)
    shutil.copy(scores_file(store), scores_file(copy))


def test_scores_are_found_or_the_command_that_makes_them_is_named(workspace):
    assert split_score(workspace, "b", "val").confusion.sum() == 20
    with pytest.raises(InputError, match="run `vspw predict a --split test9`"):
        split_score(workspace, "a", "test9")
    with pytest.raises(InputError, match="run `vspw predict c --split val`"):
        split_score(workspace, "c", "val")
    store = workspace.predictions("a", "vspw", "val")
    scores_file(store).unlink()
    with pytest.raises(InputError, match=r"run `vspw score .*vspw-val\.zarr`"):
        split_score(workspace, "a", "val")


def test_of_two_data_sets_one_must_be_named(workspace):
    copy_store(workspace, "a", "other-val")
    with pytest.raises(InputError, match=r"one store of a on val, got other-val, vspw-val\. Fix: name .* other-val\."):
        split_score(workspace, "a", "val")
    assert split_score(workspace, "a", "vspw-val").confusion.sum() == 10


def test_an_unknown_run_is_refused_with_what_there_is(workspace):
    for find in (lambda: split_score(workspace, "d", "val"), lambda: shared_split(workspace, ("a", "d"))):
        with pytest.raises(InputError, match="run: expected one of a, b, c, got 'd'"):
            find()


def test_predictions_without_a_run_have_scores_too(workspace):
    add_scores(workspace, "imported", np.eye(124, dtype=np.int64))
    assert split_score(workspace, "imported", "val").miou == 1


def test_the_split_that_runs_share(workspace):
    copy_store(workspace, "a", "vspw-test")  # b is not scored on it
    found = shared_split(workspace, ("a", "b"))
    assert found == "vspw-val"
    assert split_score(workspace, "b", found).confusion.sum() == 20
    copy_store(workspace, "b", "vspw-test")
    with pytest.raises(InputError, match=r"got vspw-test, vspw-val\. Fix: name one, for example --split vspw-test\."):
        shared_split(workspace, ("a", "b"))
    with pytest.raises(InputError, match=r"got vspw-test, vspw-val of a; none of c\. Fix: run `vspw predict`"):
        shared_split(workspace, ("a", "c"))


def test_opens_without_torch(repository):
    code = "import sys, vspwlib.pipeline.stored_scores; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=repository, check=False).returncode == 0


def test_label_maps_have_scores_and_go_before_a_store_of_the_same_name(workspace):
    add_scores(workspace, "pair", confusion({("lake", "sea"): 30}))
    labels = workspace.hard_predictions("pair", "vspw", "val")
    labels.mkdir()
    with pytest.raises(InputError, match=r"run `vspw score .*vspw-val\.labels`"):
        split_score(workspace, "pair", "val")
    shutil.copy(scores_file(workspace.predictions("a", "vspw", "val")), scores_file(labels))
    assert split_score(workspace, "pair", "val").confusion.sum() == 10
    assert shared_split(workspace, ("pair", "a")) == "vspw-val"
