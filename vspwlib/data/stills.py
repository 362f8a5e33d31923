"""Find the image and annotation pairs of COCO-Stuff and ADE20K, as plain records and without opening a file.

Where the parts may lie, below the folder that the user names:

==========  ================================================  =======================================================
part        folder of one split                               which is found in
==========  ================================================  =======================================================
images      ``images/<split>/`` or ``<split>/``               mmseg's and ADE20K's layout; COCO's own zips
annotations ``annotations/<split>/``,                         mmseg's and ADE20K's layout;
            ``stuffthingmaps_trainval2017/<split>/``,         COCO-Stuff's zip, unpacked into a folder of its name
            ``stuffthingmaps/<split>/`` or ``<split>/``       or into the folder of the images
==========  ================================================  =======================================================

Every sub-folder is a split, whatever its name. Pairs are made by stem. What has no partner is named, never passed over;
``*_labelTrainIds.png``, which mmseg writes beside COCO-Stuff's masks in another numbering, is no annotation.

Source: nightrome/cocostuff (README), CSAILVision/sceneparsing (README), mmsegmentation (docs, dataset preparation).
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from vspwlib.checks import check_choice, check_folder, fail
from vspwlib.data.index import named
from vspwlib.data.layout import IMAGE_SUFFIXES, child_folders, files_by_stem, has_images
from vspwlib.data.mask_counts import SourceProblem
from vspwlib.labels.sources import SOURCE_SETS

#: Names of the image sets, and folders that only the other one has.
STILL_SETS = {"cocostuff": ("training", "validation"), "ade20k": ("train2017", "val2017")}

_IMAGE_HOMES = ("images", ".")
_MASK_HOMES = ("annotations", "stuffthingmaps_trainval2017", "stuffthingmaps", ".")
_DERIVED = "_labelTrainIds"


@dataclass(frozen=True, slots=True)
class Still:
    """One photograph and its annotation, in the ids of its own data set."""

    split: str
    name: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class StillSet:
    """The pairs of an image set, by split and then by name.

    Attributes:
        name: One of :data:`STILL_SETS`.
        root: The folder that the user named.
        stills: The pairs.
        problems: Files without a partner, as far as names tell.
    """

    name: str
    root: Path
    stills: tuple[Still, ...]
    problems: tuple[SourceProblem, ...] = ()

    def key(self, path: Path) -> str:
        """Return a file's path below the root, with forward slashes: its name in manifests and lists."""
        return path.relative_to(self.root).as_posix()


def open_stills(name: str, root: str | Path, splits: Collection[str] | None = None) -> StillSet:
    """Open an image set.

    Args:
        name: ``cocostuff`` or ``ade20k``.
        root: Its folder, in one of the layouts above.
        splits: Names of the splits to take; all by default.

    Returns:
        The pairs, at least one, and what has no partner.

    Raises:
        InputError: no such folder, name or split, no pairs in it, or the other data set's folders.
    """
    check_choice("image set", name, STILL_SETS)
    folder = check_folder("--root", root, fix="name the folder that holds images/ and annotations/.")
    images, masks = _splits(folder, _IMAGE_HOMES, (".jpg", ".jpeg")), _splits(folder, _MASK_HOMES, (".png",))
    found = sorted(images.keys() | masks.keys())
    for split in splits or ():
        check_choice("split", split, found, where=folder)
    stills: list[Still] = []
    problems: list[SourceProblem] = []
    for split in found if splits is None else dict.fromkeys(splits):
        pairs, lonely = _pairs(split, images.get(split), masks.get(split), folder)
        stills += pairs
        problems += lonely
    if not stills:
        fail(
            "--root",
            expected="images/<split>/*.jpg with annotations/<split>/*.png of the same names",
            got=f"not one pair ({named(problem.path for problem in problems) or 'no such folders'})",
            where=folder,
            fix="name the folder that holds images/ and annotations/ (COCO: or train2017/ and stuffthingmaps/).",
        )
    foreign = [split for split in found if split in STILL_SETS[name]]
    if foreign:
        other = next(key for key in STILL_SETS if key != name)
        fail(
            name,
            expected=f"the folders of {SOURCE_SETS[name].title}",
            got=f"{', '.join(foreign)}, as in {SOURCE_SETS[other].title}",
            where=folder,
            fix=f"call it {other}: its ids mean other things.",
        )
    return StillSet(name, folder, tuple(stills), tuple(problems))


def _splits(root: Path, homes: tuple[str, ...], suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return the folders with such files in the first place that has any, by name."""
    for home in (root / name for name in homes):
        names = child_folders(home) if home.is_dir() else []
        # Beside annotations/ of PNGs, images may be PNGs too; in a folder that both share they are told by suffix.
        wanted = IMAGE_SUFFIXES if home.name == "images" else suffixes
        found = {name: home / name for name in names if has_images(home / name, wanted)}
        if found:
            return found
    return {}


def _pairs(split: str, images: Path | None, masks: Path | None, root: Path) -> tuple[list[Still], list[SourceProblem]]:
    """Pair the files of one split and name those that stay alone."""
    suffixes = tuple(suffix for suffix in IMAGE_SUFFIXES if suffix != ".png" or images != masks)
    by_stem = files_by_stem(images, suffixes) if images else {}
    annotations = files_by_stem(masks, (".png",)) if masks else {}
    annotations = {stem: path for stem, path in annotations.items() if not stem.endswith(_DERIVED)}
    if images and not annotations:  # as COCO's test2017: one line is enough
        message = f"none of its {len(by_stem)} images has an annotation"
        return [], [SourceProblem("missing mask", images.relative_to(root).as_posix(), message)]
    if masks and not by_stem:
        message = f"none of its {len(annotations)} annotations has an image"
        return [], [SourceProblem("mask without image", masks.relative_to(root).as_posix(), message)]
    pairs = [Still(split, stem, path, annotations[stem]) for stem, path in by_stem.items() if stem in annotations]
    alone = [
        SourceProblem(kind, files[stem].relative_to(root).as_posix(), "not used")
        for kind, files, others in (
            ("missing mask", by_stem, annotations),
            ("mask without image", annotations, by_stem),
        )
        for stem in files
        if stem not in others
    ]
    return pairs, alone
