"""Read image and mask files: pixels as the official code sees them, faults as one clear message.

Both go through Pillow. Images: orientation tags are ignored, since the masks were drawn on the pixels as stored. Masks:
the values of the file, palette or not; converting a palette PNG to RGB or grey would turn ids into colours. A truncated
file is an error rather than a picture with a grey lower half.

Source: VSPW-dataset/VSPW_baseline (dataset.py reads both with ``Image.open``).
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from vspwlib.checks import fail, require
from vspwlib.labels import VOID, raw_to_id

SINGLE_CHANNEL = frozenset({"L", "P", "1", "I", "I;16", "I;16B", "I;16L", "I;16N"})
RESTORE = "restore the file from the release, or take its video out of the split list."
RAW_TO_ID = raw_to_id(
    np.arange(256, dtype=np.uint8)
)  # to look up with numpy's take, which is twice as fast as indexing
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # what Pillow raises on broken files


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Read an image as RGB.

    Args:
        path: JPEG, PNG or any other format Pillow reads: grey, palette, CMYK, 16 bit, with or without alpha (dropped).

    Returns:
        uint8 array (H, W, 3).

    Raises:
        InputError: the file is missing, empty, truncated or no image.
    """
    image = _load(Path(path), "image")
    if image.mode.startswith("I"):  # 16 bit grey: keep the high byte; Pillow's own conversion would clip to white
        grey = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))  # a copy: Pillow's own buffer is read-only


def read_image_size(path: str | Path) -> tuple[int, int]:
    """Decode an image whole and return its size alone: the way to find out whether it can be read.

    A JPEG is decoded at an eighth of its size, which reads every byte of the file in a third of the time.

    Args:
        path: As for :func:`read_image`.

    Returns:
        Height and width as stored; orientation tags are ignored.

    Raises:
        InputError: as :func:`read_image`.
    """
    path = Path(path)
    try:
        with Image.open(path) as image:
            width, height = image.size
            image.draft(None, (1, 1))  # does nothing to formats other than JPEG
            image.load()
    except UNREADABLE as error:
        fail("image", expected="a whole image file", got=_fault(path, error), where=path, fix=RESTORE)
    return height, width


def image_size(path: str | Path) -> tuple[int, int]:
    """Return the size that an image's header states, without decoding it.

    Args:
        path: As for :func:`read_image`.

    Returns:
        Height and width as stored; orientation tags are ignored.

    Raises:
        InputError: the file is missing, empty or no image; that it breaks off later is not noticed.
    """
    path = Path(path)
    try:
        with Image.open(path) as image:
            width, height = image.size
    except UNREADABLE as error:
        fail("image", expected="an image file", got=_fault(path, error), where=path, fix=RESTORE)
    return height, width


def read_raw_mask(path: str | Path, *, clip: bool = True) -> NDArray[np.uint8]:
    """Read a mask as it stands in the file.

    Args:
        path: A PNG with one channel: grey or palette, 1 to 16 bit.
        clip: Whether values above 255, which 16 bit masks may hold, become 255 or are refused.

    Returns:
        uint8 array (H, W) of raw values, 0..255.

    Raises:
        InputError: the file is missing, empty, truncated, no image, has several channels, or holds a value above 255
            that is not to be clipped.
    """
    image = _load(Path(path), "mask")
    if image.mode not in SINGLE_CHANNEL:
        fail(
            "mask",
            expected="one channel of class ids",
            got=f"{len(image.getbands())} of mode {image.mode}",
            where=path,
            fix="save it as a PNG of raw VSPW ids, grey or palette; colours cannot be turned back into ids.",
        )
    values = np.array(image)
    if not clip and values.dtype != np.uint8 and values.max() > VOID:
        fail("mask", expected="values 0..255", got=values.max(), where=path, fix="check whose ids the file holds.")
    return values if values.dtype == np.uint8 else values.clip(0, VOID).astype(np.uint8)


def read_mask(path: str | Path) -> NDArray[np.uint8]:
    """Read a mask as class ids.

    Args:
        path: A PNG with one channel of raw VSPW values.

    Returns:
        uint8 array (H, W): ids 0..123; 255 (void) wherever the raw value is 0 or above 124.

    Raises:
        InputError: as :func:`read_raw_mask`.
    """
    return RAW_TO_ID.take(read_raw_mask(path))


def check_same_size(image_shape: tuple[int, ...], mask_shape: tuple[int, ...], *, where: str | Path) -> None:
    """Require a mask to be as large as its image.

    Args:
        image_shape: (H, W) or (H, W, 3).
        mask_shape: (H, W).
        where: The mask file, for the message.

    Raises:
        InputError: the sizes differ.
    """
    (height, width), (mask_height, mask_width) = image_shape[:2], mask_shape[:2]
    require(
        (height, width) == (mask_height, mask_width),
        "mask",
        expected=f"the size of its image, {width}x{height}",
        got=f"{mask_width}x{mask_height}",
        where=where,
        fix="resize both alike (`vspw data prepare` does), nearest neighbour for the mask.",
    )


def _load(path: Path, what: str) -> Image.Image:
    """Decode a file whole, so that a truncated one is found here."""
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except UNREADABLE as error:
        fail(what, expected="a whole image file", got=_fault(path, error), where=path, fix=RESTORE)


def _fault(path: Path, error: Exception) -> str:
    """Say in few words why a file could not be read, without the path that Pillow repeats."""
    if not path.exists():
        return "nothing there"
    if path.is_dir():
        return "a folder"
    if path.stat().st_size == 0:
        return "an empty file (0 bytes)"
    if isinstance(error, PermissionError):
        return "a file that this user may not read"
    if isinstance(error, UnidentifiedImageError):
        return "a file of no known image format"
    return f"one that breaks off or is damaged ({error})"
