"""Recognise what kind of folder a user points at, and which of its masks hold VSPW ids.

Four arrangements are read, told apart by what stands in the folder:

========  ==========================================================================  =========================
kind      what it looks like                                                          its split lists
========  ==========================================================================  =========================
tree      ``data/<video>/origin/*.jpg``, or split lists beside video folders          every ``<split>.txt``
clips     ``<video>/origin/*.jpg`` or ``<video>/*.jpg``                               none: one split, ``all``
clip      ``origin/*.jpg``                                                            none: one split, ``all``
frames    ``*.jpg`` or ``*.png``                                                      none: one split, ``all``
========  ==========================================================================  =========================

Which masks are believed. ``mask_vspw/`` always holds VSPW ids. A plain ``mask/`` holds the ids of its own data set, and
small ids of any data set pass for VSPW ids, so it is believed only where something says that it is VSPW:

* a dictionary ``label_num_dic_final.json`` with the 124 VSPW names: yes;
* a dictionary with other names: the ids are foreign, and a video that has no ``mask_vspw/`` is refused;
* no dictionary, in a tree: yes (archives that lost the file are about), unless a video of the split has ``mask_vspw/``;
* no dictionary, in loose clips: no; their frames count as frames without truth.

Source: layout of the VSPW release (VSPW-dataset/VSPW-dataset-download, README).
"""

import json
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from vspwlib.checks import check_folder, fail
from vspwlib.labels import CLASS_NAMES

ALL = "all"
DICTIONARY = "label_num_dic_final.json"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
NOT_A_LIST = frozenset({"readme", "license", "licence", "notice", "requirements", "classes", "changelog"})


class MaskIds(Enum):
    """Whose ids a plain ``mask/`` folder holds, going by the dictionary of the tree."""

    VSPW = "vspw"
    FOREIGN = "foreign"
    UNSTATED = "unstated"


@dataclass(frozen=True)
class Layout:
    """A data folder whose arrangement is known.

    Attributes:
        root: The folder the user named.
        kind: ``tree``, ``clips``, ``clip`` or ``frames``.
        videos: The folder whose children are videos; for ``clip`` and ``frames`` the video itself.
        lists: Split name to list file; empty where the arrangement has no lists.
        mask_ids: Whose ids a plain ``mask/`` folder holds.
    """

    root: Path
    kind: str
    videos: Path
    lists: dict[str, Path]
    mask_ids: MaskIds

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits, sorted; ``("all",)`` where there are no lists."""
        return tuple(sorted(self.lists)) or (ALL,)

    @property
    def holds_many(self) -> bool:
        """Whether ``videos`` holds one folder a video, rather than being one video itself."""
        return self.kind in {"tree", "clips"}


def find_layout(root: str | Path) -> Layout:
    """Look at a folder and say how it is arranged, without opening an image.

    Args:
        root: The folder.

    Returns:
        Its :class:`Layout`.

    Raises:
        InputError: the folder is not there, or nothing in it looks like frames of video.
    """
    folder = check_folder("data", root, fix="name the folder that holds the split lists, the clips or the frames.")
    names, files = _children(folder)
    texts = [name for name in files if name.lower().endswith(".txt")]
    if "data" in names:
        lists = {Path(name).stem: folder / name for name in texts if _is_list(folder / name)}
        return Layout(folder, "tree", folder / "data", lists, _mask_ids(folder))
    if "origin" in names:
        home = folder.resolve()
        home = home.parent.parent if home.parent.name == "data" else home
        return Layout(folder, "clip", folder, {}, _mask_ids(home))
    if any(is_visible(name) for name in files):
        return Layout(folder, "frames", folder, {}, MaskIds.UNSTATED)
    lists = {Path(name).stem: folder / name for name in texts if _is_list(folder / name, videos=names)}
    if lists:
        return Layout(folder, "tree", folder, lists, _mask_ids(folder))
    if any(has_images(frames_folder(folder / name)) for name in sorted(names)):
        home = folder.resolve()
        home = home.parent if home.name == "data" else home
        return Layout(folder, "clips", folder, {}, _mask_ids(home))
    fail(
        "data",
        expected="data/<video>/origin/, <clip>/origin/, origin/ or image files",
        got=f"{len(names)} folders and {len(files)} files, none of that form",
        where=folder,
        fix="name the folder that holds the split lists, the clips or the frames.",
    )


def read_list(path: Path) -> list[str]:
    """Return the names of a list file as they stand: no blank lines, no names beginning with a dot, duplicates kept.

    The last line counts whether or not it ends in a newline, and Windows line ends are taken off.

    Raises:
        InputError: a name is a path rather than a name.
    """
    names = [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    names = [name for name in names if name and not name.startswith(".")]
    for name in names:
        if "/" in name or "\\" in name:
            fail(
                "list", expected="names of video folders", got=repr(name), where=path, fix="keep the folder name only."
            )
    return names


def is_visible(name: str, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> bool:
    """Tell whether a file name has one of the suffixes and is not hidden (archives made on a Mac hold ``._*.jpg``)."""
    return name.lower().endswith(suffixes) and not name.startswith(".")


def frames_folder(video: Path) -> Path:
    """Return where a video keeps its frames: ``origin/``, or the folder itself where that is missing."""
    origin = video / "origin"
    return origin if origin.is_dir() else video


def has_images(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> bool:
    """Tell whether a folder holds at least one file with one of the suffixes; stops at the first."""
    with os.scandir(folder) as entries:
        return any(is_visible(entry.name, suffixes) for entry in entries)


def files_by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return the visible files with one of the suffixes, by stem, in frame order.

    Zero-padded numbers, as VSPW has them, sort alike as text and as numbers; unpadded ones sort as numbers. Of two
    files of one stem the first by name counts.
    """
    with os.scandir(folder) as entries:
        names = sorted((entry.name for entry in entries if is_visible(entry.name, suffixes)), reverse=True)
    stems = {name.rpartition(".")[0]: name for name in names}
    numbered = all(stem.isdecimal() for stem in stems)
    order = sorted(stems, key=lambda stem: (int(stem), stem)) if numbered else sorted(stems)
    base = str(folder)
    return {stem: Path(base, stems[stem]) for stem in order}


def child_folders(folder: Path) -> list[str]:
    """Return the names of visible sub-folders, sorted."""
    return sorted(_children(folder)[0])


def _children(folder: Path) -> tuple[set[str], list[str]]:
    """Return the visible folders and files of a folder, by name."""
    folders, files = set(), []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.add(entry.name)
            else:
                files.append(entry.name)
    return folders, files


def _is_list(path: Path, videos: set[str] | None = None) -> bool:
    """Tell a split list from other text: single words only and, where ``videos`` is given, at least one of those."""
    if path.stem.lower() in NOT_A_LIST:
        return False
    lines = [line.split() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]
    if any(len(words) > 1 for words in lines):
        return False
    return videos is None or any(words and words[0] in videos for words in lines)


def _mask_ids(home: Path) -> MaskIds:
    """Say whose ids plain masks hold, going by the dictionary in ``home``."""
    path = home / DICTIONARY
    if not path.is_file():
        return MaskIds.UNSTATED
    try:
        entries = {str(name).strip().lower(): int(raw) for name, raw in json.loads(path.read_bytes()).items()}
    except (ValueError, TypeError, AttributeError) as error:
        fail(
            "dictionary",
            expected='JSON of the form {"wall": "1", ...}',
            got=f"{type(error).__name__}: {error}",
            where=path,
            fix="restore the file from the release, or take it away when the masks are known to hold VSPW ids.",
        )
    classes = {name: raw for name, raw in entries.items() if 1 <= raw <= 254}
    official = {name.lower(): raw for raw, name in enumerate(CLASS_NAMES, start=1)}
    return MaskIds.VSPW if classes == official else MaskIds.FOREIGN
