"""Pre-training files fill the transformer; position tables follow the image size."""

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.relative_position import resize_table, table_rows
from vspwlib.models.backbones.vit_adapter import ViTAdapterSize, build_vit_adapter
from vspwlib.models.pretrained_vit import SHARED_TABLE, TABLE, convert_beit, resize_positions

SMALL = ViTAdapterSize(
    embed_dim=24, depth=4, heads=2, conv_channels=4, deform_heads=3, interactions=((0, 0), (1, 1), (2, 2), (3, 3))
)


def network_at(image_size):
    torch.manual_seed(0)
    return build_vit_adapter(SMALL, drop_path=0.0, image_size=image_size)


def pretraining_file(patch=16, side=2, shared=False):
    """What a BEiT pre-training file of this width holds."""
    own = network_at((32, 32)).state_dict()
    state = {name: tensor for name, tensor in own.items() if name.startswith(("cls_token", "patch_embed", "blocks"))}
    table = torch.randn(table_rows((side, side)), 2)
    for index in range(4):
        if shared:
            del state[f"blocks.{index}.{TABLE}"]
        else:
            state[f"blocks.{index}.{TABLE}"] = table + index
        state[f"blocks.{index}.attn.relative_position_index"] = torch.zeros(5, 5, dtype=torch.long)
    if shared:
        state[SHARED_TABLE] = table
    state["patch_embed.proj.weight"] = torch.randn(24, 3, patch, patch)
    return state | {"head.weight": torch.zeros(10, 24), "fc_norm.bias": torch.zeros(24), "mask_token": torch.zeros(1)}


@pytest.mark.parametrize("shared_table", [False, True])
def test_pretraining_files_fill_the_transformer(shared_table):
    file = pretraining_file(shared=shared_table)
    network = network_at((64, 96))
    converted = convert_beit(file, SMALL, (64, 96))
    result = network.load_state_dict(converted, strict=False)
    assert result.unexpected_keys == []
    assert not any(name.startswith(("blocks", "cls_token", "patch_embed")) for name in result.missing_keys)
    source = file[SHARED_TABLE] if shared_table else file[f"blocks.3.{TABLE}"]
    torch.testing.assert_close(converted[f"blocks.3.{TABLE}"], resize_table(source, (2, 2), (4, 6)))


def test_patches_of_14_pixels_become_16_by_plain_bicubic():
    file = pretraining_file(patch=14)
    weight = convert_beit(file, SMALL, (64, 64))["patch_embed.proj.weight"]
    expected = torch.nn.functional.interpolate(file["patch_embed.proj.weight"], size=(16, 16), mode="bicubic")
    torch.testing.assert_close(weight, expected)


def test_tables_can_be_left_out_and_must_be_square():
    tables = {f"blocks.0.{TABLE}": torch.zeros(table_rows((2, 2)), 2), "cls_token": torch.zeros(1)}
    assert list(resize_positions(tables, (64, 64), "skip")) == ["cls_token"]
    assert list(resize_positions(tables, (32, 32), "skip")) == list(tables)
    with pytest.raises(InputError, match="square grid"):
        resize_positions({f"blocks.0.{TABLE}": torch.zeros(table_rows((2, 3)), 2)}, (64, 64))
    embedding = torch.randn(1, 5, 8)
    resized = resize_positions({"pos_embed": embedding}, (64, 96))["pos_embed"]
    assert resized.shape == (1, 25, 8)
    assert torch.equal(resized[:, 0], embedding[:, 0])
