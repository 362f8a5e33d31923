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


def size_of(config: dict[str, Any]) -> ViTAdapterSize:
    """Return the hyper-parameters that a fixture's settings name; what they leave out is BEiTv2's."""
    side = config["img_size"]
    return ViTAdapterSize(
        embed_dim=config["embed_dim"],
        depth=config["depth"],
        heads=config["num_heads"],
        mlp_ratio=config["mlp_ratio"],
        image_size=(side, side) if isinstance(side, int) else tuple(side),
        relative_position=config.get("use_rel_pos_bias", True),
        absolute_position=config.get("use_abs_pos_emb", False),
        layer_scale=config.get("init_values", 1e-6),
        conv_channels=config["conv_inplane"],
        deform_heads=config["deform_num_heads"],
        points=config["n_points"],
        deform_ratio=config["deform_ratio"],
        ffn_ratio=config["cffn_ratio"],
        interactions=tuple((first, last) for first, last in config["interaction_indexes"]),
    )


def build_backbone(fixture: Fixture) -> nn.Module:
    """Build the backbone of a fixture's settings, with fresh weights."""
    return build_vit_adapter(size_of(fixture.meta["config"]), drop_path=0.0)


def backbone_checks(fixture: Fixture, dtype: torch.dtype) -> Iterator[Check]:
    """Compare every stored output of the backbone, inner ones included."""
    folder = "out/" if dtype == torch.float32 else "out64/"
    names = [name.removeprefix(folder) for name in fixture.under(f"{folder}backbone.")]
    backbone = build_backbone(fixture)
    load_exactly(backbone, fixture.state("state/backbone."), allowed=INDEX)
    own = outputs(backbone.eval().to(dtype), fixture.tensor("in/img", dtype))
    for name in names:
        yield compare(folder + name, own[name], fixture.array(folder + name), TOLERANCE[dtype])


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
        own[f"backbone.interactions.{index}.cls"], own[f"backbone.interactions.{index}.x"] = (
            tokens[:, :1],
            tokens[:, 1:],
        )
    first, *others = own.pop("prior")
    own["backbone.spm.c1"] = first
    for number, scale in enumerate(others, start=2):
        own[f"backbone.spm.c{number}"] = scale.flatten(2).transpose(1, 2)
    return own
