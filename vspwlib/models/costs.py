"""What the networks cost: parameters and operations counted from the code, images per second where they were measured.

Counting takes a minute for all networks, so that ``costs.csv`` keeps the outcome; ``python -m vspwlib.models.costs``
writes it anew after a change, and a test holds it to the code. ``speed.csv`` holds what benchmarks measured.
"""

import csv
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one network costs.

    Attributes:
        network: Its name in the zoo.
        parameters: Trainable ones, with 124 classes, the auxiliary head included.
        crop: Side in pixels of the square image that operations are counted for: its official crop.
        flops: Operations of one image in evaluation mode: those of matrix products and convolutions, a multiplication
            and an addition counted as two. Sampling, norms and activations are not in it.
    """

    network: str
    parameters: int
    crop: int
    flops: int


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast one network ran.

    Attributes:
        network: Its name in the zoo.
        device: What it ran on, in words.
        height: Of the images, in pixels.
        width: Of the images, in pixels.
        precision: For example ``bf16``.
        images_per_second: Inference.
        source: File or log entry that the figure stands in.
    """

    network: str
    device: str
    height: int
    width: int
    precision: str
    images_per_second: float
    source: str


def measure(network: str) -> Cost:
    """Count a network's parameters and operations, without storage for either weights or maps.

    Source: the counter is PyTorch's ``torch.utils.flop_counter``.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from vspwlib.models.zoo import NETWORKS, build_empty, count_parameters

    model = build_empty(network)
    crop = NETWORKS[network].crop
    model.train(mode=False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, crop, crop, device="meta"))
    return Cost(network=network, parameters=count_parameters(model), crop=crop, flops=counter.get_total_flops())


@cache
def known_costs() -> dict[str, Cost]:
    """Return ``costs.csv`` by network.

    >>> known_costs()["upernet_swin_t"].crop
    512
    """
    rows = (
        Cost(network=row["network"], **{key: int(row[key]) for key in ("parameters", "crop", "flops")})
        for row in _rows("costs.csv")
    )
    return {cost.network: cost for cost in rows}


@cache
def known_speeds() -> tuple[Speed, ...]:
    """Return ``speed.csv``, the fastest of each network first."""
    rows = (
        Speed(
            network=row["network"],
            device=row["device"],
            height=int(row["height"]),
            width=int(row["width"]),
            precision=row["precision"],
            images_per_second=float(row["images_per_second"]),
            source=row["source"],
        )
        for row in _rows("speed.csv")
    )
    return tuple(sorted(rows, key=lambda speed: (speed.network, -speed.images_per_second)))


def write_costs(path: Path, networks: Iterable[str]) -> None:
    """Count the given networks and write their table in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, [field.name for field in fields(Cost)], lineterminator="\n")
            table.writeheader()
            table.writerows(asdict(measure(network)) for network in networks)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


if __name__ == "__main__":
    from vspwlib.models.zoo import NETWORKS

    write_costs(Path(__file__).with_name("costs.csv"), NETWORKS)
