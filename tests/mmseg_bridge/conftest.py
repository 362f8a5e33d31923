"""A data set of four tiny videos with every kind of raw value, and mmseg imported without its warnings."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

with warnings.catch_warnings():  # mmcv warns about compiled ops that nothing here uses
    warnings.simplefilter("ignore", UserWarning)
    import mmseg.models  # noqa: F401

FRAMES = 10  # more than 8, so that VC8 has clips
SIZE = (32, 48)


def write_video(folder: Path, seed: int, *, still: bool = False) -> None:
    """A square (raw 49) drifts over another class (raw 1); rows of 0, 125, 252 and 255. ``still``: one frame, repeated.

    The background is noise in blocks, so that no crop looks like another.
    """
    for part in ("origin", "mask"):
        (folder / part).mkdir(parents=True)
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 200, (SIZE[0] // 4, SIZE[1] // 4, 3)).repeat(4, axis=0).repeat(4, axis=1)
    for index in range(FRAMES):
        place = 4 if still else 4 + 2 * index
        mask = np.full(SIZE, 1, np.uint8)
        mask[8:24, place : place + 16] = 49
        mask[0], mask[1, :20], mask[2, :20], mask[3, :20] = 0, 125, 252, 255
        image = np.where(mask[..., None] == 49, (200, 40, 40), blocks).astype(np.uint8)
        name = f"{17 + index:08d}"
        Image.fromarray(image).save(folder / "origin" / f"{name}.jpg")
        Image.fromarray(mask).save(folder / "mask" / f"{name}.png")


@pytest.fixture(scope="session")
def bridge_data(tmp_path_factory) -> Path:
    """VSPW's tree with the splits train and val, two videos each, and still: one whose frames are all alike."""
    root = tmp_path_factory.mktemp("bridge") / "tiny"
    splits = {"train": ["1_aaaaaaaaaaa", "2_bbbbbbbbbbb"], "val": ["3_ccccccccccc", "4_ddddddddddd"], "still": ["5_e"]}
    for seed, video in enumerate(name for names in splits.values() for name in names):
        write_video(root / "data" / video, seed, still=video in splits["still"])
    for split, videos in splits.items():
        (root / f"{split}.txt").write_text("\n".join(videos))
    return root
