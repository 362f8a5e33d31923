"""The command that holds our code to official outputs: what it says, and that it knows every shared fixture."""

import importlib
import json

import numpy as np
import pytest
import torch

from tests.official.__main__ import FAMILIES, checks, main
from tests.official.fixture import Fixture, compare
from vspwlib.models.backbones.swin import SwinSize, build_swin

CONFIG = {"embed_dims": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 3}


@pytest.fixture(scope="module")
def arrays():
    """A fixture as the official ones are, of our own network."""
    torch.manual_seed(0)
    size = SwinSize(embed_dim=8, depths=(1, 1, 1, 1), heads=(1, 1, 2, 2), window=3)
    swin = build_swin(size, drop_path=0.0)
    swin.eval()
    image = torch.randn(1, 3, 40, 56)
    found = {f"param:{name}": tensor.numpy() for name, tensor in swin.state_dict().items()}
    with torch.inference_mode():
        found |= {f"out{level}": features.numpy() for level, features in enumerate(swin(image))}
    return found | {"input": image.numpy(), "meta": np.array(json.dumps({"config": CONFIG}))}


def write(path, arrays, **changes):
    np.savez(path, **(arrays | changes))
    return str(path)


def test_equal_outputs_exit_with_0(arrays, tmp_path, capsys):
    assert main(["--json", write(tmp_path / "some.npz", arrays)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["out0", "out1", "out2", "out3"]
    assert all(row["fixture"] == "some.npz" and row["error"] <= row["tolerance"] for row in rows)


def test_one_other_number_exits_with_1_and_is_named(arrays, tmp_path, capsys):
    other = arrays["out2"].copy()
    other[0, 3, 1, 2] += 1e-3
    assert main([write(tmp_path / "other.npz", arrays, out2=other)]) == 1
    text = capsys.readouterr().out
    assert "3 of 4 within tolerance" in text
    assert [line.split()[-1] for line in text.splitlines() if "FAIL" in line] == ["out2"]


@pytest.mark.parametrize("value", [np.zeros((1, 8, 2, 2), np.float32), np.full((1, 8, 10, 14), np.nan, np.float32)])
def test_another_shape_or_nan_fails(value, arrays, tmp_path, capsys):
    assert main(["--json", write(tmp_path / "other.npz", arrays, out0=value)]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])["error"] is None


def test_a_stored_output_that_nobody_computes_is_not_passed_over(arrays, tmp_path, capsys):
    stray = {"out4": arrays["out3"], "logits": arrays["out0"]}
    assert main([write(tmp_path / "more.npz", arrays, **stray)]) == 1
    text = capsys.readouterr().out
    assert "4 of 6 within tolerance" in text
    assert [line.split()[-1] for line in text.splitlines() if "FAIL" in line] == ["out4", "logits"]


def test_settings_of_the_official_class_are_honoured(arrays, tmp_path):
    size = SwinSize(embed_dim=8, depths=(1, 1, 1, 1), heads=(1, 1, 2, 2), window=7, mlp_ratio=2.0)
    swin = build_swin(size, drop_path=0.0)
    swin.eval()
    with torch.inference_mode():
        maps = [features.numpy() for features in swin(torch.from_numpy(arrays["input"]))]
    config = {name: value for name, value in CONFIG.items() if name != "window_size"}  # 7 where it is left out
    config |= {"mlp_ratio": 2, "out_indices": [1, 3]}
    state = {name: tensor for name, tensor in swin.state_dict().items() if not name.startswith(("norm0.", "norm2."))}
    found = {f"param:{name}": tensor.numpy() for name, tensor in state.items()}
    found |= {
        "input": arrays["input"],
        "out0": maps[1],
        "out1": maps[3],
        "meta": np.array(json.dumps({"config": config})),
    }
    assert main([write(tmp_path / "other.npz", found)]) == 0


def test_training_names_the_file_that_should_lie_beside(tmp_path, capsys):
    step = {"in/img": np.zeros(1), "in/gt_semantic_seg": np.zeros(1), "grad/x": np.zeros(1)}
    assert main([write(tmp_path / "vit_adapter_train_k.npz", step)]) == 2
    assert "vit_adapter_k.npz" in capsys.readouterr().err


def test_a_gradient_without_its_parameter_fails_by_name():
    check = compare("grad/nowhere", None, torch.zeros(2), 1e-5)
    assert not check.passed
    assert check.dtype == "float32"


def test_weights_that_do_not_fit_and_unknown_files_exit_with_2(arrays, tmp_path, capsys):
    assert main([write(tmp_path / "a.npz", arrays, **{"param:extra": np.zeros(1)})]) == 2
    assert "extra" in capsys.readouterr().err
    assert main([write(tmp_path / "b.npz", {"x": np.zeros(1)})]) == 2
    assert "no family knows" in capsys.readouterr().err
    assert main([str(tmp_path / "none.npz"), write(tmp_path / "c.npz", arrays)]) == 2
    assert "c.npz: 4 of 4" in capsys.readouterr().out


def test_every_shared_fixture_has_its_family(shared):
    files = sorted((shared / "reference/fixtures").glob("*.npz"))
    assert len(files) >= 16
    families = [importlib.import_module(f"tests.official.{name}") for name in FAMILIES]
    for file in files:
        assert sum(family.matches(Fixture(file)) for family in families) == 1, file.name


@pytest.mark.slow
def test_a_whole_training_step_equals_the_official_one(shared):
    found = checks(shared / "reference/fixtures/vit_adapter_train_a.npz")
    assert len(found) > 500
    assert [check for check in found if not check.passed] == []
