"""All tau at once against eleven of them: envelope and exact curve, dense NumPy, dense PyTorch; one thread and two.

Two random networks' probabilities at 480x854 and 124 classes, pixel-major as the CPU path has them; ratios of one run,
CPU time on one thread and wall time on two (NumPy's fusion has one). From stores: benchmarks/sweep.py.

    python benchmarks/ensemble.py
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional

from vspwlib.ensemble.curve import tau_curve
from vspwlib.ensemble.envelope import envelope
from vspwlib.metrics.iou import confusion, miou

CLASSES, SIZE, REPETITIONS = 124, (480, 854), 3
TAUS = [step / 10 for step in range(11)]


def least_ms(work: Callable[[], object], clock: Callable[[], float], repetitions: int = REPETITIONS) -> float:
    """Return the least time of ``work`` in milliseconds; the first call, which may compile, is not counted."""
    work()
    times = []
    for _ in range(repetitions):
        start = clock()
        work()
        times.append(clock() - start)
    return 1000 * min(times)


def make_pair(noise: float) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Return P1, P2 as (K, H, W) float32, pixel-major, and a truth that both are near to."""
    generator = torch.Generator().manual_seed(0)
    shared = 4 * torch.randn(1, CLASSES, 12, 21, generator=generator)
    fields = [shared + noise * torch.randn(shared.shape, generator=generator) for _ in range(3)]
    large = [functional.interpolate(one, size=SIZE, mode="bicubic")[0].permute(1, 2, 0).contiguous() for one in fields]
    p1, p2 = (one.softmax(-1).permute(2, 0, 1) for one in large[:2])
    return p1, p2, large[2].argmax(-1).to(torch.uint8).numpy()


def main() -> None:
    torch.set_num_threads(1)
    p1, p2, truth = make_pair(noise=0.6)
    one, two = np.ascontiguousarray(p1.numpy()), np.ascontiguousarray(p2.numpy())

    def numpy_dense() -> list[float]:
        return [miou(confusion((t * one + (1 - t) * two).argmax(0).astype(np.uint8), truth)) for t in TAUS]

    def torch_dense() -> list[float]:
        return [miou(confusion((t * p1 + (1 - t) * p2).argmax(0).to(torch.uint8).numpy(), truth)) for t in TAUS]

    def exact() -> list[float]:
        curve = tau_curve([envelope(p1, p2)], [truth])
        curve.best()
        return [curve.miou(t) for t in TAUS]

    found = envelope(p1, p2)
    gap = max(abs(a - b) for a, b in zip(exact(), torch_dense(), strict=True))
    print(f"{CLASSES} classes at {SIZE[0]}x{SIZE[1]}, {found.breakpoints / truth.size:.3f} changes a pixel")
    for threads, clock in ((1, time.process_time), (2, time.perf_counter)):
        torch.set_num_threads(threads)
        dense = least_ms(numpy_dense, clock, 1)
        rows = [
            ("eleven tau, dense NumPy", dense),
            ("eleven tau, dense PyTorch", least_ms(torch_dense, clock, 1)),
            ("all tau, envelope and exact curve", least_ms(exact, clock)),
            ("  of which the envelope", least_ms(lambda: envelope(p1, p2), clock)),
        ]
        print(f"{threads} thread(s), {'CPU' if threads == 1 else 'wall'} time")
        for name, taken in rows:
            print(f"  {name:34s} {taken:9.1f} ms   {dense / taken:6.1f} times NumPy's speed")
    print(f"{'labels at a new tau':36s} {least_ms(lambda: found.labels(0.37), time.process_time, 20):9.2f} ms")
    print(f"largest difference of mIoU at the eleven tau, float32 sums against ours: {gap:.1e}")


if __name__ == "__main__":
    main()
