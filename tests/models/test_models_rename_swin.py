"""Swin files of others: names, and the same features from the same weights."""

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.swin import SIZES, SwinSize, build_swin
from vspwlib.models.rename_swin import rename_swin
from vspwlib.models.zoo import build_empty

SMALL = SwinSize(embed_dim=8, depths=(2, 2, 2, 2), heads=(1, 2, 2, 4), window=4)


def shapes(state):
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def without_constants(state):
    """Leave out what timm's files lack: output norms, and indices that follow from the window."""
    made_up = tuple(f"norm{level}." for level in range(4))
    return {
        name: tensor
        for name, tensor in state.items()
        if not name.startswith(made_up) and not name.endswith("relative_position_index")
    }


def timm_swin(**options):
    from timm.models.swin_transformer import SwinTransformer

    torch.manual_seed(0)
    model = SwinTransformer(
        img_size=256,
        embed_dim=SMALL.embed_dim,
        depths=SMALL.depths,
        num_heads=SMALL.heads,
        window_size=SMALL.window,
        num_classes=5,
        **options,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def in_authors_style(state):
    """Name weights as the authors' repository does: a step belongs to the stage before it; masks are stored."""
    authors = {"layers.0.blocks.1.attn_mask": torch.zeros(64, 16, 16)}
    for name, tensor in state.items():
        parts = name.split(".")
        if "downsample" in parts:
            parts[1] = str(int(parts[1]) - 1)
        authors[".".join(parts)] = tensor
    return authors


@pytest.mark.parametrize("style", [dict, in_authors_style])
def test_features_are_equal_where_both_networks_agree(style):
    """On a grid that windows divide, padding before or after rolling makes no difference."""
    model, swin = timm_swin(), build_swin(SMALL, drop_path=0.0)
    loaded = swin.load_state_dict(rename_swin(style(model.state_dict())), strict=False)
    assert loaded.unexpected_keys == []
    assert without_constants(dict.fromkeys(loaded.missing_keys, torch.zeros(1))) == {}
    swin.eval()
    for level in range(4):
        setattr(swin, f"norm{level}", torch.nn.Identity())
    images = torch.randn(1, 3, 256, 256)
    with torch.inference_mode():
        expected = model.forward_intermediates(images, intermediates_only=True)
        own = swin(images)
    for one, other in zip(own, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_authors_segmentation_files_keep_their_norms_and_indices():
    own = build_swin(SMALL, drop_path=0.0).state_dict()
    words = {"attn.w_msa": "attn", "ffn.layers.0.0": "mlp.fc1", "ffn.layers.1": "mlp.fc2", "stages.": "layers."}
    authors = dict(own)
    for ours, theirs in {**words, "patch_embed.projection": "patch_embed.proj"}.items():
        authors = {name.replace(ours, theirs): tensor for name, tensor in authors.items()}
    assert shapes(rename_swin(authors)) == shapes(own)


def test_own_names_pass_and_strangers_are_refused():
    own = build_swin(SMALL, drop_path=0.0).state_dict()
    assert rename_swin(own) == own
    with pytest.raises(InputError, match="patch_embed"):
        rename_swin({"conv1.weight": torch.zeros(1)})


@pytest.mark.parametrize("name", [name for name, size in SIZES.items() if size.timm_name])
def test_weights_of_timm_fit(name):
    import timm

    assert SIZES[name].timm_name in timm.list_pretrained()
    with torch.device("meta"):
        timms = timm.create_model(SIZES[name].timm_name.partition(".")[0]).state_dict()
    own = build_empty(f"upernet_swin_{name}").backbone.state_dict()
    assert shapes(rename_swin(timms)) == shapes(without_constants(own))
