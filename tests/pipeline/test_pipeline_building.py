"""What is built from a recipe."""

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.pipeline.building import build_fabric


@pytest.mark.parametrize("device", ["mps", "cuda:1", "", "gpu"])
def test_another_device_is_refused(device: str) -> None:
    with pytest.raises(InputError, match="--device: expected auto, cpu or cuda"):
        build_fabric("fp32", device=device)


def test_cuda_is_refused_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="expected a CUDA device, got none that PyTorch sees"):
        build_fabric("fp32", device="cuda")
    assert build_fabric("fp32").device.type == "cpu"
