"""ViT-Adapter with Mask2Former as one network, as its own segmentation code computed it, image to label map."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tests.official.fixture import Check, Fixture, compare, load_exactly
from tests.official.vit_backbone import backbone_checks, build_backbone
from vspwlib.models.heads.mask2former import Mask2FormerSize, build_mask2former
from vspwlib.models.segmenter import Segmenter, semantic_scores
from vspwlib.predict.windows import boxes

#: By the start of an output's name. Scores are sums over all queries, mask logits reach 27.
TOLERANCES = {"decoder.mask": 1e-4, "sem.": 5e-5, "slide.": 5e-5, "": 2e-5}
#: Float64 runs of ours and of the official code differ by their float32 positions.
TOLERANCES64 = {"": 2e-6}
#: Rounding grows with values: classifiers that make logits of 20 leave the official code itself 2e-5 from float64.
RATE = 2e-6
#: Buffers that only some files hold.
OPTIONAL = ("relative_position_index", "num_batches_tracked")


def matches(fixture: Fixture) -> bool:
    """Recognise a whole network's weights beside its outputs."""
    return "state/decode_head.query_feat.weight" in fixture and any(fixture.under("out/"))


def run(fixture: Fixture) -> Iterator[Check]:
    """Compare everything that is stored, in float32 and again in float64 where outputs are stored in it."""
    for folder, dtype in (("out/", torch.float32), ("out64/", torch.float64)):
        names = [name.removeprefix(folder) for name in fixture.under(folder)]
        if any(name.startswith("backbone.") for name in names):
            yield from backbone_checks(fixture, dtype)
        beyond = [name for name in names if not name.startswith("backbone.")]
        own = _outputs(fixture, dtype, sliding=any(name.startswith("slide.") for name in beyond)) if beyond else {}
        tolerances = TOLERANCES if dtype == torch.float32 else TOLERANCES64
        for name in beyond:
            tolerance = next(value for start, value in tolerances.items() if name.startswith(start))
            if name.endswith("pred"):
                yield _compare_labels(fixture, folder, name, own, tolerance)
            else:
                official = fixture.tensor(folder + name)
                if dtype == torch.float32:
                    tolerance = max(tolerance, RATE * float(official.abs().max()))
                yield compare(folder + name, own.get(name), official, tolerance)


def build_network(fixture: Fixture) -> Segmenter:
    """Build the network of a fixture's settings, load its ``state/`` and set it to evaluation."""
    config = fixture.meta["config"]
    size = Mask2FormerSize(
        channels=config["feat_channels"],
        mask_channels=config["out_channels"],
        queries=config["num_queries"],
        encoder_layers=config["enc_layers"],
        encoder_heads=config["enc_heads"],
        points=config["enc_points"],
        feedforward=config["enc_ffn"],
        groups=config["gn_groups"],
        decoder_layers=config["dec_layers"],
        decoder_heads=config["dec_heads"],
        decoder_feedforward=config["dec_ffn"],
    )
    classes = config["num_things"] + config["num_stuff"]
    head = build_mask2former([config["embed_dim"]] * 4, size, num_classes=classes)
    network = Segmenter(build_backbone(fixture), head)
    load_exactly(network, fixture.state("state/"), allowed=OPTIONAL)
    return network.eval()


def _outputs(fixture: Fixture, dtype: torch.dtype, *, sliding: bool) -> dict[str, Tensor]:
    """Return our outputs under the fixture's names, in its layouts."""
    network = build_network(fixture).to(dtype)
    images = fixture.tensor("in/img", dtype)
    with torch.inference_mode():
        own = _head_outputs(network.decode_head, network.backbone(images))
        own["sem.low"] = semantic_scores(network(images))
        own["sem.full"] = _resize(own["sem.low"], images.shape[2:])
        if sliding:
            own |= _sliding_outputs(network, fixture, dtype)
    return own


def _head_outputs(head: Any, features: list[Tensor]) -> dict[str, Tensor]:
    """Run the head and keep what its parts return; the official layers put tokens before images."""
    own: dict[str, Tensor] = {}
    layers = {f"pixel_decoder.encoder.layers.{index}": x for index, x in enumerate(head.pixel_decoder.encoder.layers)}
    layers |= {f"decoder.layers.{index}.query": x for index, x in enumerate(head.transformer_decoder.layers)}
    hooks = [
        layer.register_forward_hook(lambda _, __, tokens, name=name: own.update({name: tokens.transpose(0, 1)}))
        for name, layer in layers.items()
    ]
    output = head(features, intermediate=True)
    for hook in hooks:
        hook.remove()
    own["pixel_decoder.mask_features"], memories = head.pixel_decoder(features)
    own |= {f"pixel_decoder.memory.{index}": memory for index, memory in enumerate(memories)}
    predictions = [*output.intermediate, (output.class_logits, output.mask_logits)]
    for index, (classes, masks) in enumerate(predictions):
        own |= {f"decoder.cls.{index}": classes, f"decoder.mask.{index}": masks}
    return own | {"decoder.cls.last": predictions[-1][0], "decoder.mask.last": predictions[-1][1]}


def _sliding_outputs(network: Segmenter, fixture: Fixture, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return scores before the softmax, and the mean softmax of the image and its mirror image."""
    config = fixture.meta["config"]
    image = fixture.tensor("in/slide_img", dtype)
    views = (image, image.flip(3))
    scores, mirrored = (
        _resize(_slide(network, view, config["crop"], config["stride"]), config["slide_ori"]) for view in views
    )
    return {
        "slide.scores": scores,
        "slide.flip_tta_scores": (scores.softmax(1) + mirrored.softmax(1).flip(3)) / 2,
    }


def _slide(network: Segmenter, image: Tensor, crop: list[int], stride: list[int]) -> Tensor:
    """Average windows at full resolution, as the official code does, over the windows of our predictor.

    Our predictor averages on the grid of stride 4 instead (docs/decisions/004-stride-4-blending.md).
    """
    batch, _, rows, columns = image.shape
    total = image.new_zeros(batch, network.decode_head.num_classes, rows, columns)
    count = image.new_zeros(rows, columns)
    for top, left, height, width in boxes(rows, columns, (crop[0], crop[1]), (stride[0], stride[1])):
        part = (..., slice(top, top + height), slice(left, left + width))
        total[part] += _resize(semantic_scores(network(image[part])), (height, width))
        count[part] += 1
    return total / count


def _resize(scores: Tensor, size: Any) -> Tensor:
    return functional.interpolate(scores, size=tuple(size), mode="bilinear", align_corners=False)


def _compare_labels(fixture: Fixture, folder: str, name: str, own: dict[str, Tensor], tolerance: float) -> Check:
    """Count the pixels whose label differs although their two best scores are too far apart to change places."""
    scores_name = name.removesuffix("pred") + "scores"
    ours = own.get(scores_name, torch.empty(0))
    labels = fixture.tensor(folder + name).long()
    stored = folder + scores_name
    theirs = fixture.tensor(stored) if stored in fixture else ours
    dtype = "float32" if folder == "out/" else "float64"
    if ours.shape[2:] != labels.shape[-2:]:
        return Check(name=folder + name, dtype=dtype, error=float("inf"), tolerance=0.0)
    best = theirs.topk(2, dim=1).values
    sure = (best[:, 0] - best[:, 1]) > 2 * tolerance
    wrong = (ours.argmax(1) != labels) & sure
    error = float(wrong.sum()) if sure.any() else float("inf")
    return Check(name=folder + name, dtype=dtype, error=error, tolerance=0.0)
