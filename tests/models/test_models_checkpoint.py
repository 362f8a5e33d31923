"""Weights: round trip, strictness, and files that are not what they say."""

import pickle

import pytest
import torch
from torch import nn

from vspwlib.checks import InputError
from vspwlib.models.checkpoint import load_weights, read_weights, save_weights


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def test_round_trip_is_exact(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(path, model.state_dict(), metadata={"step": "7"})
    other = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    load_weights(other, path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_torch_file_loads_and_loses_its_wrapper_prefix(model, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in model.state_dict().items()}}, path)
    assert read_weights(path).keys() == model.state_dict().keys()


def test_differences_are_named(model, tmp_path):
    path = tmp_path / "weights.safetensors"
    state = dict(model.state_dict())
    del state["0.bias"]
    state |= {"0.weight": torch.zeros(5, 3, 1, 1), "head.weight": torch.zeros(1)}
    save_weights(path, state)
    with pytest.raises(InputError) as caught:
        load_weights(model, path)
    message = str(caught.value)
    assert "1 missing (0.bias)" in message
    assert "1 unexpected (head.weight)" in message
    assert "0.weight (5, 3, 1, 1) for (4, 3, 1, 1)" in message


class Malicious:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_nothing_in_a_file_is_executed(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": {}, "hook": Malicious()}, path)
    with pytest.raises(InputError, match="expected a torch file of tensors"):
        read_weights(path)


@pytest.mark.parametrize("name", ["cut.safetensors", "cut.pth"])
def test_a_truncated_file_is_named(model, tmp_path, name):
    path = tmp_path / name
    if path.suffix == ".pth":
        torch.save(model.state_dict(), path)
    else:
        save_weights(path, model.state_dict())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=name):
        read_weights(path)


def test_other_contents_are_refused(tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(InputError, match="checkpoint"):
        read_weights(path)
    with pytest.raises(InputError, match="nothing there"):
        read_weights(tmp_path / "absent.pth")
