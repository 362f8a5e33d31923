"""Let runs that were trained on for some classes have a say on these, beside a run that knows all."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from vspwlib.checks import fail
from vspwlib.data.index import Video
from vspwlib.ensemble.soft import class_weighted_labels, fused_scores
from vspwlib.ensemble.specialist import check_groups, claimed_labels, claimed_scores, specialist_weights
from vspwlib.labels import class_named
from vspwlib.pipeline.building import build_fabric
from vspwlib.pipeline.derived import Derivation, Progress, Written, members, write_derived
from vspwlib.pipeline.prediction import load_recipe
from vspwlib.pipeline.sources import Source, open_alike
from vspwlib.predict.labels import LabelMap
from vspwlib.runs import Workspace


def write_specialists(
    workspace: Workspace,
    base: str,
    specialists: Sequence[str],
    split: str,
    name: str,
    *,
    weight: float | None = None,
    data: Path | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Written:
    """Fuse a base with specialists, each believed where it predicts one of its classes; or by weights of these classes.

    With a weight, ``P_c = (1 - weight) * P_c of the base + weight * P_c of the specialist for class c``, and classes
    without one are the base's. The label maps are exact at full resolution; the store holds the logarithm of P, taken
    on the stride-4 grid.

    Args:
        workspace: Where the predictions lie and the new ones go.
        base: Run or ensemble that predicts all classes.
        specialists: Runs whose recipe has a focus, ``loss.focus``, which names their classes.
        split: Split that all have predicted.
        name: Name of the new predictions.
        weight: Of a specialist on its classes, 0..1; 1 puts it in the base's place. None: it is believed where it
            predicts one of them.
        data: The data set; by default the one that the base was predicted on.
        device: ``auto``, ``cpu`` or ``cuda``.
        overwrite: Drop what stands under that name instead of going on with it.
        progress: Called with frames done, kept ones included, and frames in all.

    Raises:
        InputError: there is no specialist, or one has no classes or those of another; predictions are missing,
            unfinished, hard, or do not fit together; the name is taken. Nothing has been written then.
    """
    if not specialists:
        fail("specialists", expected="at least one run", got="none", fix="name it after the base.")
    names, classes = [base, *specialists], [focus_of(workspace, one) for one in specialists]
    groups = [[class_named(kind).id for kind in own] for own in classes]
    check_groups(groups)
    weights = None if weight is None else specialist_weights(groups, weight)
    sources, root, frames = open_alike(workspace, names, split, data=data)
    option = "" if weight is None else f"--weight {weight!r} "
    derivation = Derivation(
        name,
        statement=f"{option}of {', '.join(specialists)} beside {base}",
        made={"ensemble": "specialists", "weight": weight, "sources": members(sources, classes=[[], *classes])},
        command=f"vspw ensemble specialists {' '.join(names)} --split {split} {option}--name {name}",
    )
    place = build_fabric("fp32", device=device).device

    def scores(source: Source, video: str, frame: str) -> Tensor:
        return torch.from_numpy(source.scores().scores(video, frame)).to(place)

    def fuse(video: Video, index: int) -> tuple[LabelMap, Tensor]:
        frame = video.frames[index].name
        each = [scores(source, video.name, frame) for source in sources]
        size = sources[0].labels.size(video.name, frame)
        if weights is None:
            return claimed_labels(each, size, groups), claimed_scores(each, groups)
        return class_weighted_labels(each, size, weights), fused_scores(each, [1.0] * len(each), weights)

    return write_derived(
        workspace, sources, frames, derivation, fuse, root=root, overwrite=overwrite, progress=progress
    )


def focus_of(workspace: Workspace, run: str) -> list[str]:
    """Return the classes that a run was trained on for.

    Args:
        workspace: Where runs are looked up.
        run: Name of a run.

    Raises:
        InputError: there is no such run, or it is no specialist.
    """
    focus = load_recipe(workspace.run(run)).loss.focus
    if not focus:
        fix = "train one: vspw train x_specialist --init RUN --set 'loss.focus=[\"person\"]'."
        fail("specialist", expected="a run with classes in loss.focus", got="none", where=run, fix=fix)
    return list(focus)
