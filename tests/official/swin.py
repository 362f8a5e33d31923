"""Swin backbones, as mmsegmentation 0.30 computed them."""

from collections.abc import Iterator

import torch

from tests.official.fixture import Check, Fixture, compare, load_exactly
from vspwlib.models.backbones.swin import SwinSize, build_swin


def matches(fixture: Fixture) -> bool:
    """Recognise a Swin backbone by its settings."""
    return {"embed_dims", "window_size", "depths"} <= fixture.meta.get("config", {}).keys()


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the four feature maps."""
    config = fixture.meta["config"]
    size = SwinSize(
        embed_dim=config["embed_dims"],
        depths=tuple(config["depths"]),
        heads=tuple(config["num_heads"]),
        window=config["window_size"],
    )
    swin = build_swin(size, drop_path=0.0)
    load_exactly(swin, fixture.state(), allowed=("relative_position_index",))
    swin.eval()
    with torch.inference_mode():
        for level, features in enumerate(swin(fixture.tensor("input"))):
            yield compare(f"out{level}", features, fixture.array(f"out{level}"), 5e-5)
