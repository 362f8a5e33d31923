"""What the contrastive loss must know of every anchor's negatives: N_i, the log of their sum of exponentials.

Two ways to keep it: the sum as it is while it fits the type, one exponential an entry; its logarithm otherwise.
"""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.losses.contrast.tiles import Tile


class Sums(Protocol):
    """What is known of each anchor's negatives."""

    def prepare(self, similarity: Tensor) -> Tensor:
        """Return what ``add`` and ``push`` read of a tile of negatives; minus infinity is none. Overwrites it."""

    def add(self, prepared: Tensor, tile: Tile, *, both_sides: bool) -> None:
        """Take in the negatives of a tile."""

    def odds(self, similarity: Tensor, anchors: slice, *, across: bool) -> tuple[Tensor, Tensor]:
        """Return ``-log σ(s - N)`` and ``σ(N - s)`` for anchors along the rows, or along the columns (``across``)."""

    def push(self, prepared: Tensor, pull: Tensor, tile: Tile, *, both_sides: bool) -> Tensor:
        """Return H among negatives, given each anchor's g. Overwrites what was prepared."""


class Plain:
    """Sums of exponentials as they are: one exponential an entry."""

    def __init__(self, rows: Tensor) -> None:
        self.mass = rows.new_zeros(len(rows))

    def prepare(self, similarity: Tensor) -> Tensor:
        """Return the exponentials."""
        return similarity.exp_()

    def add(self, prepared: Tensor, tile: Tile, *, both_sides: bool) -> None:
        """Take in the negatives of a tile."""
        self.mass[tile.rows] += prepared.sum(dim=1)
        if both_sides:
            self.mass[tile.columns] += prepared.sum(dim=0)

    def odds(self, similarity: Tensor, anchors: slice, *, across: bool) -> tuple[Tensor, Tensor]:
        """Return losses and pulls of a tile of positives."""
        mass = self.mass[anchors]
        odds = similarity.neg().exp_().mul_(mass if across else mass[:, None])
        return odds.log1p(), odds / (1 + odds)

    def push(self, prepared: Tensor, pull: Tensor, tile: Tile, *, both_sides: bool) -> Tensor:
        """Return H among negatives."""
        shares = self._share(pull, tile.rows)[:, None]
        return prepared.mul_(shares + self._share(pull, tile.columns) if both_sides else shares)

    def _share(self, pull: Tensor, anchors: slice) -> Tensor:
        mass = self.mass[anchors]
        return torch.where(mass > 0, pull[anchors] / mass, 0)


class Logarithmic:
    """Logarithms of the sums: right for similarities of any size, at twice the exponentials and more."""

    def __init__(self, rows: Tensor) -> None:
        self.log_mass = rows.new_full((len(rows),), -torch.inf)

    def prepare(self, similarity: Tensor) -> Tensor:
        """Return the similarities as they are."""
        return similarity

    def add(self, prepared: Tensor, tile: Tile, *, both_sides: bool) -> None:
        """Take in the negatives of a tile."""
        for side, dim in ((tile.rows, 1), (tile.columns, 0))[: 1 + both_sides]:
            self.log_mass[side] = torch.logaddexp(self.log_mass[side], prepared.logsumexp(dim=dim))

    def odds(self, similarity: Tensor, anchors: slice, *, across: bool) -> tuple[Tensor, Tensor]:
        """Return losses and pulls of a tile of positives."""
        log_mass = self.log_mass[anchors]
        margin = similarity - (log_mass if across else log_mass[:, None])
        return -functional.logsigmoid(margin), margin.neg_().sigmoid_()

    def push(self, prepared: Tensor, pull: Tensor, tile: Tile, *, both_sides: bool) -> Tensor:
        """Return H among negatives."""
        result = self._pushed(prepared, pull[tile.rows, None], self.log_mass[tile.rows, None])
        if both_sides:
            result += self._pushed(prepared, pull[tile.columns], self.log_mass[tile.columns])
        return result

    @staticmethod
    def _pushed(similarity: Tensor, pull: Tensor, log_mass: Tensor) -> Tensor:
        # Without a negative the sum is minus infinity and g is 0; plus infinity makes the product 0 and not NaN.
        return (similarity - torch.where(log_mass > -torch.inf, log_mass, torch.inf)).exp_().mul_(pull)


def sums_for(rows: Tensor, bank: Tensor) -> Sums:
    """Return empty sums for rows ``(M, C)`` that are compared with each other and with a bank ``(K, C)``."""
    return Plain(rows) if _fits(rows, bank) else Logarithmic(rows)


def _fits(rows: Tensor, bank: Tensor) -> bool:
    """Return whether sums of plain exponentials, and their products with another one, stay within the type."""
    if not len(rows):
        return True
    longest = float(rows.norm(dim=1).max())
    largest = longest * max(longest, float(bank.norm(dim=1).max()) if len(bank) else 0.0)  # of any |s_ij|
    return 2 * largest + math.log(len(rows) + len(bank)) < 0.97 * math.log(torch.finfo(rows.dtype).max)
