"""Swin backbones, as mmsegmentation 0.30 computed them."""

from collections.abc import Iterator

import torch

from tests.official.fixture import Check, Fixture, compare, load_exactly, stages, unused_norms
from vspwlib.models.backbones.swin import SwinSize, build_swin


def matches(fixture: Fixture) -> bool:
    """Recognise a Swin backbone by its settings and its windows."""
    settings = fixture.meta.get("config", {}).keys()
    return {"embed_dims", "depths"} <= settings and any(".attn.w_msa." in name for name in fixture.names)


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the feature maps."""
    config = fixture.meta["config"]
    size = SwinSize(
        embed_dim=config["embed_dims"],
        depths=tuple(config["depths"]),
        heads=tuple(config["num_heads"]),
        window=config.get("window_size", 7),
        mlp_ratio=config.get("mlp_ratio", 4.0),
    )
    swin = build_swin(size, drop_path=0.0)
    load_exactly(swin, fixture.state(), allowed=("relative_position_index",), spare=unused_norms(config))
    swin.eval()
    with torch.inference_mode():
        own = stages(swin(fixture.tensor("input")), config)
    for name in fixture.under("out"):
        yield compare(name, own.get(name), fixture.array(name), 5e-5)
