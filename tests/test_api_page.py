"""The page that says where to begin in the library names what is there."""

import importlib
import re

import pytest


def names(text: str) -> list[str]:
    """Dotted names of the library in code spans, without arguments.

    >>> names("| x | `vspwlib.a.b(c)`, `vspwlib.d` | `make api`")
    ['vspwlib.a.b', 'vspwlib.d']
    """
    return re.findall(r"`(vspwlib(?:\.\w+)+)", text)


def resolve(name: str) -> object:
    """The module or the thing in one that a dotted name means."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def test_every_name_on_the_page_is_there(repository):
    found = names((repository / "docs" / "api.md").read_text("utf-8"))
    assert len(found) > 20
    for name in found:
        assert resolve(name).__doc__, name
    with pytest.raises(AttributeError):
        resolve("vspwlib.metrics.iou.no_such_thing")
