"""How far blending windows on the stride-4 grid is from blending them at full resolution.

Class fields with sharp borders stand in for a network: one-hot label maps smoothed to about two cells and scaled to
confident logits, with smooth noise of its own in every window, as two windows never quite agree. Label maps are random
cells, or the masks of a folder:

    python benchmarks/blending.py [FOLDER OF MASKS]

Printed are the share of pixels whose class differs, and the largest and the mean difference of any probability: of the
blending alone, of what the store keeps of it in fp16, of the mean with the mirror image when that is taken on the grid,
and of the mean of six views, three scales and their mirror images.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.data.images import read_raw_mask
from vspwlib.predict.blend import GridBlend
from vspwlib.predict.predictor import resized_size
from vspwlib.predict.views import ViewMean
from vspwlib.predict.windows import Box, boxes

CLASSES, FRAMES = 32, 6
SCALES = (0.75, 1.0, 1.25)


@dataclass(frozen=True)
class Case:
    """A size of frame and the windows on it."""

    name: str
    frame: tuple[int, int]
    short_side: int | None
    window: int
    stride: int


CASES = (
    Case("480x853, window 480, stride 320", (480, 853), None, 480, 320),
    Case("480x853 at short side 896, window 896, stride 597", (480, 853), 896, 896, 597),
    Case("360x480 whole, window 480", (360, 480), None, 480, 320),
    Case("853x478 portrait, window 480, stride 320", (853, 478), None, 480, 320),
)


def resize(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(K, h, w)`` bilinearly."""
    return functional.interpolate(values[None], size=size, mode="bilinear", align_corners=False)[0]


def random_labels(size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Return ``(H, W)`` labels: the nearest of 60 random points, with wavy borders."""
    points = torch.rand(60, 2, generator=generator) * torch.tensor(size)
    classes = torch.randint(CLASSES, (60,), generator=generator)
    rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in size), indexing="ij")
    wave = resize(torch.randn(2, 30, 40, generator=generator) * 6, size)
    places = torch.stack((rows + wave[0], columns + wave[1]), dim=-1).flatten(0, 1)
    return classes[torch.cdist(places, points).argmin(dim=1)].view(size)


def mask_labels(path: Path) -> Tensor:
    """Return the labels of a mask, its classes renumbered to fewer than ``CLASSES``."""
    return torch.from_numpy(np.unique(read_raw_mask(path), return_inverse=True)[1]).long() % CLASSES


def window_scores(labels: Tensor, box: Box, generator: torch.Generator) -> Tensor:
    """Return what a network would say of a window: ``(K, h, w)`` logits, one cell for four pixels."""
    cut = labels[box.top : box.top + box.height, box.left : box.left + box.width]
    padded = functional.pad(cut[None, None].float(), (0, -box.width % 32, 0, -box.height % 32), mode="replicate")
    shares = functional.one_hot(padded[0, 0].long(), CLASSES).permute(2, 0, 1).float()
    cells = functional.avg_pool2d(shares[None], 4)
    smooth = functional.avg_pool2d(functional.pad(cells, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0]
    own = resize(torch.randn(CLASSES, 8, 8, generator=generator), (smooth.shape[1], smooth.shape[2]))
    return 10 * smooth + own


def blend_both_ways(
    labels: Tensor, case: Case, generator: torch.Generator, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return the scores of a frame on its grid, and the official ones at full resolution, ``(K, H, W)``."""
    size = resized_size(*case.frame, case.short_side, scale)
    enlarged = functional.interpolate(labels[None, None].float(), size=size, mode="nearest-exact")[0, 0].long()
    grid = GridBlend(case.frame, size, CLASSES)
    total, count = torch.zeros(CLASSES, *size), torch.zeros(size)
    for box in boxes(*size, (case.window, case.window), (case.stride, case.stride)):
        scores = window_scores(enlarged, box, generator)
        covered = scores.shape[1] * 4, scores.shape[2] * 4
        grid.add(box, covered, scores)
        rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
        total[:, rows, columns] += resize(scores, covered)[:, : box.height, : box.width]
        count[rows, columns] += 1
    return grid.mean(), resize(total / count, case.frame)


def mean_both_ways(
    labels: Tensor, case: Case, generator: torch.Generator, scales: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Return the mean of scales and their mirror images: as scores on the grid, and officially, ``(K, H, W)``."""
    mean, full_mean = ViewMean(2 * len(scales)), torch.zeros(CLASSES, *case.frame)
    for scale in scales:
        for turn in (lambda image: image, lambda image: image.flip(-1)):
            grid, full = blend_both_ways(turn(labels), case, generator, scale)
            mean.add(turn(grid))
            full_mean += turn(full.softmax(0)) / (2 * len(scales))
    return mean.result(), full_mean


def differences(found: Tensor, expected: Tensor) -> tuple[float, float, float]:
    """Return the share of pixels of another class, the largest and the mean difference of a probability."""
    wrong = (found.argmax(0) != expected.argmax(0)).float().mean()
    gap = (found - expected).abs().amax(dim=0)
    return float(wrong), float(gap.max()), float(gap.mean())


def print_rounding(generator: torch.Generator) -> None:
    """Print the share of pixels whose class fp16 alone moves, on smooth scores of 124 classes around 8."""
    size, wrong = (480, 853), {"scores": 0.0, "scores less the highest": 0.0}
    for _ in range(FRAMES):
        smooth = resize(torch.randn(124, 12, 21, generator=generator) * 4, (120, 214))
        scores = 8 + smooth + 0.2 * torch.randn(smooth.shape, generator=generator)
        expected = resize(scores, size).argmax(0)
        for name, kept in (("scores", scores), ("scores less the highest", scores - scores.amax(0))):
            wrong[name] += float((resize(kept.half().float(), size).argmax(0) != expected).float().mean()) / FRAMES
    for name, share in wrong.items():
        print(f"fp16 of {name:44s} {share:14.4%}")


def main() -> None:
    torch.set_num_threads(1)
    masks = sorted(Path(sys.argv[1]).glob("*.png")) if len(sys.argv) > 1 else []
    print(f"{'':52s} {'class differs':>14s} {'largest':>9s} {'mean':>9s}")
    for case in CASES:
        generator = torch.Generator().manual_seed(0)
        rows: dict[str, list[tuple[float, float, float]]] = {
            name: [] for name in ("stride-4 blending", "and fp16", "with flip", "with flip and three scales")
        }
        for index in range(FRAMES):
            if masks:
                whole = mask_labels(masks[len(masks) * index // FRAMES])[None, None].float()
                labels = functional.interpolate(whole, size=case.frame, mode="nearest-exact")[0, 0].long()
            else:
                labels = random_labels(case.frame, generator)
            grid, full = blend_both_ways(labels, case, generator)
            expected = full.softmax(0)
            rows["stride-4 blending"].append(differences(resize(grid, case.frame).softmax(0), expected))
            stored = (grid - grid.amax(0)).half().float()
            rows["and fp16"].append(differences(resize(stored, case.frame).softmax(0), expected))
            for name, scales in (("with flip", (1.0,)), ("with flip and three scales", SCALES)):
                on_grid, official = mean_both_ways(labels, case, generator, scales)
                rows[name].append(differences(resize(on_grid, case.frame).softmax(0), official))
        print(case.name)
        for name, found in rows.items():
            wrong, mean = (np.mean([row[column] for row in found]) for column in (0, 2))
            print(f"  {name:50s} {wrong:14.3%} {max(row[1] for row in found):9.4f} {mean:9.5f}")
    print_rounding(torch.Generator().manual_seed(0))


if __name__ == "__main__":
    main()
