"""Weights: round trip, strictness, and files that are not what they say."""

import argparse
import os
import pickle
import re
import sys
import zipfile
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from vspwlib.checks import InputError
from vspwlib.models.checkpoint import load_weights, read_checkpoint, read_weights, save_weights


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


LAYOUTS = {
    "mmseg": lambda state: {"meta": {"CLASSES": ("a", "b"), "PALETTE": [[0, 0, 0]]}, "state_dict": state},
    "training": lambda state: {"state_dict": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
    "pre-training": lambda state: {"model": state, "epoch": 3},
    "deepspeed": lambda state: {"module": state, "dp_world_size": 8},
    "bare": lambda state: state,
    "wrapped": lambda state: {"state_dict": {f"module.{name}": value for name, value in state.items()}},
    "ordered": lambda state: {"state_dict": OrderedDict(state)},
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
@pytest.mark.parametrize("old_format", [False, True], ids=["zip format", "old format"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_released_files_is_read(model, tmp_path, layout, zipped, old_format):
    path = tmp_path / "weights.pth"
    torch.save(LAYOUTS[layout](model.state_dict()), path, _use_new_zipfile_serialization=not old_format)
    if zipped:
        with zipfile.ZipFile(tmp_path / "download.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "folder/weights.pth")
        path = tmp_path / "download.zip"
    state = read_weights(path)
    assert list(state) == list(model.state_dict())
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor)


def test_options_and_numpy_values_beside_the_weights_do_no_harm(model, tmp_path):
    meta = {
        "best": np.float64(0.5),
        "iter": np.int64(7),
        "flag": np.bool_(True),
        "palette": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "options": argparse.Namespace(lr=0.1, layers=[1, 2]),
        "device": torch.device("cpu"),
    }
    path = tmp_path / "weights.pth"
    torch.save({"meta": meta, "state_dict": model.state_dict()}, path)
    assert read_weights(path).keys() == model.state_dict().keys()


def test_numpy_1_and_options_of_classes_that_are_not_installed_are_read(model, tmp_path, monkeypatch):
    """Files of their time name ``numpy.core`` and yacs."""
    yacs = ModuleType("yacs.config")
    yacs.CfgNode = type("CfgNode", (dict,), {"__module__": "yacs.config"})
    monkeypatch.setitem(sys.modules, "yacs", ModuleType("yacs"))
    monkeypatch.setitem(sys.modules, "yacs.config", yacs)
    options = yacs.CfgNode(lr=np.float32(0.1))
    options.frozen = True
    path = tmp_path / "weights.pth"
    torch.save({"config": options, "model": model.state_dict()}, path, _use_new_zipfile_serialization=False)
    monkeypatch.delitem(sys.modules, "yacs.config")
    contents = path.read_bytes()
    assert b"cyacs.config\nCfgNode" in contents
    assert b"cnumpy._core.multiarray\nscalar" in contents
    path.write_bytes(contents.replace(b"cnumpy._core.multiarray\nscalar", b"cnumpy.core.multiarray\nscalar"))
    assert read_weights(path).keys() == model.state_dict().keys()


def test_the_logs_of_mmengines_runner_do_no_harm_and_its_notes_are_kept(model, tmp_path):
    from mmengine.logging import HistoryBuffer

    logs = {"log_scalars": OrderedDict(loss=HistoryBuffer([0.5, 0.4], [1, 1])), "runtime_info": {"iter": 2}}
    notes = {"iter": 2, "dataset_meta": {"classes": ("wall", "car")}}
    path = tmp_path / "iter_2.pth"
    torch.save({"meta": notes, "state_dict": model.state_dict(), "message_hub": logs}, path)
    with pytest.raises(pickle.UnpicklingError, match="HistoryBuffer"):
        torch.load(path, weights_only=True)
    state, meta = read_checkpoint(path)
    assert state.keys() == model.state_dict().keys()
    assert meta == notes
    assert HistoryBuffer([3.0], [1]).max() == 3  # the class itself is as it was


class Malicious:
    """Runs a function when it is unpickled, as hostile files do."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "zipped"])
@pytest.mark.parametrize("place", ["beside", "inside"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("builtins.exec|exec", lambda trace: Malicious(exec, f"open({str(trace)!r}, 'w')")),
        ("os.mkdir|posix.mkdir|nt.mkdir", lambda trace: Malicious(os.mkdir, str(trace))),
        ("builtins.getattr|getattr", lambda trace: Malicious(getattr, "", str(trace))),
        ("torch.hub.load", lambda trace: Malicious(torch.hub.load, str(trace))),
    ],
    ids=["exec", "mkdir", "getattr", "hub"],
)
def test_nothing_in_a_file_is_executed(model, tmp_path, name, make, place, zipped):
    path, trace = tmp_path / "weights.pth", tmp_path / "trace"
    hook = make(trace)
    contents = {"state_dict": model.state_dict(), "hook": hook} if place == "beside" else {"state_dict": {"a": hook}}
    torch.save(contents, path)
    if zipped:
        with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
            archive.write(path, "weights.pth")
        path = tmp_path / "download.zip"
    with pytest.raises(InputError, match=re.escape(path.name)) as caught:
        read_weights(path)
    assert re.search(rf"({name}), which was not executed", str(caught.value))
    assert not trace.exists()


def test_the_list_of_harmless_names_is_left_as_it_was(model, tmp_path):
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    before = set(torch.serialization.get_safe_globals())  # torch lists them in any order
    read_weights(tmp_path / "weights.pth")
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    "contents",
    [{"state_dict": {}}, {}, {"state_dict": {"a": 1}}, {"a": torch.zeros(1), "b": "text"}, [torch.zeros(1)], 3],
    ids=repr,
)
def test_what_is_no_state_dict_is_refused(tmp_path, contents):
    torch.save(contents, tmp_path / "weights.pth")
    with pytest.raises(InputError, match="expected a state dict of tensors"):
        read_weights(tmp_path / "weights.pth")


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
    path.write_bytes(b"hello")  # torch says no more than "101"
    with pytest.raises(InputError, match=r"got a damaged or another one \(KeyError"):
        read_weights(path)
    path.write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(InputError, match="checkpoint"):
        read_weights(path)
    with pytest.raises(InputError, match="nothing there"):
        read_weights(tmp_path / "absent.pth")
