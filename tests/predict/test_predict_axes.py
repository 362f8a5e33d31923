"""Axis maps against PyTorch's own resize and against a linear ramp, which bilinear sampling must reproduce."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from vspwlib.predict.axes import resize_axis, sample, window_axis

sizes = st.integers(1, 60)


@settings(deadline=None)
@given(cells=sizes, pixels=sizes)
def test_resize_equals_interpolate(cells: int, pixels: int) -> None:
    values = torch.randn(1, 1, cells, generator=torch.Generator().manual_seed(cells), dtype=torch.float64)
    expected = functional.interpolate(values, size=pixels, mode="linear", align_corners=False)[0, 0]
    axis = resize_axis(cells, pixels)
    line = values[0, 0].numpy()
    torch.testing.assert_close(
        torch.from_numpy(line[axis.low] * (1 - axis.weight) + line[axis.high] * axis.weight),
        expected,
        atol=1e-5,
        rtol=0,
    )


def test_sample_is_the_product_of_both_axes() -> None:
    scores = torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(scores[None], size=(11, 19), mode="bilinear", align_corners=False)[0]
    torch.testing.assert_close(
        sample(scores.permute(1, 2, 0), resize_axis(5, 11), resize_axis(7, 19)).permute(2, 0, 1),
        expected,
        atol=1e-5,
        rtol=0,
    )


@settings(deadline=None)
@given(length=st.integers(4, 120), data=st.data())
def test_window_axis_reads_the_ramp_of_image_positions(length: int, data: st.DataObject) -> None:
    """A window whose cells hold their own position in the image must give each grid point its position."""
    extent = data.draw(st.integers(1, length))
    start = data.draw(st.integers(0, length - extent))
    covered = extent + data.draw(st.integers(0, 31))
    points, cells = (length + 3) // 4, data.draw(st.integers(1, covered))
    axis = window_axis(points=points, length=length, start=start, extent=extent, cells=cells, covered=covered)

    ramp = start + (np.arange(cells) + 0.5) * covered / cells
    found = ramp[axis.low] * (1 - axis.weight.astype(float)) + ramp[axis.high] * axis.weight
    positions = [(j + 0.5) * length / points for j in range(points)]
    taken = [(j, u) for j, u in enumerate(positions) if start <= u < start + extent]
    assert list(range(axis.start, axis.stop))[: len(taken)] == [j for j, _ in taken]
    expected = np.clip([u for _, u in taken], ramp[0], ramp[-1])
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_one_window_on_whole_cells_mixes_nothing() -> None:
    axis = window_axis(points=16, length=64, start=0, extent=64, cells=16, covered=64)
    assert axis.on_cells
    assert axis.low.tolist() == list(range(16))


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_a_window_off_the_grid_is_shifted_by_fractions_of_a_cell(shift: int) -> None:
    axis = window_axis(points=16, length=64, start=shift, extent=32, cells=8, covered=32)
    position = axis.low + axis.weight
    inner = position[(position > 0) & (position < 7)]
    np.testing.assert_allclose(inner % 1, (1 - shift / 4) % 1, atol=1e-6)
