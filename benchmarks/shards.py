"""What a sweep takes whole and in shards, and that both write the same file.

    python benchmarks/shards.py                               300 videos of four frames of 120x213, whole, in two shards
    python benchmarks/shards.py --videos 100 --shards 2,4

Stores and measure are those of ``benchmarks/scale.py``: CPU seconds of a process with one thread, and by how much its
memory rose. Shards run one after the other, so that they do not take each other's core; the last one merges.
"""

import argparse
import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from scale import RUNS, Place, draw_data, measured, write_stores

from vspwlib.pipeline.ensembling import sweep, sweep_shard
from vspwlib.pipeline.shards import parts_folder
from vspwlib.runs import Workspace

SIZE, FRAMES = (120, 213), 4


def sweep_one(place: Place, shard: tuple[int, int]) -> None:
    """Sweep a shard, or the whole where there is one."""
    if shard[1] == 1:
        sweep(place.workspace, *RUNS, None, "val")
    else:
        sweep_shard(place.workspace, *RUNS, None, "val", shard=shard)


def sweep_in(place: Place, count: int) -> tuple[bytes, list[tuple[float, float]], int]:
    """Sweep from nothing; return the file, the cost of each process, and the bytes of the first shard's part."""
    file = place.workspace.sweep_file(*RUNS, place.root.name, "val")
    shutil.rmtree(file.parent, ignore_errors=True)  # with the envelopes, which the next one would go on from
    costs, part = [], 0
    for index in range(count):
        costs.append(measured(partial(sweep_one, shard=(index, count)), place))
        if index == 0 and count > 1:
            part = sum(path.stat().st_size for path in parts_folder(file).iterdir())
    return file.read_bytes(), costs, part


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=300)
    parser.add_argument("--shards", default=[2], type=lambda text: [int(part) for part in text.split(",")])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        place = Place(Workspace(folder / "workspace"), folder / "data", SIZE, arguments.videos, FRAMES)
        draw_data(place)
        write_stores(place)
        found = {}
        for count in (1, *arguments.shards):
            found[count], costs, part = sweep_in(place, count)
            each = ", ".join(f"{cpu:.1f} s and {memory:.0f} MB" for cpu, memory in costs)
            print(f"{count:3d}: {each}; part {part / 1e6:.1f} MB", flush=True)
    print("the same file" if len(set(found.values())) == 1 else "OTHER FILES")


if __name__ == "__main__":
    main()
