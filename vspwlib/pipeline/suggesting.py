"""What a trained network predicts where another data set has its labels: evidence for reviewing a mapping.

Images are chosen so that every source value is seen: a few for each, and not the first of a list, whose neighbours may
be alike. Counts are kept an image at a time in the workspace, so that a run that was stopped goes on, and more images
later add to those that were read.
"""

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import InputError, check_range
from vspwlib.data.check import what_came
from vspwlib.data.images import read_image, read_raw_mask
from vspwlib.data.mask_counts import SourceProblem
from vspwlib.data.record_file import open_records
from vspwlib.data.still_pixels import StillPixels, count_pixels
from vspwlib.data.stills import Still, StillSet, open_stills
from vspwlib.metrics.cross import CrossCounts
from vspwlib.pipeline.filtering import filter_folder
from vspwlib.pipeline.prediction import run_predictor, weights_digest
from vspwlib.predict.ahead import ahead
from vspwlib.predict.predictor import Predictor
from vspwlib.predict.scores import labels
from vspwlib.runs import Run, Workspace

SCHEMA = 1
ENOUGH = 0.01  # of an image's pixels; with less a value is a spot, and images with more of it are better evidence

Loaded = tuple[Still, NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class Evidence:
    """Predictions on labelled images.

    Attributes:
        counts: Over all images that were read.
        images: How many.
        problems: Files that could not be used, and those without a partner.
    """

    counts: CrossCounts
    images: int
    problems: tuple[SourceProblem, ...]


def gather_evidence(
    run: Run,
    workspace: Workspace,
    name: str,
    root: str | Path,
    *,
    per_class: int = 20,
    which: str = "best",
    device: str = "auto",
    on_reading: Callable[[int, int], None] | None = None,
    on_predicting: Callable[[int, int], None] | None = None,
) -> Evidence:
    """Predict images of a set with a run, and count the predictions by the values of the set's own masks.

    Args:
        run: Whose weights to use, at its own test-time settings.
        workspace: Where counts are kept.
        name: ``cocostuff`` or ``ade20k``.
        root: Its folder.
        per_class: Images to look at for each source value, or as many as there are.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        on_reading: Called while masks are counted, which an earlier `vspw map filter` has done.
        on_predicting: Called with images predicted, kept ones included, and images in all.

    Returns:
        The counts. They hold all values of the images that were chosen, so more than ``per_class`` images for most.

    Raises:
        InputError: no such set, or a run without weights.
    """
    check_range("per_class", per_class, 1)
    stills = open_stills(name, root)
    folder = filter_folder(workspace, name, root)
    counted = count_pixels(stills, folder / "pixels.jsonl", progress=on_reading)
    chosen = choose_images(counted, per_class)
    unusable = [SourceProblem(*_fault(record)) for record in counted if record.problem]
    predictor = run_predictor(run, which=which, device=device)
    file, known = _open_counts(folder / "predicted", run, name, which, predictor)
    by_key = {stills.key(still.image): still for still in stills.stills}
    missing = [by_key[image] for image in chosen if image not in known]
    done = len(chosen) - len(missing)
    problems: list[SourceProblem] = []
    with file.open("a", encoding="utf-8") as lines:
        for image, counts in _predicted(predictor, stills, missing, problems):
            known[image] = counts
            lines.write(json.dumps({"image": image, **counts.to_json()}) + "\n")
            lines.flush()  # on its way to the disk before the next image is counted
            done += 1
            if on_predicting is not None:
                on_predicting(done, len(chosen))
    used = [known[image] for image in chosen if image in known]
    return Evidence(sum(used, CrossCounts.zeros()), len(used), (*stills.problems, *unusable, *problems))


def choose_images(counted: Sequence[StillPixels], per_class: int) -> list[str]:
    """Choose a few images for each source value that occurs.

    Of the images in which a value covers a hundredth or more, those whose names hash lowest are taken: a draw that is
    the same every time, and that a larger number only adds to. Where there are too few, those with most of it follow.

    Returns:
        Paths below the set's root, sorted.
    """
    chosen: set[str] = set()
    ranks = {record.image: hashlib.sha256(record.image.encode()).hexdigest() for record in counted}
    by_value: dict[int, list[tuple[float, str, str]]] = {}
    for record in counted:
        whole = record.height * record.width
        for value, pixels in record.counts.items():
            by_value.setdefault(value, []).append((-min(pixels / whole, ENOUGH), ranks[record.image], record.image))
    for candidates in by_value.values():
        chosen.update(image for _, _, image in sorted(candidates)[:per_class])
    return sorted(chosen)


def _open_counts(
    folder: Path, run: Run, name: str, which: str, predictor: Predictor
) -> tuple[Path, dict[str, CrossCounts]]:
    """Return the file for counts of these weights at these settings, and what it holds by image."""
    header = {
        "schema": SCHEMA,
        "data": name,
        "counts": "predictions by source value",
        "run": run.name,
        "weights": weights_digest(run.weights(which)),
        "predict": predictor.settings,
    }
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode()).hexdigest()[:8]
    file = folder / f"{run.name}-{digest}.jsonl"

    def parse(line: dict[str, Any]) -> tuple[str, CrossCounts]:
        return line["image"], CrossCounts.from_json(line)

    return file, dict(open_records(file, header, parse, what="counted predictions", fix="delete the file."))


def _predicted(
    predictor: Predictor, stills: StillSet, wanted: Sequence[Still], problems: list[SourceProblem]
) -> Iterator[tuple[str, CrossCounts]]:
    """Yield each image's name and counts; images are decoded in a thread of their own."""
    waiting: deque[Loaded] = deque()

    def noted() -> Iterator[NDArray[np.uint8]]:
        for loaded in images:
            waiting.append(loaded)
            yield loaded[1]

    with closing(ahead(_loaded(stills, wanted, problems))) as images:
        for scores in predictor.predict_frames(noted()):
            still, _, mask = waiting.popleft()
            yield stills.key(still.image), CrossCounts.of(labels(scores, (mask.shape[0], mask.shape[1])), mask)


def _loaded(stills: StillSet, wanted: Sequence[Still], problems: list[SourceProblem]) -> Iterator[Loaded]:
    """Yield images with their masks; what cannot be read, though its length was known, is named and passed over."""
    for still in wanted:
        try:
            yield still, read_image(still.image), read_raw_mask(still.mask, clip=False)
        except InputError as error:
            problems.append(SourceProblem("unreadable image", stills.key(still.image), what_came(error)))


def _fault(record: StillPixels) -> tuple[str, str, str]:
    kind, message = record.problem or ("", "")
    return kind, record.image, message
