"""Damaged values: recipes, counts, curves, manifests and links are taken or refused, and nothing else happens."""

import json
from contextlib import suppress
from typing import Any

import pytest
import streamlit as st_module
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.damage import COUNTS, CURVE, damaged_json, fuzzed, values
from vspwlib.checks import InputError
from vspwlib.config import Recipe, override
from vspwlib.ensemble.class_weights import class_weights_from_json
from vspwlib.ensemble.result import SweepResult
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.similarity import PairSimilarity
from vspwlib.metrics.summary import SplitScore
from vspwlib.predict.manifest import check_readable, check_same
from vspwlib.recipes import recipe
from vspwlib.report.spreadsheet import csv_text
from workbench import clip_view
from workbench.commands import write_command
from workbench.notices import literal

RECIPE = recipe("t2_896_map_drop", "mini")
NAMES = [f"{group}.{key}" for group, values in RECIPE.to_dict().items() if isinstance(values, dict) for key in values]
WEIGHTS = {"schema": 1, "runs": ["a", "b"], "weights": {name: [1.0, 2.0] for name in CLASS_NAMES}}
HISTOGRAM = [0] * 99 + [2]
SIMILARITY = {
    "schema": 1,
    "clips": 1,
    "positive": {"total": 1.0, "pairs": 2, "histogram": HISTOGRAM},
    "negative": {"total": 1.0, "pairs": 2, "histogram": HISTOGRAM},
}


def taken(read: Any, value: Any) -> None:
    """Read a value; whatever is wrong with it is one InputError."""
    with suppress(InputError):
        read(value)


@fuzzed
@given(name=st.sampled_from(NAMES) | st.text(max_size=15), text=st.text(max_size=15) | values.map(str))
def test_settings_are_taken_or_refused(name: str, text: str) -> None:
    taken(lambda assignments: override(RECIPE, assignments), {name: text})


@fuzzed
@given(content=damaged_json(RECIPE.to_dict()))
def test_recipes_are_taken_or_refused(content: Any) -> None:
    taken(Recipe.from_dict, content)


@pytest.mark.parametrize(
    ("read", "whole"),
    [
        (SplitScore.from_json, COUNTS),
        (SweepResult.from_json, CURVE),
        (PairSimilarity.from_json, SIMILARITY),
        (lambda data: class_weights_from_json(data, ["a", "b"]), WEIGHTS),
        (lambda data: check_readable(data, "here"), {"schema": 1, "class_names": ["a"], "num_classes": 1}),
        (lambda data: check_same(data, {"run": "a", "predict": {"flip": True}}, "here"), {"run": "a", "predict": {}}),
    ],
    ids=["counts", "curve", "similarity", "weights", "manifest", "same"],
)
@fuzzed
@given(data=st.data())
def test_json_is_taken_or_refused(read: Any, whole: Any, data: st.DataObject) -> None:
    taken(read, data.draw(damaged_json(whole)))


@pytest.mark.parametrize(("read", "whole"), [(SplitScore.from_json, COUNTS), (SweepResult.from_json, CURVE)])
def test_a_number_of_classes_asks_for_no_memory(read: Any, whole: Any) -> None:
    """A worker was killed for memory by a file of a hundred bytes."""
    for number in (2**40, -1, 1e9):
        with pytest.raises(InputError):
            read({**whole, "num_classes": number})


def test_what_is_whole_is_taken() -> None:
    """Or all of the above would be refused at the door."""
    assert SplitScore.from_json(COUNTS).miou == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert SweepResult.from_json(CURVE).best_tau == 1
    assert PairSimilarity.from_json(SIMILARITY).within == 0.5
    assert Recipe.from_dict(RECIPE.to_dict()) == RECIPE
    assert class_weights_from_json(WEIGHTS, ["b", "a"]).shape == (2, 124)


@fuzzed
@given(view=st.text(max_size=40) | values.map(json.dumps), frame=st.text(max_size=9), tau=st.text(max_size=6))
def test_a_link_gives_a_state_or_none(view: str, frame: str, tau: str) -> None:
    asked = {"view": view, "frame": frame, "tau": tau}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(st_module, "query_params", asked)
        state = clip_view.linked_state()
    assert state is None or isinstance(state, dict)


@fuzzed
@given(name=st.text(max_size=10), other=st.text(max_size=10))
def test_a_name_is_never_an_option_or_a_path(name: str, other: str) -> None:
    try:
        command = write_command([name, "b"], "val", ["--mean"], other)
    except InputError:
        return
    for given_name in (name, other):
        assert given_name in command.arguments
        assert not given_name.startswith(("-", "."))
        assert "/" not in given_name


@fuzzed
@given(texts=st.lists(st.text(max_size=6) | st.sampled_from(["=1+1", "+a", "-a", "@a", "\t=1", "\r=1"]), min_size=1))
def test_no_cell_is_a_formula(texts: list[str]) -> None:
    import csv
    import io

    rows = list(csv.reader(io.StringIO(csv_text([{"a": text} for text in texts], ["a"]), newline="")))
    for (cell,) in (row for row in rows[1:] if row):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@fuzzed
@given(text=st.text(max_size=20) | st.sampled_from(["<script>", "[a](javascript:b)", "`x`", ":red[a]", "$a$"]))
def test_messages_show_names_as_they_are(text: str) -> None:
    shown = literal(text)
    assert shown.replace("\\", "") == text.replace("\\", "")
    for mark in "<[`$:*_":
        assert shown.count(f"\\{mark}") == text.count(mark)
