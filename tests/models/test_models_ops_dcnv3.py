"""DCNv3 against plain loops, its layer against the definition, and what is easy to get wrong in both."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import InputError
from vspwlib.models.ops.dcnv3 import DCNv3, dcnv3


def by_loops(features: np.ndarray, offsets: np.ndarray, mask: np.ndarray, settings: dict) -> np.ndarray:
    """Equation 2 of the paper, one output pixel, group and point at a time."""
    images, height, width, channels = features.shape
    (kh, kw), groups, dilation = settings["kernel"], settings["groups"], settings["dilation"]
    rows, columns = offsets.shape[1:3]
    offsets, mask = (array.reshape(images, rows, columns, groups, kw, kh, -1) for array in (offsets, mask))
    grouped = features.reshape(images, height, width, groups, -1)
    out = np.zeros((images, rows, columns, groups, channels // groups))
    for image, row, column, group, ix, iy in np.ndindex(offsets.shape[:-1]):
        half_x, half_y = math.floor(dilation * (kw - 1) / 2), math.floor(dilation * (kh - 1) / 2)  # as the CUDA kernel
        dx, dy = offsets[image, row, column, group, ix, iy]
        x = column * settings["stride"] - settings["padding"] + half_x
        y = row * settings["stride"] - settings["padding"] + half_y
        x += settings["offset_scale"] * (dilation * ix - half_x + dx)
        y += settings["offset_scale"] * (dilation * iy - half_y + dy)
        across = np.maximum(0, 1 - np.abs(x - np.arange(width)))
        along = np.maximum(0, 1 - np.abs(y - np.arange(height)))
        sample = np.einsum("h,w,hwd->d", along, across, grouped[image, :, :, group])
        out[image, row, column, group] += mask[image, row, column, group, ix, iy, 0] * sample
    return out.reshape(images, rows, columns, channels)


def make(kernel: tuple[int, int], groups: int, size: tuple[int, int], reach: float) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    points = groups * kernel[0] * kernel[1]
    features = torch.randn(2, 5, 7, 2 * groups, generator=generator, dtype=torch.float64)
    offsets = torch.randn(2, *size, 2 * points, generator=generator, dtype=torch.float64) * reach
    mask = torch.rand(2, *size, points, generator=generator, dtype=torch.float64)
    return features, offsets, mask


CASES = [
    {"kernel": (3, 3), "stride": 1, "padding": 1, "dilation": 1, "offset_scale": 1.0},
    {"kernel": (3, 3), "stride": 1, "padding": 1, "dilation": 1, "offset_scale": 2.0},
    {"kernel": (3, 3), "stride": 2, "padding": 1, "dilation": 1, "offset_scale": 1.0},
    {"kernel": (3, 3), "stride": 1, "padding": 2, "dilation": 2, "offset_scale": 0.5},
    {"kernel": (3, 5), "stride": 1, "padding": 1, "dilation": 1, "offset_scale": 1.5},
    {"kernel": (2, 4), "stride": 1, "padding": 1, "dilation": 1, "offset_scale": 1.5},  # no pixel in the middle
    {"kernel": (4, 2), "stride": 2, "padding": 2, "dilation": 3, "offset_scale": 0.5},
]


@pytest.mark.parametrize("backend", ["auto", "grid_sample", "embedding_bag"])
@pytest.mark.parametrize("settings", CASES)
@pytest.mark.parametrize("reach", [0.0, 2.0])  # 0: every point on a pixel's centre or between two
def test_equals_plain_loops(settings, reach, backend):
    settings = settings | {"groups": 3}
    size = (5, 7) if settings["stride"] == 1 else (3, 4)
    features, offsets, mask = make(settings["kernel"], 3, size, reach)
    own = dcnv3(features, offsets, mask, **settings, backend=backend)
    expected = by_loops(features.numpy(), offsets.numpy(), mask.numpy(), settings)
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", "grid_sample", "embedding_bag"])
def test_gradients(backend):
    features, offsets, mask = make((3, 3), 1, (2, 2), 0.3)
    inputs = [tensor[:1].clone().requires_grad_() for tensor in (features, offsets, mask)]
    settings = {"kernel": (3, 3), "groups": 1, "stride": 2, "offset_scale": 1.5, "backend": backend}
    assert torch.autograd.gradcheck(lambda *tensors: dcnv3(*tensors, **settings), inputs)


def test_zero_offsets_and_equal_weights_are_a_mean_filter():
    features, offsets, mask = make((3, 3), 3, (5, 7), 0.0)
    own = dcnv3(features, offsets, torch.full_like(mask, 1 / 9), kernel=(3, 3), groups=3)
    mean = functional.avg_pool2d(features.permute(0, 3, 1, 2), 3, stride=1, padding=1).permute(0, 2, 3, 1)
    torch.testing.assert_close(own, mean)


def test_narrow_offsets_do_not_lose_pixels():
    """On a wide map a bfloat16 coordinate would be off by a pixel; only the offset itself is rounded."""
    features = torch.arange(400.0, dtype=torch.float64).expand(1, 3, 400)[..., None] / 400
    _, _, mask = make((3, 3), 1, (3, 400), 0.0)
    offsets = torch.full((1, 3, 400, 18), 0.25)
    exact = dcnv3(features, offsets.double(), mask[:1], kernel=(3, 3), groups=1)
    own = dcnv3(features.float(), offsets.bfloat16(), mask[:1].float(), kernel=(3, 3), groups=1)
    assert own.dtype == torch.float32
    np.testing.assert_allclose(own.numpy(), exact.numpy(), atol=1e-5)


def test_a_fresh_layer_filters_its_projection():
    """Offsets and mask begin at zero: the layer is two projections around a mean filter."""
    torch.manual_seed(0)
    layer = DCNv3(8, groups=2)
    features = torch.randn(1, 5, 6, 8)
    projected = layer.input_proj(features).permute(0, 3, 1, 2)
    expected = layer.output_proj(functional.avg_pool2d(projected, 3, stride=1, padding=1).permute(0, 2, 3, 1))
    torch.testing.assert_close(layer(features), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_every_parameter_is_reached(stride):
    torch.manual_seed(0)
    layer = DCNv3(8, groups=2, dw_kernel=5, stride=stride, offset_scale=2.0, center_feature_scale=True)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    out = layer(torch.randn(1, 7, 6, 8))
    assert out.shape == (1, -(-7 // stride), 6 // stride, 8)
    out.square().sum().backward()
    assert {name for name, parameter in layer.named_parameters() if not parameter.grad.abs().max() > 0} == set()


def test_a_strided_layer_gives_every_second_pixel():
    torch.manual_seed(0)
    dense = DCNv3(8, groups=2, center_feature_scale=True)
    sparse = DCNv3(8, groups=2, center_feature_scale=True, stride=2)
    for parameter in dense.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    sparse.load_state_dict(dense.state_dict())
    features = torch.randn(2, 5, 6, 8)
    torch.testing.assert_close(sparse(features), dense(features)[:, ::2, ::2])


def test_under_autocast_points_stay_exact_and_the_result_is_close():
    torch.manual_seed(0)
    layer = DCNv3(16, groups=2)
    torch.nn.init.normal_(layer.offset.weight, std=0.3)
    features = torch.randn(1, 6, 40, 16)
    with torch.autocast("cpu", torch.bfloat16):
        own = layer(features).detach()
    assert own.dtype == torch.bfloat16
    expected = layer(features).detach()
    assert float((own - expected).abs().max()) < 0.04 * float(expected.abs().max())


def test_builds_and_runs_without_storage():
    with torch.device("meta"):
        layer = DCNv3(8, groups=2, center_feature_scale=True)
        assert layer(torch.empty(2, 5, 6, 8)).shape == (2, 5, 6, 8)


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="a multiple of 3 groups, got 8"):
        DCNv3(8, groups=3)
    with pytest.raises(InputError, match="expected 2, which keeps the grid, got 1"):
        DCNv3(8, groups=2, kernel=5)
    with pytest.raises(InputError, match="an odd side, got 4"):
        DCNv3(8, groups=2, dw_kernel=4)


@pytest.mark.parity
def test_equals_the_official_operator_and_layers(shared):
    from tests.official.__main__ import checks

    found = checks(shared / "reference/fixtures/dcnv3_op.npz")
    assert len(found) == 116
    assert [check for check in found if not check.passed] == []
