"""The fused kernels against PyTorch's operations: interpreted everywhere, and on a GPU where there is one."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from tests.losses.contrast_oracle import make
from vspwlib.losses.contrast.clip import Bank
from vspwlib.losses.contrastive import pixel_contrast_loss

INTERPRETED = """
import sys, torch
from tests.losses.test_losses_contrast_fused import OPTIONS, TYPES, of_a_nan, solved
assert of_a_nan("triton").isnan()
torch.save({(o, t): solved(o, t, "triton") for o in OPTIONS for t in TYPES}, sys.argv[1])
"""
OPTIONS = ("plain", "image", "bank", "one class", "cold")
TYPES = {torch.float64: 1e-12, torch.float32: 2e-6, torch.float16: 2e-3}


def solved(option, dtype, backend, device="cpu"):
    """Loss and gradient of one case."""
    x, labels = make(34, 8, 1 if option == "one class" else 5)
    features, classes = make(15, 8, 6, seed=1)
    x = x.to(torch.float64 if dtype == torch.float64 else torch.float32).to(device).requires_grad_()
    loss = pixel_contrast_loss(
        x,
        labels.to(device),
        image_ids=(torch.arange(34) // 12).to(device),
        temperature=0.001 if option == "cold" else 0.1,
        negatives="image" if option == "image" else "clip",
        bank=Bank(features.to(x), torch.where(classes == 255, -1, classes).to(device)) if option == "bank" else None,
        precision=dtype if dtype == torch.float16 else None,
        backend=backend,
    )
    loss.backward()
    return loss.detach().cpu(), x.grad.cpu()


def of_a_nan(backend, device="cpu"):
    """Loss where a patch is NaN that is nobody's positive: it shows in the sums over negatives alone."""
    x, labels = make(34, 8, 5)
    x, labels = x.float(), labels.clone()
    x[0], labels[0] = torch.nan, 9
    return pixel_contrast_loss(x.to(device), labels.to(device), backend=backend)


def agree(found, expected, bound):
    torch.testing.assert_close(found[0], expected[0], atol=min(bound, 1e-06), rtol=bound)
    assert (found[1] - expected[1]).norm() <= bound * max(1.0, float(expected[1].norm()))


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed here")
def test_interpreted_on_a_cpu(repository, tmp_path):
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", INTERPRETED, str(tmp_path / "interpreted.pt")]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    interpreted = torch.load(tmp_path / "interpreted.pt", weights_only=False)
    assert len(interpreted) == len(OPTIONS) * len(TYPES)
    for (option, dtype), found in interpreted.items():
        expected = solved(option, dtype, "chunked")
        agree(found, expected, TYPES[dtype])
        assert option == "one class" or expected[1].norm() > 0.1


@pytest.mark.parametrize("backend", ["symmetric", "chunked"])
def test_a_nan_shows(backend):
    assert of_a_nan(backend).isnan()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("backend", ["chunked", "triton"])
def test_on_a_gpu(option, backend):
    agree(solved(option, torch.float32, backend, "cuda"), solved(option, torch.float32, "symmetric"), 1e-4)
    assert of_a_nan(backend, "cuda").isnan()
