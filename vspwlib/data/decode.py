"""Decode an image straight into a tensor: the fast road of training.

torchvision and Pillow hand a JPEG to the same library and return the same values; torchvision does without two copies.
What it does not take (other formats, broken files) goes to Pillow, whose message tells what is wrong.
"""

from pathlib import Path

import torch
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg, read_file

from vspwlib.data.images import read_image


def decode_image(path: Path) -> Tensor:
    """Read an image as RGB.

    Args:
        path: A file that :func:`vspwlib.data.images.read_image` reads.

    Returns:
        uint8 (H, W, 3), the values ``read_image`` returns.

    Raises:
        InputError: the file is missing, empty, truncated or no image.
    """
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        try:
            return decode_jpeg(read_file(str(path)), mode=ImageReadMode.RGB).permute(1, 2, 0)
        except RuntimeError:  # cut short, or another format under this name
            pass
    return torch.from_numpy(read_image(path))
