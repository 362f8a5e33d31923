"""Film one planned clip or photograph and write its files. Runs in worker processes; touches its own files only."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vspwlib.data.synthetic.annotate import annotate
from vspwlib.data.synthetic.film import shoot
from vspwlib.data.synthetic.plan import FRAME_HEIGHT, FRAMES_PER_SECOND, STYLES, ClipPlan, StillPlan, rng_for
from vspwlib.data.synthetic.scenes import TEMPLATES
from vspwlib.labels import VOID, palette


def write_clip(root: Path, plan: ClipPlan) -> NDArray[np.int64]:
    """Write ``origin/`` and ``mask/`` of one video.

    Args:
        root: Root of the VSPW tree.
        plan: What to write.

    Returns:
        (256,) int64, pixels of each raw mask value.
    """
    rng = rng_for(plan.entropy, *plan.place, 1)
    take = TEMPLATES[plan.template](rng, STYLES[plan.split])
    origin, mask = root / "data" / plan.name / "origin", root / "data" / plan.name / "mask"
    origin.mkdir(parents=True)
    mask.mkdir()
    pixels = np.zeros(256, np.int64)
    for number in plan.numbers:
        time = plan.start + (number - plan.numbers[0]) / FRAMES_PER_SECOND
        picture, drawn = shoot(take, time, FRAME_HEIGHT, plan.width, grain=number)
        raw = annotate(drawn, "vspw", plan.care, plan.index)
        Image.fromarray(picture).save(origin / f"{number:08d}.jpg", quality=take.lens.quality)
        _save_mask(raw, mask / f"{number:08d}.png", coloured=plan.palette)
        pixels += np.bincount(raw.ravel(), minlength=256)
    return pixels


def write_still(root: Path, plan: StillPlan) -> NDArray[np.int64]:
    """Write one photograph and its annotation below ``root``; return the pixels of each file value, (256,) int64."""
    rng = rng_for(plan.entropy, plan.split, plan.index, 1)
    take = TEMPLATES[plan.template](rng, STYLES[plan.split])
    picture, drawn = shoot(take, rng.uniform(0, 1), plan.height, plan.width, grain=plan.index)
    labels = annotate(drawn, {"coco": "cocostuff", "ade": "ade20k"}[plan.split], plan.care, plan.index)
    Image.fromarray(picture).save(root / plan.image, quality=take.lens.quality)
    _save_mask(labels, root / plan.mask, coloured=False)
    return np.bincount(labels.ravel(), minlength=256)


def _save_mask(values: NDArray[np.uint8], path: Path, *, coloured: bool) -> None:
    image = Image.fromarray(values)
    if coloured:  # as in part of VSPW: the file shows colours, its pixels still are the values
        colours = np.vstack([[[0, 0, 0]], palette("dataset")[:VOID]]).astype(np.uint8)
        image.putpalette(colours.tobytes())
    image.save(path)
