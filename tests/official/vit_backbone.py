"""ViT-Adapter's backbone inside the fixtures of the whole network."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tests.official.fixture import Check, Fixture, compare, load_exactly
from vspwlib.models.backbones.vit_adapter import ViTAdapterSize, build_vit_adapter

TOLERANCE = {torch.float32: 2e-5, torch.float64: 2e-6}
#: Files hold an index that ours computes.
INDEX = ("relative_position_index",)


#: What both official codes take where a setting is left out.
DEFAULTS = {"num_heads": 12, "mlp_ratio": 4.0, "conv_inplane": 64, "n_points": 4, "deform_num_heads": 6}
DEFAULTS |= {"cffn_ratio": 0.25, "deform_ratio": 1.0}
#: Where files keep the backbone's weights: those of the whole network, and those of the backbone alone.
PREFIXES = ("state/backbone.", "param:")


def build_backbone(fixture: Fixture) -> nn.Module:
    """Build the backbone of a fixture's settings, with fresh weights.

    Which optional parts it has is read from the weights, because settings leave out what is at its default, and the
    two official codes differ in their defaults.
    """

    def holds(name: str) -> bool:
        return any(prefix + name in fixture for prefix in PREFIXES)

    config: dict[str, Any] = DEFAULTS | fixture.meta["config"]
    side = config["img_size"]
    size = ViTAdapterSize(
        embed_dim=config["embed_dim"],
        depth=config["depth"],
        heads=config["num_heads"],
        mlp_ratio=config["mlp_ratio"],
        image_size=(side, side) if isinstance(side, int) else tuple(side),
        relative_position=holds("blocks.0.attn.relative_position_bias_table"),
        absolute_position=holds("pos_embed"),
        layer_scale=1.0 if holds("blocks.0.gamma_1") else None,
        conv_channels=config["conv_inplane"],
        deform_heads=config["deform_num_heads"],
        points=config["n_points"],
        deform_ratio=config["deform_ratio"],
        ffn_ratio=config["cffn_ratio"],
        interactions=tuple((run[0], run[-1]) for run in config["interaction_indexes"]),
    )
    return build_vit_adapter(size, drop_path=0.0)


def backbone_checks(fixture: Fixture, dtype: torch.dtype) -> Iterator[Check]:
    """Compare every stored output of the backbone, inner ones included."""
    folder = "out/" if dtype == torch.float32 else "out64/"
    names = [name.removeprefix(folder) for name in fixture.under(f"{folder}backbone.")]
    backbone = build_backbone(fixture)
    load_exactly(backbone, fixture.state("state/backbone."), allowed=INDEX)
    own = outputs(backbone.eval().to(dtype), fixture.tensor("in/img", dtype))
    for name in names:
        yield compare(folder + name, own.get(name), fixture.array(folder + name), TOLERANCE[dtype])


def outputs(backbone: nn.Module, images: Tensor) -> dict[str, Tensor]:
    """Run the backbone and return its inner and final outputs under the fixtures' names."""
    own: dict[str, Tensor] = {}
    hooks = []

    def keep(name: str, module: nn.Module) -> None:
        hooks.append(module.register_forward_hook(lambda _module, _inputs, output: own.update({name: output})))

    keep("backbone.patch_embed", backbone.patch_embed)
    keep("prior", backbone.spm)
    for index, block in enumerate(backbone.blocks):
        keep(f"backbone.blocks.{index}", block)
    for index, interaction in enumerate(backbone.interactions):
        keep(f"backbone.interactions.{index}.injector", interaction.injector)
        keep(f"backbone.interactions.{index}.extractor", interaction.extractor)
        keep(f"backbone.interactions.{index}.c", interaction.extractors[-1])
    with torch.inference_mode():
        for level, features in enumerate(backbone(images)):
            own[f"backbone.out.{level}"] = features
    for hook in hooks:
        hook.remove()
    for index, (_first, last) in enumerate(backbone.interaction_blocks):
        tokens = own[f"backbone.blocks.{last}"]
        own[f"backbone.interactions.{index}.cls"] = tokens[:, :1]
        own[f"backbone.interactions.{index}.x"] = tokens[:, 1:]
    first, *others = own.pop("prior")
    own["backbone.spm.c1"] = first
    for number, scale in enumerate(others, start=2):
        own[f"backbone.spm.c{number}"] = scale.flatten(2).transpose(1, 2)
    return own
