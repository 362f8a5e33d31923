"""Label look-up by table against `np.isin` and a dictionary, on masks of COCO's size with 20 classes each.

Run: ``python benchmarks/mapping.py``. One thread, rounds of all of them interleaved. Two jobs: turning a mask into
class ids, and the valid-pixel ratio of a mask. For each way the milliseconds a mask of its fastest round and how many
times the table's that is; every way is first held to the same result. A single ``isin`` is as fast as counting values,
but its ratio is that of one mapping; the counts give the ratio and the classes of all of them.
"""

import json
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vspwlib.labels import VOID
from vspwlib.labels.mapping import load_mapping

HEIGHT, WIDTH, MASKS, ROUNDS = 480, 640, 4, 5
REQUIRED = 5.0

Mask = NDArray[np.uint8]


def masks() -> list[Mask]:
    """Return masks of 20-pixel cells, each of 20 classes and unlabelled."""
    found = []
    for seed in range(MASKS):
        rng = np.random.default_rng(seed)
        values = np.append(rng.choice(182, 20, replace=False), 255).astype(np.uint8)
        cells = rng.choice(values, (HEIGHT // 20, WIDTH // 20))
        found.append(cells.repeat(20, axis=0).repeat(20, axis=1))
    return found


def ways() -> dict[str, dict[str, Callable[[Mask], object]]]:
    """Return the ways of doing each job; ours is called ``table``."""
    mapping = load_mapping("cocostuff")
    targets = {row.source_value: row.target for row in mapping.rows}
    sources: dict[int, list[int]] = {}
    for value, target in targets.items():
        sources.setdefault(target, []).append(value)
    valid = [value for value, target in targets.items() if target != VOID]

    def by_isin(mask: Mask) -> Mask:
        ids = np.full_like(mask, VOID)
        for target, values in sources.items():
            ids[np.isin(mask, values)] = target
        return ids

    def ratio_by_table(mask: Mask) -> float:
        return float(np.bincount(mask.ravel(), minlength=256)[mapping.lookup != VOID].sum() / mask.size)

    return {
        "class ids": {
            "table": mapping.apply,
            "isin, a pass a class": by_isin,
            "dict, a look-up a pixel": np.vectorize(targets.__getitem__, otypes=[np.uint8]),
        },
        "valid-pixel ratio": {
            "table": ratio_by_table,
            "mean of isin": lambda mask: float(np.isin(mask, valid).mean()),
            "isin, then void": lambda mask: float((by_isin(mask) != VOID).mean()),
            "dict, a look-up a pixel": lambda mask: sum(targets[v] != VOID for v in mask.ravel().tolist()) / mask.size,
        },
    }


def seconds(way: Callable[[Mask], object], inputs: list[Mask]) -> float:
    start = time.perf_counter()
    for mask in inputs:
        way(mask)
    return (time.perf_counter() - start) / len(inputs)


def main() -> None:
    inputs, ratios = masks(), {}
    for job, of_job in ways().items():
        expected = [of_job["table"](mask) for mask in inputs]
        for name, way in of_job.items():
            assert all(np.array_equal(way(m), e) for m, e in zip(inputs, expected, strict=True)), name
        rounds = [{name: seconds(way, inputs) for name, way in of_job.items()} for _ in range(ROUNDS)]
        fastest = {name: min(times[name] for times in rounds) for name in of_job}
        for name, least in fastest.items():
            ratios[f"{job}: {name}"] = round(least / fastest["table"], 1)
            print(f"{job:18s} {name:24s} {least * 1e3:8.3f} ms  {ratios[f'{job}: {name}']:6.1f}")
    print(json.dumps({"benchmark": "mapping", "required": REQUIRED, "ratio_min": ratios}))


if __name__ == "__main__":
    main()
