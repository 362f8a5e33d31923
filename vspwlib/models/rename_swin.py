"""Swin weights of others under mmseg's names: files of the authors' repository, and timm's."""

import re
from collections.abc import Mapping

from torch import Tensor

from vspwlib.checks import fail

_PARTS = {"attn": "attn.w_msa", "mlp.fc1": "ffn.layers.0.0", "mlp.fc2": "ffn.layers.1"}


def rename_swin(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return backbone weights under the names and in the order of :mod:`vspwlib.models.backbones.swin`.

    Besides the names, the halving of the grid differs: the authors and timm lay the four pixels end to end, column by
    column, mmseg interleaves them by channel. A classifier, its norm and stored attention masks are left out.

    Args:
        state: Backbone keys without a prefix: mmseg's (``stages.…``, returned as they are), the authors'
            (``layers.0.downsample.…``: at the end of a stage) or timm's (``layers.1.downsample.…``: at the start of the
            next). Tensors may be on the meta device.

    Raises:
        InputError: when the keys are of no such style.
    """
    if "patch_embed.projection.weight" in state:
        return dict(state)
    if "patch_embed.proj.weight" not in state:
        expected = "patch_embed.proj.weight (authors, timm) or patch_embed.projection.weight (mmseg) among the keys"
        fail("Swin weights", expected=expected, got=f"{len(state)} keys such as {next(iter(state), 'none')}")
    early = 0 if "layers.0.downsample.reduction.weight" in state else 1  # stages by which timm counts steps too late
    renamed = {}
    for name, tensor in state.items():
        if name.startswith(("head.", "norm.")) or name.endswith(".attn_mask"):
            continue
        step = re.match(r"layers\.(\d+)\.downsample\.(.+)", name)
        if step:
            renamed[f"stages.{int(step[1]) - early}.downsample.{step[2]}"] = _by_channel(tensor)
        else:
            renamed[_mmseg_name(name)] = tensor
    return renamed


def _mmseg_name(name: str) -> str:
    """Translate one of the authors' names, but those between stages."""
    name = re.sub(r"^patch_embed\.proj\.", "patch_embed.projection.", name)
    name = re.sub(r"^layers\.", "stages.", name)
    return re.sub(r"(?<=\.)(attn|mlp\.fc[12])(?=\.)", lambda part: _PARTS[part[1]], name)


def _by_channel(tensor: Tensor) -> Tensor:
    """Reorder the last axis from (column, row, channel) to (channel, row, column)."""
    return tensor.unflatten(-1, (2, 2, -1)).transpose(-1, -3).flatten(-3)
