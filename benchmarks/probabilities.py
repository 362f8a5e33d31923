"""Class probabilities and labels at full resolution: this project's CPU path against interpolate followed by softmax.

One thread, process CPU time, minimum of several repetitions, ratios from one run:

    python benchmarks/probabilities.py
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.predict.scores import labels, probabilities, probability_bands

CLASSES, SIZE, REPETITIONS = 124, (480, 853), 7


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the least CPU time of ``work`` in milliseconds; the first call, which may compile, is not counted."""
    work()
    times = []
    for _ in range(REPETITIONS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times)


def make_scores(noise: float) -> Tensor:
    """Return ``(K, h, w)`` scores: a smooth random field and noise per cell."""
    grid = tuple(-(-side // 4) for side in SIZE)
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(1, CLASSES, 12, 21, generator=generator) * 4
    smooth = functional.interpolate(coarse, size=grid, mode="bicubic")[0]
    return smooth + noise * torch.randn(smooth.shape, generator=generator)


def run_through(bands: object) -> None:
    """Take every band and drop it, as a consumer that works band by band does."""
    for _ in bands:  # type: ignore[attr-defined]
        pass


def main() -> None:
    torch.set_num_threads(1)
    scores = make_scores(noise=0.2)
    planar = scores[None].contiguous()
    pixel_major = planar.contiguous(memory_format=torch.channels_last)

    def resized(values: Tensor) -> Tensor:
        return functional.interpolate(values, size=SIZE, mode="bilinear", align_corners=False)[0]

    plain_p, plain_l = cpu_ms(lambda: resized(planar).softmax(0)), cpu_ms(lambda: resized(planar).argmax(0))
    rows = [
        ("interpolate + softmax", plain_p, plain_p),
        ("the same, channels_last", cpu_ms(lambda: resized(pixel_major).softmax(0)), plain_p),
        ("probabilities", cpu_ms(lambda: probabilities(scores, SIZE)), plain_p),
        ("probability_bands", cpu_ms(lambda: run_through(probability_bands(scores, SIZE))), plain_p),
        ("interpolate + argmax", plain_l, plain_l),
        ("the same, channels_last", cpu_ms(lambda: resized(pixel_major).argmax(0)), plain_l),
        ("labels", cpu_ms(lambda: labels(scores, SIZE)), plain_l),
    ]
    print(f"{CLASSES} classes at {SIZE[0]}x{SIZE[1]}, one thread")
    for name, taken, base in rows:
        print(f"{name:26s} {taken:7.1f} ms   {base / taken:5.2f}x")


if __name__ == "__main__":
    main()
