"""EVA's ViT-Adapter backbones, with and without relative positions and layer scale."""

from collections.abc import Iterator

import torch

from tests.official.fixture import Check, Fixture, compare, load_exactly
from tests.official.vit_backbone import INDEX, build_backbone


def matches(fixture: Fixture) -> bool:
    """Recognise an adapter's settings beside bare backbone outputs."""
    return "interaction_indexes" in fixture.meta.get("config", {}) and any(fixture.under("param:spm."))


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare the four feature maps."""
    backbone = build_backbone(fixture)
    load_exactly(backbone, fixture.state(), allowed=INDEX)
    backbone.eval()
    with torch.inference_mode():
        own = {f"out{level}": features for level, features in enumerate(backbone(fixture.tensor("input")))}
    for name in fixture.under("out"):
        yield compare(name, own.get(name), fixture.array(name), 5e-5)
