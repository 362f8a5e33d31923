"""Sweep tau over two runs' stored predictions: P = tau * P1 + (1 - tau) * P2, P1 the first run named."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path

import torch

from vspwlib.data.images import read_mask
from vspwlib.data.index import Frame
from vspwlib.ensemble.result import SweepResult
from vspwlib.ensemble.sweep import SweepFrame, envelope_of_scores, sweep_frames
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.prediction import provenance
from vspwlib.pipeline.sources import open_alike
from vspwlib.predict.ahead import in_order
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, write_json


def sweep(
    workspace: Workspace,
    first: str,
    second: str,
    data: str | None,
    split: str,
    *,
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
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with frames done and frames in all.

    Returns:
        Exact scores at every tau; also written to the workspace.

    Raises:
        InputError: as :func:`~vspwlib.pipeline.sources.open_alike`, or no frame has a mask.
    """
    sources, root, frames = open_alike(workspace, (first, second), split, dataset=data)
    stores = [source.scores() for source in sources]
    labelled, done = list(frames.labelled()), 0

    def tick(_video: str, _frame: str) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(labelled))

    place = build_fabric("fp32", device=device).device
    with closing(_envelopes(stores, labelled, place)) as envelopes:
        result = sweep_frames(envelopes, progress=tick)
    origin = {"first": provenance(stores[0]), "second": provenance(stores[1]), "data_root": str(root)}
    file = workspace.sweep_file(first, second, data or stores[0].manifest["dataset"], split)
    write_json(file, {**result.to_json(), "provenance": origin})
    return result


def _envelopes(
    stores: Sequence[ScoreStore], labelled: Sequence[tuple[Frame, Path]], device: torch.device
) -> Generator[SweepFrame, None, None]:
    """Yield the labelled frames with their labels at every tau; on a CPU as many at a time as it has threads."""

    def work(pair: tuple[Frame, Path]) -> SweepFrame:
        frame, mask = pair
        truth = read_mask(mask)
        first, second = (store.scores(frame.video, frame.name) for store in stores)
        return frame.video, frame.name, envelope_of_scores(first, second, truth.shape, device), truth

    return in_order(work, labelled, torch.get_num_threads() if device.type == "cpu" else 1)
