"""Sweep tau over two runs' stored predictions: P = tau * P1 + (1 - tau) * P2, P1 the first run named.

The labels at every tau are kept in the workspace (:mod:`vspwlib.pipeline.envelope_store`), so a stopped sweep goes on
with the videos that it lacks, and a second one reads a twentieth of the bytes.
"""

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from vspwlib.checks import require
from vspwlib.data.images import read_mask
from vspwlib.data.index import Split
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.result import GRID, SweepResult
from vspwlib.ensemble.sweep import SweepFrame, count_frames, envelope_of_scores
from vspwlib.ensemble.sweep_counts import SweepCounts
from vspwlib.locks import locked
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.envelope_store import EnvelopeStore
from vspwlib.pipeline.prediction import origin, provenance
from vspwlib.pipeline.shards import (
    Arrays,
    Shard,
    Stamp,
    Waiting,
    count_shard,
    digest,
    digest_masks,
    digest_names,
    forget_parts,
    videos_of,
)
from vspwlib.pipeline.sources import Source, open_alike, open_source
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
    pair = _Pair.open(workspace, first, second, data, split, device=device, taus=sorted({*GRID, *also}))
    with locked(pair.envelopes, "sweep"):
        result = pair.counts(pair.frames, progress).result()
        pair.write(result)
        forget_parts(pair.file)
    return result


def sweep_shard(
    workspace: Workspace,
    first: str,
    second: str,
    data: str | None,
    split: str,
    *,
    shard: Shard,
    also: Sequence[float] = (),
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult | Waiting:
    """Sweep every so-many-th video; the last shard writes what :func:`sweep` writes.

    Args:
        workspace: As the other arguments, that of :func:`sweep`.
        first: Run of P1, whose weight is tau.
        second: Run of P2.
        data: Name of the data set that was predicted; None for the only one of the first run.
        split: Split that was predicted, whole.
        shard: ``(index, count)``.
        also: Tau at which scores are written down beside those of :data:`~vspwlib.ensemble.result.GRID`.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with frames done and frames in all, of the shard.

    Returns:
        The scores of the split, or what is missing.

    Raises:
        InputError: as :func:`sweep` and :func:`~vspwlib.pipeline.shards.count_shard`.
    """
    pair = _Pair.open(workspace, first, second, data, split, device=device, taus=sorted({*GRID, *also}))
    labelled = any(True for _ in pair.frames.labelled())
    where = f"{pair.root} {split}"
    require(labelled, "sweep", expected="frames with truth", got="none", where=where, fix="sweep a split with masks.")

    options = {"frames": digest_names(pair.frames), "tau": digest(pair.taus)}

    def stamp(number: int) -> Stamp:
        own, now = videos_of(pair.frames, (number, shard[1])), [open_source(source.path) for source in pair.sources]
        states = [[source.state(video.name) for source in now] for video in own.videos]
        predicted = digest([[origin(source.manifest) for source in now], states])
        return {**options, "masks": digest_masks(own), "predictions": predicted}

    def merge(parts: Iterator[Arrays]) -> SweepResult:
        order = [video.name for video in pair.frames.videos]
        result = SweepCounts.merged(map(SweepCounts.from_arrays, parts), order).result()
        pair.write(result)
        return result

    with locked(pair.envelopes, "sweep", part=shard):
        with locked(pair.envelopes.with_suffix(".creation"), "sweep", wait=True):  # one shard makes what all write to
            pair.kept.begin()
        return count_shard(
            pair.file,
            "sweep",
            shard,
            stamp=stamp,
            count=lambda: pair.counts(videos_of(pair.frames, shard), progress).to_arrays(),
            merge=merge,
        )


@dataclass(frozen=True)
class _Pair:
    """Predictions of two runs on a split, and where their sweep goes."""

    sources: Sequence[Source]
    root: Path
    frames: Split
    file: Path
    envelopes: Path
    device: torch.device
    taus: Sequence[float]

    @classmethod
    def open(
        cls,
        workspace: Workspace,
        first: str,
        second: str,
        data: str | None,
        split: str,
        *,
        device: str,
        taus: Sequence[float],
    ) -> "_Pair":
        sources, root, frames = open_alike(workspace, (first, second), split, dataset=data)
        data = data or str(sources[0].manifest["dataset"])
        places = workspace.sweep_file(first, second, data, split), workspace.envelopes(first, second, data, split)
        return cls(sources, root, frames, *places, build_fabric("fp32", device=device).device, taus)

    @cached_property
    def stores(self) -> tuple[ScoreStore, ScoreStore]:
        one, two = (source.scores() for source in self.sources)
        return one, two

    @cached_property
    def kept(self) -> EnvelopeStore:
        return EnvelopeStore(self.envelopes, *self.stores)

    def counts(self, frames: Split, progress: Callable[[int, int], None] | None) -> SweepCounts:
        """Count over the labelled frames of a split or a part of it."""
        whole, done = len(list(frames.labelled())), 0

        def tick(_video: str, _frame: str) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, whole)

        with closing(_envelopes(self.kept, self.stores, frames, self.device)) as found:
            return count_frames(found, taus=self.taus, progress=tick)

    def write(self, result: SweepResult) -> None:
        """Write the result to the workspace."""
        first, second = (provenance(store) for store in self.stores)
        provenances = {"first": first, "second": second, "data_root": str(self.root)}
        write_json(self.file, {**result.to_json(), "provenance": provenances})
        told = (self.sources[0].name, self.sources[1].name, self.frames.name, *result.best)
        logger.info("sweep of %s and %s on %s: best tau %.4f, mIoU %.4f", *told, extra={"path": str(self.file)})


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
