"""FocalNet backbones and classifiers, as microsoft/FocalNet's segmentation and classification code computed them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.official.fixture import Check, Fixture, compare, load_exactly, stages, unused_norms
from vspwlib.models.backbones.focalnet import FocalNetSize, build_focalnet
from vspwlib.models.rename_focalnet import rename_focalnet


def matches(fixture: Fixture) -> bool:
    """Recognise a FocalNet by its settings and its modulations."""
    settings = fixture.meta.get("config", {}).keys()
    return {"embed_dim", "depths"} <= settings and any(".modulation.focal_layers." in name for name in fixture.names)


def size_of(config: dict[str, Any], *, classifier: bool) -> FocalNetSize:
    """Return our hyper-parameters for the official ones, absent ones at the official defaults."""
    default_window = 3 if classifier else 9
    scale = config.get("layerscale_value", 1e-4) if config.get("use_layerscale") else None
    return FocalNetSize(
        embed_dim=config["embed_dim"],
        depths=tuple(config["depths"]),
        focal_levels=tuple(config.get("focal_levels", [2] * 4)),
        focal_windows=tuple(config.get("focal_windows", [default_window] * 4)),
        mlp_ratio=config.get("mlp_ratio", 4.0),
        conv_embed=config.get("use_conv_embed", False),
        stem_padding=2 if classifier else 3,
        layer_scale=scale,
        post_norm=config.get("use_postln", False),
        modulation_norm=config.get("use_postln_in_modulation", False),
        normalize_modulator=config.get("normalize_modulator", False),
    )


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the feature maps, and a classifier's logits."""
    classifier = "param:head.weight" in fixture
    config = fixture.meta["config"]
    size = size_of(config, classifier=classifier)
    backbone = build_focalnet(size, drop_path=0.0)
    spare = tuple(f"norm{level}." for level in range(4)) if classifier else unused_norms(config)
    state = rename_focalnet(fixture.state(), size)
    load_exactly(backbone, state, spare=spare)
    backbone.eval()
    for dtype in (torch.float32, torch.float64):
        with torch.inference_mode():
            images = fixture.tensor("input", dtype)
            outputs = (_classify if classifier else _segment)(backbone.to(dtype), images, fixture)
        own = stages(outputs, config)
        for name in fixture.under("out"):
            yield compare(name, own.get(name), fixture.array(name), 5e-5)


def _segment(backbone: nn.Module, images: Tensor, _fixture: Fixture) -> list[Tensor]:
    return backbone(images)


def _classify(backbone: nn.Module, images: Tensor, fixture: Fixture) -> list[Tensor]:
    """Return every stage's last map, and the logits of the pooled and normed last one.

    The classification code neither pads nor norms its maps: stages are run one by one, as timm runs them.
    """
    features, outputs = backbone.stem(images), []
    for stage in backbone.layers:
        features = stage(features)
        outputs.append(features)
    weights = {name: fixture.tensor(f"param:{name}", images.dtype) for name in ("norm.weight", "norm.bias")}
    tokens = features.flatten(2).transpose(1, 2)  # (B, h·w, C)
    pooled = functional.layer_norm(tokens, tokens.shape[-1:], weights["norm.weight"], weights["norm.bias"]).mean(dim=1)
    head = (fixture.tensor(f"param:head.{name}", images.dtype) for name in ("weight", "bias"))
    return [*outputs, functional.linear(pooled, *head)]
