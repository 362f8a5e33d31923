"""Every implementation of the weighted samples against plain loops: values, gradients, types, memory, places."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vspwlib.checks import InputError
from vspwlib.models.ops import sampling_numba
from vspwlib.models.ops.sampling import weighted_samples

ON_CPU = ("grid_sample", "embedding_bag", "numba")
LEVELS = [(4, 5), (1, 1), (2, 3)]


def by_loops(value: np.ndarray, levels: list, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each sample on its own: the four pixels around it, each by its share, and zeros outside."""
    (images, _, heads, depth), queries = value.shape, points.shape[1]
    out = np.zeros((images, queries, heads, depth))
    for image, query, head, level, point in np.ndindex(weights.shape):
        height, width = levels[level]
        start = sum(h * w for h, w in levels[:level])
        x, y = points[image, query, head, level, point]
        for row in range(height):
            for column in range(width):
                share = max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row))
                pixel = value[image, start + row * width + column, head]
                out[image, query, head] += weights[image, query, head, level, point] * share * pixel
    return out.reshape(images, queries, -1)


def make(
    dtype: torch.dtype = torch.float64, *, heads: int = 3, depth: int = 5, queries: int = 6, seed: int = 0
) -> tuple[Tensor, list, Tensor, Tensor]:
    """Random points, some of them far outside."""
    generator = torch.Generator().manual_seed(seed)
    pixels = sum(height * width for height, width in LEVELS)
    value = torch.randn(2, pixels, heads, depth, generator=generator, dtype=torch.float64)
    points = torch.rand(2, queries, heads, len(LEVELS), 2, 2, generator=generator, dtype=torch.float64) * 9 - 2
    weights = torch.randn(2, queries, heads, len(LEVELS), 2, generator=generator, dtype=torch.float64)
    return value.to(dtype), LEVELS, points.to(dtype), weights.to(dtype)


def with_gradients(backend: str, value: Tensor, levels: list, points: Tensor, weights: Tensor) -> list[Tensor]:
    """The sums, and the gradients of a fixed mixture of them along values, points and weights."""
    inputs = [tensor.clone().requires_grad_() for tensor in (value, points, weights)]
    out = weighted_samples(inputs[0], levels, *inputs[1:], backend=backend)
    mixture = torch.arange(out.numel(), dtype=torch.float64).cos().view_as(out).to(out)
    return [out.detach(), *torch.autograd.grad(out, inputs, mixture)]


@pytest.mark.parametrize("backend", [*ON_CPU, "auto"])
def test_equals_plain_loops(backend):
    value, levels, points, weights = make()
    points[0, 0, 0, :, 0] = torch.tensor([1.0, 0.0])  # on a pixel's centre, or on the border of the one-pixel level
    points[0, 1, 0, :, 0] = torch.tensor([-0.5, -0.75])  # half in the zeros around
    points[0, 2, 0, :, 0] = torch.tensor([4.25, 3.5])
    points[0, 3, 0, :, 0] = torch.tensor([-1.0, 0.5])  # where the border ends
    points[0, 4, 0, :, 0] = torch.tensor([1e9, -1e9])
    own = weighted_samples(value, levels, points, weights, backend=backend)
    expected = by_loops(value.numpy(), levels, points.numpy(), weights.numpy())
    np.testing.assert_allclose(own.numpy(), expected, atol=1e-12)
    assert np.abs(expected).max() > 0.5


@pytest.mark.parametrize("backend", ON_CPU)
def test_gradients(backend):
    value, levels, points, weights = make(queries=2, heads=2, depth=3, seed=1)
    assert float((points - points.round()).abs().min()) > 1e-3, "numeric differences must not cross a kink"
    inputs = [tensor.requires_grad_() for tensor in (value, points, weights)]
    assert torch.autograd.gradcheck(lambda v, p, w: weighted_samples(v, levels, p, w, backend=backend), inputs)


def test_on_a_pixels_centre_the_slopes_are_those_to_the_right_and_down():
    value = torch.tensor([1.0, 2.0, 4.0, 8.0], dtype=torch.float64).view(1, 4, 1, 1)
    points = torch.zeros(1, 1, 1, 1, 1, 2, dtype=torch.float64)
    weights = torch.ones(1, 1, 1, 1, 1, dtype=torch.float64)
    for backend in ON_CPU:
        slopes = with_gradients(backend, value, [(2, 2)], points, weights)[2]
        assert slopes.flatten().tolist() == [1.0, 3.0], backend


def test_several_threads_give_the_same_bits(monkeypatch):
    arguments = make(torch.float32, heads=4, queries=40)
    alone = with_gradients("numba", *arguments)
    monkeypatch.setattr(sampling_numba, "SMALL", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for own, expected in zip(with_gradients("numba", *arguments), alone, strict=True):
        assert torch.equal(own, expected)


@pytest.mark.parametrize("backend", ON_CPU)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2e-6), (torch.float16, 1e-3), (torch.bfloat16, 8e-3)])
def test_narrow_values_are_summed_in_float32(backend, dtype, bound):
    """All but one rounding to the type of the values is float32's; weights and points stay as they came."""
    value, levels, points, weights = make()
    value, points, weights = value.to(dtype), points.float(), weights.float()
    exact = with_gradients("grid_sample", value.double(), levels, points.double(), weights.double())
    own = with_gradients(backend, value, levels, points, weights)
    assert [tensor.dtype for tensor in own] == [dtype, dtype, torch.float32, torch.float32]
    mixture_error = 2 * bound  # the mixture, too, is rounded to the type of the sums
    for tensor, reference in zip(own, exact, strict=True):
        limit = mixture_error * max(float(reference.abs().max()), 1)
        np.testing.assert_allclose(tensor.double().numpy(), reference.numpy(), atol=limit)


def test_wide_inputs_widen_the_sum():
    value, levels, points, weights = make()
    own = weighted_samples(value.float(), levels, points, weights)
    expected = weighted_samples(value.float().double(), levels, points, weights)
    assert own.dtype == torch.float32
    assert torch.equal(own, expected.float())


def kept_bytes(backend: str, *arguments: object) -> int:
    """Bytes of all tensors that autograd keeps for the backward pass, each storage once."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    value, levels, points, weights = arguments
    inputs = [tensor.clone().requires_grad_() for tensor in (value, points, weights)]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = weighted_samples(inputs[0], levels, *inputs[1:], backend=backend)
    assert out.requires_grad
    return sum(kept.values())


def test_keeps_its_three_inputs_and_nothing_else():
    value, levels, points, weights = make(torch.float32)
    inputs = sum(tensor.untyped_storage().nbytes() for tensor in (value, points, weights))
    assert kept_bytes("numba", value, levels, points, weights) == inputs
    assert kept_bytes("grid_sample", value, levels, points, weights) > inputs


def test_has_a_shape_without_storage():
    value, levels, points, weights = make()
    own = weighted_samples(value.to("meta"), levels, points.to("meta"), weights.to("meta"))
    assert own.shape == (2, 6, 15)
    assert own.is_meta


def test_exports_with_the_numbers_of_the_kernels():
    value, levels, points, weights = make(torch.float32)

    class Sampler(torch.nn.Module):
        def forward(self, value: Tensor, points: Tensor, weights: Tensor) -> Tensor:
            return weighted_samples(value, levels, points, weights)

    exported = torch.export.export(Sampler(), (value, points, weights))
    assert "grid_sampler" in str(exported.graph)
    expected = weighted_samples(value, levels, points, weights, backend="numba")
    torch.testing.assert_close(exported.module()(value, points, weights), expected, atol=2e-6, rtol=0)


def test_on_cuda_triton_is_taken_but_where_determinism_is_asked_for(request, monkeypatch):
    from vspwlib.models.ops import sampling

    _chosen = sampling._chosen

    class OnCuda:
        device = torch.device("cuda")

    monkeypatch.setattr(sampling, "uses_triton", lambda: False)
    assert _chosen("auto", OnCuda(), traced=False) == "grid_sample"
    monkeypatch.setattr(sampling, "uses_triton", lambda: True)
    assert _chosen("auto", OnCuda(), traced=False) == "triton"
    assert _chosen("auto", OnCuda(), traced=True) == "grid_sample"
    assert _chosen("triton", OnCuda(), traced=False) == "triton"
    request.getfixturevalue("deterministic")
    assert {_chosen(name, OnCuda(), traced=False) for name in ("auto", "triton")} == {"embedding_bag"}


def test_wrong_shapes_and_places_are_refused(monkeypatch):
    value, levels, points, weights = make()
    with pytest.raises(InputError, match="27 pixels"):
        weighted_samples(value[:, 1:], levels, points, weights)
    with pytest.raises(InputError, match="points"):
        weighted_samples(value, levels, points[..., :1], weights)
    with pytest.raises(InputError, match="weights"):
        weighted_samples(value, levels, points[:, :, :1], weights[:, :, :1])
    with pytest.raises(InputError, match="did you mean 'numba'"):
        weighted_samples(value, levels, points, weights, backend="nunba")
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(InputError, match="expected tensors on cuda, got cpu"):
        weighted_samples(value, levels, points, weights, backend="triton")
