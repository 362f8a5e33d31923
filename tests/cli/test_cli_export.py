"""``vspw models export``: what it takes, what it writes, and how it ends."""

import json

import pytest
import torch
import typer
from torch import nn
from typer.testing import CliRunner

from vspwlib.checks import InputError
from vspwlib.cli.export import export_model
from vspwlib.config import ModelConfig, PredictConfig, Recipe
from vspwlib.labels import CLASS_NAMES
from vspwlib.models.checkpoint import save_weights
from vspwlib.models.segmenter import SegOutput
from vspwlib.models.zoo import NETWORKS, Network
from vspwlib.runs import Workspace

app = typer.Typer()
app.command()(export_model)


class Small(nn.Module):
    """One convolution; ``drift`` makes it export as something else."""

    def __init__(self, num_classes: int, *, drift: float = 1.0) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(3, num_classes, 4, stride=4)
        self.drift = drift

    def forward(self, images):
        return SegOutput(logits=self.classifier(images * self.drift if torch.compiler.is_exporting() else images))


@pytest.fixture(autouse=True)
def networks(monkeypatch):
    for name, drift in (("small", 1.0), ("drifting", 1.01)):
        network = Network(
            name=name, summary="", build=lambda options, drift=drift: Small(options.num_classes, drift=drift)
        )
        monkeypatch.setitem(NETWORKS, name, network)


@pytest.fixture
def workspace(tmp_path, networks):
    """A workspace with one run, whose weights differ from any fresh ones."""
    place = Workspace(tmp_path / "ws")
    recipe = Recipe(
        name="mine",
        profile="mini",
        model=ModelConfig(name="small"),
        predict=PredictConfig(window=(24, 40), stride=(8, 8)),
    )
    run = place.create_run("mini-mine-s0", {"recipe": recipe.to_dict(), "data": {}}, {}, overwrite=False)
    torch.manual_seed(5)
    for name in ("best", "last"):
        save_weights(run.checkpoints / f"{name}.safetensors", Small(124).state_dict())
    return place


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def test_a_run_leaves_with_its_weights_and_what_a_reader_needs(workspace, tmp_path):
    path = tmp_path / "out" / "a.pt2"
    result = run(
        "mini-mine-s0", "--format", "torch", "--weights", "last", "--output", path, "-w", workspace.path, "--json"
    )
    assert result.exit_code == 0
    summary = json.loads(result.stdout)
    assert summary["output"] == str(path)
    assert summary["weights"] == "last.safetensors"
    assert summary["size"] == [24, 40]
    assert summary["error"] <= 1e-5
    assert sorted(file.name for file in path.parent.iterdir()) == ["a.pt2", "a.pt2.json"]
    beside = json.loads((tmp_path / "out" / "a.pt2.json").read_text())
    inside = {"metadata.json": ""}
    exported = torch.export.load(path, extra_files=inside)
    assert json.loads(inside["metadata.json"]) | {"check": beside["check"]} == beside
    assert beside["classes"] == list(CLASS_NAMES)
    assert beside["mean"] == [123.675, 116.28, 103.53]
    assert Recipe.from_dict(beside["recipe"]).model.name == "small"
    torch.manual_seed(5)
    _best, last = Small(124), Small(124)  # as the fixture drew them
    images = torch.randn(1, 3, 24, 40)
    torch.testing.assert_close(exported.module()(images), last(images).logits)


def test_a_network_leaves_with_weights_of_a_file_or_fresh_ones(tmp_path, workspace):
    save_weights(tmp_path / "mine.safetensors", Small(7).state_dict())
    arguments = ("small", "--format", "torch", "--num-classes", 7, "--height", 32, "--width", 48, "-w", workspace.path)
    named = run(*arguments, "--checkpoint", tmp_path / "mine.safetensors", "--output", tmp_path / "a.pt2")
    assert named.exit_code == 0
    assert "mine.safetensors" in named.stdout
    assert "32x48" in named.stdout
    assert json.loads((tmp_path / "a.pt2.json").read_text())["classes"] is None
    fresh = run(*arguments, "--output", tmp_path / "b.pt2", "--json")
    assert json.loads(fresh.stdout)["weights"] == "fresh, untrained"
    assert "fresh, untrained weights" in fresh.stderr


def test_released_names_are_understood_and_other_class_counts_refused(tmp_path, monkeypatch):
    """A Swin file as mmseg releases them, under ``state_dict``; the export itself is not what is tested."""
    from vspwlib.models import export
    from vspwlib.models.zoo import build

    torch.manual_seed(7)
    network = build("upernet_swin_tiny", num_classes=9)
    torch.save({"meta": {}, "state_dict": network.state_dict()}, tmp_path / "released.pth")
    seen = []

    def keep(network, *_, **__):
        seen.append(network.state_dict())
        return export.Agreement(0.0, 1.0, 0.0)

    monkeypatch.setattr(export, "export", keep)
    arguments = (
        "upernet_swin_tiny",
        "--checkpoint",
        tmp_path / "released.pth",
        "--output",
        tmp_path / "a",
        "-w",
        tmp_path,
    )
    assert run(*arguments, "--num-classes", 9).exit_code == 0
    torch.testing.assert_close(dict(seen[0]), dict(network.state_dict()))
    with pytest.raises(InputError, match=r"got 9 .*Fix: --num-classes 9"):
        run(*arguments)


def test_onnx_holds_the_same_metadata(tmp_path):
    import onnx

    assert run("small", "--height", 32, "--width", 48, "--output", tmp_path / "a.onnx", "-w", tmp_path).exit_code == 0
    entries = {entry.key: entry.value for entry in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert json.loads(entries["classes"]) == list(CLASS_NAMES)
    assert json.loads(entries["size"]) == [32, 48]
    assert entries["network"] == "small"


def test_a_failed_check_exits_with_1_and_writes_nothing(tmp_path):
    result = run("drifting", "--format", "torch", "--output", tmp_path / "a.pt2", "-w", tmp_path, "--json")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert summary["output"] is None
    assert summary["error"] > 1e-4
    assert "nothing was written" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mini-mine-s1",), "did you mean 'mini-mine-s0'"),
        (("smal",), "did you mean 'small'"),
        (("small", "--format", "onx"), "did you mean 'onnx'"),
        (("small", "--format", "torch", "--opset", 20), "--opset: expected --format onnx"),
        (("small", "--height", 0), "--height: expected 1"),
        (("small", "--checkpoint", "/nowhere.pth"), "checkpoint: expected a file"),
        (("mini-mine-s0", "--weights", "newest"), "--weights: expected one of best, last"),
    ],
)
def test_wrong_input_is_named(arguments, message, workspace):
    with pytest.raises(InputError, match=message):
        run(*arguments, "-w", workspace.path)
