"""Relative position bias: the index by loops, resizing against the rule written out, other grids."""

import numpy as np
import pytest
import torch
from scipy.interpolate import RectBivariateSpline

from tests.official import relpos
from tests.official.fixture import Fixture
from vspwlib.checks import InputError
from vspwlib.models.backbones.relative_position import (
    RelativeBias,
    axis_matrix,
    resize_table,
    table_rows,
)


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (4, 2)])
def test_bias_by_loops(grid, gradients):
    """Every pair of tokens, looked up the slow way in a table laid out as offsets."""
    height, width = grid
    table = torch.randn(table_rows(grid), 2, generator=torch.Generator().manual_seed(0))
    offsets = table[:-3].view(2 * height - 1, 2 * width - 1, 2)
    with torch.set_grad_enabled(gradients):
        bias = RelativeBias(grid)(table)
    assert bias.shape == (1, 2, height * width + 1, height * width + 1)
    for i in range(height * width):
        for j in range(height * width):
            dy, dx = i // width - j // width, i % width - j % width
            assert torch.equal(bias[0, :, 1 + i, 1 + j], offsets[dy + height - 1, dx + width - 1])
    assert (bias[0, :, 0, 1:] == table[-3][:, None]).all()
    assert (bias[0, :, 1:, 0] == table[-2][:, None]).all()
    assert torch.equal(bias[0, :, 0, 0], table[-1])


def test_memory_is_shared_unless_gradients_need_it():
    table = torch.randn(table_rows((2, 3)), 2, requires_grad=True)
    bias_of = RelativeBias((2, 3))
    first, second = bias_of(table), bias_of(table + 1)
    torch.testing.assert_close(second, first + 1)
    with torch.no_grad():
        shared, other = bias_of(table), bias_of(table + 1)
        torch.testing.assert_close(other, second)
        assert shared.data_ptr() == other.data_ptr()
        assert bias_of(table.bfloat16()).dtype == torch.bfloat16
    assert first.stride()[2] % 8 == 0
    assert torch.autograd.gradcheck(RelativeBias((2, 3)), (table.detach().double().requires_grad_(),))


def test_growing_is_a_cubic_spline_on_a_geometric_progression():
    """Five patches to nine and eleven: q by a fine search, then SciPy's two-dimensional spline."""
    table = torch.randn(table_rows((5, 5)), 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    own = resize_table(table, (5, 5), (9, 11))[:-3].view(17, 21)

    def places(target):
        ratios = np.linspace(1.01, 1.5, 4_900_001)
        reach = sum(ratios**power for power in range(4))
        steps = np.cumsum(ratios[np.abs(reach - (target - 1)).argmin()] ** np.arange(4))
        return np.concatenate([-steps[::-1], [0], steps])

    rows, columns = places(9), places(11)
    spline = RectBivariateSpline(rows, columns, table[:-3].view(9, 9).numpy(), kx=3, ky=3, s=0)
    expected = spline(
        np.clip(np.arange(-8, 9), rows[0], rows[-1]), np.clip(np.arange(-10, 11), columns[0], columns[-1])
    )
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-4)  # the loader's q is found to 1e-6


def test_shrinking_keeps_the_middle_offsets():
    table = torch.arange(table_rows((4, 3)), dtype=torch.float32)[:, None].repeat(1, 2)
    own = resize_table(table, (4, 3), (2, 3))
    offsets = table[:-3].view(7, 5, 2)
    assert torch.equal(own[:-3].view(3, 5, 2), offsets[2:5])
    assert torch.equal(own[-3:], table[-3:])


def test_crop_keeps_offsets_and_repeats_the_outermost():
    table = torch.randn(table_rows((2, 2)), 1, generator=torch.Generator().manual_seed(2))
    own = resize_table(table, (2, 2), (3, 2), "crop")[:-3].view(5, 3)
    offsets = table[:-3].view(3, 3)
    assert torch.equal(own, offsets[[0, 0, 1, 2, 2]])


@pytest.mark.parametrize(("source", "target"), [(1, 4), (2, 5), (3, 3), (6, 2)])
def test_constants_stay_constant(source, target):
    np.testing.assert_allclose(axis_matrix(source, target).sum(axis=1), 1.0, atol=1e-12)


def test_gradients_reach_the_table():
    table = torch.randn(table_rows((2, 3)), 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: resize_table(t, (2, 3), (4, 2)), (table,))


def test_wrong_tables_are_named():
    with pytest.raises(InputError, match="expected 18 rows for a grid of 2x3"):
        resize_table(torch.zeros(19, 1), (2, 3), (4, 4))
    with pytest.raises(InputError, match="relpos"):
        resize_table(torch.zeros(18, 1), (2, 3), (4, 4), "skip")


@pytest.mark.parity
def test_the_official_loader_gives_the_same_tables(shared):
    fixture = Fixture(shared / "reference/fixtures/vit_adapter_relpos.npz")
    assert relpos.matches(fixture)
    found = list(relpos.run(fixture))
    assert len(found) == 10
    assert [check for check in found if not check.passed] == []
