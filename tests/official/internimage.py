"""InternImage backbones, as OpenGVLab's segmentation code computed them, with any of its options."""

from collections.abc import Iterator
from typing import Any

import torch

from tests.official.fixture import Check, Fixture, compare, load_exactly, stages
from vspwlib.models.backbones.internimage import InternImageSize, build_internimage


def matches(fixture: Fixture) -> bool:
    """Recognise an InternImage backbone by its settings and its stem."""
    settings = fixture.meta.get("config", {}).keys()
    return {"channels", "depths", "groups"} <= settings and "param:patch_embed.conv1.weight" in fixture


def size_of(config: dict[str, Any]) -> InternImageSize:
    """Return our hyper-parameters for the official ones, absent ones at the official defaults."""
    ids = config.get("level2_post_norm_block_ids") or () if config.get("level2_post_norm") else ()
    return InternImageSize(
        embed_dim=config["channels"],
        depths=tuple(config["depths"]),
        groups=tuple(config["groups"]),
        mlp_ratio=config.get("mlp_ratio", 4.0),
        layer_scale=config.get("layer_scale"),
        offset_scale=config.get("offset_scale", 1.0),
        post_norm=config.get("post_norm", False),
        dw_kernel=config.get("dw_kernel_size"),
        res_post_norm=config.get("res_post_norm", False),
        level2_post_norms=tuple(ids),
        center_feature_scale=config.get("center_feature_scale", False),
    )


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the feature maps."""
    size = size_of(fixture.meta["config"])
    backbone = build_internimage(size, drop_path=0.0)
    # The official code registers these norms wherever they are asked for, but does not always call them.
    idle = ("res_post_norm",) if size.res_post_norm and not size.norm_after else ()
    load_exactly(backbone, fixture.state(), allowed=idle)
    backbone.eval()
    for dtype in (torch.float32, torch.float64):
        with torch.inference_mode():
            outputs = backbone.to(dtype)(fixture.tensor("input", dtype))
        own = stages(outputs, fixture.meta["config"])
        for name in fixture.under("out"):
            yield compare(name, own.get(name), fixture.array(name), 5e-5)
