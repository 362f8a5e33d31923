"""What a store says about itself, and which statements make it another one."""

import json

import pytest

from vspwlib.checks import InputError
from vspwlib.predict.manifest import check_readable, check_same, complete

GIVEN = {"run": "a", "split": "val", "predict": {"window": (480, 480), "flip": True}, "commit": "c1"}


def test_a_complete_manifest_is_json_and_readable() -> None:
    found = complete(GIVEN)
    assert json.loads(json.dumps(found)) == found
    assert found["predict"]["window"] == [480, 480]
    assert found["num_classes"] == 124
    assert complete({**GIVEN, "num_classes": 3})["num_classes"] == 3
    assert set(found["versions"]) == {"vspwlib", "numpy", "torch", "zarr"}
    check_readable(found, "here")
    further = complete({**GIVEN, "versions": {"mmseg": "1.4"}})
    assert set(further["versions"]) == {"vspwlib", "numpy", "torch", "zarr", "mmseg"}
    check_same(found, further, "here")


def test_commit_time_and_place_of_the_data_are_not_compared() -> None:
    check_same(complete(GIVEN), complete({**GIVEN, "commit": "c2", "data_root": "/elsewhere"}), "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "test"}, 'split: expected "test", got "val" \\(here\\). Fix: --overwrite'),
        ({"predict": {"window": (480, 480), "flip": False}}, 'predict: expected .*"flip": false.*got .*"flip": true'),
        ({"weights": "abc"}, 'weights: expected "abc", got null'),
        ({"num_classes": 11}, "num_classes: expected 11, got 124"),
    ],
)
def test_a_statement_that_differs_is_named_with_both_values(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_same(complete(GIVEN), complete({**GIVEN, **change}), "here")


def test_long_values_are_cut() -> None:
    names = [f"class number {index}" for index in range(124)]
    with pytest.raises(InputError) as caught:
        check_same(complete(GIVEN), complete({**GIVEN, "class_names": names}), "here")
    assert len(str(caught.value)) < 400


def test_other_kinds_and_schemas_are_refused() -> None:
    with pytest.raises(InputError, match="expected kind vspw-scores, got kind None"):
        check_readable({}, "here")
    with pytest.raises(InputError, match="expected schema 1, got 2"):
        check_readable({**complete(GIVEN), "schema": 2}, "here")


def test_settings_that_older_stores_do_not_state_are_those_they_were_made_with() -> None:
    old = {"predict": {"window": [480, 480], "flip": True}}
    same = {"predict": {**old["predict"], "scales": [1.0], "average": "probabilities"}}
    check_same(old, same, "here")
    check_same(same, old, "here")
    check_same(old, {"predict": {**same["predict"], "scales": (1.0,)}}, "here")  # as a dataclass has them
    with pytest.raises(InputError, match=r'predict: expected .*"scales": \[0.5, 1.0\].* got {"flip": true, "window'):
        check_same(old, {"predict": {**same["predict"], "scales": [0.5, 1.0]}}, "here")
