"""Write small image sets in COCO-Stuff's and ADE20K's layouts, and a mapping for them."""

from pathlib import Path

import numpy as np
from PIL import Image

from vspwlib.labels import CLASS_NAMES
from vspwlib.labels.mapping import COLUMNS, LabelMapping, load_mapping

SIZE = (20, 30)  # height, width


def write_pair(root: Path, split: str, name: str, mask: np.ndarray, *, grey: bool = False) -> None:
    """Write a noisy image and its annotation in the layout ``images/``, ``annotations/``."""
    for part in ("images", "annotations"):
        (root / part / split).mkdir(parents=True, exist_ok=True)
    shape = mask.shape if grey else (*mask.shape, 3)
    noise = np.random.default_rng(len(name)).integers(0, 256, shape, np.uint8)
    Image.fromarray(noise).save(root / "images" / split / f"{name}.jpg", quality=95)
    Image.fromarray(mask).save(root / "annotations" / split / f"{name}.png")


def share_mask(value: int, valid: int, rest: int = 255) -> np.ndarray:
    """Return a mask in which ``valid`` percent of the pixels hold a value and the others another one."""
    mask = np.full(SIZE, rest, np.uint8)
    mask.ravel()[: mask.size * valid // 100] = value
    return mask


def write_coco(root: Path, shares: dict[str, int], split: str = "train2017") -> Path:
    """Write images whose masks hold so many percent of person (0), and unlabelled pixels (255)."""
    for name, valid in shares.items():
        write_pair(root, split, name, share_mask(0, valid))
    return root


def own_mapping(path: Path, targets: dict[int, str]) -> LabelMapping:
    """Write and load a mapping of a few values to classes, or to void."""
    rows = [",".join(COLUMNS)]
    for value, name in targets.items():
        void = name == "void"
        raw = 255 if void else CLASS_NAMES.index(name) + 1
        rows.append(f"{value},source {value},{raw},{name},{'none' if void else 'exact'},because")
    path.write_text("\n".join(rows) + "\n")
    return load_mapping(path)
