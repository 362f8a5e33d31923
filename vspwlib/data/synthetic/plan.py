"""What is to be made: how many clips and photographs, of which templates, in which style, under which names.

Every clip and photograph has a seed of its own, keyed by its place in the plan, so that the result does not depend
on the number of workers.
"""

import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vspwlib.checks import check_range
from vspwlib.data.synthetic.take import Style

FRAME_HEIGHT = 144
"""Rows of every video frame; VSPW's 480p tree has 480 throughout."""

FRAMES_PER_SECOND = 15


@dataclass(frozen=True)
class MiniSpec:
    """Sizes of the embedded data set.

    Attributes:
        train: Videos of the split ``train``.
        test1: Videos of the split ``test1``.
        test2: Videos of the split ``test2``.
        coco: Photographs in COCO-Stuff's label space.
        ade: Photographs in ADE20K's label space.
        train_frames: Fewest and most frames of a video to train on; many short ones teach more than few long ones.
        frames: Fewest and most frames of a video to test on; VC16 needs 17.
    """

    train: int = 80
    test1: int = 8
    test2: int = 10
    coco: int = 120
    ade: int = 80
    train_frames: tuple[int, int] = (7, 11)
    frames: tuple[int, int] = (18, 28)

    def __post_init__(self) -> None:
        for name in ("train", "test1", "test2", "coco", "ade"):
            check_range(f"MiniSpec.{name}", getattr(self, name), 0, 1000)
        for name in ("train_frames", "frames"):
            low, high = getattr(self, name)
            check_range(f"MiniSpec.{name} (fewest)", low, 2, high)


_MIX = {
    "train": "street country beach living kitchen street country field "
    "office railway living street beach country kitchen",
    "test1": "street country living beach field kitchen street office",
    "test2": "street beach living kitchen country field street living railway country",
    "coco": "street park country closeup beach railway living field closeup kitchen country street office beach",
    "ade": "living kitchen office living closeup street living kitchen country",
}

STYLES = {
    "train": Style(),
    "test1": Style(weather=("sun", "overcast", "overcast"), warmth=0.02, gain=0.97),
    "test2": Style(
        weather=("dusk", "haze", "overcast"),
        moods=("dim", "warm"),
        zoom=(1.15, 1.55),
        warmth=0.03,
        gain=0.97,
    ),
    "coco": Style(
        weather=("sun", "sun", "overcast", "haze"), zoom=(0.9, 1.6), rare=0.7, nameless=("solid", "metal", "structure")
    ),
    "ade": Style(zoom=(1.35, 2.1), bank=2, saturation=1.35, gain=1.12, rare=0.5, nameless=("oddity", "structure")),
}
"""Test1 differs a little from train, Test2 in light, weather, colour and scale; photographs in texture and contents.

Test1 shows places of training clips some seconds later, through another lens; Test2 does so for two clips of three, and
shows new places in the third.
"""

_SPLITS = tuple(_MIX)


@dataclass(frozen=True)
class ClipPlan:
    """One video to make.

    Attributes:
        split: ``train``, ``test1`` or ``test2``.
        index: Place in the split.
        name: ``<number>_<11 characters>``, as VSPW's.
        template: See :data:`vspwlib.data.synthetic.scenes.TEMPLATES`.
        width: Columns of its frames.
        numbers: Frame numbers; some clips have holes.
        place: Split and index of the clip that was filmed at this place first; another clip's for a known place.
        start: Seconds after that clip's start; people and camera have moved on by then.
        entropy: Seed of the data set.
        palette: Whether its masks are palette files.
        care: See :func:`vspwlib.data.synthetic.annotate.annotate`.
    """

    split: str
    index: int
    name: str
    template: str
    width: int
    numbers: tuple[int, ...]
    place: tuple[str, int]
    start: float
    entropy: int
    palette: bool
    care: float


@dataclass(frozen=True)
class StillPlan:
    """One photograph to make; ``image`` and ``mask`` are paths below the data set's root."""

    split: str
    index: int
    template: str
    height: int
    width: int
    image: Path
    mask: Path
    entropy: int
    care: float


def rng_for(entropy: int, split: str, index: int, purpose: int) -> np.random.Generator:
    """Return the random numbers of one item: ``purpose`` 0 plans it, 1 fills it."""
    return np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(_SPLITS.index(split), index, purpose)))


def plan_clips(spec: MiniSpec, seed: int) -> list[ClipPlan]:
    """Plan all videos, ``train`` first."""
    plans = []
    for split in ("train", "test1", "test2"):
        mix = _MIX[split].split()
        limits = spec.train_frames if split == "train" else spec.frames
        for index in range(getattr(spec, split)):
            rng = rng_for(seed, split, index, 0)
            template = mix[index % len(mix)]
            known = split == "test1" or (split == "test2" and index % 3 != 2)
            plans.append(
                ClipPlan(
                    split=split,
                    index=index,
                    name=_video_name(rng, split, index),
                    template=template,
                    place=("train", _known_place(rng, template, spec.train)) if known else (split, index),
                    start=rng.uniform(1.5, 2.5) if known else 0.0,
                    width=_width(rng, index),
                    numbers=_frame_numbers(rng, limits, holes=split == "train"),
                    entropy=seed,
                    palette=rng.random() < 0.25,
                    care=rng.uniform(0.3, 2.2),
                )
            )
    return plans


def _known_place(rng: np.random.Generator, template: str, places: int) -> int:
    """Draw the index of a training clip of that template."""
    mix = _MIX["train"].split()
    return int(rng.choice([k for k in range(max(places, len(mix))) if mix[k % len(mix)] == template]))


def _video_name(rng: np.random.Generator, split: str, index: int) -> str:
    letters = string.ascii_letters + string.digits + "-_"
    tail = "".join(rng.choice(list(letters), 11))
    if index % 9 == 4:  # names that look like options or private files have to work as well
        tail = "-_"[index // 9 % 2] + tail[1:]
    # The number is unique: it carries the split and the place in it.
    return f"{_SPLITS.index(split) * 1000 + 7 * index + int(rng.integers(7))}_{tail}"


def _width(rng: np.random.Generator, index: int) -> int:
    if index % 13 == 6:
        return FRAME_HEIGHT * 9 // 16  # portrait
    return int(rng.choice([256, 255, 192], p=[0.75, 0.15, 0.1]))


def _frame_numbers(rng: np.random.Generator, limits: tuple[int, int], *, holes: bool) -> tuple[int, ...]:
    count, first = int(rng.integers(limits[0], limits[1] + 1)), int(rng.integers(2, 900))
    missing = int(rng.integers(1, 4)) if holes and rng.random() < 0.3 else 0
    numbers = np.arange(first, first + count + missing)
    inner = rng.choice(np.arange(1, len(numbers) - 1), missing, replace=False)
    return tuple(np.delete(numbers, inner).tolist())


def plan_stills(spec: MiniSpec, seed: int) -> list[StillPlan]:
    """Plan all photographs; every seventh belongs to the validation part."""
    plans = []
    for split, count in (("coco", spec.coco), ("ade", spec.ade)):
        mix = _MIX[split].split()
        for index in range(count):
            rng = rng_for(seed, split, index, 0)
            image, mask = _still_paths(split, index, held_out=index % 7 == 6)
            height, width = int(rng.choice([160, 176, 192])), int(rng.choice([160, 208, 256]))
            care = rng.uniform(0.2, 1.6)
            plans.append(StillPlan(split, index, mix[index % len(mix)], height, width, image, mask, seed, care))
    return plans


def _still_paths(split: str, index: int, *, held_out: bool) -> tuple[Path, Path]:
    if split == "coco":
        part = "val2017" if held_out else "train2017"
        stem, folder = f"{1000 + 13 * index:012d}", Path("cocostuff")
    else:
        part = "validation" if held_out else "training"
        stem, folder = f"ADE_{part[: 3 if held_out else 5]}_{index + 1:08d}", Path("ade20k")
    return folder / "images" / part / f"{stem}.jpg", folder / "annotations" / part / f"{stem}.png"
