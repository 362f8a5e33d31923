"""Layer-wise learning-rate decay: the nearer a layer lies to the pixels, the more slowly it learns.

Everything follows from parameter names. Layers are numbered from the input: 0 is the patch embedding, with class token
and position embedding; block k of a backbone, counted through its stages, is k + 1; all that remains, heads and adapter
included, is the last. A layer's rate is scaled by ``rate`` to the power of its distance from the last.

Source: Clark et al., ELECTRA, ICLR 2020; rules of the official code of BEiT, ViT-Adapter, EVA and InternImage.
"""

import re
from collections.abc import Iterable

from vspwlib.checks import check_range, fail

_EMBEDDING = re.compile(r"backbone\.(patch_embed\.|stem\.|cls_token$|mask_token$|pos_embed$)")
_BLOCK = re.compile(r"backbone\.blocks\.(\d+)\.")
# Swin (mmseg) and InternImage end a stage with its step down in resolution; timm's networks (layers) begin with it.
_STAGE_BLOCK = re.compile(r"backbone\.(?:stages|levels|layers)\.(\d+)\.(?:blocks|post_norms)\.(\d+)\.")
_STAGE_END = re.compile(r"backbone\.(?:stages|levels)\.(\d+)\.(?:downsample|norm)\.")
_STAGE_START = re.compile(r"backbone\.layers\.(\d+)\.downsample\.")
_HEAD_EMBEDDING = re.compile(r"decode_head\.(mask_embed|cls_embed|level_embed|query_embed|query_feat)\.")


def layer_scales(names: Iterable[str], *, rate: float, head_quirk: bool = True) -> dict[str, float]:
    """Return the factor on the learning rate of each parameter.

    Two oddities of the official code are kept, since the released models were trained with them. What the query head
    learns from scratch, its ``cls_embed``, ``mask_embed``, ``level_embed``, ``query_embed`` and ``query_feat``, counts
    as layer 0, with the smallest rate of all; ``head_quirk=False`` puts it with the rest of the head. And the k-th
    post-norm of InternImage-H and -G counts as block k, though it follows a much later one.

    Args:
        names: All parameter names of a network, those of its backbone under ``backbone.``.
        rate: Factor from a layer to the one below, over 0 and up to 1.
        head_quirk: Treat the query head's embeddings as the official code does.

    Raises:
        InputError: where the backbone's names show no blocks.

    >>> names = ["backbone.cls_token", "backbone.blocks.0.gamma_1", "backbone.blocks.1.gamma_1", "backbone.norm1.bias"]
    >>> list(layer_scales(names, rate=0.5).values())
    [0.125, 0.25, 0.5, 1.0]
    """
    check_range("layer decay", rate, 1e-3, 1.0)
    listed = list(names)
    depths = _depths(listed)
    last = sum(depths) + 1
    return {name: rate ** (last - _layer(name, depths, head_quirk=head_quirk)) for name in listed}


def _depths(names: list[str]) -> list[int]:
    """Count the blocks of each stage; a plain transformer is one stage."""
    counts: dict[int, int] = {}
    for name in names:
        if place := _place(name):
            stage, block = place
            counts[stage] = max(counts.get(stage, 0), block + 1)
    if not counts:
        fail(
            "layer decay",
            expected="a network whose blocks are called backbone.blocks.N or backbone.levels.N.blocks.N",
            got=", ".join(names[:3]) or "no parameters",
            fix="set optim.layer_decay=none.",
        )
    return [counts.get(stage, 0) for stage in range(max(counts) + 1)]


def _place(name: str) -> tuple[int, int] | None:
    """Return the stage and the block that a parameter belongs to."""
    if found := _BLOCK.match(name):
        return 0, int(found[1])
    if found := _STAGE_BLOCK.match(name):
        return int(found[1]), int(found[2])
    return None


def _layer(name: str, depths: list[int], *, head_quirk: bool) -> int:
    """Number the layer that a parameter belongs to."""
    if _EMBEDDING.match(name) or (head_quirk and _HEAD_EMBEDDING.match(name)):
        return 0
    if place := _place(name):
        stage, block = place
        return sum(depths[:stage]) + block + 1
    if found := _STAGE_END.match(name):  # with the next stage's first block; the last stage's norm with its own first
        return sum(depths[: min(int(found[1]) + 1, len(depths) - 1)]) + 1
    if found := _STAGE_START.match(name):
        return sum(depths[: int(found[1])]) + 1
    return sum(depths) + 1
