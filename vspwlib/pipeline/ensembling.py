"""Sweep tau over two runs' stored predictions: P = tau * P1 + (1 - tau) * P2, P1 the first run named.

The labels at every tau are kept in the workspace (:mod:`vspwlib.pipeline.envelope_store`), so a stopped sweep goes on
with the videos that it lacks, and a second one reads a twentieth of the bytes.
"""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import torch

from vspwlib.data.images import read_mask
from vspwlib.data.index import Split
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.result import GRID, SweepResult
from vspwlib.ensemble.sweep import SweepFrame, envelope_of_scores, sweep_frames
from vspwlib.locks import locked
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.envelope_store import EnvelopeStore
from vspwlib.pipeline.prediction import provenance
from vspwlib.pipeline.sources import open_alike
from vspwlib.predict.ahead import in_order
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, write_json

logger = logging.getLogger(__name__)


def sweep(
    workspace: Workspace,
    first: str,
    second: str,
    data: str | None,
    split: str,
    *,
    also: Sequence[float] = (),
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult:
    """Score the soft ensemble of two runs at every tau, their mean and their vote.

    Args:
        workspace: Where both runs' predictions lie and the result goes.
        first: Run of P1, whose weight is tau.
        second: Run of P2.
        data: Name of the data set that was predicted; None for the only one of the first run.
        split: Split that was predicted.
        also: Tau at which scores are written down beside those of :data:`~vspwlib.ensemble.result.GRID`.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with frames done and frames in all.

    Returns:
        Exact scores at every tau; also written to the workspace.

    Raises:
        InputError: as :func:`~vspwlib.pipeline.sources.open_alike`, or no frame has a mask, or another process sweeps
            the same.
    """
    sources, root, frames = open_alike(workspace, (first, second), split, dataset=data)
    one, two = (source.scores() for source in sources)
    data = data or str(one.manifest["dataset"])
    whole, done = len(list(frames.labelled())), 0

    def tick(_video: str, _frame: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, whole)

    place = build_fabric("fp32", device=device).device
    file, envelopes = workspace.sweep_file(first, second, data, split), workspace.envelopes(first, second, data, split)
    with locked(envelopes, "sweep"):
        kept = EnvelopeStore(envelopes, one, two)
        with closing(_envelopes(kept, (one, two), frames, place)) as found:
            result = sweep_frames(found, taus=sorted({*GRID, *also}), progress=tick)
        origin = {"first": provenance(one), "second": provenance(two), "data_root": str(root)}
        write_json(file, {**result.to_json(), "provenance": origin})
        told = (first, second, split, *result.best)
        logger.info("sweep of %s and %s on %s: best tau %.4f, mIoU %.4f", *told, extra={"path": str(file)})
    return result


def _envelopes(
    kept: EnvelopeStore, stores: tuple[ScoreStore, ScoreStore], split: Split, device: torch.device
) -> Generator[SweepFrame, None, None]:
    """Yield the labelled frames with their labels at every tau, kept ones where they are there; keep new ones."""
    for video in split.videos:
        masks = {frame.name: frame.mask for frame in video.frames if frame.mask}
        there = masks.keys() <= {*kept.frames(video.name)}
        made: dict[str, Envelope] = {}
        for found in _of_video(video.name, masks, kept if there else None, stores, device):
            yield found
            if not there:
                made[found[1]] = found[2]
        if made:
            kept.write(video.name, made)


def _of_video(
    video: str,
    masks: Mapping[str, Path],
    kept: EnvelopeStore | None,
    stores: tuple[ScoreStore, ScoreStore],
    device: torch.device,
) -> Generator[SweepFrame, None, None]:
    """Yield frames of a video, on a CPU as many at a time as it has threads."""

    def work(frame: str) -> SweepFrame:
        truth = read_mask(masks[frame])
        if kept is not None:
            return video, frame, kept.envelope(video, frame), truth
        first, second = (store.scores(video, frame) for store in stores)
        return video, frame, envelope_of_scores(first, second, truth.shape, device), truth

    return in_order(work, masks, torch.get_num_threads() if device.type == "cpu" else 1)
