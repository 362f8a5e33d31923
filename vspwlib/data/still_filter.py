"""Which images of a set keep enough valid pixels under a mapping: the paper's rule, and what other thresholds would do.

The valid-pixel ratio of an image is the share of its pixels that a mapping gives one of the 124 classes. An image is
kept when the ratio is *strictly* greater than the threshold. The paper does not say of which pixels it is a share: of
all of them (our reading), or of those that the data set labels.

Everything here is arithmetic on pixel counts by source value (:mod:`vspwlib.data.still_pixels`); no image is opened.

Source: the paper, section 2.2.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from vspwlib.checks import check_choice, check_range, fail
from vspwlib.data.index import named
from vspwlib.data.mask_counts import SourceProblem, strange_ids
from vspwlib.data.still_pixels import StillPixels
from vspwlib.data.stills import StillSet
from vspwlib.data.writing import write_text
from vspwlib.labels import CLASS_NAMES, VOID
from vspwlib.labels.mapping import LabelMapping
from vspwlib.labels.sources import SOURCE_SETS

THRESHOLDS = tuple(step / 20 for step in range(10, 20))  # 0.5, 0.55 ... 0.95
BINS = 20  # of the histogram, each 0.05 wide

Denominator = Literal["all", "labelled"]


@dataclass(frozen=True, slots=True)
class JudgedStill:
    """One image under a mapping.

    Attributes:
        pixels: What its files hold.
        ratio: Its valid-pixel ratio, 0 to 1; None where it cannot be used.
        kept: Whether it is trained on.
        classes: Pixels by class id.
        unknown: Pixels by source value that the mapping does not name.
    """

    pixels: StillPixels
    ratio: float | None = None
    kept: bool = False
    classes: Mapping[int, int] = field(default_factory=dict)
    unknown: Mapping[int, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the line of the manifest."""
        return {
            "image": self.pixels.image,
            "split": self.pixels.split,
            "height": self.pixels.height,
            "width": self.pixels.width,
            "ratio": self.ratio,
            "kept": self.kept,
            "classes": {CLASS_NAMES[number]: pixels for number, pixels in self.classes.items()},
            "unknown": dict(self.unknown),
            "problem": ": ".join(self.pixels.problem) if self.pixels.problem else None,
        }


@dataclass(frozen=True)
class StillReport:
    """An image set under a mapping and a threshold.

    Attributes:
        data: Name of the set.
        mapping: Name of the mapping.
        digest: Of what the mapping does, whatever it is called.
        threshold: Images above it are kept.
        denominator: ``all`` or ``labelled`` pixels.
        images: Every pair.
        problems: Everything that is wrong, files without a partner first.
    """

    data: str
    mapping: str
    digest: str
    threshold: float
    denominator: str
    images: tuple[JudgedStill, ...]
    problems: tuple[SourceProblem, ...]

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """The images that are kept, by path below the root."""
        return tuple(image.pixels.image for image in self.images if image.kept)

    @property
    def ratios(self) -> list[float]:
        """The ratios of the images that can be used."""
        return [image.ratio for image in self.images if image.ratio is not None]

    def kept_above(self, threshold: float) -> int:
        """Return how many images another threshold would keep."""
        return sum(ratio > threshold for ratio in self.ratios)

    def histogram(self) -> list[int]:
        """Return images by ratio: 20 bins, closed below; the last holds 1 as well."""
        edges = [step / BINS for step in range(BINS + 1)]  # numpy's own are off by a rounding, and 0.95 falls below
        return np.histogram(self.ratios, edges)[0].tolist()

    def class_pixels(self) -> dict[str, int]:
        """Return the pixels of each class in the kept images, most first."""
        total: Counter[int] = Counter()
        for image in self.images:
            if image.kept:
                total.update(image.classes)
        return {CLASS_NAMES[number]: pixels for number, pixels in total.most_common()}

    def require_sound(self) -> None:
        """Refuse a set with problems.

        Raises:
            InputError: there are any; the first few are named.
        """
        if self.problems:
            fail(
                self.data,
                expected="no problems (strict)",
                got=f"{len(self.problems)}: {named(_told(problem) for problem in self.problems)}",
                fix="`vspw map filter` names them all; mend or remove the files, or do without strict.",
            )

    def facts(self) -> dict[str, Any]:
        """Return what a run must find again when it is resumed; the digest is of the kept images' names and lengths."""
        names = [f"{image.pixels.image} {list(image.pixels.lengths)}" for image in self.images if image.kept]
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
        return {
            "images": len(self.images),
            "kept": len(self.kept),
            "kept_digest": digest,
            "mapping": self.mapping,
            "mapping_digest": self.digest,
            "threshold": self.threshold,
            "denominator": self.denominator,
            "problems": len(self.problems),
        }

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, without the images one by one."""
        splits = dict.fromkeys(image.pixels.split for image in self.images)
        return {
            "data": self.data,
            **self.facts(),
            "splits": {split: self._counts(split) for split in splits},
            "kept_above": {f"{threshold:g}": self.kept_above(threshold) for threshold in THRESHOLDS},
            "histogram": self.histogram(),
            "class_pixels": self.class_pixels(),
            "problem_kinds": dict(Counter(problem.kind for problem in self.problems)),
            "problem_list": [asdict(problem) for problem in self.problems],
        }

    def _counts(self, split: str) -> dict[str, Any]:
        own = [image for image in self.images if image.pixels.split == split]
        ratios = [image.ratio for image in own if image.ratio is not None]
        return {
            "images": len(own),
            "usable": len(ratios),
            "kept": sum(image.kept for image in own),
            "mean_ratio": float(np.mean(ratios)) if ratios else None,
        }


def judge(
    stills: StillSet,
    counted: Sequence[StillPixels],
    mapping: LabelMapping,
    *,
    threshold: float,
    denominator: Denominator = "all",
) -> StillReport:
    """Judge every image by its pixel counts.

    Args:
        stills: The set.
        counted: Its pixel counts.
        mapping: From the set's values to VSPW's classes.
        threshold: 0 to 1; a ratio must be greater.
        denominator: ``all``: a share of all pixels. ``labelled``: of those that have a label in the source.

    Returns:
        The report. An image with values that the mapping does not know is a problem; those pixels are not valid.
    """
    check_range("threshold", threshold, 0, 1)
    lookup, known = mapping.lookup.tolist(), mapping.known.tolist()
    left_out = SOURCE_SETS[stills.name].unlabelled if denominator == "labelled" else None
    images = tuple(_judge_one(record, lookup, known, threshold, left_out) for record in counted)
    facts, problems = SOURCE_SETS[stills.name], [*stills.problems]
    for still, record in zip(stills.stills, counted, strict=True):
        faults = [record.problem] if record.problem else strange_ids(record.counts, known, facts)
        for kind, message in faults:
            path = record.image if kind == "unreadable image" else stills.key(still.mask)
            problems.append(SourceProblem(kind, path, message))
    return StillReport(
        stills.name, mapping.name, mapping_digest(mapping), threshold, denominator, images, tuple(problems)
    )


def valid_ratios(
    counted: Sequence[StillPixels], mapping: LabelMapping, name: str, *, denominator: Denominator = "all"
) -> dict[str, float]:
    """Return the valid-pixel ratio of every image that can be used, from counts alone.

    Args:
        counted: Pixel counts of images.
        mapping: From the set's values to VSPW's classes.
        name: ``cocostuff`` or ``ade20k``.
        denominator: ``all``: a share of all pixels. ``labelled``: of those that have a label in the source.

    Returns:
        Ratios, 0 to 1, by path below the set's root, in the order of the counts.
    """
    lookup, known = mapping.lookup.tolist(), mapping.known.tolist()
    left_out = SOURCE_SETS[name].unlabelled if denominator == "labelled" else None
    judged = (_judge_one(record, lookup, known, 1.0, left_out) for record in counted)
    return {image.pixels.image: image.ratio for image in judged if image.ratio is not None}


def check_denominator(word: str) -> Denominator:
    """Return a word that says which pixels a ratio is a share of.

    Raises:
        InputError: it is neither ``all`` nor ``labelled``.
    """
    return cast("Denominator", check_choice("denominator", word, get_args(Denominator)))


def mapping_digest(mapping: LabelMapping) -> str:
    """Return 16 hex digits that change whenever the mapping does something else."""
    return hashlib.sha256(mapping.lookup.tobytes() + mapping.known.tobytes()).hexdigest()[:16]


def write_report(report: StillReport, folder: Path, *, root: Path | None = None) -> None:
    """Write ``manifest.jsonl`` (one line an image), ``kept.txt`` (the paths) and ``report.json`` into a folder.

    Args:
        report: What to write.
        folder: Where to.
        root: Folder of the images; ``report.json`` then names it, so that they can be found again.
    """
    head = {"schema": 1, "data": report.data, **report.facts()}
    lines = [json.dumps(head), *(json.dumps(image.to_json()) for image in report.images)]
    place = {} if root is None else {"root": str(root.expanduser().resolve())}
    texts = {
        "manifest.jsonl": "".join(f"{line}\n" for line in lines),
        "kept.txt": "".join(f"{path}\n" for path in report.kept),
        "report.json": json.dumps({**report.to_json(), **place}, indent=1) + "\n",
    }
    for name, text in texts.items():
        write_text(folder / name, text)


def _judge_one(
    record: StillPixels, lookup: list[int], known: list[bool], threshold: float, left_out: int | None
) -> JudgedStill:
    """Judge one image; ``left_out`` is the source value that does not count as a pixel."""
    if record.problem is not None:
        return JudgedStill(record)
    classes: Counter[int] = Counter()
    unknown, valid, total = {}, 0, 0
    for value, pixels in record.counts.items():
        if lookup[value] != VOID:
            classes[lookup[value]] += pixels
        elif not known[value]:
            unknown[value] = pixels
        if value != left_out:
            total += pixels
            valid += pixels * (lookup[value] != VOID)
    ratio = valid / total if total else 0.0
    return JudgedStill(record, ratio, ratio > threshold, dict(classes), unknown)


def _told(problem: SourceProblem) -> str:
    return f"{problem.path} ({problem.kind})"
