"""Pack predictions as the VSPW challenge takes them, every frame checked."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from vspwlib.checks import require
from vspwlib.data.images import image_size
from vspwlib.data.index import Frame, Split, open_split
from vspwlib.data.writing import write_whole
from vspwlib.pipeline.sources import Source, check_frames, check_statement, data_of, open_source

TOP = "result_submission"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip can hold


@dataclass(frozen=True)
class Submission:
    """What :func:`submit` wrote.

    Attributes:
        zip: The file.
        videos: Videos in it.
        frames: Frames in it.
        bytes: Its size.
        sha256: Its checksum.
        stray: What the predictions hold beside the split, which is not in it: ``video`` or ``video/frame``.
    """

    zip: Path
    videos: int
    frames: int
    bytes: int
    sha256: str
    stray: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """Return everything under its name, as JSON values."""
        return {**vars(self), "zip": str(self.zip), "stray": list(self.stray)}


def submit(
    predictions: Path,
    split: str,
    out: Path,
    *,
    data: Path | None = None,
    top: str = TOP,
    progress: Callable[[int, int], None] | None = None,
) -> Submission:
    """Write a zip of ``result_submission/<video>/<frame>.png``, grey PNGs of ids 0..123, each as large as its frame.

    That is what the public code of three entries writes. Whether the server wants the folder ``result_submission`` at
    the top of the zip was not to be read anywhere: ``top`` names another, or none. Nor is a size stated: entries were
    made on the 480p release, so give a data set of that size. The same predictions give the same bytes: entries are
    sorted, dated 1980, and stored, since PNGs are compressed already.

    Args:
        predictions: A score store, or a folder ``<video>/<frame>.png``.
        split: Split of the data set, every frame of which must be there.
        out: The file to write; it is there whole or as it was before.
        data: The data set; by default the one that the predictions say.
        top: Folder at the top of the zip; empty for none.
        progress: Called with frames done and frames in all.

    Returns:
        What was written.

    Raises:
        InputError: frames are missing, a label map has another size than its image, several channels, or an id that is
            no class, or the file cannot be written.

    Source:
        GuoleiSun/VSS-CFFM (format_results), lxtGH/Tube-Link (vspw_pth_to_png), DUT-CSJ/PVUW2023-VSS-3rd.
    """
    require(out.suffix == ".zip", "--out", expected="a name that ends in .zip", got=out.name)
    source = open_source(predictions)
    check_statement(source, split)
    frames = open_split(data_of([source], data), split)
    stray = check_frames(source, frames)
    write_whole(out, lambda part: _pack(source, frames, part, top, progress))
    with out.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    size = out.stat().st_size
    return Submission(out, len(frames.videos), frames.num_frames, size, checksum, tuple(stray))


def _pack(source: Source, split: Split, path: Path, top: str, progress: Callable[[int, int], None] | None) -> None:
    """Write the zip, one frame in memory."""
    prefix = f"{top.strip('/')}/" if top.strip("/") else ""
    ordered = sorted(split.frames(), key=lambda frame: (frame.video, frame.name))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for done, frame in enumerate(ordered, start=1):
            entry = zipfile.ZipInfo(f"{prefix}{frame.video}/{frame.name}.png", EPOCH)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix, wherever it is written
            archive.writestr(entry, _png(source, frame))
            if progress is not None:
                progress(done, len(ordered))


def _png(source: Source, frame: Frame) -> bytes:
    """Return a frame's label map as a grey PNG; palettes and dates of the files read do not enter."""
    size, what = image_size(frame.image), f"predictions of {source.name}"
    found = source.labels.size(frame.video, frame.name)
    where, fix = f"{source.path}, {frame.video}/{frame.name}", "predict the frames of this data set."
    expected, got = f"{size[1]}x{size[0]}, as the image", f"{found[1]}x{found[0]}"
    require(found == size, what, expected=expected, got=got, where=where, fix=fix)
    buffer = io.BytesIO()
    Image.fromarray(source.labels.labels(frame.video, frame.name, size)).save(buffer, format="png")
    return buffer.getvalue()
