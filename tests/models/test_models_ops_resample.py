"""Pooling and resizing as matrix products, against PyTorch's own; and what a training step asks of CUDA."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from vspwlib.models.ops.resample import AveragePool, resize_bicubic
from vspwlib.models.zoo import NETWORKS, build
from vspwlib.train.objective import Objective

#: Operators that CUDA refuses under ``torch.use_deterministic_algorithms``, of those that PyTorch's documentation
#: lists. Bilinear resizing is not among them: ``functional.interpolate`` takes another way there, on CUDA alone.
REFUSED = {
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "adaptive_max_pool2d_backward",
    "avg_pool3d_backward",
    "bincount",
    "fractional_max_pool2d_backward",
    "grid_sampler_2d_backward",
    "histc",
    "max_unpool2d",
    "median",
    "nll_loss2d_forward",
    "put_",
    "reflection_pad2d_backward",
    "replication_pad2d_backward",
    "scatter_reduce",
    "upsample_bicubic2d_backward",
}


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (6, 6), (11, 9)])
@pytest.mark.parametrize(
    ("own", "plain"),
    [
        (lambda maps, size: AveragePool(size)(maps), functional.adaptive_avg_pool2d),
        (
            resize_bicubic,
            lambda maps, size: functional.interpolate(maps, size=size, mode="bicubic", align_corners=False),
        ),
    ],
)
def test_matrices_give_the_same_values_and_gradients(own, plain, size, deterministic):
    generator = torch.Generator().manual_seed(0)
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.bfloat16, 1e-2)):
        maps = torch.randn(2, 3, 7, 9, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
        mixture = torch.randn(2, 3, *size, generator=generator, dtype=torch.float64).to(dtype)
        both = [resample(maps, size) for resample in (own, plain)]
        assert both[0].dtype == dtype
        torch.testing.assert_close(*both, atol=tolerance, rtol=tolerance)
        gradients = [torch.autograd.grad(each, maps, mixture)[0] for each in both]
        torch.testing.assert_close(*gradients, atol=tolerance, rtol=tolerance)


def test_without_determinism_pytorchs_own_are_taken():
    maps = torch.randn(1, 2, 5, 5, requires_grad=True)
    assert "AdaptiveAvgPool" in str(AveragePool((2, 2))(maps).grad_fn)
    assert "Bicubic" in str(resize_bicubic(maps, (3, 3)).grad_fn)


class Operators(TorchDispatchMode):
    """Collects the names of the operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", [name for name in NETWORKS if name.endswith("_tiny")])
def test_a_step_asks_cuda_for_nothing_that_it_cannot_do_deterministically(name, deterministic):
    """At a size that the network was not built for, so that its position embeddings are resized."""
    network = build(name, image_size=(96, 96)).train()
    labels = torch.randint(0, 124, (2, 4, 4)).repeat_interleave(32, 1).repeat_interleave(32, 2)
    with Operators() as called:
        terms = Objective()(network(torch.randn(2, 3, 128, 128)), labels)
        torch.stack(list(terms.values())).sum().backward()
    assert "convolution_backward" in called.names  # the backward pass was seen
    assert not called.names & REFUSED
