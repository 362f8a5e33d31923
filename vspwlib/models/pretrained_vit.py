"""Vision-transformer checkpoints brought to our ViT-Adapter: pre-training files, and other image sizes.

Pure functions on state dicts; names are those inside our backbone, without the prefix ``backbone.``.

Source: the loaders of BEiT's, ViT-Adapter's and EVA's segmentation code.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import require
from vspwlib.models.backbones.relative_position import CLASS_ROWS, Grid, RelPos, resize_table
from vspwlib.models.backbones.vit_adapter import PATCH, ViTAdapterSize, patch_grid

TABLE = "attn.relative_position_bias_table"
SHARED_TABLE = "rel_pos_bias.relative_position_bias_table"
#: What pre-training files hold beyond the transformer: classifiers, final norms, mask tokens, indices that we compute.
BEYOND = ("head.", "norm.", "fc_norm.", "lm_head.", "mask_token", "rel_pos_bias.relative_position_index")


def convert_beit(
    state: dict[str, Tensor], size: ViTAdapterSize, image_size: tuple[int, int], relpos: RelPos = "interpolate"
) -> dict[str, Tensor]:
    """Return the part of a BEiT, BEiT v2 or EVA pre-training file that fills our transformer.

    A table shared by all blocks goes to each; position tables and patch weights are brought to ``image_size`` and
    16-pixel patches. The adapter is not in such files and keeps its fresh weights.

    Args:
        state: Tensors under the file's names.
        size: Hyper-parameters of the network to fill.
        image_size: ``(H, W)`` at which it stores its position tables.
        relpos: How tables change their grid; ``skip`` leaves out those of another grid.
    """
    beyond = {name for name in state if name.startswith(BEYOND) or name.endswith("attn.relative_position_index")}
    kept = {name: tensor for name, tensor in state.items() if name not in beyond}
    shared = kept.pop(SHARED_TABLE, None)
    if shared is not None:
        kept |= {f"blocks.{index}.{TABLE}": shared for index in range(size.depth)}
    if not size.relative_position:
        kept = {name: tensor for name, tensor in kept.items() if not name.endswith(TABLE)}
    if not size.absolute_position:
        kept.pop("pos_embed", None)
    weight = kept.get("patch_embed.proj.weight")
    if weight is not None and weight.shape[-1] != PATCH:
        # Plain bicubic, as EVA's own conversion; timm's antialiased resize gives other numbers.
        kept["patch_embed.proj.weight"] = _resize_maps(weight, (PATCH, PATCH))
    return resize_positions(kept, image_size, relpos)


def resize_positions(
    state: dict[str, Tensor], image_size: tuple[int, int], relpos: RelPos = "interpolate", *, source: Grid | None = None
) -> dict[str, Tensor]:
    """Bring the position tables of a state dict to another image size.

    Args:
        state: Tensors under our backbone's names; others pass through.
        image_size: ``(H, W)`` that is asked for.
        relpos: How tables of relative positions change their grid; absolute embeddings are resized bicubically. With
            ``skip``, tables and embeddings of another grid are left out.
        source: Grid of the tables; None takes it to be square, as all released files are.

    Raises:
        InputError: when a table belongs to no square grid and ``source`` is None.
    """
    target = patch_grid(image_size)
    resized = {}
    for name, tensor in state.items():
        if not name.endswith((TABLE, "pos_embed")):
            resized[name] = tensor
            continue
        relative = name.endswith(TABLE)
        grid = source or _square_grid(name, tensor, relative=relative)
        if grid == target:
            resized[name] = tensor
        elif relpos != "skip":
            resized[name] = (
                resize_table(tensor, grid, target, relpos) if relative else _resize_embedding(tensor, grid, target)
            )
    return resized


def _square_grid(name: str, tensor: Tensor, *, relative: bool) -> Grid:
    cells = tensor.shape[0] - CLASS_ROWS if relative else tensor.shape[1] - 1
    root = math.isqrt(max(cells, 0))
    require(
        root * root == cells and (root % 2 == 1 or not relative),
        name,
        expected="positions of a square grid of patches",
        got=tuple(tensor.shape),
        fix="name the grid that the file was trained at.",
    )
    side = (root + 1) // 2 if relative else root
    return side, side


def _resize_embedding(embedding: Tensor, source: Grid, target: Grid) -> Tensor:
    """Resize ``(1, 1 + h·w, C)``; the class token's row is copied."""
    maps = embedding[:, 1:].transpose(1, 2).unflatten(2, source)
    return torch.cat([embedding[:, :1], _resize_maps(maps, target).flatten(2).transpose(1, 2)], dim=1)


def _resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if maps.is_meta:
        return maps.new_empty((*maps.shape[:2], *size))
    return functional.interpolate(maps.float(), size=size, mode="bicubic", align_corners=False).to(maps.dtype)
