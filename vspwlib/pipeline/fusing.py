"""Write the predictions of an ensemble: label maps of the exact fusion, and a score store that approximates it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vspwlib.data.index import Video
from vspwlib.ensemble.fuse import vote
from vspwlib.ensemble.rule import Rule
from vspwlib.ensemble.soft import class_weighted_labels, fused_scores, soft_labels
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.derived import Derivation, Progress, Written, members, write_derived
from vspwlib.pipeline.sources import Source, open_alike
from vspwlib.predict.labels import LabelMap
from vspwlib.runs import Workspace


def write_ensemble(
    workspace: Workspace,
    names: Sequence[str],
    split: str,
    rule: Rule,
    name: str,
    *,
    data: Path | None = None,
    device: str = "auto",
    shard: tuple[int, int] = (0, 1),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Fuse stored predictions frame by frame; videos that are finished already are skipped.

    The label maps are those of ``P = sum(w_i * P_i)`` over full-resolution probabilities, perhaps with weights of every
    class, or of the majority vote. The
    store of a soft ensemble holds the logarithm of the weighted sum of the softmaxes taken on the stride-4 grid.

    Args:
        workspace: Where the runs' predictions lie and the ensemble's go.
        names: Runs, imported systems (for a vote) or paths of their predictions, the first is P1.
        split: Split that all have predicted.
        rule: From :func:`vspwlib.ensemble.rule.choose_rule`.
        name: Name of the ensemble among the workspace's predictions.
        data: The data set; by default the one that the first run was predicted on.
        device: ``auto``, ``cpu`` or ``cuda``.
        shard: ``(index, count)``: fuse every count-th video from index on.
        overwrite: Drop what stands under that name instead of going on with it.
        progress: Called with frames done, kept ones included, and frames in all.

    Returns:
        Where everything lies, and counts.

    Raises:
        InputError: predictions are missing, unfinished, hard where scores are needed, or differ in split, classes,
            frames or sizes; the name is taken. Nothing has been written then.
    """
    sources, root, frames = open_alike(workspace, names, split, data=data, soft=rule.is_soft)
    derivation = Derivation(
        name,
        statement=f"{rule.option} of {', '.join(source.name for source in sources)}",
        made={"ensemble": rule.kind, "sources": members(sources, weight=rule.by_class or rule.weights)},
        command=f"vspw ensemble write {' '.join(names)} --split {split} {rule.option} --name {name}",
        is_soft=rule.is_soft,
    )
    place = build_fabric("fp32", device=device).device
    by_class = None if rule.by_class is None else np.array(rule.by_class)

    def scores(source: Source, video: str, frame: str) -> Tensor:
        return torch.from_numpy(source.scores().scores(video, frame)).to(place)

    def fuse(video: Video, index: int) -> tuple[LabelMap, Tensor | None]:
        frame = video.frames[index].name
        size = sources[0].labels.size(video.name, frame)
        if not rule.is_soft:
            maps = [source.labels.labels(video.name, frame, size) for source in sources]
            return vote([torch.from_numpy(ids) for ids in maps], weights=rule.weights).numpy(), None
        each = [scores(source, video.name, frame) for source in sources]
        if by_class is not None:
            return class_weighted_labels(each, size, by_class), fused_scores(each, rule.weights, by_class)
        return soft_labels(each, size, rule.weights), fused_scores(each, rule.weights)

    return write_derived(
        workspace, sources, frames, derivation, fuse, root=root, shard=shard, overwrite=overwrite, progress=progress
    )
