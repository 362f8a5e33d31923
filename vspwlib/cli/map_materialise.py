"""``vspw map materialise``: a mapped copy of an image set for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from vspwlib.cli.data import WorkersOption
from vspwlib.cli.map_filter import DenominatorOption, RootOption, SplitsOption, StillsOption, ThresholdOption
from vspwlib.cli.map_report import MappingOption, StrictOption
from vspwlib.cli.options import JsonOption, WorkspaceOption, progress_bar
from vspwlib.config import MixConfig
from vspwlib.runs import Workspace


def materialise(
    dataset: StillsOption,
    out: Annotated[Path, typer.Option("--out", help="Folder to make.")],
    root: RootOption = None,
    mapping: MappingOption = None,
    threshold: ThresholdOption = MixConfig.threshold,
    denominator: DenominatorOption = "all",
    split: SplitsOption = None,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the images instead of linking them.")] = False,
    strict: StrictOption = False,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the images that `vspw map filter` keeps as a VSPW tree: masks in VSPW's raw ids, images linked.

    Training needs no such copy: it maps as it reads. Can be broken off and run again.

    Example: `vspw map materialise --dataset cocostuff --root ../cocostuff --out ../cocostuff_vspw`
    """
    import json

    from vspwlib.data.materialise import materialise as write
    from vspwlib.data.still_filter import check_denominator
    from vspwlib.pipeline.filtering import filter_folder, filter_stills, still_root

    share = check_denominator(denominator)
    place = Workspace.locate(workspace)
    folder = still_root(place, dataset, root)
    with progress_bar(f"reading {dataset}", quiet=as_json) as progress:
        found = filter_stills(
            dataset,
            folder,
            filter_folder(place, dataset, folder),
            mapping=mapping,
            threshold=threshold,
            denominator=share,
            splits=split,
            workers=workers,
            progress=progress,
        )
    if strict:
        found.report.require_sound()
    with progress_bar("writing", quiet=as_json) as progress:
        done = write(
            found.stills,
            found.report,
            found.mapping,
            out,
            images="copy" if copy else "link",
            workers=workers,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps({**done, "folder": str(out)}))
        return
    typer.echo(f"{out}: {done['written']} masks written, {done['found']} were there; train with `--data vspw={out}`")
    if found.report.problems:
        typer.secho(f"{len(found.report.problems)} problems; `vspw map filter` names them", fg="yellow", err=True)
