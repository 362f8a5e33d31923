"""What the pages read. Caches stand here and in :mod:`workbench.mapping_data`: bounded, keyed by path and time.

Names that come from a browser are looked up among what the workspace holds; they never become paths.
"""

from collections.abc import Collection
from pathlib import Path
from threading import Timer
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vspwlib.checks import fail, require
from vspwlib.ensemble.result import SweepResult
from vspwlib.metrics.frames import FrameConfusions
from vspwlib.metrics.similarity import PairSimilarity
from vspwlib.metrics.summary import SplitScore
from vspwlib.report import predictions as systems
from vspwlib.report import tables
from vspwlib.runs import Run, Workspace, frames_file, read_json, scores_file
from workbench.stamps import last_change

Ids = NDArray[np.uint8]
Picture = NDArray[np.uint8]


class ClipEmbedding(NamedTuple):
    """Two frames as a network sees them: their pictures, PCA colours (2, h, w, 3), similarities, and the time it took.

    The features themselves (up to 200 MB) are not kept.
    """

    names: tuple[str, ...]
    images: list[Picture]
    colours: Picture
    similarity: PairSimilarity
    seconds: float


_HEAD_START = 1.0  # seconds in which the browser draws the first page with no one else on the processor


def workspace() -> Workspace:
    """Return the workspace of this server: ``VSPW_WORKSPACE``, else ``./workspace``."""
    return Workspace.locate()


def system_rows(place: Workspace) -> tuple[list[tables.Row], list[str]]:
    """Return the table of runs and whatever else predicts, and the messages of files that could not be read."""
    trained = ("runs/*/config.json", "runs/*/log.jsonl", "runs/*/checkpoints/last.safetensors")
    patterns = (*trained, "predictions/*/*.json", "predictions/*/*.zarr", "predictions/*/*.labels")
    files = sorted(path for pattern in patterns for path in place.path.glob(pattern))
    return _system_rows(str(place.path), tuple((str(path), last_change(path)) for path in files))


def curves(run: Run) -> list[tables.Row]:
    """Return the training curves of a run."""
    log = run.path / "log.jsonl"
    return _curves(str(run.path), last_change(log)) if log.is_file() else []


def predictions(place: Workspace, *, hard: bool = False) -> dict[str, dict[str, Path]]:
    """Return stored predictions: data set and split (``vspw-test2``) to run to path; most scored runs first.

    Args:
        place: The workspace.
        hard: Label maps too, of a vote or another system, where there are no scores beside them.
    """
    maps = [path for path in place.stored_labels() if hard and not path.with_suffix(".zarr").exists()]
    found: dict[str, dict[str, Path]] = {}
    for path in sorted([*place.stored_predictions(), *maps]):
        found.setdefault(path.stem, {})[path.parent.name] = path
    scored = {key: sum(scores_file(path).is_file() for path in runs.values()) for key, runs in found.items()}
    return dict(sorted(found.items(), key=lambda item: (-scored[item[0]], item[0])))


def score(store: Path) -> SplitScore | None:
    """Return the scores of a prediction store; None when it has not been scored."""
    path = scores_file(store)
    return _score(str(path), last_change(path)) if path.is_file() else None


def frame_confusions(store: Path) -> FrameConfusions | None:
    """Return what each frame's pixels were taken for; None where the store was scored before that was kept."""
    path = frames_file(store)
    return _frame_confusions(str(path), last_change(path)) if path.is_file() else None


def newest_sweep(place: Workspace, split: str, runs: Collection[str]) -> list[str]:
    """Return P1 and P2 of the newest tau sweep of two of the runs on a split (``vspw-test2``); nothing without one."""
    pairs = {path: path.parent.name.split("+") for path in place.sweep_files() if path.stem == split}
    known = [path for path, pair in pairs.items() if {*pair} <= {*runs}]
    return pairs[max(known, key=last_change)] if known else []


def sweep(place: Workspace, first: Path, second: Path) -> SweepResult | None:
    """Return the tau sweep of two stores of one split, the first being P1; None when it has not been made."""
    data, split = dataset_and_split(first)
    path = place.sweep_file(first.parent.name, second.parent.name, data, split)
    return _sweep(str(path), last_change(path)) if path.is_file() else None


def dataset_and_split(store: Path) -> tuple[str, str]:
    """Return the names of the data set and the split that a store was predicted on."""
    manifest = _source(str(store), last_change(store)).manifest
    return str(manifest["dataset"]), str(manifest["split"])


def videos(store: Path) -> list[str]:
    """Return the names of the finished videos in a prediction store, at least one."""
    found = _videos(str(store), last_change(store))
    fix = "wait until `vspw predict` has finished one, or run it again."
    require(bool(found), "predictions", expected="a finished video", got="none yet", where=store, fix=fix)
    return found


def frames(store: Path, video: str) -> list[str]:
    """Return the names of the frames that a store holds of a video."""
    return list(_source(str(store), last_change(store)).labels.frames(video))


def picture(store: Path, video: str, frame: str) -> Picture:
    """Return the (H, W, 3) RGB frame that a store's prediction belongs to."""
    path = _frame(store, video, frame).image
    return _picture(str(path), last_change(path))


def truth(store: Path, video: str, frame: str) -> Ids | None:
    """Return the (H, W) true ids of a frame, 255 void; None where it has no mask."""
    path = _frame(store, video, frame).mask
    return None if path is None else _truth(str(path), last_change(path))


def labels(store: Path, video: str, frame: str) -> Ids:
    """Return the (H, W) ids that a run predicts on a frame."""
    return _labels(str(store), last_change(store), video, frame)


def trained_runs(place: Workspace) -> dict[str, Run]:
    """Return the runs that have weights, by name."""
    files = ("best.safetensors", "last.safetensors")
    return {run.name: run for run in place.runs() if any((run.checkpoints / file).is_file() for file in files)}


def splits(run: Run) -> list[str]:
    """Return the splits of the data set that a run was trained on, those that its recipe tests on first."""
    from vspwlib.data.index import list_splits

    tested = run.config["recipe"]["test_splits"]
    return sorted(list_splits(_data_root(run)), key=lambda split: split not in tested)


def split_frames(run: Run, split: str) -> dict[str, list[str]]:
    """Return the names of the frames of each video of a split of the data that a run was trained on."""
    return {video.name: [frame.name for frame in video.frames] for video in _split(_data_root(run), split).videos}


def embedding(run: Run, owner: Run, split: str, video: str, frame: str) -> ClipEmbedding:
    """Return what a run makes of a frame and the next one of a split of ``owner``'s data; runs a network."""
    weights = run.weights()
    return _embedding(str(run.path), (str(weights), last_change(weights)), _data_root(owner), (split, video, frame))


def embedding_similarity(run: Run, owner: Run, split: str) -> PairSimilarity | None:
    """Return what `vspw embedding` has measured of a run on a split of ``owner``'s data; None where it has not."""
    path = run.embedding_file(split)
    return _similarity(str(path), last_change(path), _data_root(owner)) if path.is_file() else None


def _data_root(run: Run) -> str:
    return str(run.config["data"]["vspw"])


def _frame(store: Path, video: str, frame: str) -> Any:
    manifest = _source(str(store), last_change(store)).manifest
    split = _split(str(manifest["data_root"]), str(manifest["split"]))
    found = next((item for item in split.video(video).frames if item.name == frame), None)
    if found is None:
        fix = "predict again; the data set is no longer the one that was predicted."
        fail("frame", expected=f"{frame} of video {video}", got="nothing there", where=split.root, fix=fix)
    return found


@st.cache_resource(max_entries=1, show_spinner=False)
def warm_up() -> None:
    """Load what the pages with pictures need (PyTorch takes seconds), once, while the first page is being looked at."""
    timer = Timer(_HEAD_START, _load_kernels)
    timer.daemon = True
    timer.start()


def _load_kernels() -> None:
    from vspwlib.predict import store  # noqa: F401
    from vspwlib.predict.scores import labels as winners

    winners(np.zeros((2, 1, 1), np.float32), (4, 4))


# Results are shared between sessions and never changed by the pages; `cache_resource` hands them out without a copy.
# Bounds are for frames of 480x854: a label map is 0.4 MB, a picture 1.2 MB.


@st.cache_resource(max_entries=4, show_spinner=False)
def _system_rows(path: str, stamps: tuple[tuple[str, int], ...]) -> tuple[list[tables.Row], list[str]]:  # noqa: ARG001
    errors: list[str] = []
    rows = systems.system_rows(Workspace(Path(path)), on_error=lambda error: errors.append(str(error)))
    return rows, errors


@st.cache_resource(max_entries=64, show_spinner=False)
def _curves(path: str, changed: int) -> list[tables.Row]:  # noqa: ARG001  part of the key
    return tables.curve_rows(Run(Path(path)))


@st.cache_resource(max_entries=64, show_spinner=False)
def _score(path: str, changed: int) -> SplitScore:  # noqa: ARG001
    return SplitScore.from_json(read_json(Path(path), "scores"), where=path)


@st.cache_resource(max_entries=8, show_spinner=False)
def _frame_confusions(path: str, changed: int) -> FrameConfusions:  # noqa: ARG001
    return FrameConfusions.load(Path(path))


@st.cache_resource(max_entries=64, show_spinner=False)
def _sweep(path: str, changed: int) -> SweepResult:  # noqa: ARG001
    return SweepResult.from_json(read_json(Path(path), "sweep"), where=path)


@st.cache_resource(max_entries=16, show_spinner=False)
def _source(path: str, changed: int) -> Any:  # noqa: ARG001
    from vspwlib.pipeline.sources import open_source

    return open_source(Path(path))


@st.cache_resource(max_entries=16, ttl="30s", show_spinner=False)  # a video that is being predicted comes in later
def _videos(path: str, changed: int) -> list[str]:
    return list(_source(path, changed).labels.videos())


@st.cache_resource(max_entries=8, ttl="10m", show_spinner=False)
def _split(root: str, split: str) -> Any:
    from vspwlib.data.index import open_split
    from vspwlib.pipeline.relocating import existing_data

    return open_split(existing_data(Path(root)), split)


@st.cache_resource(max_entries=64, show_spinner=False)
def _picture(path: str, changed: int) -> Picture:  # noqa: ARG001
    from vspwlib.data.images import read_image

    return read_image(path)


@st.cache_resource(max_entries=128, show_spinner=False)
def _truth(path: str, changed: int) -> Ids:  # noqa: ARG001
    from vspwlib.data.images import read_mask

    return read_mask(path)


@st.cache_resource(max_entries=256, show_spinner=False)
def _labels(path: str, changed: int, video: str, frame: str) -> Ids:
    found: Ids = _source(path, changed).labels.labels(video, frame)
    return found


@st.cache_resource(max_entries=32, show_spinner=False)
def _embedding(path: str, weights: tuple[str, int], root: str, clip: tuple[str, str, str]) -> ClipEmbedding:  # noqa: ARG001
    from vspwlib.pipeline.embedding import embedding_of_clip
    from vspwlib.report.embeddings import pca_colours

    began = perf_counter()
    found = embedding_of_clip(Run(Path(path)), *clip, data={"vspw": Path(root)})
    colours, similarity = pca_colours(found.features), found.similarity()
    return ClipEmbedding(found.names, list(found.images), colours, similarity, perf_counter() - began)


@st.cache_resource(max_entries=64, show_spinner=False)
def _similarity(path: str, changed: int, root: str) -> PairSimilarity | None:  # noqa: ARG001
    measured = read_json(Path(path), "similarity")
    if Path(measured["provenance"]["data_root"]) != Path(root).resolve():
        return None
    return PairSimilarity.from_json(measured, where=path)
