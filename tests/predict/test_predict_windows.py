"""Sliding windows against a plain transcription of the official rule, and as properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vspwlib.checks import InputError
from vspwlib.predict.windows import boxes, window_starts

lengths = st.integers(1, 200)


def official_starts(length: int, window: int, stride: int) -> list[int]:
    """The rule as the official test code states it: step, cut the end at the image, move the start back."""
    starts = []
    for index in range(max(length - window + stride - 1, 0) // stride + 1):
        end = min(index * stride + window, length)
        starts.append(max(end - window, 0))
    return starts


@settings(deadline=None)
@given(length=lengths, window=lengths, stride=lengths)
def test_starts_equal_the_official_rule(length: int, window: int, stride: int) -> None:
    assert window_starts(length, window, stride) == official_starts(length, window, stride)


@settings(deadline=None)
@given(length=lengths, window=lengths, data=st.data())
def test_windows_cover_every_pixel_when_the_stride_is_no_longer_than_the_window(length, window, data) -> None:
    stride = data.draw(st.integers(1, window))
    seen = np.zeros(length, int)
    for start in window_starts(length, window, stride):
        assert start >= 0
        assert start + min(window, length) <= length
        seen[start : start + window] += 1
    assert seen.min() >= 1


@settings(deadline=None)
@given(size=st.tuples(lengths, lengths), window=st.tuples(lengths, lengths), stride=st.tuples(lengths, lengths))
def test_boxes_are_the_product_of_both_axes_and_of_one_size(size, window, stride) -> None:
    found = boxes(*size, window, stride)
    rows, columns = (official_starts(*axis) for axis in zip(size, window, stride, strict=True))
    assert [(box.top, box.left) for box in found] == [(top, left) for top in rows for left in columns]
    assert {(box.height, box.width) for box in found} == {(min(size[0], window[0]), min(size[1], window[1]))}


@pytest.mark.parametrize(("length", "window", "stride"), [(0, 4, 2), (4, 0, 2), (4, 4, 0), (4, 4, -1)])
def test_sizes_below_one_are_refused(length: int, window: int, stride: int) -> None:
    with pytest.raises(InputError, match="expected 1 to inf"):
        window_starts(length, window, stride)
