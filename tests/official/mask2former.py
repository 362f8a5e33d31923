"""Mask2Former's head by itself, as EVA's code computed it from four random maps."""

from collections.abc import Iterator
from typing import Any

import torch

from tests.official.fixture import Check, Fixture, compare, load_exactly
from vspwlib.models.heads.mask2former import Mask2FormerSize, build_mask2former
from vspwlib.models.segmenter import semantic_scores


def matches(fixture: Fixture) -> bool:
    """Recognise a head's weights beside the maps that it reads."""
    return {"param:query_feat.weight", "feat0"} <= set(fixture.names)


def head_size(config: dict[str, Any]) -> Mask2FormerSize:
    """Return our hyper-parameters for an mmdet-2 head's settings; a layer's own feed-forward width goes before."""
    pixels, queries = config["pixel_decoder"], config["transformer_decoder"]
    encoder, decoder = pixels["encoder"]["transformerlayers"], queries["transformerlayers"]
    hidden = [
        layer.get("feedforward_channels", layer["ffn_cfgs"]["feedforward_channels"]) for layer in (encoder, decoder)
    ]
    return Mask2FormerSize(
        channels=config["feat_channels"],
        mask_channels=config["out_channels"],
        queries=config["num_queries"],
        encoder_layers=pixels["encoder"]["num_layers"],
        encoder_heads=encoder["attn_cfgs"]["num_heads"],
        points=encoder["attn_cfgs"]["num_points"],
        feedforward=hidden[0],
        groups=pixels["norm_cfg"]["num_groups"],
        decoder_layers=queries["num_layers"],
        decoder_heads=decoder["attn_cfgs"]["num_heads"],
        decoder_feedforward=hidden[1],
    )


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare every prediction and the semantic scores."""
    config = fixture.meta["config"]
    classes = config["num_things_classes"] + config["num_stuff_classes"]
    head = build_mask2former(config["in_channels"], head_size(config), num_classes=classes)
    load_exactly(head, fixture.state())
    head.eval()
    with torch.inference_mode():
        output = head([fixture.tensor(f"feat{level}") for level in range(4)], intermediate=True)
        seg = semantic_scores(output)
    predictions = [*output.intermediate, (output.class_logits, output.mask_logits)]
    own = {f"cls{index}": logits for index, (logits, _) in enumerate(predictions)}
    own |= {f"mask{index}": logits for index, (_, logits) in enumerate(predictions)}
    own |= {"mask_first": predictions[0][1], "mask_last": predictions[-1][1], "seg": seg}
    for name in fixture.names:
        if name.startswith(("cls", "mask", "seg")):
            tolerance = 1e-4 if name.startswith("mask") else 5e-5  # mask logits reach 27
            yield compare(name, own.get(name), fixture.array(name), tolerance)
