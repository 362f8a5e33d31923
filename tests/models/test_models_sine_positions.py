"""Sine positions against the definition, number by number."""

import math

import numpy as np
import pytest

from vspwlib.models.heads.sine_positions import sine_positions


@pytest.mark.parametrize(("height", "width", "channels"), [(1, 1, 4), (3, 5, 8), (4, 2, 24)])
def test_equals_the_definition(height, width, channels):
    half = channels // 2
    expected = np.zeros((height, width, channels))
    for row in range(height):
        for column in range(width):
            for axis, share in enumerate(((row + 1) / (height + 1e-6), (column + 1) / (width + 1e-6))):
                for channel in range(half):
                    angle = 2 * math.pi * share / 10000 ** (2 * (channel // 2) / half)
                    wave = math.cos if channel % 2 else math.sin
                    expected[row, column, axis * half + channel] = wave(angle)
    own = sine_positions(height, width, channels)
    assert own.shape == (height * width, channels)
    np.testing.assert_allclose(own.numpy(), expected.reshape(-1, channels), atol=2e-6)
