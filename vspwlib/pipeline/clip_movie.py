"""Stored predictions of a video as an mp4 to show: frame, truth and each run, or a pair fused, side by side."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vspwlib.checks import check_range, require
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import Frame
from vspwlib.ensemble.soft import soft_labels
from vspwlib.labels import PaletteName, palette
from vspwlib.pipeline.sources import Source, open_alike
from vspwlib.predict.labels import LabelMap
from vspwlib.predict.video import overlay, write_mp4
from vspwlib.runs import Workspace

RATE = 15.0  # frames per second of VSPW

Picture = NDArray[np.uint8]


def write_movie(
    workspace: Workspace,
    names: Sequence[str],
    split: str,
    video: str,
    target: Path,
    *,
    tau: float | None = None,
    dataset: str | None = None,
    rate: float = RATE,
    opacity: float = 0.6,
    colours: PaletteName = "glasbey",
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the frames of a video that have predictions, their panels from left to right.

    Args:
        workspace: Where the predictions lie.
        names: Runs, ensembles, imported systems or paths of their predictions, P1 first; one panel each.
        split: The split.
        video: Name of the video.
        target: The mp4; whole or not there.
        tau: With two soft ones a further panel, P = tau*P1 + (1-tau)*P2.
        dataset: Name of the data set's folder; by default that of the first.
        rate: Frames per second.
        opacity: Share of the colours, 0 to 1.
        colours: Name of the palette.
        progress: Called with frames done and frames in all.

    Returns:
        Number of frames. Panels: the frame, its truth in a video that has some, one for each name, the fused one.

    Raises:
        InputError: as :func:`~vspwlib.pipeline.sources.open_alike`; no such video; tau without two of them.
    """
    require(tau is None or len(names) == 2, "--tau", expected="two runs", got=len(names))
    if tau is not None:
        check_range("--tau", tau, 0, 1)
    check_range("opacity", opacity, 0, 1)
    sources, _, frames = open_alike(workspace, names, split, dataset=dataset, soft=tau is not None)
    chosen = frames.video(video).frames
    with_truth = any(frame.mask for frame in chosen)
    table = palette(colours)

    def panels(frame: Frame) -> Iterator[tuple[Picture, LabelMap | None]]:
        image = read_image(frame.image)
        yield image, None
        size = (image.shape[0], image.shape[1])
        if with_truth:
            yield image, None if frame.mask is None else read_mask(frame.mask)
        for source in sources:
            yield image, source.labels.labels(video, frame.name, size)
        if tau is not None:
            yield image, _fused(sources, video, frame.name, size, tau)

    def drawn() -> Iterator[Picture]:
        shape: tuple[int, ...] | None = None
        for done, frame in enumerate(chosen, start=1):
            each = [image if ids is None else overlay(image, ids, table, opacity) for image, ids in panels(frame)]
            picture = np.concatenate(each, axis=1)
            shape = shape or picture.shape  # a film has one size; VSPW's frames of a video have one too
            yield picture if picture.shape == shape else _resized(picture, shape)
            if progress is not None:
                progress(done, len(chosen))

    write_mp4(target, drawn(), rate)
    return len(chosen)


def _fused(sources: Sequence[Source], video: str, frame: str, size: tuple[int, int], tau: float) -> LabelMap:
    scores = [torch.from_numpy(source.scores().scores(video, frame)) for source in sources]
    return soft_labels(scores, size, (tau, 1 - tau))


def _resized(picture: Picture, shape: tuple[int, ...]) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))
