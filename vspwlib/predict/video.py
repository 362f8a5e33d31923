"""Video in and out: frames of a folder or of a film, colours laid over them, H.264 written whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vspwlib.checks import check_range, check_shape, fail, require
from vspwlib.data.images import read_image

Image = npt.NDArray[np.uint8]

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
BT709 = 1  # of FFmpeg's colour spaces, primaries and transfers; said in the file, or players guess by its size
QUALITY = "18"  # x264's constant rate factor: visually lossless


def frame_source(path: str | Path) -> Iterator[tuple[str, Image]]:
    """Yield the frames of a folder of images, sorted by name, or of a film that FFmpeg reads.

    Args:
        path: A folder of images, a clip in VSPW's layout (whose ``origin/`` is read), or a file such as an mp4.
            Rotation noted in a film, as phones do, is applied.

    Yields:
        Name of the frame (the stem of its file; its number in eight digits, from 0) and ``(H, W, 3)`` uint8 RGB.

    Raises:
        InputError: nothing is there, there are no frames, or one is damaged.
    """
    source = Path(path).expanduser()
    if source.is_dir():
        folder = source / "origin" if (source / "origin").is_dir() else source
        files = sorted(file for file in folder.iterdir() if _is_image(file))
        require(bool(files), "frames", expected=f"images ({', '.join(IMAGE_SUFFIXES)})", got="none", where=source)
        return ((file.stem, read_image(file)) for file in files)
    require(source.is_file(), "video", expected="a folder of frames or a film", got="nothing there", where=source)
    return _decode(source)


def read_first_frame(path: str | Path) -> Image:
    """Return the first frame of what :func:`frame_source` takes.

    Raises:
        InputError: as there.
    """
    return next(frame_source(path))[1]


def frame_rate(path: str | Path) -> float | None:
    """Return the frames per second that a film states; None for a folder or where it states none.

    Raises:
        InputError: the file is no film.
    """
    source = Path(path).expanduser()
    if source.is_dir():
        return None
    with _open(source) as container:
        rate = _stream(container, source).average_rate
    return float(rate) if rate else None


def write_mp4(path: str | Path, frames: Iterable[Image], fps: float) -> Path:
    """Write frames as H.264 in an mp4 that every browser plays (yuv420p, BT.709).

    Args:
        path: File to write, ending in ``.mp4``; it is there whole or not at all.
        frames: ``(H, W, 3)`` uint8 RGB, all of one size; an odd side gets its last line twice, as the format wants.
        fps: Frames per second.

    Returns:
        The path.

    Raises:
        InputError: no frames, frames of several sizes, another ending, or the file cannot be written.
    """
    target = Path(path).expanduser()
    require(target.suffix.lower() == ".mp4", "video", expected="a name ending in .mp4", got=target.name)
    require(0 < fps <= 1000, "fps", expected="above 0, at most 1000", got=fps)
    remaining = iter(frames)
    first = next(remaining, None)
    if first is None:
        fail("frames", expected="at least one", got="none", where=target)
    check_shape("frame", first.shape, ("H", "W", 3))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp.mp4")
    try:
        _encode(temporary, chain([first], remaining), first.shape, Fraction(fps).limit_denominator(100_000))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def overlay(image: Image, ids: Image, palette: Image, opacity: float = 0.5) -> Image:
    """Lay the colours of classes over an image.

    Args:
        image: ``(H, W, 3)`` uint8.
        ids: ``(H, W)`` uint8 classes.
        palette: ``(256, 3)`` uint8, a colour for every id.
        opacity: Share of the colour, 0 to 1.

    Returns:
        ``(H, W, 3)`` uint8.

    >>> grey, red = np.full((1, 1, 3), 100, np.uint8), np.full((256, 3), (255, 0, 0), np.uint8)
    >>> overlay(grey, np.zeros((1, 1), np.uint8), red, 0.4).tolist()
    [[[162, 60, 60]]]
    """
    check_range("opacity", opacity, 0, 1)
    check_shape("palette", palette.shape, (256, 3))
    check_shape("ids", ids.shape, image.shape[:2])
    share = round(opacity * 256)
    colours = palette.astype(np.uint16) * share + 128  # 255 * 256 + 128 still fits
    return ((image * np.uint16(256 - share) + colours[ids]) >> 8).astype(np.uint8)


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith(".")


def _open(source: Path) -> Any:
    """Open a film."""
    import av

    try:
        return av.open(str(source))
    except av.error.FFmpegError as error:
        fix = "name a folder of frames, or a film that plays elsewhere."
        fail("video", expected="a film", got=f"a file that FFmpeg cannot open ({error})", where=source, fix=fix)


def _stream(container: Any, source: Path) -> Any:
    """Return the first video stream of a film."""
    require(bool(container.streams.video), "video", expected="moving pictures", got="none in the file", where=source)
    return container.streams.video[0]


def _decode(source: Path) -> Iterator[tuple[str, Image]]:
    """Yield the frames of a film, upright."""
    import av

    count = 0
    with _open(source) as container:
        stream = _stream(container, source)
        stream.thread_type = "AUTO"
        try:
            for frame in container.decode(stream):
                image = frame.to_ndarray(format="rgb24")
                yield f"{count:08d}", np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
                count += 1
        except av.error.FFmpegError as error:
            fix = "re-encode the film, or name a folder of frames."
            fail("video", expected="whole frames", got=f"damage after frame {count} ({error})", where=source, fix=fix)
    require(count > 0, "video", expected="at least one frame", got="none", where=source)


def _encode(path: Path, frames: Iterable[Image], shape: tuple[int, ...], rate: Fraction) -> None:
    """Encode frames of one shape into a new file."""
    import av

    try:
        with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream: Any = container.add_stream("libx264", rate=rate, options={"crf": QUALITY})
            stream.height, stream.width, stream.pix_fmt = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2, "yuv420p"
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = context.color_range = BT709
            for image in frames:
                check_shape("frame", image.shape, shape, where=path)
                even = np.pad(image, ((0, shape[0] % 2), (0, shape[1] % 2), (0, 0)), mode="edge")
                picture = av.VideoFrame.from_ndarray(even, format="rgb24")
                container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709")))
            container.mux(stream.encode())
    except av.error.FFmpegError as error:
        fix = "choose a place with free space that this user may write to."
        fail("video", expected="a file that can be written", got=error, where=path.parent, fix=fix)
