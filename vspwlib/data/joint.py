"""Video clips and mapped photographs in one stream, addressed by position.

A position belongs to one source. Positions come in blocks of 64, and within a block every source has its share, in an
order drawn from ``(seed, block)``. How many items a source has had before a block is a formula, so the place in the
source's own stream is known without counting: position ``p`` is item ``place(p)`` of source ``source(p)``, whatever was
read before, by however many workers and processes (docs/decisions/003). Each source keeps an order of its own, a
permutation an epoch.

With weights in proportion to size, as the default is, every clip and photograph comes once in as many positions as
there are of them together, but for the block in which such an epoch ends. The paper trains on the union as one set.
"""

import warnings
from collections.abc import Collection, Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from vspwlib.checks import check_range, fail, require
from vspwlib.data.dataset import Clip, ClipDataset
from vspwlib.data.images import read_raw_mask
from vspwlib.data.index import Frame, Split, Video
from vspwlib.data.stills import StillSet
from vspwlib.data.transforms import ClipAugment
from vspwlib.labels.mapping import LabelMapping

BLOCK = 64  # positions over which the shares of the sources are evened out


class Interleave:
    """Which source stands at a position, and how many of its items came before.

    After any whole number of blocks each of up to three sources has had its share of items, give or take one (every
    further source may add a half). It is a class because it keeps the order of the block that was asked for last.

    Args:
        weights: How much of each source, relative to the others; none below 0, not all 0.
        seed: Seed of the order within blocks.

    Raises:
        InputError: weights that are no shares.

    >>> stream = Interleave([3, 1], seed=0)
    >>> [stream.taken(positions) for positions in (64, 128, 1280)]
    [(48, 16), (96, 32), (960, 320)]
    """

    def __init__(self, weights: Sequence[float], *, seed: int = 0) -> None:
        exact = [Fraction(weight) if np.isfinite(weight) else Fraction(-1) for weight in weights]
        require(
            all(weight >= 0 for weight in exact) and sum(exact) > 0,
            "weights",
            expected="a number for each source, none below 0, not all 0",
            got=list(weights),
        )
        self._weights, self.seed = exact, seed
        self._last: tuple[int, NDArray[np.intp], NDArray[np.int64]] = (-1, np.empty(0, np.intp), np.empty(0, np.int64))

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the stream that each source has; they sum to 1."""
        whole = sum(self._weights)
        return tuple(float(weight / whole) for weight in self._weights)

    def taken(self, positions: int) -> tuple[int, ...]:
        """Return how many items of each source a whole number of blocks holds; in between it is what is aimed at.

        The first source gets its share, rounded; the next its share of what is left, and so on. A count never falls
        from one block to the next, which rounding each share on its own would not ensure.
        """
        taken, left, weight_left = [], positions, sum(self._weights)
        for weight in self._weights:
            share = weight / weight_left if weight_left else Fraction(0)
            taken.append(int(left * share + Fraction(1, 2)))  # exact: floats would miscount far into a stream
            left, weight_left = left - taken[-1], weight_left - weight
        return tuple(taken)

    def locate(self, position: int) -> tuple[int, int]:
        """Return the source at a position and the place in the source's own stream."""
        block, offset = divmod(position, BLOCK)
        if self._last[0] != block:
            before, after = self.taken(block * BLOCK), self.taken((block + 1) * BLOCK)
            sources = np.repeat(np.arange(len(before)), np.subtract(after, before))
            places = np.concatenate([np.arange(low, high) for low, high in zip(before, after, strict=True)])
            order = np.random.default_rng([self.seed, block]).permutation(BLOCK)
            # Places rise within a source: only which source stands where is shuffled.
            mixed = sources[order]
            self._last = (block, mixed, places[np.argsort(np.argsort(mixed, kind="stable"), kind="stable")])
        return int(self._last[1][offset]), int(self._last[2][offset])


class JointDataset(Dataset[Clip]):
    """Clips of several sources in one stream, by position.

    Args:
        sources: The streams to mix, each at least as long as the part of it that is read; of one crop size.
        weights: How much of each; in proportion to their sizes by default.
        seed: Seed of the mix. The sources have seeds of their own (:func:`source_seed`).
        length: Number of positions.

    Raises:
        InputError: weights that are no shares, or as many as there are sources.
    """

    def __init__(
        self, sources: Sequence[ClipDataset], *, weights: Sequence[float] | None = None, seed: int = 0, length: int
    ) -> None:
        check_range("length", length, low=0)
        sizes = [float(source.num_clips) for source in sources]
        chosen = sizes if weights is None else list(weights)
        require(
            len(chosen) == len(sizes),
            "weights",
            expected=f"one for each of {len(sizes)} sources",
            got=f"{len(chosen)}",
        )
        self.sources, self.length = tuple(sources), length
        self.interleave = Interleave(chosen, seed=seed)

    @property
    def num_clips(self) -> int:
        """Number of different items, over all sources."""
        return sum(source.num_clips for source in self.sources)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> Clip:
        if not 0 <= position < self.length:
            raise IndexError(f"position {position} is outside the stream of {self.length}")
        source, place = self.interleave.locate(position)
        return cast("Clip", {**self.sources[source][place], "position": position})

    def frames_at(self, position: int) -> list[Frame]:
        """Return the frames that stand at a position, before any replacement of unreadable ones."""
        source, place = self.interleave.locate(position)
        return self.sources[source].frames_at(place)


def source_seed(seed: int, source: int) -> int:
    """Return the seed of a source of a mix: that of the run for the first, others for the rest.

    Sources of one seed and size would be read in the same order and cropped alike.

    >>> source_seed(7, 0), source_seed(7, 1) != source_seed(7, 2)
    (7, True)
    """
    return seed if source == 0 else int(np.random.SeedSequence([seed, source]).generate_state(1, np.uint32)[0])


class MappedMasks:
    """Reads annotations of another data set as VSPW class ids.

    A value that the mapping does not know becomes void, with one warning a value and process; `vspw map filter` counts
    them file by file. It is a class because it remembers which values it has warned of.

    Args:
        mapping: What the values mean.
    """

    def __init__(self, mapping: LabelMapping) -> None:
        self.mapping = mapping
        self._warned: set[int] = set()

    def __call__(self, path: Path) -> NDArray[np.uint8]:
        """Return ids (H, W), uint8, 255 void.

        Raises:
            InputError: the file cannot be read, or is no mask.
        """
        mask = read_raw_mask(path, clip=False)
        if not self.mapping.known.take(mask).all():
            new = self.mapping.unknown_values(mask).keys() - self._warned
            self._warned |= new
            for value in sorted(new):
                text = f"value {value} is not in the mapping {self.mapping.name}: void, first in {path}"
                warnings.warn(text, stacklevel=2)
        return self.mapping.apply(mask)


def still_clips(
    stills: StillSet,
    mapping: LabelMapping,
    kept: Collection[str] | None = None,
    *,
    augment: ClipAugment,
    seed: int = 0,
    length: int,
) -> ClipDataset:
    """Return mapped photographs as a stream of clips of one frame; files are mapped as they are read.

    Args:
        stills: The image set.
        mapping: From its values to VSPW's classes.
        kept: Paths below its root to use, as :mod:`vspwlib.data.still_filter` chooses them; all by default.
        augment: What happens to an item.
        seed: Seed of the order and of the augmentation.
        length: Number of positions.

    Returns:
        The stream, in which a split of the set stands as a video whose frames are never taken together.

    Raises:
        InputError: no image is kept.
    """
    chosen = None if kept is None else frozenset(kept)
    frames: dict[str, list[Frame]] = {}
    for still in stills.stills:
        if chosen is None or stills.key(still.image) in chosen:
            frames.setdefault(still.split, []).append(Frame(still.split, still.name, still.image, still.mask))
    if not frames:
        fail(
            stills.name,
            expected="images to train on",
            got=f"none of {len(stills.stills)} kept",
            where=stills.root,
            fix="lower the threshold; `vspw map filter` shows what others would keep.",
        )
    return ClipDataset(
        Split(stills.root, stills.name, tuple(Video(split, tuple(own)) for split, own in frames.items())),
        augment=augment,
        seed=seed,
        length=length,
        read_mask=MappedMasks(mapping),
        checker=f"vspw map filter --dataset {stills.name}",
    )
