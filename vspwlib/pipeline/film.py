"""Make a clip of a film: its frames as a folder that every command and page takes as data, without truth.

    <target>/origin/00000000.jpg …

Frames come whole: they are written under a hidden name and renamed when the last one is there.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from vspwlib.checks import check_range, require
from vspwlib.data.prepare import HEIGHT, size_480p
from vspwlib.predict.video import Image as Picture
from vspwlib.predict.video import frame_rate, frame_source, read_first_frame

MOST_FRAMES = 3000  # over three minutes at VSPW's 15 frames a second
LARGEST_SIDE = 8192  # pixels
_QUALITY = 95
_MP4_MARK = b"ftyp"  # from the fifth byte on (ISO/IEC 14496-12, file type box)


@dataclass(frozen=True)
class Film:
    """What a film says of itself.

    Attributes:
        width: Of a frame, in pixels.
        height: Of a frame, in pixels.
        rate: Frames per second; None where it states none.
    """

    width: int
    height: int
    rate: float | None


def check_film(path: Path) -> Film:
    """Look at a film that somebody has sent: an mp4 by its content, whose first frame can be read.

    FFmpeg goes by content: what is called mp4 may be a playlist that names other files of this machine. Only what
    begins as an mp4 is opened.

    Raises:
        InputError: it is no mp4, it cannot be decoded, or its frames are too large.
    """
    require(path.is_file(), "film", expected="a file", got="nothing there", where=path)
    with path.open("rb") as file:
        head = file.read(8)
    fix = "re-encode it: `ffmpeg -i FILM -c:v libx264 -pix_fmt yuv420p film.mp4`."
    require(head[4:] == _MP4_MARK, "film", expected="an mp4", got="another kind of file", where=path.name, fix=fix)
    height, width = read_first_frame(path).shape[:2]
    fits = max(height, width) <= LARGEST_SIDE
    require(fits, "film", expected=f"at most {LARGEST_SIDE} pixels a side", got=f"{width}x{height}", where=path.name)
    return Film(width, height, frame_rate(path))


def film_to_clip(
    film: Path,
    target: Path,
    *,
    every: int = 1,
    most: int = MOST_FRAMES,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the frames of a film as a clip.

    Frames higher than VSPW's 480 pixels are brought to that height, as :mod:`vspwlib.data.prepare` does; smaller ones
    stay as they are.

    Args:
        film: An mp4, or another film that FFmpeg reads.
        target: Folder of the clip; its name is that of the video, and of the data set.
        every: Take every so many frames.
        most: Take no more than this.
        progress: Called with frames done, and the same number as the total, which a stream does not tell.

    Returns:
        Number of frames written.

    Raises:
        InputError: it is no film or damaged, or the clip is there already.
    """
    check_range("--every", every, 1)
    check_range("--most", most, 1)
    require(film.is_file(), "film", expected="a file", got="nothing there", where=film)
    frames = target / "origin"
    fix = "delete that folder, or name another target."
    require(not frames.exists(), "target", expected="a new clip", got="one that is there", where=frames, fix=fix)
    part = target / ".origin.part"
    shutil.rmtree(part, ignore_errors=True)  # left by a call that was killed
    try:
        part.mkdir(parents=True)
        count = 0
        for count, (name, picture) in enumerate(islice(_taken(film, every), most), start=1):
            Image.fromarray(picture).save(part / f"{name}.jpg", quality=_QUALITY)
            if progress is not None:
                progress(count, count)
        part.rename(frames)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return count


def _taken(film: Path, every: int) -> Iterator[tuple[str, Picture]]:
    """Yield every so many frames, none higher than VSPW's."""
    for name, picture in islice(frame_source(film), 0, None, every):
        height, width = picture.shape[:2]
        if height > HEIGHT:
            size = size_480p(width, height)
            yield name, np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))
        else:
            yield name, picture
