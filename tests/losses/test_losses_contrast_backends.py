"""What holds for every way to compute the contrastive loss: precision, memory, determinism."""

import weakref

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.losses.contrast_oracle import by_autograd, make
from vspwlib.losses import contrastive
from vspwlib.losses.contrast import chunked, symmetric, tiles
from vspwlib.losses.contrastive import pixel_contrast_loss

BACKENDS = ["symmetric", "chunked"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_tiles_of_the_usual_size(backend):
    x, labels = make(1500, 8, 20)
    oracle, own = x.clone().requires_grad_(), x.clone().requires_grad_()
    by_autograd(oracle, labels, 0.1).backward()
    pixel_contrast_loss(own, labels, backend=backend).backward()
    torch.testing.assert_close(own.grad, oracle.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("temperature", "bound"), [(0.1, 1e-6), (0.01, 2e-6), (0.001, 2e-5), (1e-4, 2e-5)])
def test_float32_holds_at_any_temperature(temperature, bound, backend):
    x, labels = make(400, 16)
    wide, narrow = x.clone().requires_grad_(), x.float().requires_grad_()
    expected = pixel_contrast_loss(wide, labels, temperature=temperature)
    expected.backward()
    loss = pixel_contrast_loss(narrow, labels, temperature=temperature, backend=backend)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert (narrow.grad - wide.grad).norm() < bound * wide.grad.norm()


@pytest.mark.parametrize(("precision", "bound"), [(torch.bfloat16, 5e-3), (torch.float16, 1e-3)])
def test_narrow_products(precision, bound):
    x, labels = make(2048, 32, 12)
    wide, narrow = x.clone().requires_grad_(), x.float().requires_grad_()
    pixel_contrast_loss(wide, labels).backward()
    loss = pixel_contrast_loss(narrow, labels, precision=precision, backend="chunked")
    loss.backward()
    error = float((narrow.grad - wide.grad).norm() / wide.grad.norm())
    assert 1e-6 < error < bound  # unscaled, float16 would lose 8 % and more
    assert loss.dtype == torch.float32


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_and_narrow_embeddings_change_nothing_but_the_input(backend, dtype):
    x, labels = make(100, dtype=torch.float32)
    expected = pixel_contrast_loss(x, labels, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        assert pixel_contrast_loss(x, labels, backend=backend) == expected
    narrow = x.to(dtype).requires_grad_()
    loss = pixel_contrast_loss(narrow, labels, backend=backend)
    loss.backward()
    assert loss.dtype == torch.float32
    assert narrow.grad.dtype == dtype
    assert float(loss.detach()) == pytest.approx(float(expected), rel=1e-2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_every_time(backend):
    x, labels = make(1200, 16, dtype=torch.float32)
    grads = []
    for _ in range(2):
        own = x.clone().requires_grad_()
        pixel_contrast_loss(own, labels, backend=backend).backward()
        grads.append(own.grad)
    assert torch.equal(*grads)


class Largest(TorchDispatchMode):
    """Remembers the most elements that any tensor had."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return result


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_tensor_holds_all_pairs(backend):
    x, labels = make(4096, 32, dtype=torch.float32)
    x.requires_grad_()
    with Largest() as largest:
        pixel_contrast_loss(x, labels, backend=backend).backward()
    assert largest.elements <= max(tiles.TILE**2, chunked.CPU_ENTRIES, x.numel()) < 4096**2 / 16


def test_results_of_a_chunk_do_not_outlive_it(monkeypatch):
    """Each kept a chunk's room from being used again: gigabytes at 16384 patches."""
    results, compute = [], chunked.row_sums

    def row_sums(*arguments):
        assert sum(result() is not None for result in results) <= 3, "more than those of the chunk before"
        found = compute(*arguments)
        results.extend(map(weakref.ref, found))
        return found

    monkeypatch.setattr(chunked, "row_sums", row_sums)
    monkeypatch.setattr(chunked, "CPU_ENTRIES", 16 * 60)
    pixel_contrast_loss(*make(60), backend="chunked")
    assert len(results) == 3 * 4


class Products(TorchDispatchMode):
    """Counts matrix products that are written to a tile."""

    number = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.number += func is torch.ops.aten.mm.out
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("tiles_kept", [0, 3, 6])
def test_tiles_that_are_kept_are_not_computed_again_and_no_more_are_kept_than_may_be(tiles_kept, monkeypatch):
    monkeypatch.setattr(symmetric, "KEPT", tiles_kept * tiles.TILE**2)
    x = torch.nn.functional.normalize(torch.randn(3 * tiles.TILE, 4), dim=1).requires_grad_()
    labels = torch.arange(len(x))  # no positives: the tiles are those of negatives, six each time
    with Products() as products:
        pixel_contrast_loss(x, labels, backend="symmetric")
    assert products.number == 12 - tiles_kept


def test_each_kind_of_device_gets_its_fastest_backend(monkeypatch):
    monkeypatch.setattr(contrastive, "uses_triton", lambda: True)
    assert [contrastive._chosen(place) for place in ("cpu", "cuda", "mps")] == ["symmetric", "triton", "chunked"]
    monkeypatch.setattr(contrastive, "uses_triton", lambda: False)
    assert contrastive._chosen("cuda") == "chunked"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("backend", ["chunked", "triton"])
def test_on_a_gpu_nothing_waits_for_the_device(backend):
    x, labels = make(3000, 64, dtype=torch.float32)
    own = x.clone().requires_grad_()
    expected = pixel_contrast_loss(own, labels)
    expected.backward()
    there, places = x.cuda().requires_grad_(), labels.cuda()
    pixel_contrast_loss(there, places, backend=backend)  # compiles
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss = pixel_contrast_loss(there, places, backend=backend)
        loss.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    torch.testing.assert_close(there.grad.cpu(), own.grad, rtol=1e-3, atol=1e-7)
