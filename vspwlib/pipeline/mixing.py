"""The stream that a run reads: its clips alone, or mixed with the image sets that its recipe names."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric

from vspwlib.checks import fail
from vspwlib.config import Recipe
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.index import named, open_split
from vspwlib.data.joint import JointDataset, source_seed, still_clips
from vspwlib.data.still_filter import StillReport
from vspwlib.data.transforms import ClipAugment
from vspwlib.pipeline.filtering import FilteredStills, filter_folder, filter_stills
from vspwlib.runs import Workspace

#: Called with what is being read, how much of it is done, and the whole.
Reading = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stream:
    """What a run reads.

    Attributes:
        dataset: Its positions.
        stills: What each image set amounts to, by name: a resumed run must find the same.
        reports: The same image by image.
    """

    dataset: ClipDataset | JointDataset
    stills: dict[str, dict[str, Any]]
    reports: tuple[StillReport, ...] = ()


def build_stream(
    recipe: Recipe,
    data: Mapping[str, Path],
    video: Path,
    workspace: Workspace,
    fabric: Fabric,
    *,
    augment: ClipAugment,
    progress: Reading | None = None,
) -> Stream:
    """Build what a recipe trains on: its clips alone, or mixed with the image sets that it names.

    Args:
        recipe: Its groups ``clip``, ``mix`` and ``train`` say how.
        data: Folders by name.
        video: Folder of the video data set.
        workspace: Where pixel counts of image sets are kept.
        fabric: The processes that share the stream; the first reads what has not been counted.
        augment: What happens to an item.
        progress: Called while images are read.

    Raises:
        InputError: a set that is not named, cannot be used, or has problems where the recipe is strict.
    """
    mix, train = recipe.mix, recipe.train
    missing = [name for name in mix.stills if name not in data]
    if missing:
        fail(
            "--data",
            expected=" and ".join(f"{name}=PATH" for name in mix.stills),
            got=", ".join(data),
            fix=f"name {missing[0]}, or take it out of mix.stills.",
        )
    length = train.iterations * train.accumulate * train.batch_size * fabric.world_size
    with fabric.rank_zero_first():  # the others then find the counts of the first
        found = [_filter(recipe, index, data, workspace, progress) for index in range(len(mix.stills))]
    weights = mix.weights or (None,) * (len(found) + 1)
    sources: list[ClipDataset] = []
    if weights[0] != 0:
        sources.append(
            ClipDataset(
                open_split(video, recipe.train_split),
                frames=recipe.clip.frames,
                gap=recipe.clip.gap,
                augment=augment,
                seed=train.seed,
                length=length,
            )
        )
    if not found:
        return Stream(sources[0], {})
    for index, (item, weight) in enumerate(zip(found, weights[1:], strict=True), start=1):
        if weight != 0:
            seed = source_seed(train.seed, index)
            kept = item.report.kept
            sources.append(still_clips(item.stills, item.mapping, kept, augment=augment, seed=seed, length=length))
    shares = None if mix.weights is None else [weight for weight in mix.weights if weight]
    joint = JointDataset(sources, weights=shares, seed=train.seed, length=length)
    reports = tuple(item.report for item in found)
    return Stream(joint, {report.data: report.facts() for report in reports}, reports)


def _filter(
    recipe: Recipe, index: int, data: Mapping[str, Path], workspace: Workspace, progress: Reading | None
) -> FilteredStills:
    """Choose the images of one of a recipe's sets; what is wrong with the set is said once, or refused."""
    mix = recipe.mix
    name = mix.stills[index]

    def shown(done: int, whole: int) -> None:
        if progress is not None:
            progress(f"reading {name}", done, whole)

    found = filter_stills(
        name,
        data[name],
        filter_folder(workspace, name, data[name]),
        mapping=mix.mappings[index] if mix.mappings else None,
        threshold=mix.threshold,
        denominator=mix.denominator,
        progress=shown,
    )
    if mix.strict:
        found.report.require_sound()
    problems = found.report.problems
    if problems:
        told = named(f"{problem.path} ({problem.kind})" for problem in problems)
        warnings.warn(f"{name}: {told}; `vspw map filter --dataset {name}` says more", stacklevel=2)
    return found
