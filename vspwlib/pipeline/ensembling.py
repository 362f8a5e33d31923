"""Sweep tau over two runs' stored predictions: P = tau * P1 + (1 - tau) * P2, P1 the first run named."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import torch

from vspwlib.checks import fail
from vspwlib.data.images import read_mask
from vspwlib.data.index import Frame, Split, open_split
from vspwlib.ensemble.result import SweepResult
from vspwlib.ensemble.sweep import SweepFrame, envelope_of_scores, sweep_frames
from vspwlib.pipeline.prediction import provenance
from vspwlib.pipeline.sources import refuse_hard
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import Workspace, write_json


def sweep(
    workspace: Workspace,
    first: str,
    second: str,
    data: str,
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
        data: Name of the data set that was predicted.
        split: Split that was predicted.
        device: ``auto``, ``cpu`` or ``cuda``.
        progress: Called with frames done and frames in all.

    Returns:
        Exact scores at every tau; also written to the workspace.

    Raises:
        InputError: when a store is missing or they hold different frames.
    """
    stores = [open_predictions(workspace, run, data, split) for run in (first, second)]
    root = Path(stores[0].manifest["data_root"])
    place = "cuda" if device == "auto" and torch.cuda.is_available() else "cpu" if device == "auto" else device
    with closing(_frames((stores[0], stores[1]), open_split(root, split), place)) as frames:
        done, whole = 0, sum(1 for _ in open_split(root, split).labelled())

        def tick(_video: str, _frame: str) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, whole)

        result = sweep_frames(frames, progress=tick)
    origin = {"first": provenance(stores[0]), "second": provenance(stores[1]), "data_root": str(root)}
    write_json(workspace.sweep_file(first, second, data, split), {**result.to_json(), "provenance": origin})
    return result


def predicted_data(workspace: Workspace, run: str, split: str) -> str:
    """Return the name of the data set on which a run has predicted a split.

    Raises:
        InputError: when there is none, or more than one.
    """
    stores = [path for path in workspace.stored_predictions() if path.parent.name == run]
    names = [path.stem.removesuffix(f"-{split}") for path in stores if path.stem.endswith(f"-{split}")]
    if len(names) != 1:
        for path in workspace.stored_labels():
            if not names and path.parent.name == run and path.stem.endswith(f"-{split}"):
                refuse_hard(run, path)
        got = f"several: {', '.join(names)}" if names else "none"
        fix = "choose one with --dataset." if names else f"run `vspw predict {run} --split {split}`."
        fail("predictions", expected=f"one store of {run} on {split}", got=got, where=workspace.path, fix=fix)
    return names[0]


def open_predictions(workspace: Workspace, run: str, data: str, split: str) -> ScoreStore:
    """Open the soft predictions of a run on a split.

    Raises:
        InputError: there are none; the command that makes them is named.
    """
    path = workspace.predictions(run, data, split)
    if not path.exists():
        if (hard := workspace.hard_predictions(run, data, split)).exists():
            refuse_hard(run, hard)
        command = f"vspw predict {run} --split {split}"
        fail("predictions", expected=f"a store of run {run}", got="nothing there", where=path, fix=f"run `{command}`.")
    return ScoreStore.open(path)


def _frames(stores: tuple[ScoreStore, ScoreStore], split: Split, device: str) -> Generator[SweepFrame, None, None]:
    """Yield the labelled frames with their labels at every tau; on a CPU as many at a time as it has threads."""

    def work(frame: Frame, mask: Path) -> SweepFrame:
        truth = read_mask(mask)
        scores = [store.scores(frame.video, frame.name) for store in stores]
        return frame.video, frame.name, envelope_of_scores(scores[0], scores[1], truth.shape, device), truth

    workers = torch.get_num_threads() if device == "cpu" else 1
    waiting: deque[Future[SweepFrame]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for frame, mask in split.labelled():
                waiting.append(pool.submit(work, frame, mask))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
