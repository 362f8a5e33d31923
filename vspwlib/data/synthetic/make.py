"""Make the data set: plan, write in worker processes, describe, and only then put it in place."""

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import __version__ as pillow_version

from vspwlib.checks import check_range, require
from vspwlib.data.synthetic.plan import ClipPlan, MiniSpec, StillPlan, plan_clips, plan_stills
from vspwlib.data.synthetic.write import write_clip, write_still
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES

GENERATOR = 2
"""Version of the generator; raised whenever the same seed gives other files."""

_MANIFEST = "mini.json"
_PARTS = ("vspw", "cocostuff", "ade20k")

Progress = Callable[[int, int], None]
Pixels = NDArray[np.int64]
_Job = Callable[[], Pixels]


def make_mini(
    root: Path,
    *,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    spec: MiniSpec | None = None,
) -> Path:
    """Make the embedded data set, unless it is already there.

    Below ``root`` come ``vspw/`` (splits ``train``, ``test1``, ``test2``), ``cocostuff/``, ``ade20k/`` and
    ``mini.json``, which says how they were made and what they hold. Everything is written beside ``root`` and moved
    there when complete, so that an interrupted run leaves no half data set.

    Args:
        root: Folder to make; its parent is made as well.
        seed: Same seed, same files, whatever the number of workers.
        workers: Processes; None takes one a core, 1 stays in this process.
        progress: Called with (done, total) after each video or photograph.
        spec: Sizes; the default takes about 20 s on two cores.

    Returns:
        ``root``.

    Raises:
        InputError: when ``root`` holds files that are not a data set of this kind.
    """
    root, spec = Path(root), spec or MiniSpec()
    check_range("workers", 1 if workers is None else workers, 1)
    if _finished(root, seed, spec):
        return root
    strangers = sorted(p.name for p in root.iterdir() if p.name not in {*_PARTS, _MANIFEST}) if root.exists() else []
    require(
        not strangers,
        "folder for the mini data set",
        expected="a new or empty folder, or an earlier mini data set",
        got=f"a folder with {', '.join(strangers[:3])}",
        where=root,
        fix="name another folder.",
    )
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        _write_all(draft, seed, spec, workers, progress)
        _put_in_place(draft, root, seed, spec)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return root


def _identity(seed: int, spec: MiniSpec) -> dict[str, Any]:
    """What decides the content: data sets with equal identities are the same data set."""
    return {"generator": GENERATOR, "seed": seed, "spec": json.loads(json.dumps(asdict(spec)))}


def _finished(root: Path, seed: int, spec: MiniSpec) -> bool:
    try:
        manifest = json.loads((root / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = _identity(seed, spec)
    return isinstance(manifest, dict) and {key: manifest.get(key) for key in wanted} == wanted


def _put_in_place(draft: Path, root: Path, seed: int, spec: MiniSpec) -> None:
    draft.chmod(0o755)  # mkdtemp makes private folders
    if root.exists():
        if _finished(root, seed, spec):  # another process was faster
            return
        shutil.rmtree(root)
    draft.rename(root)


def _write_all(draft: Path, seed: int, spec: MiniSpec, workers: int | None, progress: Progress | None) -> None:
    clips, stills = plan_clips(spec, seed), plan_stills(spec, seed)
    _write_lists(draft / "vspw", clips)
    for still in stills:
        for path in (still.image, still.mask):
            (draft / path).parent.mkdir(parents=True, exist_ok=True)
    jobs: list[tuple[str, _Job]] = [(clip.split, partial(write_clip, draft / "vspw", clip)) for clip in clips]
    jobs += [(still.split, partial(write_still, draft, still)) for still in stills]
    pixels: dict[str, Pixels] = {}
    for done, (split, counted) in enumerate(_run(jobs, workers or len(os.sched_getaffinity(0))), start=1):
        pixels[split] = pixels.get(split, np.zeros(256, np.int64)) + counted
        if progress is not None:
            progress(done, len(jobs))
    manifest = {
        **_identity(seed, spec),
        "versions": {"numpy": np.__version__, "pillow": pillow_version},
        "splits": _describe(clips, stills, pixels),
    }
    (draft / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _run(jobs: list[tuple[str, _Job]], workers: int) -> Iterator[tuple[str, Pixels]]:
    """Run the jobs and yield (split, pixels) as they finish."""
    if workers == 1:
        for split, job in jobs:
            yield split, job()
        return
    # Threads of a parent that has loaded torch do not survive a fork, so workers start fresh.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: dict[Future[Pixels], str] = {pool.submit(job): split for split, job in jobs}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _write_lists(root: Path, clips: list[ClipPlan]) -> None:
    root.mkdir()
    for split in ("train", "test1", "test2"):
        names = [clip.name for clip in clips if clip.split == split]
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    (root / "data.txt").write_text("".join(f"{clip.name}\n" for clip in clips), encoding="utf-8")
    numbers = {"others": "0", **{name: str(number) for number, name in enumerate(CLASS_NAMES, start=1)}}
    (root / "label_num_dic_final.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


def _describe(clips: list[ClipPlan], stills: list[StillPlan], pixels: dict[str, Pixels]) -> dict[str, Any]:
    """Say how much each split holds; videos also get their classes by falling number of pixels."""
    described: dict[str, Any] = {}
    for split in ("train", "test1", "test2"):
        own = [clip for clip in clips if clip.split == split]
        if own:
            counted = pixels[split][1 : NUM_CLASSES + 1]
            order = [int(k) for k in np.argsort(-counted, kind="stable") if counted[k]]
            described[split] = {
                "videos": len(own),
                "frames": sum(len(clip.numbers) for clip in own),
                "pixels": {CLASS_NAMES[k]: int(counted[k]) for k in order},
            }
    for split in ("coco", "ade"):
        images = sum(still.split == split for still in stills)
        if images:
            described[split] = {"images": images, "values": np.flatnonzero(pixels[split]).tolist()}
    return described
