"""The result of a sweep: best tau, JSON, and that it opens without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble.result import PAPER_TAUS, SweepResult


@pytest.fixture
def result():
    return SweepResult(
        taus=(0.0, 0.5, 1.0),
        miou=np.array([0.5, 0.625, 0.625]),
        per_class=np.array([[0.5, np.nan], [0.625, np.nan], [0.625, np.nan]]),
        per_video={"b": np.array([0.5, 0.625, 0.5]), "a": np.full(3, np.nan)},
        best=(0.51, 0.75),
        best_per_class=np.array([[0.25, 0.75], [np.nan, np.nan]]),
        best_per_video={"b": (0.125, 0.875), "a": (0.0, float("nan"))},
        mean_miou=0.625,
        vote_miou=0.5,
        frames_scored=7,
        frames_without_truth=2,
    )


def test_the_best_is_that_of_all_tau(result):
    assert (result.best_tau, result.best_miou) == (0.51, 0.75)


def test_json_round_trip(result):
    text = json.dumps(result.to_json(), allow_nan=False)
    again = SweepResult.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    for name, value in vars(result).items():
        np.testing.assert_equal(getattr(again, name), value)


def test_json_form(result):
    data = result.to_json()
    assert data["schema"] == 2
    assert data["best"] == {"tau": 0.51, "miou": 0.75, "upper_bound": True}
    assert data["per_class"] == {"0": [0.5, 0.625, 0.625]}
    assert data["best_per_class"] == {"0": [0.25, 0.75]}
    assert data["best_per_video"] == {"a": [0.0, None], "b": [0.125, 0.875]}
    assert data["per_video"] == {"a": [None] * 3, "b": [0.5, 0.625, 0.5]}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.update(schema=3), r"sweep: expected schema 2, got 3 \(s\.json\).*vspw ensemble sweep"),
        (lambda data: data.pop("miou"), "got no miou"),
        (lambda data: data.pop("frames_scored"), "KeyError"),
        (lambda data: data.update(taus=["low"]), "ValueError"),
        (lambda data: data["taus"].pop(), "ValueError"),
        (lambda data: data["miou"].pop(), "expected one score a tau"),
        (lambda data: data["per_video"]["b"].pop(), "expected one score a tau"),
        (lambda data: data.update(best=None), "TypeError"),
        (lambda data: data["per_class"].update({"9": [0, 0, 0]}), "IndexError"),
    ],
)
def test_damaged_json_is_refused(result, damage, message):
    data = result.to_json()
    damage(data)
    with pytest.raises(InputError, match=message):
        SweepResult.from_json(data, where="s.json")


def test_opens_without_torch():
    code = "import sys, vspwlib.ensemble.result; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_paper_taus_are_eleven_tenths():
    assert PAPER_TAUS == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
