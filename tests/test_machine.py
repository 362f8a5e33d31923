"""What runs here: whether Triton's kernels do, and which GPU."""

import pytest

from vspwlib import machine


@pytest.mark.parametrize(
    ("installed", "said", "used"), [(True, None, True), (True, "0", False), (True, "1", True), (False, "1", False)]
)
def test_triton_is_used_where_it_is_installed_and_nobody_says_no(installed, said, used, monkeypatch):
    monkeypatch.setattr(machine, "_triton_is_installed", lambda: installed)
    monkeypatch.delenv("VSPW_TRITON", raising=False)
    if said is not None:
        monkeypatch.setenv("VSPW_TRITON", said)
    assert machine.uses_triton() is used


def test_the_gpu_is_named_once_it_has_been_used(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    assert machine.gpu() is None
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H200")
    assert machine.gpu() == "NVIDIA H200"
