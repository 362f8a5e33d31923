"""Write an image set in VSPW's ids and layout, for tools that cannot map on the fly.

The copy is a VSPW tree: ``data/<set>_<split>/origin`` holds the images that are kept, linked or copied, and ``mask``
their annotations as PNGs of raw VSPW values (1..124, 255 void). A list ``<set>_<split>.txt`` names each folder, and
``train.txt`` all of them. Such a folder stands where VSPW has a video, but its frames have nothing to do with each
other: train on single frames.

The tree is built in a hidden folder beside its place and moved there when it is whole; a run that was broken off goes
on where it stopped, provided that it is asked for the same thing.
"""

import json
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PIL import Image

from vspwlib.checks import fail, require
from vspwlib.data.images import read_raw_mask
from vspwlib.data.layout import DICTIONARY
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.data.still_filter import StillReport, mapping_digest, write_report
from vspwlib.data.stills import Still, StillSet
from vspwlib.data.writing import write_text, write_whole
from vspwlib.labels import CLASS_NAMES, id_to_raw
from vspwlib.labels.mapping import LabelMapping

IDENTITY = "materialised.json"

Images = Literal["link", "copy"]


def materialise(
    stills: StillSet,
    report: StillReport,
    mapping: LabelMapping,
    target: str | Path,
    *,
    images: Images = "link",
    workers: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the images that a report keeps as a VSPW tree.

    Args:
        stills: The set.
        report: Which of its images are kept, under this mapping.
        mapping: From its values to VSPW's classes.
        target: Folder to make. One that this function made before, of the same images, is left as it is.
        images: ``link`` makes symbolic links to the images, ``copy`` copies them.
        workers: Number of threads; one a core by default.
        progress: Called with images done and images in all.

    Returns:
        What was asked for (``data``, ``mapping``, ``threshold``, ``kept`` and so on) and how many masks were written
        now (``written``) or were there (``found``).

    Raises:
        InputError: nothing is kept, the target holds something else, or the disk is full.
    """
    require(report.digest == mapping_digest(mapping), "mapping", expected=report.mapping, got=mapping.name)
    require(bool(report.kept), stills.name, expected="images to write", got="none kept", fix="lower the threshold.")
    target = Path(target).expanduser().resolve()
    identity = {"schema": 1, "data": report.data, **report.facts(), "images_are": images}
    if _holds(target, identity):
        return {**identity, "written": 0, "found": len(report.kept)}
    draft = target.with_name(f".{target.name}.part")
    if not (draft.is_dir() and _identity(draft) == identity):
        shutil.rmtree(draft, ignore_errors=True)  # begun for other images or another mapping
        _write_json(draft / IDENTITY, identity)
    kept = frozenset(report.kept)
    chosen = [still for still in stills.stills if stills.key(still.image) in kept]
    one = partial(_write_still, draft=draft, data=stills.name, mapping=mapping, images=images)
    written = sum(run_parallel(one, chosen, workers=workers, progress=progress))
    folders = list(dict.fromkeys(_folder(stills.name, still) for still in chosen))
    for name, listed in {"train": folders, **{folder: [folder] for folder in folders}}.items():
        write_text(draft / f"{name}.txt", "".join(f"{folder}\n" for folder in listed))
    numbers = {"others": "0", **{name: str(number) for number, name in enumerate(CLASS_NAMES, start=1)}}
    _write_json(draft / DICTIONARY, numbers)
    write_report(report, draft / "filter")
    draft.replace(target)
    return {**identity, "written": written, "found": len(chosen) - written}


def _write_still(still: Still, *, draft: Path, data: str, mapping: LabelMapping, images: Images) -> bool:
    """Write one pair; tell whether there was anything to do. The mask comes last, so that it tells of a whole pair."""
    folder = draft / "data" / _folder(data, still)
    mask = folder / "mask" / f"{still.name}.png"
    if mask.is_file():
        return False
    copied = folder / "origin" / still.image.name
    save = partial(os.symlink, still.image.resolve()) if images == "link" else partial(shutil.copyfile, still.image)
    if not copied.exists():
        write_whole(copied, save)
    raw = id_to_raw(mapping.apply(read_raw_mask(still.mask, clip=False)))
    write_whole(mask, partial(Image.fromarray(raw).save, format="PNG"))
    return True


def _folder(data: str, still: Still) -> str:
    return f"{data}_{still.split}"


def _holds(target: Path, identity: Mapping[str, Any]) -> bool:
    """Tell whether the target is finished; refuse one that holds something else."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    found = _identity(target) if target.is_dir() else None
    if found == identity:
        return True
    differing = [key for key in identity if found.get(key) != identity[key]] if found else []
    fail(
        "--out",
        expected="a new or empty folder, or an earlier copy of the same images",
        got=f"a copy with another {', '.join(differing)}" if differing else "something else",
        where=target,
        fix="name another folder, or delete this one.",
    )


def _identity(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(values, indent=1) + "\n")
