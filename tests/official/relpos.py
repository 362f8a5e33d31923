"""Tables of relative positions before and after the official loader brought them to another grid."""

import math
from collections.abc import Iterator

import torch

from tests.official.fixture import Check, Fixture, compare
from vspwlib.models.backbones.relative_position import CLASS_ROWS, resize_table


def _cases(fixture: Fixture) -> list[str]:
    return sorted({name.removesuffix("/src") for name in fixture.names if name.endswith("/src")})


def matches(fixture: Fixture) -> bool:
    """Recognise pairs of tables."""
    return any(f"{case}/dst" in fixture for case in _cases(fixture))


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the resized tables, in both number types."""
    for case in _cases(fixture):
        official = fixture.tensor(f"{case}/dst")
        for dtype in (torch.float32, torch.float64):
            table = fixture.tensor(f"{case}/src", dtype)
            source, target = (_side(len(rows)) for rows in (table, official))
            own = resize_table(table, (source, source), (target, target))
            yield compare(f"{case}/dst", own, official, 1e-6)


def _side(rows: int) -> int:
    """Return the patches along one side of a square table's grid."""
    return (math.isqrt(rows - CLASS_ROWS) + 1) // 2
