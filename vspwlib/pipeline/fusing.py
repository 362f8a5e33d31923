"""Write the predictions of an ensemble: label maps of the exact fusion, and a score store that approximates it."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vspwlib.checks import require
from vspwlib.data.index import Split, Video
from vspwlib.ensemble.fuse import vote
from vspwlib.ensemble.rule import Rule
from vspwlib.ensemble.soft import fused_scores, soft_labels
from vspwlib.labels import CLASS_NAMES
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.prediction import data_label
from vspwlib.pipeline.sources import Source, open_alike
from vspwlib.predict import label_folder
from vspwlib.predict import manifest as statements
from vspwlib.predict.labels import LabelMap
from vspwlib.predict.scores import labels
from vspwlib.predict.store import ScoreStore
from vspwlib.predict.store_files import refuse_foreign
from vspwlib.predict.writer import pack
from vspwlib.runs import Workspace, environment, scores_file, write_json

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Written:
    """What one call of :func:`write_ensemble` did.

    Attributes:
        labels: Folder of the label maps.
        store: The score store; None for a vote.
        recipe: File that says how the ensemble was made.
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


def write_ensemble(
    workspace: Workspace,
    names: Sequence[str],
    split: str,
    rule: Rule,
    name: str,
    *,
    data: Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Fuse stored predictions frame by frame; videos that are finished already are skipped.

    The label maps are those of ``P = sum(w_i * P_i)`` over full-resolution probabilities, or of the majority vote. The
    store of a soft ensemble holds the logarithm of the weighted sum of the softmaxes taken on the stride-4 grid.

    Args:
        workspace: Where the runs' predictions lie and the ensemble's go.
        names: Runs, imported systems (for a vote) or paths of their predictions, the first is P1.
        split: Split that all have predicted.
        rule: From :func:`vspwlib.ensemble.rule.choose_rule`.
        name: Name of the ensemble among the workspace's predictions.
        data: The data set; by default the one that the first run was predicted on.
        device: ``auto``, ``cpu`` or ``cuda``.
        overwrite: Drop what stands under that name instead of going on with it.
        progress: Called with frames done, kept ones included, and frames in all.

    Returns:
        Where everything lies, and counts.

    Raises:
        InputError: predictions are missing, unfinished, hard where scores are needed, or differ in split, classes,
            frames or sizes; the name is taken. Nothing has been written then.
    """
    sources, root, frames = open_alike(workspace, names, split, data=data, soft=rule.is_soft)
    target = _Target.of(workspace, name, data_label(root), split)
    target.check(sources, workspace)
    manifest = _manifest(sources, rule, name, root, split)
    store = target.begin(manifest, rule, overwrite=overwrite)
    command = f"vspw ensemble write {' '.join(names)} --split {split} {rule.option} --name {name}"
    write_json(
        target.recipe,
        {"name": name, "dataset": manifest["dataset"], "split": split, **manifest["predict"], "command": command},
    )
    place = build_fabric("fp32", device=device).device
    return _Fusion(sources, rule, target, store, place).run(frames, progress)


@dataclass(frozen=True)
class _Target:
    """The files of an ensemble."""

    name: str
    labels: Path
    store: Path
    recipe: Path

    @classmethod
    def of(cls, workspace: Workspace, name: str, data: str, split: str) -> "_Target":
        check_name(name)
        folder, store, recipe = (
            place(name, data, split)
            for place in (workspace.hard_predictions, workspace.predictions, workspace.recipe_file)
        )
        return cls(name, folder, store, recipe)

    def check(self, sources: Sequence[Source], workspace: Workspace) -> None:
        """Refuse a name that would write over a source, a run's predictions, or something that is not ours."""
        taken = {run.name for run in workspace.runs()} | {source.name for source in sources}
        taken |= {self.name for source in sources if source.path.resolve().parent == self.store.parent.resolve()}
        got, fix = f"'{self.name}', a source or a run", "give the ensemble a name of its own."
        require(self.name not in taken, "--name", expected="a new name", got=got, fix=fix)
        label_folder.check_replaceable(self.labels)
        refuse_foreign(str(self.store), statements.KIND)

    def begin(self, manifest: dict[str, Any], rule: Rule, *, overwrite: bool) -> ScoreStore | None:
        """Make or go on with the store and the folder, and write the recipe; other predictions are refused first."""
        if overwrite:
            shutil.rmtree(self.store, ignore_errors=True)
            for path in (self.store, self.labels):
                scores_file(path).unlink(missing_ok=True)
        elif (found := label_folder.read_manifest(self.labels)) is not None:
            statements.check_same(found, label_folder.complete(manifest), self.labels)
        store = ScoreStore.create(self.store, manifest) if rule.is_soft else None
        label_folder.create_label_folder(self.labels, manifest, overwrite=overwrite)
        return store


class _Fusion:
    """The work on one split; a class because it counts while videos stream through it."""

    def __init__(
        self, sources: Sequence[Source], rule: Rule, target: _Target, store: ScoreStore | None, device: torch.device
    ) -> None:
        self.sources, self.rule, self.target, self.store, self.device = sources, rule, target, store, device
        self._pixels = self._differing = 0

    def run(self, split: Split, progress: Progress | None) -> Written:
        """Write the videos that are not there."""
        todo = [video for video in split.videos if not self._is_there(video)]
        frames = sum(len(video.frames) for video in todo)
        done = split.num_frames - frames
        if progress is not None:
            progress(done, split.num_frames)
        for video in todo:
            label_folder.write_label_video(self.target.labels, video.name, self._fused(video))
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

    def _fused(self, video: Video) -> Iterator[tuple[str, LabelMap]]:
        """Yield the label maps of a video; the store's part is complete when the last has been taken."""
        writer = self.store.writer(video.name, [frame.name for frame in video.frames]) if self.store else None
        for frame in video.frames:
            size = self.sources[0].labels.size(video.name, frame.name)
            if writer is None:
                maps = [source.labels.labels(video.name, frame.name, size) for source in self.sources]
                yield frame.name, vote([torch.from_numpy(ids) for ids in maps]).numpy()
                continue
            scores = [self._scores(source, video.name, frame.name) for source in self.sources]
            ids, fused = soft_labels(scores, size, self.rule.weights), fused_scores(scores, self.rule.weights)
            writer.add(size, fused)
            stored = torch.from_numpy(pack(fused, size, len(CLASS_NAMES))).permute(2, 0, 1)
            self._differing += int(np.count_nonzero(labels(stored, size) != ids))
            self._pixels += ids.size
            yield frame.name, ids
        if writer is not None:
            writer.close()

    def _scores(self, source: Source, video: str, frame: str) -> Tensor:
        return torch.from_numpy(source.scores().scores(video, frame)).to(self.device)


def check_name(name: str) -> None:
    """Require a name that can be a folder of the workspace.

    Args:
        name: Of an ensemble or an imported system.

    Raises:
        InputError: it is empty, hidden, or holds a separator or a line break.
    """
    fit = name == name.strip() != "" and Path(name).name == name and not name.startswith(".") and name.isprintable()
    require(fit, "--name", expected="a name that can be a folder's", got=repr(name), fix="for example --name best.")


def _manifest(sources: Sequence[Source], rule: Rule, name: str, root: Path, split: str) -> dict[str, Any]:
    """Return what an ensemble's predictions say about themselves."""
    members = [
        {"run": source.name, "weight": weight, "soft": source.is_soft, "digest": source.digest()[:16]}
        for source, weight in zip(sources, rule.weights, strict=True)
    ]
    made = {"ensemble": rule.kind, "sources": members}
    return {
        "run": name,
        "ensemble": f"{rule.option} of {', '.join(source.name for source in sources)}",
        "dataset": data_label(root),
        "split": split,
        "data_root": str(root.resolve()),
        "weights": hashlib.sha256(json.dumps(made).encode()).hexdigest()[:16],
        "predict": made,
        "class_names": CLASS_NAMES,
        "commit": environment()["commit"],
    }
