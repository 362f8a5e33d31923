"""Tiles of a matrix of similarities whose rows and columns are sorted by class."""

from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from torch import Tensor

#: Rows and columns of a tile. At 512 the matrix products run at full speed, and a tile stays in the second-level cache.
TILE = 512


class Segment(NamedTuple):
    """Rows ``start`` to ``end`` of one class."""

    start: int
    end: int


class Tile(NamedTuple):
    """A tile of the similarities: its rows, its columns, and whether it lies on the diagonal."""

    rows: slice
    columns: slice
    diagonal: bool = False


def sorted_by_class(labels: Tensor) -> Tensor:
    """Return the order that sorts rows by class and leaves out those of none (negative labels).

    >>> import torch
    >>> sorted_by_class(torch.tensor([4, -1, 2, 4])).tolist()
    [2, 0, 3]
    """
    return labels.argsort(stable=True)[int((labels < 0).sum()) :]


def segments(labels: Tensor) -> dict[int, Segment]:
    """Return the rows of every class of sorted labels."""
    classes, counts = (values.tolist() for values in labels.unique_consecutive(return_counts=True))
    ends = list(accumulate(counts))
    return {label: Segment(end - count, end) for label, count, end in zip(classes, counts, ends, strict=True)}


def triangle(span: Segment) -> Iterator[Tile]:
    """Yield the tiles of the upper triangle of rows and columns alike."""
    for row in _steps(span):
        for column in _steps(Segment(row.start, span.end)):
            yield Tile(row, column, row == column)


def rectangle(rows: Segment, columns: Segment) -> Iterator[Tile]:
    """Yield the tiles of a rectangle."""
    for row in _steps(rows):
        for column in _steps(columns):
            yield Tile(row, column)


def _steps(span: Segment) -> Iterator[slice]:
    for start in range(span.start, span.end, TILE):
        yield slice(start, min(start + TILE, span.end))


def overlap(similarity: Tensor, tile: Tile, rows: Segment, columns: Segment) -> Tensor:
    """Return the part of a tile that lies in given rows and columns; perhaps nothing."""
    sides = ((tile.rows, rows), (tile.columns, columns))
    part = tuple(slice(max(s.start - t.start, 0), max(min(s.end, t.stop) - t.start, 0)) for t, s in sides)
    return similarity[part]
