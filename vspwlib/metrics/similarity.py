"""How alike the features of patches are within a class and between classes: what a contrastive loss is to change.

Means come in closed form. With unit vectors x_i, S_c their sum over class c and S their sum over all classes::

    positive pairs (same class, i < j):  Σ x_i·x_j = ½ Σ_c (|S_c|² - Σ_{i in c} |x_i|²)
    negative pairs (other class, i < j): Σ x_i·x_j = ½ (|S|² - Σ_c |S_c|²)

which takes M·C operations instead of M²·C. Histograms do take M²·C/2, in chunks of rows, so that no M×M matrix exists.
All of it adds up: clips, shards and videos are merged by ``+``, each pair counting once. A class of n patches has
n·(n-1)/2 positive pairs, so large classes speak louder than small ones.

Letters: M patches of a clip, C channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vspwlib.checks import check_keys, check_range, check_shape, reading, require
from vspwlib.labels import VOID

SCHEMA = 1
BINS = 100
"""Bins of equal width over cosines -1..1; each holds its lower edge, the last one its upper edge as well."""


@dataclass(frozen=True, eq=False)
class PairSums:
    """Cosines of many pairs, as sums.

    Attributes:
        total: Sum of the cosines.
        pairs: Number of pairs.
        histogram: (BINS,) int64, pairs by cosine.
    """

    total: float
    pairs: int
    histogram: NDArray[np.int64]

    @classmethod
    def zeros(cls) -> Self:
        """Sums over no pair."""
        return cls(0.0, 0, np.zeros(BINS, np.int64))

    def __add__(self, other: Self) -> Self:
        """Sums over the pairs of both."""
        return type(self)(self.total + other.total, self.pairs + other.pairs, self.histogram + other.histogram)

    @property
    def mean(self) -> float:
        """Mean cosine, nan without a pair."""
        return self.total / self.pairs if self.pairs else float("nan")


@dataclass(frozen=True, eq=False)
class PairSimilarity:
    """Cosines of the patch pairs of any number of clips.

    Attributes:
        positive: Pairs of one class.
        negative: Pairs of two classes.
        clips: Clips that are in it; pairs never span two of them.
    """

    positive: PairSums
    negative: PairSums
    clips: int

    @classmethod
    def empty(cls) -> Self:
        """Return the similarity of no clip, the neutral element of ``+``."""
        return cls(PairSums.zeros(), PairSums.zeros(), 0)

    def __add__(self, other: Self) -> Self:
        """Merge the clips of both."""
        return type(self)(self.positive + other.positive, self.negative + other.negative, self.clips + other.clips)

    @property
    def within(self) -> float:
        """Mean cosine within classes, nan without a pair."""
        return self.positive.mean

    @property
    def between(self) -> float:
        """Mean cosine between classes, nan without a pair."""
        return self.negative.mean

    @property
    def gap(self) -> float:
        """``within - between``: 0 where features do not tell classes apart, at most 2; nan where either is."""
        return self.within - self.between

    def summary(self) -> dict[str, Any]:
        """Figures for people and machines, ready for JSON, null where there is no pair."""
        figures = {"within": self.within, "between": self.between, "gap": self.gap}
        return {
            **{name: None if np.isnan(value) else value for name, value in figures.items()},
            "positive_pairs": self.positive.pairs,
            "negative_pairs": self.negative.pairs,
            "clips": self.clips,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the sums as plain numbers and lists (schema 1), for ``json.dump``."""
        kinds = {"positive": self.positive, "negative": self.negative}
        return {
            "schema": SCHEMA,
            "clips": self.clips,
            **{
                kind: {"total": sums.total, "pairs": sums.pairs, "histogram": sums.histogram.tolist()}
                for kind, sums in kinds.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: object = "") -> Self:
        """Rebuild a similarity from :meth:`to_json`.

        Args:
            data: The parsed JSON object.
            where: File it came from, for the message.

        Raises:
            InputError: If it is of another schema, incomplete, or a histogram does not hold as many pairs as it says.
        """
        check_keys("similarity", data, ("schema", "clips", "positive", "negative"), where=where)
        require(data["schema"] == SCHEMA, "similarity", expected=f"schema {SCHEMA}", got=data["schema"], where=where)
        with reading("similarity", expected=f"sums of schema {SCHEMA}", where=where, fix="measure again."):
            return cls(_sums(data["positive"], where), _sums(data["negative"], where), int(data["clips"]))


def pair_similarity(
    features: ArrayLike, labels: ArrayLike, *, void: int = VOID, chunk: int = 256, where: object = ""
) -> PairSimilarity:
    """Measure the cosines of all patch pairs of one clip.

    Args:
        features: (M, C) of any float type and any length; they are brought to length 1 here. A vector of zeros has no
            direction: its cosines are 0.
        labels: (M,) integer class of each patch; ``void`` and negative ones take part in no pair, as in the loss.
        void: Label of void.
        chunk: Rows of cosines that exist at a time: memory grows with ``M * chunk``.
        where: Video and frame, for the message.

    Returns:
        The sums of this clip. Means are exact to float64; a cosine within rounding of a bin's edge (float32 for
        features that are not float64) may be counted on its other side.

    Raises:
        InputError: If shapes or types do not fit, or a feature is not finite.

    >>> found = pair_similarity([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0]], [5, 5, 6])
    >>> found.within, found.between, found.gap
    (1.0, 0.0, 1.0)
    """
    x, ids = np.asarray(features), np.asarray(labels)
    check_shape("features", x.shape, ("M", "C"), where=where)
    check_shape("labels", ids.shape, (len(x),), where=where)
    check_range("chunk", chunk, 1)
    require(np.issubdtype(ids.dtype, np.integer), "labels", expected="integer ids", got=ids.dtype, where=where)
    kept = np.flatnonzero((ids != void) & (ids >= 0))
    order = kept[np.argsort(ids[kept], kind="stable")]  # by class: then the pairs of a class are a block
    if not len(order):
        return PairSimilarity(PairSums.zeros(), PairSums.zeros(), 1)
    unit = _unit(x[order].astype(x.dtype if x.dtype == np.float64 else np.float32), where)
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    sums = np.add.reduceat(unit, starts, axis=0, dtype=np.float64)  # (classes, C)
    sizes = np.diff(starts, append=len(order))
    of_classes = float(np.square(sums).sum())
    itself = float(np.einsum("mc,mc->", unit, unit, dtype=np.float64))
    overall = float(np.square(sums.sum(axis=0)).sum())
    pairs = int((sizes * (sizes - 1)).sum()) // 2
    all_pairs = len(order) * (len(order) - 1) // 2
    positive, negative = _histograms(unit, [*starts.tolist(), len(order)], chunk)
    return PairSimilarity(
        PairSums((of_classes - itself) / 2, pairs, positive),
        PairSums((overall - of_classes) / 2, all_pairs - pairs, negative),
        1,
    )


def _unit(x: NDArray[Any], where: object) -> NDArray[Any]:
    """Bring vectors (M, C) to length 1 in place; zeros stay."""
    require(bool(np.isfinite(x).all()), "features", expected="finite numbers", got="nan or infinity", where=where)
    largest = np.abs(x).max(axis=1, keepdims=True, initial=0)
    x /= np.where(largest > 0, largest, 1)  # first, or squares of very long and very short vectors leave the range
    length = np.sqrt(np.einsum("mc,mc->m", x, x))[:, None]
    x /= np.where(length > 0, length, 1)
    return x


def _histograms(unit: NDArray[Any], bounds: list[int], chunk: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the cosines of all pairs i < j of vectors that are sorted by class.

    Args:
        unit: (M, C) vectors of length 1.
        bounds: First row of each class, and M.
        chunk: Rows at a time.

    Returns:
        Histograms (BINS,) of the pairs within and between classes.
    """
    positive, negative = np.zeros((2, BINS), np.int64)
    for begin, end in pairwise(bounds):
        for low in range(begin, end, chunk):
            rows = unit[low : min(low + chunk, end)]
            own = _bins(rows @ unit[low:end].T)
            own[np.tril_indices(len(rows))] = BINS  # a pair with itself, or one that has been counted
            positive += np.bincount(own.ravel(), minlength=BINS + 1)[:BINS]
            negative += np.bincount(_bins(rows @ unit[end:].T).ravel(), minlength=BINS)
    return positive, negative


def _bins(cosines: NDArray[Any]) -> NDArray[np.intp]:
    """Return the bin of each cosine, which are overwritten; rounding may have put them just outside -1..1."""
    cosines += 1
    cosines *= BINS / 2
    return np.clip(cosines, 0, BINS - 1, out=cosines).astype(np.intp)


def _sums(data: Mapping[str, Any], where: object) -> PairSums:
    sums = PairSums(float(data["total"]), int(data["pairs"]), np.array(data["histogram"], np.int64))
    check_shape("similarity", sums.histogram.shape, (BINS,), where=where)
    counted = int(sums.histogram.sum())
    require(counted == sums.pairs, "similarity", expected=f"{sums.pairs} pairs", got=counted, where=where)
    return sums
