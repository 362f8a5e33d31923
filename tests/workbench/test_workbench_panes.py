"""The small words around pictures."""

import doctest

import pytest

from workbench import notices, panes


@pytest.mark.parametrize("module", [panes, notices], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_hold(module: object) -> None:
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
