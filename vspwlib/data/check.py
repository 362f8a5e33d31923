"""Look into every file of a data folder and say what is wrong with it, before training or scoring trips over it.

Source: defects of the release reported in VSPW-dataset/VSPW-dataset-download and VSPW-dataset/VSPW_baseline (issues).
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vspwlib.checks import InputError
from vspwlib.data.check_report import Problem, SplitReport, TreeReport
from vspwlib.data.images import read_image, read_raw_mask
from vspwlib.data.index import Findings, Frame, Split, Video, scan_split
from vspwlib.data.layout import find_layout
from vspwlib.data.parallel import Progress, run_parallel
from vspwlib.labels import NUM_CLASSES, VOID

LONGEST_CLIP = 16  # VC16 compares clips of 16 frames and passes over videos that have no more
OFFICIAL_HEIGHT = 480


@dataclass
class _VideoFacts:
    """What reading every file of one video brought to light."""

    raw_pixels: np.ndarray = field(default_factory=lambda: np.zeros(VOID + 1, np.int64))
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    labelled: int = 0
    problems: list[Problem] = field(default_factory=list)


def check_tree(
    root: str | Path,
    splits: Iterable[str] | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> TreeReport:
    """Read every image and mask of a data folder.

    Args:
        root: Anything :func:`vspwlib.data.index.open_split` opens.
        splits: Names of the splits to look at; all by default.
        workers: Number of threads; one a core by default.
        progress: Called with frames done and frames in all.

    Returns:
        The report. Videos that stand in several splits are read once.

    Raises:
        InputError: no such folder or split, or masks in another data set's ids.
    """
    layout = find_layout(root)
    scans = [scan_split(layout, name) for name in (layout.splits if splits is None else splits)]
    videos = {video.name: video for split, _ in scans for video in split.videos}
    facts = run_parallel(
        lambda video: _read_video(layout.root, video),
        videos.values(),
        workers=workers,
        progress=progress,
        size=lambda video: len(video.frames),
    )
    by_name = dict(zip(videos, facts, strict=True))
    return TreeReport(layout.root, layout.kind, tuple(_report(split, found, by_name) for split, found in scans))


def what_came(error: InputError) -> str:
    """Cut a message in the house form down to what was got, for where the path stands beside it.

    >>> what_came(InputError("mask: expected one channel, got 3 of mode RGB (a.png). Fix: re-save it."))
    '3 of mode RGB'
    """
    text = str(error).partition(", got ")[2]
    return text.rpartition(" (")[0] or text


def _report(split: Split, findings: Findings, facts: dict[str, _VideoFacts]) -> SplitReport:
    """Add up a split's videos and what its list and folders showed."""
    report = SplitReport(split.name, len(split.videos), split.num_frames)
    for video in split.videos:
        found = facts[video.name]
        report.raw_pixels += found.raw_pixels
        report.sizes += found.sizes
        report.labelled += found.labelled
        report.problems += found.problems
    report.problems += [
        *(Problem("missing video", name, "listed, but there is no such folder") for name in findings.missing),
        *(Problem("video without frames", name, "not a single image file") for name in findings.empty),
        *(Problem("duplicate name", name, "listed more than once; counted once") for name in findings.duplicates),
        *(Problem("mask without image", _below(split.root, path), "never read") for path in findings.orphans),
    ]
    if not split.videos:
        report.problems.append(Problem("empty split", split.name, "no video with frames"))
    other = sum(frames for (_, height), frames in report.sizes.items() if height != OFFICIAL_HEIGHT)
    if other:
        message = f"{other} frames are not {OFFICIAL_HEIGHT} high as in VSPW_480p; `vspw data prepare` makes them so"
        report.problems.append(Problem("height", split.name, message))
    return report


def _read_video(root: Path, video: Video) -> _VideoFacts:
    """Read the files of one video."""
    facts = _VideoFacts()
    stray: Counter[int] = Counter()
    for frame in video.frames:
        size, raw = _read_frame(root, frame, facts.problems)
        if size is not None:
            facts.sizes[size] += 1
        if raw is not None:
            counts = np.bincount(raw.ravel(), minlength=VOID + 1)
            facts.raw_pixels += counts
            facts.labelled += 1
            stray.update({value: int(counts[value]) for value in range(NUM_CLASSES + 1, VOID) if counts[value]})
    facts.problems += [Problem(kind, video.name, message) for kind, message in _video_notes(video, facts, stray)]
    return facts


def _read_frame(root: Path, frame: Frame, problems: list[Problem]) -> tuple[tuple[int, int] | None, np.ndarray | None]:
    """Return (width, height) and the raw mask of a frame, each None where it cannot be had, and note why."""
    image = None
    try:
        image = read_image(frame.image)
    except InputError as error:
        problems.append(Problem("unreadable image", _below(root, frame.image), what_came(error)))
    size = (image.shape[1], image.shape[0]) if image is not None else None
    if frame.mask is None:
        return size, None
    where = _below(root, frame.mask)
    try:
        raw = read_raw_mask(frame.mask)
    except InputError as error:
        problems.append(Problem("unreadable mask", where, what_came(error)))
        return size, None
    height, width = raw.shape
    if size and size != (width, height):
        message = f"{width}x{height}, its image {size[0]}x{size[1]}"
        if height == size[1] and abs(width - size[0]) == 1:
            message += ": one column apart, as when images and masks were resized by different tools"
        problems.append(Problem("mask size", where, message))
    return size, raw


def _video_notes(video: Video, facts: _VideoFacts, stray: Counter[int]) -> Iterator[tuple[str, str]]:
    """Yield kind and message of what concerns a video as a whole."""
    without = [frame.name for frame in video.frames if frame.mask is None]
    if len(without) == len(video.frames):
        yield "no masks", f"none for its {len(without)} frames"
    elif without:
        yield "missing mask", f"{len(without)} of {len(video.frames)} frames, the first {without[0]}"
    if stray:
        values = ", ".join(f"{value} ({pixels} pixels)" for value, pixels in sorted(stray.items()))
        yield "stray values", f"{values}; read as void"
    if len(facts.sizes) > 1:
        yield "frame sizes", "several: " + ", ".join(f"{w}x{h} ({n} frames)" for (w, h), n in facts.sizes.items())
    if len(video.frames) <= LONGEST_CLIP:
        yield "short video", f"{len(video.frames)} frames: too few for VC{LONGEST_CLIP}"
    names = [frame.name for frame in video.frames]
    if len(names) > 1 and all(name.isdecimal() for name in names):
        steps = Counter(np.diff([int(name) for name in names]).tolist())
        if set(steps) != {1}:
            most = ", ".join(f"{step} ({times}x)" for step, times in steps.most_common(4))
            yield "numbering", f"frame numbers step by {most}"


def _below(root: Path, path: Path) -> str:
    return str(path.relative_to(root))
