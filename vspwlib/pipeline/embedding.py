"""What a run's network makes of patches: embeddings of short clips, and how alike they are within and between classes.

Frames are resized as the run's predictor resizes them (``predict.short_side``), but go through the network whole and
not in windows, so that every patch is seen once; they are padded to a multiple of 32, and patches whose centre lies in
the padding are left out. What is looked at is :attr:`~vspwlib.models.segmenter.SegOutput.embedding` at its own stride,
brought to length 1, and before the projection of the contrastive loss: the same level of runs with and without it. The
projected features, which the loss itself compares, are there on request.

Letters: T frames of a clip, H×W pixels of a frame, h×w patches, C channels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.checks import check_range, check_shape, fail, require
from vspwlib.data.images import check_same_size, read_image, read_mask
from vspwlib.data.index import Frame, Split, open_split
from vspwlib.labels import VOID
from vspwlib.losses.contrastive import labels_of_patches
from vspwlib.metrics.similarity import PairSimilarity, pair_similarity
from vspwlib.pipeline.building import build_fabric, build_predictor
from vspwlib.pipeline.prediction import data_label, data_root, load_network, load_recipe, weights_digest
from vspwlib.predict.predictor import Predictor
from vspwlib.runs import Run, environment, write_json

FRAMES = 2  # of a clip, as in the paper's NCE_2
EVERY = 10  # clips between two that are measured: neighbours show nearly the same


class ClipEmbedding(NamedTuple):
    """What a network makes of a clip.

    Attributes:
        names: Names of the T frames.
        images: ``(T, H, W, 3)`` uint8 RGB, as read.
        features: ``(T, h, w, C)`` float32, of length 1.
        labels: ``(T, h, w)`` uint8 class ids, 255 void; all of it where a frame has no mask.
    """

    names: tuple[str, ...]
    images: NDArray[np.uint8]
    features: NDArray[np.float32]
    labels: NDArray[np.uint8]

    def similarity(self) -> PairSimilarity:
        """Measure how alike the patches of this clip are, within classes and between them."""
        return pair_similarity(self.features.reshape(-1, self.features.shape[-1]), self.labels.ravel())


@dataclass(frozen=True)
class Embedder:
    """A run's network on its device, with the settings by which frames reach it; loaded once for many clips.

    Args:
        network: In evaluation mode.
        predictor: Says how frames are resized, padded and computed, and where.
    """

    network: nn.Module
    predictor: Predictor

    @classmethod
    def of(cls, run: Run, *, projected: bool = False, which: str = "best", device: str = "auto") -> "Embedder":
        """Load a run's network.

        Args:
            run: A run that has weights.
            projected: Keep the projection of the contrastive loss, which the run must have been trained with.
            which: ``best`` or ``last`` weights.
            device: ``auto``, ``cpu`` or ``cuda``.

        Raises:
            InputError: when there is no projection to keep.
        """
        place = build_fabric("fp32", device=device).device
        network: Any = load_network(run, which=which).to(place)
        head = getattr(network, "embedding_head", None)
        fix = "leave the option out."
        require(not projected or head is not None, "projected", expected="a run with the loss", got=run.name, fix=fix)
        if head is not None and not projected:
            network.embedding_head = None
        return cls(network, build_predictor(load_recipe(run), network, device=place))

    def clip(self, frames: Sequence[Frame]) -> ClipEmbedding:
        """Embed the frames of a clip, one after the other.

        Raises:
            InputError: a file cannot be read, or frames differ in size.
        """
        images: list[NDArray[np.uint8]] = []
        features: list[NDArray[np.float32]] = []
        labels: list[NDArray[np.uint8]] = []
        for frame in frames:
            image = read_image(frame.image)
            if images:
                check_shape("frame", image.shape, images[0].shape, where=frame.image)
            patches, ids = self._patches(image, frame)
            images.append(image)
            features.append(patches)
            labels.append(ids)
        return ClipEmbedding(
            tuple(frame.name for frame in frames), np.stack(images), np.stack(features), np.stack(labels)
        )

    @torch.no_grad()
    def _patches(self, image: NDArray[np.uint8], frame: Frame) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return features ``(h, w, C)`` and labels ``(h, w)`` of the patches whose centre lies in the frame."""
        prepared = self.predictor.prepare(image)
        padded = self.predictor.padded(prepared[None])
        with self.predictor.autocast():
            embedding = self.network(padded).embedding
        if embedding is None:
            fail("embedding", expected="a network that returns one", got=type(self.network).__name__)
        grid = (embedding.shape[-2], embedding.shape[-1])
        size = (prepared.shape[-2], prepared.shape[-1])
        rows, columns = (_inside(*sides) for sides in zip(size, padded.shape[-2:], grid, strict=True))
        unit = functional.normalize(embedding[0].float(), dim=0)[:, :rows, :columns].permute(1, 2, 0)
        ids = _labels(frame, image, size, (padded.shape[-2], padded.shape[-1]), grid)[:rows, :columns]
        return unit.cpu().numpy(), ids.numpy()


def embedding_of_clip(
    run: Run,
    split: str | None,
    video: str,
    frame: str,
    *,
    frames: int = FRAMES,
    projected: bool = False,
    data: Mapping[str, Path] | None = None,
    which: str = "best",
    device: str = "auto",
) -> ClipEmbedding:
    """Embed consecutive frames of a video, to be looked at.

    Args:
        run: Whose weights to use.
        split: List that the video is in; None for clips without lists.
        video: Name of the video.
        frame: Name of the first frame. Neither it nor the next ones need a mask.
        frames: Frames of the clip.
        projected: Look at what the contrastive loss compares, behind its projection.
        data: ``vspw`` names another data set than the one trained on.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        InputError: when there is no such video or frame, or it has not enough frames after it.
    """
    chosen = find_clip(open_split(data_root(run, data or {}), split), video, frame, frames=frames)
    return Embedder.of(run, projected=projected, which=which, device=device).clip(chosen)


def embedding_similarity(
    run: Run,
    split: str | None,
    *,
    frames: int = FRAMES,
    every: int = EVERY,
    projected: bool = False,
    data: Mapping[str, Path] | None = None,
    which: str = "best",
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> PairSimilarity:
    """Measure how alike the patches of a split's clips are, within classes and between them.

    Args:
        run: Whose weights to use.
        split: List to measure; None for clips without lists.
        frames: Frames of a clip.
        every: Take every n-th clip of each video, its first one always.
        projected: Look at what the contrastive loss compares, behind its projection.
        data: ``vspw`` names another data set than the one trained on.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with clips done and clips in all.

    Returns:
        The sums over all clips; also written into the run's folder, ``embedding-<split>.json``, with their provenance,
        unless they are of projected features.

    Raises:
        InputError: when no clip of that many labelled frames is in the split.
    """
    root = data_root(run, data or {})
    found = open_split(root, split)
    clips = labelled_clips(found, frames=frames, every=every)
    embedder = Embedder.of(run, projected=projected, which=which, device=device)
    total = PairSimilarity.empty()
    for done, clip in enumerate(clips, start=1):
        total += embedder.clip(clip).similarity()
        if progress is not None:
            progress(done, len(clips))
    if projected:
        return total
    origin = {
        "run": run.name,
        "dataset": data_label(root),
        "split": found.name,
        "data_root": str(root.resolve()),
        "weights": weights_digest(run.weights(which)),
        "frames": frames,
        "every": every,
        "short_side": embedder.predictor.short_side,
        "precision": embedder.predictor.precision,
        "commit": environment()["commit"],
    }
    write_json(run.embedding_file(found.name), {**total.to_json(), "provenance": origin})
    return total


def labelled_clips(split: Split, *, frames: int = FRAMES, every: int = EVERY) -> list[tuple[Frame, ...]]:
    """List clips of consecutive labelled frames, in the order of the files; a frame without a mask breaks a clip.

    Args:
        split: Where the frames are.
        frames: Frames of a clip.
        every: Take every n-th clip of each video, its first one always.

    Raises:
        InputError: when there is none.
    """
    check_range("frames", frames, 1)
    check_range("every", every, 1)
    clips: list[tuple[Frame, ...]] = []
    for video in split.videos:
        runs = [video.frames[start : start + frames] for start in range(len(video.frames) - frames + 1)]
        clips += [clip for clip in runs if all(frame.mask is not None for frame in clip)][::every]
    if not clips:
        labelled = sum(len(video.labelled) for video in split.videos)
        fail(
            "clips",
            expected=f"at least one run of {frames} labelled frames",
            got=f"none among {labelled} labelled of {split.num_frames} frames",
            where=f"{split.root}, split {split.name}",
            fix="choose a split with masks.",
        )
    return clips


def find_clip(
    split: Split, video: str | None = None, frame: str | None = None, *, frames: int = FRAMES
) -> tuple[Frame, ...]:
    """Return the clip that begins with a frame of a video; the first labelled one that fits where a name is left out.

    Raises:
        InputError: when there is no such video or frame, or it has not enough frames after it.
    """
    if video is None:
        require(frame is None, "--frame", expected="--video with it", got="--frame alone")
        return labelled_clips(split, frames=frames)[0]
    found = split.video(video)
    if frame is None:
        return labelled_clips(Split(split.root, split.name, (found,)), frames=frames)[0]
    names = [item.name for item in found.frames]
    starts = names[: len(names) - frames + 1]
    if frame not in starts:
        expected = f"one of {starts[0]} to {starts[-1]}" if starts else f"a video of at least {frames} frames"
        got = f"{frame!r}, which has not {frames - 1} after it" if frame in names else repr(frame)
        fail("frame", expected=expected, got=got, where=f"{split.root}, split {split.name}, video {video}")
    start = names.index(frame)
    return found.frames[start : start + frames]


def _inside(size: int, padded: int, patches: int) -> int:
    """Return how many of so many patches over ``padded`` pixels have their centre in the first ``size`` of them.

    >>> [_inside(size, 32, 8) for size in (32, 31, 30, 29)]
    [8, 8, 7, 7]
    """
    return max(1, -((padded - 2 * size * patches) // (2 * padded)))


def _labels(
    frame: Frame, image: NDArray[np.uint8], size: tuple[int, int], padded: tuple[int, int], grid: tuple[int, int]
) -> Tensor:
    """Return the label at the centre of each patch of the padded frame, void without a mask."""
    if frame.mask is None:
        return torch.full(grid, VOID, dtype=torch.uint8)
    mask = read_mask(frame.mask)
    check_same_size(image.shape, mask.shape, where=frame.mask)
    resized = labels_of_patches(torch.from_numpy(mask)[None], size)
    margins = (0, padded[1] - size[1], 0, padded[0] - size[0])
    return labels_of_patches(functional.pad(resized, margins, value=VOID), grid)[0]
