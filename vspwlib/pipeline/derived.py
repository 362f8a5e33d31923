"""Write predictions that are made of stored ones, under a name of their own: exact label maps, and scores near them.

Frames come from a function; here is what all of them share: names and files, what they say about themselves, going on
by video where a call was stopped, and how far the scores are off the label maps.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from vspwlib.checks import check_name, require
from vspwlib.data.index import Split, Video
from vspwlib.labels import CLASS_NAMES
from vspwlib.locks import locked
from vspwlib.pipeline.prediction import data_label
from vspwlib.pipeline.sources import Source
from vspwlib.pipeline.stored_scores import forget_scores
from vspwlib.predict import label_folder
from vspwlib.predict import manifest as statements
from vspwlib.predict.labels import LabelMap
from vspwlib.predict.scores import labels
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import refuse_foreign
from vspwlib.predict.writer import pack
from vspwlib.runs import Workspace, environment, write_json

Progress = Callable[[int, int], None]


class FrameMaker(Protocol):
    """What makes one frame of new predictions."""

    def __call__(self, video: Video, index: int) -> tuple[LabelMap, Tensor | None]:
        """Return the label map ``(H, W)`` of a video's frame, and its scores ``(124, h, w)`` on the stride-4 grid.

        The scores are None for predictions without any. Frames of a video are asked for in order.
        """
        ...


@dataclass(frozen=True)
class Derivation:
    """How predictions are made of others.

    Attributes:
        name: Their name among the workspace's predictions.
        statement: How they are made, in a line; another one under the same name is refused.
        made: The same as JSON values, with ``sources``.
        command: What writes them again.
        is_soft: Whether they have scores.
    """

    name: str
    statement: str
    made: dict[str, Any]
    command: str
    is_soft: bool = True


@dataclass(frozen=True)
class Written:
    """What one call of :func:`write_derived` did.

    Attributes:
        labels: Folder of the label maps.
        store: The score store; None for a vote.
        recipe: File that says how the predictions were made.
        videos: Videos written.
        frames: Frames written.
        kept: Videos that were there already.
        differing: Share of the pixels written at which the store's best class is not that of the label map; None
            where nothing soft was written.
    """

    labels: Path
    store: Path | None
    recipe: Path
    videos: int
    frames: int
    kept: int
    differing: float | None

    def summary(self) -> dict[str, Any]:
        """Return everything under its name, as JSON values."""
        return {key: str(value) if isinstance(value, Path) else value for key, value in vars(self).items()}


def write_derived(
    workspace: Workspace,
    sources: Sequence[Source],
    split: Split,
    derivation: Derivation,
    make: FrameMaker,
    *,
    root: Path,
    shard: tuple[int, int] = (0, 1),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Make predictions frame by frame; videos that are finished already are skipped.

    Args:
        workspace: Where they go.
        sources: The predictions that they are made of.
        split: The split.
        derivation: How they are made.
        make: Makes a frame.
        root: The data set's folder.
        shard: ``(index, count)``: make every ``count``-th video from ``index`` on, as prediction does.
        overwrite: Drop what stands under that name instead of going on with it.
        progress: Called with frames done, kept ones included, and frames in all; of the shard.

    Returns:
        Where everything lies, and counts.

    Raises:
        InputError: the name is taken, other predictions stand under it, or another process is at the same part of it.
            Nothing has been written then.
    """
    target = _Target.of(workspace, derivation.name, data_label(root), split.name)
    target.check(sources, workspace)
    manifest = _manifest(derivation, root, split.name)
    with locked(target.labels, "predictions", part=shard):
        with locked(target.recipe, "predictions", wait=True):  # one shard begins what all go on with
            store = target.begin(manifest, soft=derivation.is_soft, overwrite=overwrite)
            facts = {"name": derivation.name, "dataset": manifest["dataset"], "split": split.name}
            write_json(target.recipe, {**facts, **derivation.made, "command": derivation.command})
        index, count = shard
        return _Writing(make, target, store).run(replace(split, videos=split.videos[index::count]), progress)


def members(sources: Sequence[Source], **each: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what the predictions that others are made of say of themselves, with further values of each."""
    own = [
        {"run": source.name, **{key: values[place] for key, values in each.items()}, "soft": source.is_soft}
        for place, source in enumerate(sources)
    ]
    return [{**member, "digest": source.digest()[:16]} for member, source in zip(own, sources, strict=True)]


@dataclass(frozen=True)
class _Target:
    """The files of new predictions."""

    name: str
    labels: Path
    store: Path
    recipe: Path

    @classmethod
    def of(cls, workspace: Workspace, name: str, data: str, split: str) -> "_Target":
        check_name("--name", name)
        folder, store, recipe = (
            place(name, data, split)
            for place in (workspace.hard_predictions, workspace.predictions, workspace.recipe_file)
        )
        return cls(name, folder, store, recipe)

    def check(self, sources: Sequence[Source], workspace: Workspace) -> None:
        """Refuse a name that would write over a source, a run's predictions, or something that is not ours."""
        taken = {run.name for run in workspace.runs()} | {source.name for source in sources}
        taken |= {self.name for source in sources if source.path.resolve().parent == self.store.parent.resolve()}
        got, fix = f"'{self.name}', a source or a run", "give the new predictions a name of their own."
        require(self.name not in taken, "--name", expected="a new name", got=got, fix=fix)
        label_folder.check_replaceable(self.labels)
        refuse_foreign(str(self.store), statements.KIND)

    def begin(self, manifest: dict[str, Any], *, soft: bool, overwrite: bool) -> ScoreStore | None:
        """Make or go on with the store and the folder, and write the recipe; other predictions are refused first."""
        if overwrite:
            shutil.rmtree(self.store, ignore_errors=True)
            for path in (self.store, self.labels):
                forget_scores(path)
        elif (found := label_folder.read_manifest(self.labels)) is not None:
            statements.check_same(found, label_folder.complete(manifest), self.labels)
        store = ScoreStore.create(self.store, manifest) if soft else None
        label_folder.create_label_folder(self.labels, manifest, overwrite=overwrite)
        return store


class _Writing:
    """The work on one split; a class because it counts while videos stream through it."""

    def __init__(self, make: FrameMaker, target: _Target, store: ScoreStore | None) -> None:
        self.make, self.target, self.store = make, target, store
        self._pixels = self._differing = 0

    def run(self, split: Split, progress: Progress | None) -> Written:
        """Write the videos that are not there."""
        todo = [video for video in split.videos if not self._is_there(video)]
        frames = sum(len(video.frames) for video in todo)
        done = split.num_frames - frames
        if progress is not None:
            progress(done, split.num_frames)
        for video in todo:
            label_folder.write_label_video(self.target.labels, video.name, self._made(video))
            done += len(video.frames)
            if progress is not None:
                progress(done, split.num_frames)
        differing = self._differing / self._pixels if self._pixels else None
        store = self.target.store if self.store is not None else None
        kept = len(split.videos) - len(todo)
        return Written(self.target.labels, store, self.target.recipe, len(todo), frames, kept, differing)

    def _is_there(self, video: Video) -> bool:
        names = [frame.name for frame in video.frames]
        scored = self.store is None or (self.store.finished(video.name) and self.store.frames(video.name) == names)
        return scored and label_folder.has_label_video(self.target.labels, video.name, names)

    def _made(self, video: Video) -> Iterator[tuple[str, LabelMap]]:
        """Yield the label maps of a video; the store's part is complete when the last has been taken."""
        writer = self.store.writer(video.name, [frame.name for frame in video.frames]) if self.store else None
        for index, frame in enumerate(video.frames):
            ids, scores = self.make(video, index)
            if writer is not None and scores is not None:
                size = (ids.shape[0], ids.shape[1])
                writer.add(size, scores)
                stored = torch.from_numpy(pack(scores, size, len(CLASS_NAMES))).permute(2, 0, 1)
                self._differing += int(np.count_nonzero(labels(stored, size) != ids))
                self._pixels += ids.size
            yield frame.name, ids
        if writer is not None:
            writer.close()


def _manifest(derivation: Derivation, root: Path, split: str) -> dict[str, Any]:
    """Return what new predictions say about themselves."""
    return {
        "run": derivation.name,
        "ensemble": derivation.statement,
        "dataset": data_label(root),
        "split": split,
        "data_root": str(root.resolve()),
        "weights": hashlib.sha256(json.dumps(derivation.made).encode()).hexdigest()[:16],
        "predict": derivation.made,
        "class_names": CLASS_NAMES,
        "commit": environment()["commit"],
    }
