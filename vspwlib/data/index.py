"""Find the videos and frames of a data folder, as plain records and without opening an image.

Frames pair with masks by stem, since frame numbers start anywhere and have holes. A frame without a mask is a frame
without truth (``mask is None``): fine for prediction, left out of training, named by scoring. What may be pointed at,
and which masks are believed, is said in :mod:`vspwlib.data.layout`.

Source: traps of the VSPW release: VSPW-dataset/VSPW-dataset-download (README, issues), VSPW-dataset/VSPW_baseline.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vspwlib.checks import check_choice, fail
from vspwlib.data.layout import (
    DICTIONARY,
    IMAGE_SUFFIXES,
    Layout,
    MaskIds,
    child_folders,
    files_by_stem,
    find_layout,
    frames_folder,
    has_images,
    read_list,
)

NAMED = 5  # how many offenders a message spells out


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video.

    Attributes:
        video: Name of the video.
        name: Stem of the file, kept as text (``"00000170"``).
        image: The image file.
        mask: The mask file in raw VSPW ids; None when the frame has no truth.
    """

    video: str
    name: str
    image: Path
    mask: Path | None


@dataclass(frozen=True, slots=True)
class Video:
    """One video: its frames in the order of their numbers, which may have holes."""

    name: str
    frames: tuple[Frame, ...]

    @property
    def labelled(self) -> tuple[Frame, ...]:
        """The frames that have a mask."""
        return tuple(frame for frame in self.frames if frame.mask is not None)


@dataclass(frozen=True)
class Split:
    """The videos of one split, in the order of its list."""

    root: Path
    name: str
    videos: tuple[Video, ...]

    @property
    def num_frames(self) -> int:
        """Number of frames, with or without truth."""
        return sum(len(video.frames) for video in self.videos)

    def frames(self) -> Iterator[Frame]:
        """Yield every frame, video after video."""
        for video in self.videos:
            yield from video.frames

    def labelled(self) -> Iterator[tuple[Frame, Path]]:
        """Yield every frame that has a mask, with its path."""
        return ((frame, frame.mask) for frame in self.frames() if frame.mask is not None)

    def video(self, name: str) -> Video:
        """Return one video by name.

        Raises:
            InputError: the split has no video of that name.
        """
        videos = {video.name: video for video in self.videos}
        return videos[check_choice("video", name, videos, where=f"{self.root}, split {self.name}")]


@dataclass(frozen=True)
class Findings:
    """What is wrong with a split as far as names alone tell; :mod:`vspwlib.data.check` looks into the files.

    Attributes:
        missing: Listed videos that have no folder.
        empty: Videos without a single frame.
        duplicates: Names that the list holds more than once; they count once.
        orphans: Mask files without an image.
    """

    missing: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    orphans: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Folder:
    """The files of one video by stem, before it is decided which masks are believed; None where a folder is missing."""

    name: str
    images: dict[str, Path]
    vspw: dict[str, Path] | None = None
    plain: dict[str, Path] | None = None


def list_splits(root: str | Path) -> tuple[str, ...]:
    """Return the names of the splits in a data folder, sorted; ``("all",)`` where it has no lists.

    Raises:
        InputError: the folder is not there or holds no frames.
    """
    return find_layout(root).splits


def open_split(root: str | Path, split: str | None = None) -> Split:
    """Open one split of a data folder.

    Args:
        root: A VSPW tree, a folder of clips, one clip, or a plain folder of frames.
        split: Name of the split, without ``.txt``. May be left out where there is only one.

    Returns:
        The split: at least one video, each with at least one frame.

    Raises:
        InputError: the folder or the split is not there, the list is empty, listed videos are missing or have no
            frames, or the masks are in another data set's ids.
    """
    layout = find_layout(root)
    found, findings = scan_split(layout, split)
    where = f"{found.root}, split {found.name}"
    fix = "restore the folders from the release, or take the names out of the list; `vspw data check` names them all."
    if findings.missing:
        fail(
            "videos",
            expected="a folder for every listed video",
            got=f"none for {named(findings.missing)}",
            where=where,
            fix=fix,
        )
    if findings.empty and layout.lists:
        fail(
            "videos",
            expected="frames in every listed video",
            got=f"none in {named(findings.empty)}",
            where=where,
            fix=fix,
        )
    if not found.videos:
        fail(
            "split",
            expected="at least one video",
            got="an empty list",
            where=where,
            fix="put one video name on each line.",
        )
    return found


def scan_split(layout: Layout, split: str | None = None) -> tuple[Split, Findings]:
    """Read one split as far as it goes and say what is wrong with it, instead of stopping at the first fault.

    Args:
        layout: From :func:`vspwlib.data.layout.find_layout`.
        split: Name of the split; may be left out where there is only one.

    Returns:
        The split with the videos that have frames, and the findings.

    Raises:
        InputError: no such split, or masks in another data set's ids.
    """
    name = _split_name(layout, split)
    listed = _video_names(layout, name)
    duplicates = [video for video, times in Counter(listed).items() if times > 1]
    folders, missing, empty = [], [], []
    for video in dict.fromkeys(listed):
        path = layout.videos / video if layout.holds_many else layout.videos
        folder = _read_folder(video, path) if path.is_dir() else None
        if folder is None:
            missing.append(video)
        elif not folder.images:
            empty.append(video)
        else:
            folders.append(folder)
    believe_plain = _believe_plain(layout, folders)
    videos: list[Video] = []
    orphans: list[Path] = []
    for folder in folders:
        masks = folder.vspw if folder.vspw is not None else (folder.plain or {}) if believe_plain else {}
        frames = (Frame(folder.name, stem, image, masks.get(stem)) for stem, image in folder.images.items())
        videos.append(Video(folder.name, tuple(frames)))
        orphans.extend(masks[stem] for stem in sorted(masks.keys() - folder.images.keys()))
    findings = Findings(tuple(missing), tuple(empty), tuple(duplicates), tuple(orphans))
    return Split(layout.root, name, tuple(videos)), findings


def data_digest(root: Path, split: str) -> str:
    """Return 16 hex digits that change when a split gains, loses or changes a frame: names and file sizes, hashed."""
    digest = hashlib.sha256()
    for frame in open_split(root, split).frames():
        sizes = [path.stat().st_size if path is not None else 0 for path in (frame.image, frame.mask)]
        digest.update(f"{frame.video}/{frame.name} {sizes}\n".encode())
    return digest.hexdigest()[:16]


def named(names: Iterable[object]) -> str:
    """Join names for a message; a long list is cut and counted.

    >>> named(range(8))
    '0, 1, 2, 3, 4 and 3 more'
    """
    texts = [str(name) for name in names]
    rest = len(texts) - NAMED
    return ", ".join(texts[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _split_name(layout: Layout, split: str | None) -> str:
    """Return the split to open; it may go unnamed where there is only one."""
    splits = layout.splits
    if split is None and len(splits) > 1:
        fail("split", expected=f"one of {', '.join(splits)}", got="none", where=layout.root, fix="name the split.")
    return splits[0] if split is None else check_choice("split", split, splits, where=layout.root)


def _video_names(layout: Layout, split: str) -> list[str]:
    """Return the names of a split's videos: from its list, or every video that is there."""
    if split in layout.lists:
        return read_list(layout.lists[split])
    if not layout.holds_many:
        folder = layout.videos.resolve()
        return [folder.parent.name if folder.name == "origin" else folder.name]
    names = child_folders(layout.videos)
    if layout.kind == "tree":
        return names
    return [name for name in names if has_images(frames_folder(layout.videos / name))]  # other folders may stand beside


def _read_folder(name: str, path: Path) -> _Folder:
    """List the files of one video."""
    masks = {
        kind: files_by_stem(path / kind, (".png",)) if (path / kind).is_dir() else None
        for kind in ("mask_vspw", "mask")
    }
    images = files_by_stem(frames_folder(path), IMAGE_SUFFIXES)
    return _Folder(name, images, vspw=masks["mask_vspw"], plain=masks["mask"])


def _believe_plain(layout: Layout, folders: list[_Folder]) -> bool:
    """Say whether plain ``mask/`` folders hold VSPW ids; refuse videos whose only masks are known to be foreign."""
    if layout.mask_ids is MaskIds.VSPW:
        return True
    converted = any(folder.vspw is not None for folder in folders)
    if layout.mask_ids is MaskIds.UNSTATED and not (layout.kind == "tree" and converted):
        return layout.kind == "tree"
    foreign = [folder.name for folder in folders if folder.vspw is None and folder.plain]
    if foreign:
        fail(
            "masks",
            expected="VSPW ids, in mask_vspw/ or in mask/ beside the dictionary of the 124 VSPW classes",
            got=f"another data set's ids in mask/ of {named(foreign)}",
            where=layout.root / DICTIONARY,
            fix="write masks in VSPW ids to mask_vspw/ of each video (raw values: 1..124, 0 and 255 not labelled).",
        )
    return False
