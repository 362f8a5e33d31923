"""Counts of what a model predicts on pixels that another data set has labelled in its own values.

A confusion matrix between two label spaces: rows are the values of the other data set's masks, columns VSPW's classes.
It needs no mapping, so it can judge one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vspwlib.checks import require
from vspwlib.labels import NUM_CLASSES

VALUES = 256  # of a mask file


@dataclass(frozen=True, eq=False)
class CrossCounts:
    """Pixels by source value and predicted class; counts of several images add up.

    Attributes:
        pixels: (256, 124) int64.
        images: (256,) int64, images in which a value occurs.
    """

    pixels: NDArray[np.int64]
    images: NDArray[np.int64]

    @classmethod
    def zeros(cls) -> Self:
        """Return the counts of no image."""
        return cls(np.zeros((VALUES, NUM_CLASSES), np.int64), np.zeros(VALUES, np.int64))

    @classmethod
    def of(cls, predicted: NDArray[np.uint8], source: NDArray[np.uint8]) -> Self:
        """Count one image.

        Args:
            predicted: (H, W) uint8, class ids 0..123.
            source: (H, W) uint8, values as in the other data set's file.

        Raises:
            InputError: shapes or types differ, or a prediction is no class.

        >>> counts = CrossCounts.of(np.array([[7, 7, 9]], np.uint8), np.array([[200, 200, 3]], np.uint8))
        >>> counts.pixels[200, 7].item(), counts.pixels[3, 9].item(), counts.images.sum().item()
        (2, 1, 2)
        """
        same = predicted.shape == source.shape
        require(same, "prediction", expected=f"shape {source.shape}, as the mask", got=predicted.shape)
        for what, array in (("prediction", predicted), ("mask", source)):
            require(array.dtype == np.uint8, what, expected="dtype uint8", got=array.dtype)
        highest = int(predicted.max(initial=0))
        require(highest < NUM_CLASSES, "prediction", expected=f"ids 0..{NUM_CLASSES - 1}", got=highest)
        places = source.astype(np.intp) * NUM_CLASSES + predicted
        pixels = np.bincount(places.ravel(), minlength=VALUES * NUM_CLASSES).reshape(VALUES, NUM_CLASSES)
        return cls(pixels.astype(np.int64), (pixels.sum(axis=1) > 0).astype(np.int64))

    def __add__(self, other: Self) -> Self:
        """Counts of the images of both."""
        return type(self)(self.pixels + other.pixels, self.images + other.images)

    def to_json(self) -> dict[str, Any]:
        """Return the counts of one image or many as plain lists; zeros are left out."""
        values, classes = self.pixels.nonzero()
        there = self.images.nonzero()[0]
        return {
            "source": values.tolist(),
            "predicted": classes.tolist(),
            "pixels": self.pixels[values, classes].tolist(),
            "images": [there.tolist(), self.images[there].tolist()],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild counts from :meth:`to_json`."""
        counts = cls.zeros()
        counts.pixels[data["source"], data["predicted"]] = data["pixels"]
        there, images = data["images"]
        counts.images[there] = images
        return counts
