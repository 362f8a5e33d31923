"""The contrastive loss on a CPU: patches sorted by class, tiles of the upper triangle, loss and gradient in one go.

The gradient in closed form (letters as in :mod:`vspwlib.losses.contrast.clip`; N_i is the log of the sum of
``exp(s_ij)`` over the negatives of i, w_i the weight of an anchor, σ the logistic function)::

    loss = -Σ_i w_i Σ_p log σ(s_ip - N_i)              g_i = w_i Σ_p σ(N_i - s_ip)
    dX   = H X / τ    with, for i and j of one class,    H_ij = -(w_i σ(N_i - s_ij) + w_j σ(N_j - s_ij))
                      and, for i and j of two classes,   H_ij = g_i exp(s_ij - N_i) + g_j exp(s_ij - N_j)

H is symmetric, as s is, so each unordered pair of tiles is visited once: the sums N, then the positives, which give the
loss and g, then the negatives. That makes about 4·M²·C operations where autograd over the full matrix takes 6·M²·C, and
O(M·C) memory where it takes some 31 bytes a pair. Sorted by class, the positives of a tile are a rectangle of it. The
negatives need the same similarities twice, so tiles of the first time are kept while there is room: those of a small
clip all, which spares a quarter of the operations.

How the sums N are kept: :mod:`vspwlib.losses.contrast.sums`.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from vspwlib.losses.contrast.clip import Bank, Clip, Solution, anchor_weights, derivatives
from vspwlib.losses.contrast.sums import Sums, sums_for
from vspwlib.losses.contrast.tiles import TILE, Segment, Tile, overlap, rectangle, segments, sorted_by_class, triangle

#: Entries of tiles that may be kept: 32 MB of float32, all that some 3500 patches have.
KEPT = 2**23


def solve(clip: Clip, *, gradient: bool) -> Solution:
    """Compute the loss of one clip and, if asked, its derivatives.

    Args:
        clip: What to compare, on the CPU (elsewhere each step waits for the device).
        gradient: Whether to return the derivatives.
    """
    order = sorted_by_class(clip.labels)
    weights = anchor_weights(clip, clip.features.dtype)[order]
    root = float(clip.temperature) ** 0.5
    rows = clip.features[order] / root
    images = None if clip.images is None else clip.images[order]
    bank = None if clip.bank is None else clip.bank._replace(features=clip.bank.features.to(rows.dtype) / root)
    sweep = _Sweep(rows, clip.labels[order], images, weights, bank)
    sweep.collect_negatives(keep=KEPT if gradient else 0)
    sweep.pull_positives(gradient=gradient)
    if not gradient:
        return Solution(sweep.loss())
    sweep.push_negatives()
    loss, of_bank = sweep.loss(), sweep.bank_gradient if clip.bank else None
    by_rows, by_temperature = derivatives(clip, rows, sweep.own_gradient, of_bank)
    del sweep, rows, of_bank  # their memory is the result's
    by_features = torch.zeros_like(clip.features)
    by_features[order] = by_rows
    return Solution(loss, by_features, by_temperature)


class _Sweep:
    """Rows sorted by class, and what the passes over their tiles have found; the passes come in the order below.

    Args:
        rows: ``(M, C)`` features over the root of the temperature, sorted by class, none void.
        labels: ``(M,)`` their classes.
        images: ``(M,)`` their images, where only negatives of the same image count.
        weights: ``(M,)`` of the anchors.
        bank: Patches of other clips, over the root of the temperature too, or None.
    """

    def __init__(self, rows: Tensor, labels: Tensor, images: Tensor | None, weights: Tensor, bank: Bank | None) -> None:
        self.rows, self.images, self.weights = rows, images, weights
        self.segments = segments(labels)
        self.bank, self.bank_segments = rows[:0], dict[int, Segment]()
        if bank is not None:
            order = sorted_by_class(bank.labels)
            self.bank, self.bank_segments = bank.features[order], segments(bank.labels[order])
        self.sums: Sums = sums_for(rows, self.bank)
        self.losses, self.pull = rows.new_zeros(len(rows)), rows.new_zeros(len(rows))  # sums over positives; g
        self.own_gradient = torch.zeros_like(rows)
        self.bank_gradient = rows.new_zeros(()) if bank is None else torch.zeros_like(rows)
        self._buffer = rows.new_empty(TILE * TILE)
        self._kept: list[Tensor] = []  # of the first tiles, in their order

    def collect_negatives(self, *, keep: int) -> None:
        """Sum over the negatives of every anchor, and keep the first ``keep`` entries of tiles."""
        for tile in self._own_negatives():
            negatives = self._negatives(tile)
            self.sums.add(negatives, tile, both_sides=not tile.diagonal)
            keep -= negatives.numel()
            if keep >= 0:
                self._kept.append(negatives.clone())
        for tile in rectangle(Segment(0, len(self.rows)), Segment(0, len(self.bank))):
            self.sums.add(self._bank_negatives(tile), tile, both_sides=False)

    def pull_positives(self, *, gradient: bool) -> None:
        """Find the loss of every anchor and, with ``gradient``, g and the positives' part of the gradient."""
        for label, segment in self.segments.items():
            if segment.end - segment.start > 1:
                for tile in triangle(segment):
                    self._pull(tile, gradient=gradient)
            if label in self.bank_segments:
                for tile in rectangle(segment, self.bank_segments[label]):
                    self._pull_to_bank(tile, gradient=gradient)

    def push_negatives(self) -> None:
        """Add the negatives' part of the gradient."""
        kept = iter(self._kept)
        for tile in self._own_negatives():
            negatives = next(kept, None)
            negatives = self._negatives(tile) if negatives is None else negatives
            push = self.sums.push(negatives, self.pull, tile, both_sides=True)
            self.own_gradient[tile.rows].addmm_(push, self.rows[tile.columns])
            if not tile.diagonal:
                self.own_gradient[tile.columns].addmm_(push.T, self.rows[tile.rows])
        for tile in rectangle(Segment(0, len(self.rows)), Segment(0, len(self.bank))):
            push = self.sums.push(self._bank_negatives(tile), self.pull, tile, both_sides=False)
            self.bank_gradient[tile.rows].addmm_(push, self.bank[tile.columns])

    def loss(self) -> Tensor:
        """Return the loss, summed in double precision: it costs nothing here."""
        return (self.losses.double() @ self.weights.double()).to(self.losses.dtype)

    def _own_negatives(self) -> Iterator[Tile]:
        """Yield the tiles of the upper triangle that hold a pair of two classes."""
        inside = iter(self.segments.values())
        segment = next(inside, Segment(0, 0))
        for tile in triangle(Segment(0, len(self.rows))):
            while segment.end <= tile.rows.start:
                segment = next(inside)
            if tile.columns.stop > segment.end:
                yield tile

    def _similarity(self, tile: Tile, others: Tensor) -> Tensor:
        """Return s of a tile, in a buffer that the next tile overwrites."""
        left, right = self.rows[tile.rows], others[tile.columns]
        out = self._buffer[: len(left) * len(right)].view(len(left), len(right))
        return torch.mm(left, right.T, out=out)

    def _negatives(self, tile: Tile) -> Tensor:
        """Return what the sums read of a tile: only pairs of an anchor and its negative count."""
        similarity = self._similarity(tile, self.rows)
        for segment in self.segments.values():
            if segment.start >= tile.rows.stop:
                break
            if segment.end > tile.columns.start:
                overlap(similarity, tile, segment, segment).fill_(-torch.inf)
        if self.images is not None:
            similarity.masked_fill_(self.images[tile.rows, None] != self.images[tile.columns], -torch.inf)
        return self.sums.prepare(similarity)

    def _bank_negatives(self, tile: Tile) -> Tensor:
        similarity = self._similarity(tile, self.bank)
        for label, segment in self.segments.items():
            if label in self.bank_segments:
                overlap(similarity, tile, segment, self.bank_segments[label]).fill_(-torch.inf)
        return self.sums.prepare(similarity)

    def _pull(self, tile: Tile, *, gradient: bool) -> None:
        """Take in a tile of positives: its rows are anchors, and off the diagonal its columns as well."""
        similarity = self._similarity(tile, self.rows)
        if tile.diagonal:
            similarity.fill_diagonal_(torch.inf)  # as good as can be: no loss, no gradient
        pull = self._anchor(self.sums.odds(similarity, tile.rows, across=False), tile.rows, across=False)
        if tile.diagonal:
            if gradient:
                self.own_gradient[tile.rows].addmm_(pull + pull.T, self.rows[tile.rows], alpha=-1)
            return
        pull += self._anchor(self.sums.odds(similarity, tile.columns, across=True), tile.columns, across=True)
        if gradient:
            self.own_gradient[tile.rows].addmm_(pull, self.rows[tile.columns], alpha=-1)
            self.own_gradient[tile.columns].addmm_(pull.T, self.rows[tile.rows], alpha=-1)

    def _pull_to_bank(self, tile: Tile, *, gradient: bool) -> None:
        similarity = self._similarity(tile, self.bank)
        pull = self._anchor(self.sums.odds(similarity, tile.rows, across=False), tile.rows, across=False)
        if gradient:
            self.bank_gradient[tile.rows].addmm_(pull, self.bank[tile.columns], alpha=-1)

    def _anchor(self, odds: tuple[Tensor, Tensor], anchors: slice, *, across: bool) -> Tensor:
        """Add what the anchors' positives in a tile give to loss and g; return their pulls, ``w_i σ(N_i - s)``."""
        losses, pulls = odds
        weights = self.weights[anchors]
        pulls = pulls.mul_(weights if across else weights[:, None])
        self.losses[anchors] += losses.sum(dim=int(not across))
        self.pull[anchors] += pulls.sum(dim=int(not across))
        return pulls
