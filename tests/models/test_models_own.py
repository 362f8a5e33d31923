"""The page on own networks: its code runs from top to bottom, on a tiny data set and for a few iterations."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.models import zoo

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder to work in that holds the page's data set: raw 1 and 49 (car), two videos a split."""
    root = tmp_path / "data/mini/vspw"
    rng = np.random.default_rng(0)
    for split, videos in {"train": ("a", "b"), "test1": ("c", "d")}.items():
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{split}.txt").write_text("\n".join(videos))
        for video in videos:
            for number in range(3):
                mask = np.where(rng.random((6, 8)) < 0.5, 1, 49).astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1)
                image = np.where(mask[..., None] == 49, (200, 40, 40), (60, 90, 160)).astype(np.uint8)
                for part, pixels, suffix in (("origin", image, "jpg"), ("mask", mask, "png")):
                    (root / "data" / video / part).mkdir(parents=True, exist_ok=True)
                    Image.fromarray(pixels).save(root / "data" / video / part / f"{number:08d}.{suffix}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(zoo, "NETWORKS", dict(zoo.NETWORKS))
    return tmp_path


def test_the_page_runs(repository, place):
    page = (repository / "docs/own_models.md").read_text("utf-8")
    blocks = BLOCK.findall(page)
    assert len(blocks) >= 6
    code = "\n".join(blocks)
    assert len(re.findall(r"\b300\b", code)) == 2, "two trainings of 300 iterations, which this test shortens"
    names: dict[str, object] = {"__name__": "own_models"}
    exec(compile(re.sub(r"\b300\b", "2", code), "docs/own_models.md", "exec"), names)
    assert {"thin", "upernet_resnet18"} <= zoo.NETWORKS.keys()
    assert names["run"].finished
    assert json.loads((names["run"].path / "config.json").read_text())["recipe"]["model"]["name"] == "thin"
    assert (place / "thin.onnx").is_file()
    assert names["agreement"].error < 1e-3
    assert names["counts"].shape == (3, 3)
    assert names["counts"][2].sum() == 0  # no pixel of the third class
    assert names["counts"].sum() == 6 * 96 * 128
    assert (place / "rooms/checkpoints/last.safetensors").is_file()


def test_a_name_is_registered_once(monkeypatch):
    monkeypatch.setattr(zoo, "NETWORKS", dict(zoo.NETWORKS))
    network = zoo.Network(name="mine", summary="", build=lambda options: options)
    zoo.register(network)
    assert zoo.build("mine", num_classes=3).num_classes == 3
    with pytest.raises(InputError, match="expected a new name"):
        zoo.register(network)
