"""The result of a sweep: best tau, JSON, and that it opens without torch."""

import json
import subprocess
import sys

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.ensemble.result import SweepResult


@pytest.fixture
def result():
    return SweepResult(
        taus=(0.0, 0.5, 1.0),
        miou=np.array([0.5, 0.625, 0.625]),
        per_class=np.array([[0.5, np.nan], [0.625, np.nan], [0.625, np.nan]]),
        per_video={"b": np.array([0.5, 0.625, 0.5]), "a": np.full(3, np.nan)},
        mean_miou=0.625,
        vote_miou=0.5,
        frames_scored=7,
        frames_without_truth=2,
    )


def test_the_lowest_of_several_best_taus(result):
    assert (result.best_tau, result.best_miou) == (0.5, 0.625)


def test_json_round_trip(result):
    text = json.dumps(result.to_json(), allow_nan=False)
    again = SweepResult.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    for name, value in vars(result).items():
        np.testing.assert_equal(getattr(again, name), value)


def test_json_form(result):
    data = result.to_json()
    assert data["schema"] == 1
    assert data["best"] == {"tau": 0.5, "miou": 0.625, "upper_bound": True}
    assert data["per_class"] == [[0.5, None], [0.625, None], [0.625, None]]
    assert data["per_video"] == {"a": [None] * 3, "b": [0.5, 0.625, 0.5]}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data.update(schema=3), r"sweep: expected schema 1, got 3 \(s\.json\)"),
        (lambda data: data.pop("miou"), "got no miou"),
        (lambda data: data.pop("frames_scored"), "KeyError"),
        (lambda data: data.update(taus=["low"]), "ValueError"),
        (lambda data: data["taus"].pop(), "expected one score a tau"),
        (lambda data: data["per_video"]["b"].pop(), "expected one score a tau"),
        (lambda data: data.update(best=None), "TypeError"),
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
