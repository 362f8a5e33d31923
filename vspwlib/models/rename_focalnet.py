"""FocalNet weights of others under our names: official segmentation and classification files, and timm's."""

import re
from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from vspwlib.checks import fail
from vspwlib.models.backbones.focalnet import FocalNetSize

_FOCAL_LAYER = re.compile(r"layers\.(\d+)\.blocks\.\d+\.modulation\.focal_layers\.(\d+)\.0\.weight")


def rename_focalnet(state: Mapping[str, Tensor], size: FocalNetSize) -> dict[str, Tensor]:
    """Return backbone weights under the names and in the shapes of :mod:`vspwlib.models.backbones.focalnet`.

    Linear layers become 1x1 convolutions, a classifier and its norm are left out, and kernels smaller than ours are
    surrounded by zeros, as the official loader does (ImageNet-1K files have 3, 5, 7 where released UperNets have
    9, 11, 13): the network computes the same. Output norms, which only segmentation files have, are not made up.

    Args:
        state: Backbone keys without a prefix, in the official style (``patch_embed.…``) or timm's, which is ours
            (``stem.…``). Tensors may be on the meta device.
        size: The network that will take them.

    Raises:
        InputError: when the keys are of neither style.
    """
    if "patch_embed.proj.weight" in state:
        state = {_timm_name(name, size): tensor for name, tensor in state.items()}
    elif "stem.proj.weight" not in state:
        expected = "patch_embed.proj.weight (official) or stem.proj.weight (timm) among the keys"
        fail("FocalNet weights", expected=expected, got=f"{len(state)} keys such as {next(iter(state), 'none')}")
    kept = {name: tensor for name, tensor in state.items() if not name.startswith(("head.", "norm."))}
    return {name: _fit(name, tensor, size) for name, tensor in kept.items()}


def _timm_name(name: str, size: FocalNetSize) -> str:
    """Translate one official name."""
    name = re.sub(r"^patch_embed\.", "stem.", name)
    name = re.sub(r"^layers\.(\d+)\.downsample\.", _next_stage, name)
    name = re.sub(r"\.gamma_([12])$", r".ls\1.gamma", name)
    name = name.replace(".modulation.ln.", ".modulation.norm.")
    return re.sub(r"(\.blocks\.\d+\.norm[12])\.", r"\1_post.", name) if size.post_norm else name


def _next_stage(match: re.Match[str]) -> str:
    """Count the step between two stages to the later one, as timm does."""
    return f"layers.{int(match[1]) + 1}.downsample."


def _fit(name: str, tensor: Tensor, size: FocalNetSize) -> Tensor:
    """Bring one tensor to our shape."""
    if tensor.ndim == 2:
        return tensor[:, :, None, None]
    if match := _FOCAL_LAYER.fullmatch(name):
        missing = size.focal_windows[int(match[1])] + 2 * int(match[2]) - tensor.shape[-1]
        if missing > 0 and missing % 2 == 0:
            return functional.pad(tensor, (missing // 2,) * 4)
    return tensor
