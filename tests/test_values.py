"""Plain values to typed dataclasses: words, numbers, nested groups, and what is refused."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from vspwlib.checks import InputError
from vspwlib.values import build, parse


@dataclass(frozen=True)
class Inner:
    side: tuple[int, int] = (1, 2)
    word: Literal["none", "much"] = "much"
    text: str = ""


@dataclass(frozen=True)
class Outer:
    rate: float | None = 0.5
    inner: Inner = field(default_factory=Inner)


def test_nested_values_take_the_annotated_types():
    built = build(Outer, {"rate": 1, "inner": {"side": [3, 4], "word": "none"}})
    assert built == Outer(1.0, Inner((3, 4), "none"))
    assert isinstance(built.rate, float)
    assert build(Outer, {"rate": None}).rate is None


def test_none_is_a_word_where_words_are_asked_for():
    assert build(Inner, {"word": parse("none"), "text": parse("none")}) == Inner(word="none", text="none")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ratte": 1}, "did you mean 'rate'"),
        ({"rate": "fast"}, r"expected float, got 'fast' \(rate\)"),
        ({"inner": {"side": [1]}}, r"expected \[int, int\], got '?\[1\]'? \(inner\.side\)"),
        ({"inner": {"side": "1,2"}}, r"expected \[int, int\], got '1,2' \(inner\.side\)"),
        ({"inner": {"word": "muc"}}, r"expected one of much, none, got 'muc' \(inner\.word\).*did you mean 'much'"),
        ({"inner": {"text": 3}}, r"inner\.text"),
    ],
)
def test_what_does_not_fit_is_named(values, message):
    with pytest.raises(InputError, match=message):
        build(Outer, values)


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), ("True", True), ("NONE", None), ("[1, 2]", [1, 2]), ("a b", "a b")]
)
def test_text_stands_for_json_or_itself(text, value):
    assert parse(text) == value
