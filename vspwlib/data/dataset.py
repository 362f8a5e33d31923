"""Training clips as an endless stream that can be entered anywhere.

Position ``p`` of the stream is clip ``permutation(seed, epoch)[p mod n]`` with ``epoch = p div n``, augmented by random
numbers seeded with ``(seed, p)``. An item therefore depends on its position alone: not on the number of workers, not on
where a run was stopped and resumed, not on what was read before.
"""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from torchvision import tv_tensors

from vspwlib.checks import InputError, check_range, fail
from vspwlib.data.decode import decode_image
from vspwlib.data.images import check_same_size, read_mask
from vspwlib.data.index import Frame, Split
from vspwlib.data.transforms import ClipAugment

REPLACEMENTS = 64  # unreadable clips in a row before a run is given up


class Clip(TypedDict):
    """One item: ``images`` float32 (T, 3, H, W), ``masks`` int64 (T, H, W) with 255 void, and its ``position``.

    ``names`` says which frames they are, as ``video/frame``: those that were read, replacements included.
    """

    images: Tensor
    masks: Tensor
    position: int
    names: list[str]


class Batch(TypedDict):
    """Clips laid end to end.

    ``images`` (N, 3, H, W) and ``masks`` (N, H, W) hold the frames of all clips, ``clip_ids`` (N,) int64 the clip that
    each belongs to, ``clips`` how many there are, and ``names`` what each frame is called. ``frame_ids`` (N, 2) int64
    are the position of its clip in the stream and its number within the clip: no other frame of a run has the same.
    """

    images: Tensor
    masks: Tensor
    clip_ids: Tensor
    clips: int
    names: list[str]
    frame_ids: Tensor


class ClipDataset(Dataset[Clip]):
    """Clips of consecutive labelled frames, by position in an endless shuffled stream.

    A clip is ``frames`` frames of one video, each ``gap`` frames after the one before *in the order of the files*, all
    with a mask. A hole in the numbering is one step like any other: frames stored side by side count as consecutive
    (`vspw data check` says how far the numbers jump). A frame without a mask breaks every clip it would be part of;
    where only every fifth frame is labelled, ``gap=5`` finds clips. Every possible start is a clip, so clips overlap.

    Frames that cannot be read cost one warning per frame; the next clip of the permutation stands in for theirs.

    Args:
        split: Where the frames are.
        frames: Length of a clip; 1 for stills.
        gap: Steps between its frames.
        augment: What happens to a clip.
        seed: Seed of the order and of the augmentation.
        length: Number of positions: iterations times clips an iteration.
        read_mask: Reads a mask file as uint8 ids (H, W); VSPW's raw values by default. Workers get copies of it.
        checker: Command that finds the broken files of such a data set, for the message when none can be read.

    Raises:
        InputError: not a single clip of that length is in the split.
    """

    def __init__(
        self,
        split: Split,
        *,
        frames: int = 1,
        gap: int = 1,
        augment: ClipAugment,
        seed: int = 0,
        length: int,
        read_mask: Callable[[Path], NDArray[np.uint8]] = read_mask,
        checker: str = "vspw data check",
    ) -> None:
        for what, value, low in (("frames", frames, 1), ("gap", gap, 1), ("seed", seed, 0), ("length", length, 0)):
            check_range(what, value, low=low)
        self.split, self.augment, self.seed, self.length = split, augment, seed, length
        self._read_mask, self._checker = read_mask, checker
        self._frames = list(split.frames())
        self._steps = np.arange(frames) * gap
        self._starts = _clip_starts(split, self._steps)
        if not len(self._starts):
            labelled = sum(len(video.labelled) for video in split.videos)
            fail(
                "clips",
                expected=f"at least one run of {frames} labelled frames, {gap} apart",
                got=f"none among {labelled} labelled of {split.num_frames} frames in {len(split.videos)} videos",
                where=f"{split.root}, split {split.name}",
                fix="use fewer frames or another gap, or a split with masks.",
            )
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))
        self._warned = torch.zeros(len(self._frames), dtype=torch.bool).share_memory_()  # workers warn once together

    @property
    def num_clips(self) -> int:
        """Number of different clips: the length of an epoch."""
        return len(self._starts)

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, position: int) -> Clip:
        if not 0 <= position < self.length:
            raise IndexError(f"position {position} is outside the stream of {self.length}")
        images, masks, names = self._read_from(position)
        with torch.random.fork_rng(devices=[]):
            # The CPU generator alone: torch.manual_seed would also queue a seed for GPUs that workers must not touch
            torch.default_generator.manual_seed(_mixed(self.seed, position))
            images, masks = self.augment(images, masks)
        return {
            "images": images.as_subclass(Tensor),
            "masks": masks.as_subclass(Tensor).long(),
            "position": position,
            "names": names,
        }

    def frames_at(self, position: int) -> list[Frame]:
        """Return the frames that stand at a position, before any replacement of unreadable ones."""
        return [self._frames[index] for index in self._indices(position)]

    def _indices(self, position: int, later: int = 0) -> np.ndarray:
        """Return the frame numbers of the clip ``later`` places after that of a position, within its epoch."""
        epoch, place = divmod(position, self.num_clips)
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, epoch]).permutation(self.num_clips))
        return self._starts[self._order[1][(place + later) % self.num_clips]] + self._steps

    def _read_from(self, position: int) -> tuple[tv_tensors.Image, tv_tensors.Mask, list[str]]:
        """Read the clip at a position, or the first readable one after it; also say which frames these are."""
        for later in range(min(REPLACEMENTS, self.num_clips)):
            frames = [(index, self._frames[index]) for index in self._indices(position, later).tolist()]
            clip = self._read(frames)
            if clip is not None:
                return *clip, [f"{frame.video}/{frame.name}" for _, frame in frames]
        fail(
            "clips",
            expected="frames that can be read",
            got=f"{min(REPLACEMENTS, self.num_clips)} unreadable clips in a row",
            where=f"{self.split.root}, split {self.split.name}",
            fix=f"run `{self._checker}` on the folder; it names the files.",
        )

    def _read(self, frames: list[tuple[int, Frame]]) -> tuple[tv_tensors.Image, tv_tensors.Mask] | None:
        """Read one clip; None, and a warning the first time, where a frame of it is not fit."""
        images: list[Tensor] = []
        masks: list[Tensor] = []
        for index, frame in frames:
            try:
                image, mask = _read_frame(frame, self._read_mask)
                if images:
                    check_same_size(images[0].shape, mask.shape, where=frame.image)
            except InputError as error:
                if not self._warned[index]:
                    self._warned[index] = True
                    warnings.warn(f"left out of training: {error}", stacklevel=2)
                return None
            images.append(image)
            masks.append(mask)
        pixels = images[0][None] if len(images) == 1 else torch.stack(images)
        return tv_tensors.Image(pixels.permute(0, 3, 1, 2)), tv_tensors.Mask(torch.stack(masks))


def collate(items: Sequence[Clip]) -> Batch:
    """Lay clips, of any number of frames each, end to end.

    Args:
        items: Clips with crops of one size.

    Returns:
        The batch.

    >>> def clip(frames):
    ...     images, masks = torch.zeros(frames, 3, 4, 4), torch.zeros(frames, 4, 4, dtype=torch.long)
    ...     return {"images": images, "masks": masks, "position": 0, "names": ["video/frame"] * frames}
    >>> collate([clip(2), clip(1)])["clip_ids"].tolist()
    [0, 0, 1]
    """
    lengths = torch.tensor([len(item["images"]) for item in items])
    return {
        "images": torch.cat([item["images"] for item in items]),
        "masks": torch.cat([item["masks"] for item in items]),
        "clip_ids": torch.arange(len(items)).repeat_interleave(lengths),
        "clips": len(items),
        "names": [name for item in items for name in item["names"]],
        "frame_ids": torch.tensor([(item["position"], t) for item in items for t in range(len(item["images"]))]),
    }


def _clip_starts(split: Split, steps: np.ndarray) -> np.ndarray:
    """Return the frame number, counted through the split, of the first frame of every clip."""
    starts, before = [], 0
    for video in split.videos:
        labelled = np.array([frame.mask is not None for frame in video.frames])
        places = np.arange(len(labelled) - steps[-1])  # empty when the video is too short
        starts.append(before + places[labelled[places[:, None] + steps].all(axis=1)])
        before += len(labelled)
    return np.concatenate(starts) if starts else np.empty(0, np.int64)


def _read_frame(frame: Frame, read_mask: Callable[[Path], NDArray[np.uint8]]) -> tuple[Tensor, Tensor]:
    """Read image (H, W, 3) and mask (H, W) of a labelled frame and hold them against each other."""
    if frame.mask is None:
        fail("mask", expected="a labelled frame", got="none", where=frame.image)
    image, mask = decode_image(frame.image), torch.from_numpy(read_mask(frame.mask))
    check_same_size(image.shape, mask.shape, where=frame.mask)
    return image, mask


def _mixed(seed: int, position: int) -> int:
    """Mix seed and position into one number whose neighbours are unlike each other."""
    return int(np.random.SeedSequence([seed, position]).generate_state(1, np.uint32)[0])
