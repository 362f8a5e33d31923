"""Counts between two label spaces, against a loop over pixels."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.metrics.cross import CrossCounts


def random_image(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    predicted = rng.choice([0, 7, 123], (9, 13)).astype(np.uint8)
    return predicted, rng.choice([0, 20, 181, 255], (9, 13)).astype(np.uint8)


def test_counts_of_two_images_against_a_loop():
    pixels, images = np.zeros((256, 124), np.int64), np.zeros(256, np.int64)
    total = CrossCounts.zeros()
    for seed in (0, 1):
        predicted, source = random_image(seed)
        source[source == 20] = 20 + seed  # a value in one image alone
        for value, number in zip(source.ravel().tolist(), predicted.ravel().tolist(), strict=True):
            pixels[value, number] += 1
        for value in {*source.ravel().tolist()}:
            images[value] += 1
        total += CrossCounts.of(predicted, source)
    assert np.array_equal(total.pixels, pixels)
    assert np.array_equal(total.images, images)
    assert images[[20, 21, 0]].tolist() == [1, 1, 2]
    again = CrossCounts.from_json(total.to_json())
    assert np.array_equal(again.pixels, pixels)
    assert np.array_equal(again.images, images)


@pytest.mark.parametrize(
    ("predicted", "source", "message"),
    [
        (np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), r"shape \(3, 2\), as the mask"),
        (np.full((2, 2), 124, np.uint8), np.zeros((2, 2), np.uint8), "ids 0..123, got 124"),
        (np.zeros((2, 2), np.int64), np.zeros((2, 2), np.uint8), "prediction: expected dtype uint8"),
        (np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint16), "mask: expected dtype uint8"),
    ],
)
def test_what_cannot_be_counted_is_refused(predicted, source, message):
    with pytest.raises(InputError, match=message):
        CrossCounts.of(predicted, source)
