"""How work grows with the number of videos, and of runs: workspaces of tiny frames, made by the project's own writers.

    python benchmarks/scale.py                                            10, 100 and 1000 videos; 10, 100 and 400 runs
    python benchmarks/scale.py --videos 10,100,1000,10000 --output results/speed/scale-cpu.json

Videos have two frames of 16x16: what is measured is what a video costs beside its pixels. What a frame of 480x853 costs
is measured on one video of smooth random fields. Each step is a process of its own: CPU seconds with one thread, and by
how much its memory rose at most. ``growth`` is what the last size takes over what the one before does, divided by the
ratio of the sizes: 1 is linear, less is a fixed cost that fades. The least number of videos is five, one a fold.
"""

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from vspwlib.data.dataset import ClipDataset
from vspwlib.data.index import open_split
from vspwlib.data.prepare import prepare_480p
from vspwlib.data.transforms import ClipAugment
from vspwlib.ensemble.rule import choose_rule
from vspwlib.labels import CLASS_NAMES, id_to_raw
from vspwlib.metrics.bootstrap import miou_interval, video_counts
from vspwlib.metrics.paired import compare_scores
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.removing import disk_use, disk_use_by_name
from vspwlib.pipeline.scoring import score
from vspwlib.pipeline.searching import joint_frames, search
from vspwlib.pipeline.sources import find_predictions, open_alike
from vspwlib.predict.store import ScoreStore
from vspwlib.report.predictions import system_rows
from vspwlib.runs import Workspace, environment, frames_file, read_json, scores_file, write_json

CLASSES, PRESENT, MB = 124, 12, 1e6
TINY, LARGE, FULL_HD = (16, 16), (480, 853), (1080, 1920)
RUNS = ("first", "second")


class Place(NamedTuple):
    """A workspace with the predictions of two runs on one split, and its data set."""

    workspace: Workspace
    root: Path
    size: tuple[int, int]
    videos: int
    frames: int

    def store(self, run: str) -> Path:
        """Return where the scores of a run lie."""
        return self.workspace.predictions(run, self.root.name, "val")


def names(place: Place) -> list[str]:
    """Return names of videos as long as VSPW's."""
    return [f"{number}_{number:011d}" for number in range(place.videos)]


def fields(place: Place, number: int) -> Iterator[torch.Tensor]:
    """Yield smooth score fields (124, 12, 21) of a video's frames, in which a few classes compete."""
    generator, coarse = torch.Generator().manual_seed(number), (2, 2) if place.size == TINY else (12, 21)
    present = torch.randperm(CLASSES, generator=generator)[:PRESENT]
    base = torch.full((CLASSES, *coarse), -8.0) + torch.randn((CLASSES, *coarse), generator=generator)
    base[present] += 8 + 3 * torch.randn((PRESENT, *coarse), generator=generator)
    for _ in range(place.frames):
        base = base + 0.2 * torch.randn(base.shape, generator=generator)
        yield base


def resized(field: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Return a field at another size."""
    return functional.interpolate(field[None], size=size, mode="bilinear")[0]


def draw_data(place: Place) -> None:
    """Write a VSPW tree: one list, and JPEG frames and masks of each video."""
    for number, video in enumerate(names(place)):
        for part in ("origin", "mask"):
            (place.root / "data" / video / part).mkdir(parents=True)
        for index, field in enumerate(fields(place, number)):
            truth = resized(field, place.size).argmax(0).byte().numpy()
            Image.fromarray(id_to_raw(truth)).save(place.root / "data" / video / "mask" / f"{index:08d}.png")
            noise = np.random.default_rng(index).integers(-12, 12, (*truth.shape, 3))
            picture = (truth[..., None] * np.array([3, 5, 7]) % 200 + 30 + noise).astype(np.uint8)
            Image.fromarray(picture).save(place.root / "data" / video / "origin" / f"{index:08d}.jpg")
    (place.root / "val.txt").write_text("\n".join(names(place)) + "\n", encoding="utf-8")


def write_stores(place: Place) -> None:
    """Write the scores of two runs, which differ by noise, as `vspw predict` writes them."""
    grid, frames = tuple(-(-side // 4) for side in place.size), [f"{index:08d}" for index in range(place.frames)]
    for run in RUNS:
        stated = {"run": run, "dataset": place.root.name, "split": "val", "data_root": str(place.root), "weights": run}
        manifest = {**stated, "predict": {}, "class_names": CLASS_NAMES, "commit": None}
        store = ScoreStore.create(place.store(run), manifest)
        for number, video in enumerate(names(place)):
            generator = torch.Generator().manual_seed(number + 10**6 * RUNS.index(run))
            noisy = (field + torch.randn(field.shape, generator=generator) for field in fields(place, number))
            store.write_video(video, frames, [place.size] * place.frames, (resized(one, grid) for one in noisy))


def stored(place: Place, run: str = RUNS[0]) -> SplitScore:
    """Return the stored scores of a run."""
    return SplitScore.from_json(read_json(scores_file(place.store(run)), "scores"))


def open_clip(place: Place) -> Any:
    """Open the first video as the app's page Clips does."""
    from workbench.live.clip import Clip

    return Clip(place.workspace, [place.store(run) for run in RUNS], names(place)[0])


def read_items(place: Place) -> None:
    """Open a split for training and read as many items of an epoch as a video has frames."""
    augment = ClipAugment(crop=(480, 480) if place.size == LARGE else place.size)
    dataset = ClipDataset(open_split(place.root, "val"), augment=augment, length=place.frames)
    for position in range(place.frames):
        dataset[position]


STEPS: dict[str, Callable[[Place], object]] = {
    "predict: write two stores": write_stores,
    "open a split": lambda place: open_split(place.root, "val"),
    "train: open, shuffle, read items": read_items,
    "open a store, list its videos": lambda place: ScoreStore.open(place.store(RUNS[0])).videos(),
    "open and compare two stores": lambda place: open_alike(place.workspace, RUNS, "val"),
    "score two runs": lambda place: [score(place.store(run), place.root, "val") for run in RUNS],
    "read scores": stored,
    "sweep": lambda place: sweep(place.workspace, *RUNS, None, "val"),
    "sweep again": lambda place: sweep(place.workspace, *RUNS, None, "val"),
    "joint frames": lambda place: joint_frames(place.workspace, RUNS, None, "val"),
    "search, five folds": lambda place: search(place.workspace, RUNS, None, "val"),
    "write an ensemble": lambda place: write_ensemble(place.workspace, RUNS, "val", choose_rule(2, tau=0.4), "pair"),
    "bootstrap of one run": lambda place: miou_interval(video_counts(stored(place))),
    "compare two runs": lambda place: compare_scores(*(stored(place, run) for run in RUNS)),
    "app: open a clip of a pair": open_clip,
    "app: a clip's curve and names": lambda place: open_clip(place).metadata(),
    "disk use of a run": lambda place: disk_use(place.store(RUNS[0])),
}
FEW_VIDEOS = {"bootstrap of one run", "compare two runs", "search, five folds"}


def write_runs(place: Place) -> None:
    """Fill a workspace with runs that have predicted and scored one video."""
    single = Place(Workspace(place.workspace.path / "one"), place.root, TINY, 1, 2)
    draw_data(single)
    write_stores(single)
    result = score(single.store(RUNS[0]), single.root, "val")
    config = {"recipe": {"name": "tiny", "profile": "mini", "train": {"iterations": 1, "seed": 0}}, "data": {}}
    for number in range(place.videos):
        run = place.workspace.create_run(f"run{number}", config, {}, overwrite=False)
        (run.checkpoints / "last.safetensors").touch()
        ScoreStore.create(place.store(run.name), {"run": run.name, "split": "val", "dataset": "data"})
        write_json(
            scores_file(place.store(run.name)), {**result.to_json(), "provenance": {"split": "val", "dataset": "data"}}
        )


RUN_STEPS: dict[str, Callable[[Place], object]] = {
    "make runs": write_runs,
    "rows of `vspw runs list` and of Overview": lambda place: system_rows(place.workspace),
    "disk use of each name": lambda place: disk_use_by_name(place.workspace),
    "find each run's predictions": lambda place: [
        find_predictions(place.workspace, run.name, "val") for run in place.workspace.runs()
    ],
}


def warm_up() -> None:
    """Load and compile what is made at first use, with a workspace of one video."""
    with TemporaryDirectory() as folder:
        place = Place(Workspace(Path(folder) / "workspace"), Path(folder) / "data", TINY, 1, 2)
        draw_data(place)
        for name in ("predict: write two stores", "score two runs", "sweep", "joint frames"):
            STEPS[name](place)


def high_water_mark() -> int:
    """Return the most bytes of memory that this process has had in use."""
    return 1024 * int(Path("/proc/self/status").read_text("utf-8").partition("VmHWM:")[2].split()[0])


def measured(work: Callable[[Place], object], place: Place) -> tuple[float, float]:
    """Return CPU seconds and the rise of memory in MB of a step, in a process of its own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def inside() -> None:
        warm_up()
        gc.freeze()  # a collection looks through all that was imported, whenever it comes
        Path("/proc/self/clear_refs").write_text("5", "utf-8")  # the mark starts again from the memory in use now
        before, start = high_water_mark(), time.process_time()
        work(place)
        there.send((time.process_time() - start, (high_water_mark() - before) / MB))

    process = context.Process(target=inside)
    process.start()
    there.close()
    found: tuple[float, float] = here.recv()
    process.join()
    return found


def sizes_on_disk(place: Place) -> dict[str, float]:
    """Return bytes and numbers of what lies in a workspace."""
    swept, scores = place.workspace.sweep_file(*RUNS, place.root.name, "val"), place.store(RUNS[0])
    folders = {"scores of a run": scores, "envelopes": swept.with_suffix(".envelopes")}
    found = {f"{name}, bytes": float(disk_use(folder)) for name, folder in folders.items()}
    found |= {f"{name}, files, folders": float(len([*folder.rglob("*")])) for name, folder in folders.items()}
    files = {"scores.json": scores_file(scores), "scores.npz": frames_file(scores), "sweep.json": swept}
    return found | {f"{name}, bytes": float(path.stat().st_size) for name, path in files.items()}


def growth(sizes: list[int], values: list[float]) -> float | None:
    """Return the growth of the last step of sizes over linear growth; None where there is nothing to divide."""
    return values[-1] / values[-2] / (sizes[-1] / sizes[-2]) if len(values) > 1 and values[-2] else None


def grow(sizes: list[int], steps: dict[str, Callable[[Place], object]], folder: Path) -> list[dict[str, Any]]:
    """Measure steps at every size; print and return a row a step."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    disk: dict[str, list[float]] = {}
    for size in sizes:
        with TemporaryDirectory(dir=folder) as temporary:
            place = Place(Workspace(Path(temporary) / "workspace"), Path(temporary) / "data", TINY, size, 2)
            if steps is STEPS:
                draw_data(place)
            for name, work in steps.items():
                taken[name].append(measured(work, place))
            for name, value in (sizes_on_disk(place) if steps is STEPS else {}).items():
                disk.setdefault(name, []).append(value)
    pairs = {name: [[pair[part] for pair in found] for part in (0, 1)] for name, found in taken.items()}
    rows = [{"step": name, "cpu_s": c, "memory_mb": m, "growth": growth(sizes, c)} for name, (c, m) in pairs.items()]
    rows += [{"step": name, "count": values, "growth": growth(sizes, values)} for name, values in disk.items()]
    print(f"{'step':36s}" + "".join(f"{size:>11d}" for size in sizes) + "     growth  MB at the largest")
    for row in rows:
        shown = "".join(f"{value:11.3f}" for value in row.get("cpu_s", row.get("count")))
        rise = f"{row['memory_mb'][-1]:11.0f}" if "memory_mb" in row else ""
        print(f"{row['step']:36s}{shown}{row['growth'] or float('nan'):11.2f}{rise}")
    return rows


def frame_costs(folder: Path, frames: int) -> list[dict[str, Any]]:
    """Measure what a frame of 480x853 costs in each stage; print and return a row a stage."""
    place = Place(Workspace(folder / "workspace"), folder / "data", LARGE, 1, frames)
    large = place._replace(root=folder / "large", size=FULL_HD)
    draw_data(place)
    draw_data(large)
    steps = {name: work for name, work in STEPS.items() if name not in FEW_VIDEOS and not name.startswith("app")}
    steps |= {
        "prepare: 1080p to 480p": lambda _: prepare_480p(large.root, folder / "prepared", workers=1),
        "app: packs of a pair": lambda place: [open_clip(place).resource(f"{index}.bin") for index in range(frames)],
    }
    rows = []
    for name, work in steps.items():
        cpu, memory = measured(work, place)
        rows.append({"step": name, "cpu_ms_a_frame": 1000 * cpu / frames, "memory_mb": memory})
        print(f"{name:36s}{1000 * cpu / frames:11.1f} ms a frame {memory:11.0f} MB")
    return rows + [{"step": name, "count_a_frame": value / frames} for name, value in sizes_on_disk(place).items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ascending = {"type": lambda text: [int(part) for part in text.split(",")], "help": "ascending"}
    parser.add_argument("--videos", default=[10, 100, 1000], **ascending)
    parser.add_argument("--runs", default=[10, 100, 400], **ascending)
    parser.add_argument("--frames", type=int, default=8, help="of 480x853, for the costs of a frame")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]  # whose workbench.py is another
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        found = {
            "frame": frame_costs(folder, arguments.frames),
            "videos": grow(arguments.videos, STEPS, folder),
            "runs": grow(arguments.runs, RUN_STEPS, folder),
        }
    if arguments.output:
        sizes = {"videos": arguments.videos, "runs": arguments.runs, "frames": arguments.frames}
        write_json(arguments.output, {**environment(), "load": os.getloadavg(), "sizes": sizes, **found})


if __name__ == "__main__":
    main()
