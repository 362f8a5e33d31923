"""What looking into every file of a data folder brought to light, as records that a table or JSON is made from.

Findings are of three levels, by what they mean for use:

* an error makes a split unusable, because a score over what is left would be one of another split;
* a warning is put right or left out on reading;
* a note is a fact that explains later surprises.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vspwlib.labels import CLASS_NAMES, NUM_CLASSES, VOID

LEVELS = {
    "missing video": "error",
    "video without frames": "error",
    "empty split": "error",
    "unreadable image": "error",
    "unreadable mask": "error",
    "mask size": "error",
    "missing mask": "warning",
    "mask without image": "warning",
    "stray values": "warning",
    "frame sizes": "warning",
    "duplicate name": "warning",
    "no masks": "note",
    "numbering": "note",
    "short video": "note",
    "height": "note",
}


@dataclass(frozen=True)
class Problem:
    """One finding.

    Attributes:
        kind: A key of ``LEVELS``.
        path: The file, or the video or list, relative to the data folder.
        message: What is wrong with it.
    """

    kind: str
    path: str
    message: str

    @property
    def level(self) -> str:
        """``error``, ``warning`` or ``note``."""
        return LEVELS[self.kind]


@dataclass
class SplitReport:
    """What is in a split.

    Attributes:
        name: Name of the split.
        videos: Videos that have frames.
        frames: Their frames.
        labelled: Frames with a mask that could be read.
        raw_pixels: int64 (256,), pixels of each raw value over all masks.
        sizes: Frames by (width, height).
        problems: All findings.
    """

    name: str
    videos: int
    frames: int
    labelled: int = 0
    raw_pixels: np.ndarray = field(default_factory=lambda: np.zeros(VOID + 1, np.int64))
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def usable(self) -> bool:
        """Whether a score over the split would be one over all of it."""
        return not any(problem.level == "error" for problem in self.problems)

    @property
    def class_pixels(self) -> dict[str, int]:
        """Pixels of each class that occurs, by name."""
        counts = self.raw_pixels[1 : NUM_CLASSES + 1]
        return {CLASS_NAMES[place]: int(counts[place]) for place in np.flatnonzero(counts)}

    @property
    def void_share(self) -> float | None:
        """Share of mask pixels that carry no class; None without masks."""
        whole = int(self.raw_pixels.sum())
        return 1 - sum(self.class_pixels.values()) / whole if whole else None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        return {
            "name": self.name,
            "usable": self.usable,
            "videos": self.videos,
            "frames": self.frames,
            "labelled": self.labelled,
            "void_share": self.void_share,
            "sizes": {f"{width}x{height}": frames for (width, height), frames in sorted(self.sizes.items())},
            "class_pixels": self.class_pixels,
            "problems": [
                {"kind": one.kind, "level": one.level, "path": one.path, "message": one.message}
                for one in self.problems
            ],
        }


@dataclass(frozen=True)
class TreeReport:
    """What is in a data folder: its arrangement and one report a split."""

    root: Path
    kind: str
    splits: tuple[SplitReport, ...]

    @property
    def usable(self) -> bool:
        """Whether every split is usable."""
        return all(split.usable for split in self.splits)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``json.dumps``."""
        splits = [split.to_json() for split in self.splits]
        return {"root": str(self.root), "kind": self.kind, "usable": self.usable, "splits": splits}
