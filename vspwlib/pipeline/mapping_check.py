"""Gather what tells whether a mapping holds on videos: what photographs taught a run.

Opens without torch.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from vspwlib.checks import require
from vspwlib.config import Recipe
from vspwlib.pipeline.filtering import filter_folder, filter_stills
from vspwlib.report.mapping_check import Taught
from vspwlib.runs import Run, Workspace


def taught_by(
    run: Run, workspace: Workspace, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Taught, ...]:
    """Return the image sets that a run was taught by, with the pixels of each source value in the images it used.

    Args:
        run: Its recipe names the sets, their mappings and the threshold.
        workspace: Where pixel counts are kept.
        progress: Called while images are read.

    Raises:
        InputError: the run was taught by videos, or a set is not what it was.
    """
    recipe = Recipe.from_dict(run.config["recipe"])
    mix = recipe.mix
    alone = bool(mix.stills) and mix.weights is not None and mix.weights[0] == 0
    fix = """train one with --set 'mix.stills=["cocostuff"]' --set 'mix.weights=[0,1]'."""
    require(alone, "first run", expected="one taught by photographs alone", got=run.name, fix=fix)
    taught = []
    for index, name in enumerate(mix.stills):
        root = Path(run.config["data"][name])
        found = filter_stills(
            name,
            root,
            filter_folder(workspace, name, root),
            mapping=mix.mappings[index] if mix.mappings else None,
            threshold=mix.threshold,
            denominator=mix.denominator,
            progress=progress,
        )
        digest, known = found.report.facts()["mapping_digest"], run.config["stills"][name]["mapping_digest"]
        changed = "the mapping has changed since the run was trained"
        require(digest == known, name, expected=f"mapping {known}", got=digest, fix=f"{changed}: train it again.")
        pixels = np.zeros(256, np.int64)
        for image in found.report.images:
            if image.kept:
                values = list(image.pixels.counts)
                pixels[values] += [image.pixels.counts[value] for value in values]
        taught.append(Taught(name, found.mapping, pixels))
    return tuple(taught)
