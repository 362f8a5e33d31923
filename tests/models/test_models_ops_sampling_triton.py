"""The Triton kernels against the CPU's: interpreted everywhere, and on a GPU where there is one."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from tests.models.test_models_ops_sampling import make, with_gradients

INTERPRETED = """
import sys, torch
from tests.models.test_models_ops_sampling import with_gradients
from tests.models.test_models_ops_sampling_triton import BOUNDS, hard
torch.save([with_gradients("triton", *hard(dtype)) for dtype in BOUNDS], sys.argv[1])
"""
BOUNDS = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 4e-2}


def hard(dtype: torch.dtype) -> tuple[Tensor, list, Tensor, Tensor]:
    """Few samples, two of them where no integer holds their coordinates."""
    value, levels, points, weights = make(dtype, heads=2, queries=3)
    points[0, 0, 0, 0, 0], points[0, 1, 0, 0, 0] = float("nan"), 1e30
    return value, levels, points, weights


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed here")
def test_triton_interpreted_on_a_cpu_equals_the_kernels(repository, tmp_path):
    environment = os.environ | {"TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", INTERPRETED, str(tmp_path / "interpreted.pt")]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for (dtype, bound), found in zip(BOUNDS.items(), torch.load(tmp_path / "interpreted.pt"), strict=True):
        for own, expected in zip(found, with_gradients("numba", *hard(dtype)), strict=True):
            torch.testing.assert_close(own, expected, atol=bound, rtol=bound)
            assert own.abs().max() > 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("backend", ["grid_sample", "embedding_bag", "triton"])
def test_on_a_gpu(backend):
    value, levels, points, weights = make(torch.float32, heads=4, queries=300)
    there = [tensor.cuda() for tensor in (value, points, weights)]
    own = with_gradients(backend, there[0], levels, *there[1:])
    for tensor, expected in zip(own, with_gradients("numba", value, levels, points, weights), strict=True):
        torch.testing.assert_close(tensor.cpu(), expected, atol=1e-4, rtol=1e-4)
