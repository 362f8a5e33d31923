"""Reading and augmenting a training frame against mmseg's own pipeline: same files, one process, one thread.

    python benchmarks/data_loading.py [--root VSPW_480p --split train]

Without a folder it draws 480x853 JPEG frames and PNG masks of its own. Both sides decode, resize by 0.5 to 2, cut
480x480 with at most 75 % of one class, flip and distort colours. Ours also pads, normalises to float32 and widens the
mask to int64; mmseg leaves that to a later step, which its figure does not count. Rounds of the two are interleaved;
printed are CPU milliseconds a frame and how many times faster ours is.
"""

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vspwlib.data.dataset import ClipDataset
from vspwlib.data.index import Frame, Split, open_split
from vspwlib.data.transforms import ClipAugment
from vspwlib.labels import NUM_CLASSES

FRAMES, ROUNDS = 30, 15
HEIGHT, WIDTH, CROP = 480, 853, 480


def draw_tree(root: Path) -> None:
    """Write one video of frames with detail at every scale, about 100 kB each, and masks of 40 regions."""
    rng = np.random.default_rng(0)
    for kind in ("origin", "mask"):
        (root / "data" / "drawn" / kind).mkdir(parents=True)
    for number in range(FRAMES):
        layers = [rng.normal(0, 110 / octave, (2 + 5 * octave, 2 + 9 * octave, 3)) for octave in (1, 4, 16)]
        picture = 128 + sum(
            np.stack([np.asarray(Image.fromarray(layer[..., c]).resize((WIDTH, HEIGHT), 3)) for c in range(3)], -1)
            for layer in (layer.astype(np.float32) for layer in layers)
        )
        noisy = (picture + rng.normal(0, 5, picture.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(root / "data" / "drawn" / "origin" / f"{number:08d}.jpg", quality=88)
        points, classes = rng.uniform(0, (HEIGHT, WIDTH), (40, 2)), rng.integers(0, NUM_CLASSES + 1, 40)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        distance = [(rows - y) ** 2 + (columns - x) ** 2 + 40 * np.sin(rows / 9) for y, x in points]
        mask = classes[np.argmin(distance, axis=0)].astype(np.uint8)
        Image.fromarray(mask).save(root / "data" / "drawn" / "mask" / f"{number:08d}.png")


def mmseg_reader(frames: list[Frame]) -> Callable[[int], object]:
    """Return a function that reads the n-th frame through mmseg's transforms."""
    from mmcv.transforms import Compose, LoadImageFromFile
    from mmseg.datasets.transforms import (
        LoadAnnotations,
        PackSegInputs,
        PhotoMetricDistortion,
        RandomCrop,
    )
    from mmseg.registry import TRANSFORMS

    resize = {"type": "RandomResize", "scale": (WIDTH, HEIGHT), "ratio_range": (0.5, 2.0), "keep_ratio": True}
    pipeline = Compose(
        [
            LoadImageFromFile(),
            LoadAnnotations(reduce_zero_label=True),
            TRANSFORMS.build(resize),
            RandomCrop(crop_size=(CROP, CROP), cat_max_ratio=0.75),
            TRANSFORMS.build({"type": "RandomFlip", "prob": 0.5}),
            PhotoMetricDistortion(),
            PackSegInputs(),
        ]
    )

    def read(number: int) -> object:
        frame = frames[number % len(frames)]
        paths = {"img_path": str(frame.image), "seg_map_path": str(frame.mask)}
        return pipeline({**paths, "reduce_zero_label": True, "seg_fields": []})

    return read


def cpu_ms(read: Callable[[int], object], round_number: int) -> float:
    """Return CPU milliseconds a frame over one round."""
    start = time.process_time()
    for number in range(FRAMES):
        read(round_number * FRAMES + number)
    return 1000 * (time.process_time() - start) / FRAMES


def compare(split: Split) -> dict[str, object]:
    """Time both on the same frames, alternately."""
    frames = [frame for frame, _ in split.labelled()]
    augment = ClipAugment((CROP, CROP), short_side=HEIGHT)  # mmseg fits frames into 853x480 at ratio 1
    dataset = ClipDataset(split, augment=augment, length=(ROUNDS + 1) * FRAMES)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(frames)).tolist()
    theirs = mmseg_reader([frames[place] for place in order])
    cpu_ms(dataset.__getitem__, 0), cpu_ms(theirs, 0)
    rounds = [(cpu_ms(dataset.__getitem__, turn), cpu_ms(theirs, turn)) for turn in range(1, ROUNDS + 1)]
    ours_ms, theirs_ms = zip(*rounds, strict=True)
    return {
        "benchmark": "data_loading",
        "ours_ms": round(min(ours_ms), 2),
        "mmseg_ms": round(min(theirs_ms), 2),
        "ratio_min": round(min(theirs_ms) / min(ours_ms), 2),
        "ratio_median": round(statistics.median(b / a for a, b in rounds), 2),
        "required": 1.0,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, help="a data folder with masks in mask/; drawn frames by default")
    parser.add_argument("--split", help="its split")
    options = parser.parse_args()
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        root = options.root or Path(folder)
        if options.root is None:
            draw_tree(root)
        figures = compare(open_split(root, options.split))
    print(f"vspwlib {figures['ours_ms']} ms, mmseg {figures['mmseg_ms']} ms of CPU a frame, least of {ROUNDS} rounds")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
