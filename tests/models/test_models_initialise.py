"""Starting weights: files of every kind into small networks, ImageNet weights, and what is refused."""

import re
import zipfile
from dataclasses import replace

import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.models.backbones.relative_position import resize_table
from vspwlib.models.initialise import initialise, load_released, refuse_namesake
from vspwlib.models.released import released_for
from vspwlib.models.zoo import NETWORKS, build

TINY = [name for name in NETWORKS if name.endswith("_tiny")]
CLASSIFIERS = re.compile(r"(decode_head\.(conv_seg|cls_embed)|auxiliary_head\.conv_seg)\.")


def network(name, seed, *, classes=4, image_size=None):
    torch.manual_seed(seed)
    return build(name, num_classes=classes, image_size=image_size)


def differing(model, state) -> set[str]:
    """Names of a network whose tensors are not those of ``state``."""
    return {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, state[name])}


@pytest.mark.parametrize("name", TINY)
def test_a_released_layout_comes_back_bit_for_bit(name, tmp_path):
    source = network(name, 0)
    path = tmp_path / "weights.pth"
    torch.save({"meta": {"CLASSES": ("a",)}, "state_dict": source.state_dict()}, path)
    with zipfile.ZipFile(tmp_path / "weights.zip", "w") as archive:
        archive.write(path, "weights.pth")
    model = network(name, 1)
    report = load_released(model, tmp_path / "weights.zip", NETWORKS[name])
    assert differing(model, source.state_dict()) == set()
    assert report.loaded == report.total == len(source.state_dict())
    assert (report.kind, report.fresh_classifier, report.classes) == ("segmentation", (), 4)
    assert str(report) == f"{report.total} of {report.total} tensors from {tmp_path / 'weights.zip'} (segmentation)"


@pytest.mark.parametrize("name", TINY)
def test_another_class_count_keeps_all_but_the_classifier(name, tmp_path):
    source = network(name, 0, classes=9)
    torch.save({"state_dict": source.state_dict()}, tmp_path / "weights.pth")
    model = network(name, 1)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    report = load_released(model, tmp_path / "weights.pth", NETWORKS[name])
    classifier = {key for key in before if CLASSIFIERS.match(key)}
    assert set(report.fresh_classifier) == classifier
    assert report.loaded == len(before) - len(classifier)
    loaded = {key: before[key] if key in classifier else source.state_dict()[key] for key in before}
    assert differing(model, loaded) == set()
    assert "its 9 classes are not ours: decode_head." in str(report)


@pytest.mark.parametrize("name", TINY)
def test_a_backbone_alone_leaves_the_rest_fresh(name, tmp_path):
    source = network(name, 0).backbone.state_dict()
    torch.save({"model": source}, tmp_path / "weights.pth")
    model = network(name, 1)
    heads = {key: tensor.clone() for key, tensor in model.state_dict().items() if not key.startswith("backbone.")}
    report = load_released(model, tmp_path / "weights.pth", NETWORKS[name])
    assert (report.kind, report.classes, report.loaded) == ("backbone", None, len(source))
    assert differing(model, heads | {f"backbone.{key}": tensor for key, tensor in source.items()}) == set()


def test_position_tables_come_at_the_size_that_is_asked_for(tmp_path):
    name, table = "mask2former_beitv2_adapter_tiny", "backbone.blocks.2.attn.relative_position_bias_table"
    source = network(name, 0, image_size=(64, 64))
    with torch.no_grad():
        source.get_parameter(table).normal_()
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    stored = source.get_parameter(table)
    for mode in ("interpolate", "crop"):
        model = network(name, 1, image_size=(64, 128))
        report = load_released(model, tmp_path / "weights.pth", NETWORKS[name], image_size=(64, 128), relpos=mode)
        assert report.loaded == report.total
        assert torch.equal(model.get_parameter(table), resize_table(stored, (4, 4), (4, 8), mode))
    model = network(name, 1, image_size=(64, 128))
    fresh = model.get_parameter(table).clone()
    report = load_released(model, tmp_path / "weights.pth", NETWORKS[name], image_size=(64, 128), relpos="skip")
    assert torch.equal(model.get_parameter(table), fresh)
    assert report.loaded == report.total - 8
    assert table in report.allowed


def test_weights_of_half_precision_become_ours(tmp_path):
    source = network("upernet_swin_tiny", 0)
    torch.save({"model": source.half().state_dict()}, tmp_path / "weights.pt")
    model = network("upernet_swin_tiny", 1)
    load_released(model, tmp_path / "weights.pt", NETWORKS["upernet_swin_tiny"])
    assert model.decode_head.conv_seg.weight.dtype == torch.float32
    assert torch.equal(model.decode_head.conv_seg.weight, source.decode_head.conv_seg.weight.float())


def change(state, edit):
    """Return a copy of a state dict after one edit."""
    copy = dict(state)
    edit(copy)
    return copy


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda state: state.pop("decode_head.conv_seg.bias"), "1 missing (decode_head.conv_seg.bias)"),
        (lambda state: state.update(extra=torch.zeros(1)), "1 unexpected (extra)"),
        (
            lambda state: state.update({"backbone.norm0.weight": torch.zeros(3)}),
            "1 of another shape (backbone.norm0.weight (3,) for (48,))",
        ),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing(tmp_path, edit, message):
    model = network("upernet_swin_tiny", 0)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    torch.save(change(network("upernet_swin_tiny", 1).state_dict(), edit), tmp_path / "weights.pth")
    with pytest.raises(InputError, match=re.escape(message)):
        load_released(model, tmp_path / "weights.pth", NETWORKS["upernet_swin_tiny"])
    assert differing(model, before) == set()


def test_words_and_paths(tmp_path):
    model = network("upernet_swin_tiny", 0)
    assert initialise(model, "upernet_swin_tiny", "none") is None
    with pytest.raises(InputError, match="expected none, timm or an existing file, got 'imagenet'"):
        initialise(model, "upernet_swin_tiny", "imagenet")
    torch.save(network("upernet_swin_tiny", 1).state_dict(), tmp_path / "weights.pth")
    report = initialise(model, "upernet_swin_tiny", str(tmp_path / "weights.pth"))
    assert report.loaded == report.total


def test_files_whose_names_fit_by_chance_are_refused_by_their_own_name(tmp_path):
    path = tmp_path / "focalnet_large_lrf_384_fl4.pth"
    with pytest.raises(InputError, match="expected a file of upernet_focalnet_l, got one of upernet_focalnet_l_fl4"):
        refuse_namesake(path, NETWORKS["upernet_focalnet_l"])
    for network_name in ("upernet_focalnet_l_fl4", "upernet_focalnet_xl_fl4"):
        refuse_namesake(tmp_path / released_for(network_name)[0].file, NETWORKS[network_name])
    refuse_namesake(tmp_path / "mine.pth", NETWORKS["upernet_focalnet_l"])


@pytest.fixture
def hub(monkeypatch):
    """timm's hub, served from memory, with models of our small sizes; a mapping that fills with what was asked for."""
    import timm
    from timm.models.focalnet import FocalNet
    from timm.models.swin_transformer import SwinTransformer

    from vspwlib.models.backbones import focalnet, swin

    makers = {
        "a_swin": lambda: SwinTransformer(
            embed_dim=48, depths=(2, 2, 4, 2), num_heads=(2, 4, 8, 16), window_size=6, img_size=192
        ),
        "a_focalnet": lambda: FocalNet(
            embed_dim=48, depths=(2, 2, 4, 2), focal_levels=(3,) * 4, focal_windows=(3,) * 4, use_overlap_down=True
        ),
    }
    for module, name in ((swin, "a_swin"), (focalnet, "a_focalnet")):
        monkeypatch.setitem(module.SIZES, "tiny", replace(module.SIZES["tiny"], timm_name=name))
    served = {}

    def create(name, *, pretrained):
        assert pretrained
        torch.manual_seed(3)
        served[name] = makers[name]()
        return served[name]

    monkeypatch.setattr(timm, "create_model", create)
    return served


def test_imagenet_weights_come_through_timm(hub):
    model = network("upernet_swin_tiny", 0)
    report = initialise(model, "upernet_swin_tiny", "timm")
    state = hub["a_swin"].state_dict()
    assert (report.kind, report.source) == ("backbone", "timm a_swin")
    assert torch.equal(model.backbone.patch_embed.projection.weight, state["patch_embed.proj.weight"])
    ours = model.backbone.stages[3].blocks[1].attn.w_msa.qkv.weight
    assert torch.equal(ours, state["layers.3.blocks.1.attn.qkv.weight"])

    model = network("upernet_focalnet_tiny", 0)
    report = initialise(model, "upernet_focalnet_tiny", "timm")
    state = hub["a_focalnet"].state_dict()
    assert torch.equal(model.backbone.stem.proj.weight, state["stem.proj.weight"])
    assert report.loaded == len([name for name in state if not name.startswith(("head.", "norm."))])


@pytest.mark.parametrize("error", [ConnectionError("no route to host"), OSError("offline mode is enabled"), KeyError()])
def test_without_the_hub_a_file_is_named_as_the_way_out(monkeypatch, error):
    import timm

    def create(name, *, pretrained):
        raise error

    monkeypatch.setattr(timm, "create_model", create)
    with pytest.raises(InputError, match="from timm's hub, got") as caught:
        initialise(torch.nn.Identity(), "mask2former_beitv2_adapter_l", "timm")
    assert type(error).__name__ in str(caught.value)
    assert "HF_HUB_OFFLINE" in str(caught.value)
    assert "--init FILE, for example https://" in str(caught.value)
    assert "beitv2_large_patch16_224_pt1k_ft21k.pth" in str(caught.value)


@pytest.mark.parametrize("name", ["mask2former_eva_adapter_g", "upernet_internimage_xl", "upernet_swin_tiny"])
def test_networks_that_timm_has_no_weights_for_say_so(name):
    with pytest.raises(InputError, match=f"whose ImageNet weights timm has, got {name}") as caught:
        initialise(torch.nn.Identity(), name, "timm")
    assert "--init FILE" in str(caught.value)
