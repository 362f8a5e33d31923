"""The grid of pictures of a frame, and the small words around it."""

import doctest

import numpy as np
import pytest

from vspwlib.report.pictures import error_map, overlay
from workbench import notices, panes
from workbench.panes import Prediction, compare_panes


@pytest.mark.parametrize("module", [panes, notices], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.fixture
def frame() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    maps = {name: rng.integers(0, 3, (4, 6)).astype(np.uint8) for name in ("truth", "first", "second")}
    return {"image": rng.integers(0, 256, (4, 6, 3)).astype(np.uint8), **maps}


LOOK = {"palette": "glasbey", "opacity": 0.5}


def test_one_run_against_the_truth(frame: dict[str, np.ndarray]) -> None:
    found = compare_panes(frame["image"], frame["truth"], [Prediction("A", "one", frame["first"])], **LOOK)
    assert [pane.title for pane in found] == ["Frame", "Truth", "Errors", "one"]
    wanted = (
        frame["image"],
        overlay(frame["image"], frame["truth"], opacity=0.5),
        error_map(frame["image"], frame["truth"], frame["first"]),
        overlay(frame["image"], frame["first"], opacity=0.5),
    )
    for pane, picture in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(pane.picture, picture)
    right = (frame["first"] == frame["truth"]).mean()
    assert f"pixel accuracy {100 * right:.2f} %" in found[3].caption


def test_two_runs_share_an_error_map_that_names_them(frame: dict[str, np.ndarray]) -> None:
    runs = [Prediction("A", "A · one", frame["first"]), Prediction("B", "B · two", frame["second"])]
    found = compare_panes(frame["image"], frame["truth"], runs, **LOOK)
    assert [pane.title for pane in found] == ["Frame", "Truth", "Errors", "A · one", "B · two"]
    assert found[2].caption == "Blue: only A is right. Orange: only B is right. Grey: both are wrong."
    np.testing.assert_array_equal(
        found[2].picture, error_map(frame["image"], frame["truth"], frame["first"], frame["second"])
    )


def test_without_truth_runs_are_not_scored_but_compared(frame: dict[str, np.ndarray]) -> None:
    runs = [Prediction("A", "one", frame["first"]), Prediction("B", "two", frame["second"])]
    found = compare_panes(frame["image"], None, runs, **LOOK)
    assert [pane.title for pane in found] == ["Frame", "Where they differ", "one", "two"]
    assert found[2].caption == found[3].caption == ""
    np.testing.assert_array_equal(found[1].picture, error_map(frame["image"], frame["first"], frame["second"]))
    alone = compare_panes(frame["image"], None, runs[:1], **LOOK)
    assert [pane.title for pane in alone] == ["Frame", "one"]
