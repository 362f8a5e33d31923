"""The checkpoints that the five networks' authors released: file names, what they are of, where they are.

Names, crops and scores are those of the authors' pages; the scores are theirs, none was measured here. Sources:
mmsegmentation v0.5 model zoo, SwinTransformer/storage, microsoft/FocalNet@e8514bd, OpenGVLab/InternImage@31c962d,
baaivision/EVA@5623d08, czczup/ViT-Adapter@fd64a51.
"""

import re
from dataclasses import dataclass
from typing import Literal

ADE20K, COCO_STUFF = ("ADE20K", 150), ("COCO-Stuff164k", 171)


@dataclass(frozen=True, kw_only=True)
class ReleasedFile:
    """One file that someone released.

    Attributes:
        file: Its name.
        network: Name in the zoo of the network that it fills.
        kind: ``segmentation`` holds a whole network, ``backbone`` a pre-trained backbone.
        url: Where its authors put it.
        dataset: What it was trained on.
        classes: Classes of its classifier, with or without use here.
        crop: Side in pixels that it was trained at.
        miou_ss: mIoU in percent at one scale, as its authors give it; None where they give none.
        miou_ms: The same at several scales, mirrored too.
    """

    file: str
    network: str
    kind: Literal["segmentation", "backbone"]
    url: str
    dataset: str
    classes: int
    crop: int
    miou_ss: float | None = None
    miou_ms: float | None = None


def _file(
    file: str,
    network: str,
    crop: int,
    scores: tuple[float | None, float | None],
    folder: str,
    *,
    data: tuple[str, int] = ADE20K,
) -> ReleasedFile:
    return ReleasedFile(
        file=file,
        network=network,
        kind="segmentation",
        url=f"{folder}/{file}",
        dataset=data[0],
        classes=data[1],
        crop=crop,
        miou_ss=scores[0],
        miou_ms=scores[1],
    )


def _backbone(
    file: str, network: str, crop: int, folder: str, *, data: tuple[str, int] = ("ImageNet-22K", 21841)
) -> ReleasedFile:
    return ReleasedFile(
        file=file,
        network=network,
        kind="backbone",
        url=f"{folder}/{file}",
        dataset=data[0],
        classes=data[1],
        crop=crop,
    )


def _mmseg_swin(file: str, size: str, scores: tuple[float, float]) -> ReleasedFile:
    """Describe a file of mmsegmentation's zoo, whose folders are named as the files without date and hash."""
    config = re.sub(r"_\d{8}_\d{6}-[0-9a-f]{8}\.pth$", "", file)
    folder = f"https://download.openmmlab.com/mmsegmentation/v0.5/swin/{config}"
    return _file(file, f"upernet_swin_{size}", 512, scores, folder)


_SWIN = "https://github.com/SwinTransformer/storage/releases/download/v1.0.1"
_FOCALNET = "https://projects4jw.blob.core.windows.net/focalnet/release/segmentation"
_FOCALNET_22K = "https://github.com/microsoft/FocalNet/releases/download/v1.0.0"
_INTERNIMAGE = "https://huggingface.co/OpenGVLab/InternImage/resolve/main"
_EVA = "https://huggingface.co/BAAI/EVA/resolve/main"
_ADAPTER = "https://github.com/czczup/ViT-Adapter/releases/download/v0.3.1"
_BEIT = "https://conversationhub.blob.core.windows.net/beit-share-public/beitv2"

_EVA_G, _EVA_G_8 = "mask2former_eva_adapter_g", "mask2former_eva_adapter_g_8dec"
_BEIT_L = "mask2former_beitv2_adapter_l"

#: Every released file that a network of the zoo takes; the first of a network is the one it is known for.
RELEASED: tuple[ReleasedFile, ...] = (
    _mmseg_swin(
        "upernet_swin_large_patch4_window12_512x512_pretrain_384x384_22K_160k_ade20k_20220318_091743-9ba68901.pth",
        "l",
        (52.25, 54.12),
    ),
    _mmseg_swin(
        "upernet_swin_large_patch4_window7_512x512_pretrain_224x224_22K_160k_ade20k_20220318_015320-48d180dd.pth",
        "l_w7",
        (51.17, 52.99),
    ),
    _mmseg_swin(
        "upernet_swin_base_patch4_window12_512x512_160k_ade20k_pretrain_384x384_22K_20210531_125459-429057bf.pth",
        "b_w12",
        (50.76, 52.4),
    ),
    _mmseg_swin(
        "upernet_swin_tiny_patch4_window7_512x512_160k_ade20k_pretrain_224x224_1K_20210531_112542-e380ad3e.pth",
        "t",
        (44.41, 45.79),
    ),
    _file("upernet_swin_tiny_patch4_window7_512x512.pth", "upernet_swin_t", 512, (44.51, 45.81), _SWIN),
    _file("upernet_swin_small_patch4_window7_512x512.pth", "upernet_swin_s", 512, (47.64, 49.47), _SWIN),
    _file("upernet_swin_base_patch4_window7_512x512.pth", "upernet_swin_b", 512, (48.13, 49.72), _SWIN),
    _file("focalnet_tiny_srf_upernet_160k.pth", "upernet_focalnet_t_srf", 512, (46.5, 47.2), _FOCALNET),
    _file("focalnet_small_srf_upernet_160k.pth", "upernet_focalnet_s_srf", 512, (49.3, 50.1), _FOCALNET),
    _file("focalnet_base_srf_upernet_160k.pth", "upernet_focalnet_b_srf", 512, (50.2, 51.1), _FOCALNET),
    _file("focalnet_tiny_lrf_upernet_160k.pth", "upernet_focalnet_t_lrf", 512, (46.8, 47.8), _FOCALNET),
    _file("focalnet_small_lrf_upernet_160k.pth", "upernet_focalnet_s_lrf", 512, (49.1, 50.1), _FOCALNET),
    _file("focalnet_base_lrf_upernet_160k.pth", "upernet_focalnet_b_lrf", 512, (50.5, 51.4), _FOCALNET),
    _backbone("focalnet_large_lrf_384.pth", "upernet_focalnet_l_fl3", 384, _FOCALNET_22K),
    _backbone("focalnet_large_lrf_384_fl4.pth", "upernet_focalnet_l_fl4", 384, _FOCALNET_22K),
    _backbone("focalnet_xlarge_lrf_384.pth", "upernet_focalnet_xl_fl3", 384, _FOCALNET_22K),
    _backbone("focalnet_xlarge_lrf_384_fl4.pth", "upernet_focalnet_xl_fl4", 384, _FOCALNET_22K),
    _file("upernet_internimage_t_512_160k_ade20k.pth", "upernet_internimage_t", 512, (47.9, 48.1), _INTERNIMAGE),
    _file("upernet_internimage_s_512_160k_ade20k.pth", "upernet_internimage_s", 512, (50.1, 50.9), _INTERNIMAGE),
    _file("upernet_internimage_b_512_160k_ade20k.pth", "upernet_internimage_b", 512, (50.8, 51.3), _INTERNIMAGE),
    _file("upernet_internimage_l_640_160k_ade20k.pth", "upernet_internimage_l", 640, (53.9, 54.1), _INTERNIMAGE),
    _file("upernet_internimage_xl_640_160k_ade20k.pth", "upernet_internimage_xl", 640, (55.0, 55.3), _INTERNIMAGE),
    _file("upernet_internimage_h_896_160k_ade20k.pth", "upernet_internimage_h", 896, (59.9, 60.3), _INTERNIMAGE),
    _backbone("internimage_xl_22k_192to384.pth", "upernet_internimage_xl", 384, _INTERNIMAGE),
    _file("mask2former_beitv2_adapter_large_896_80k_ade20k.zip", _BEIT_L, 896, (61.2, 61.5), _ADAPTER),
    _file(
        "mask2former_beitv2_adapter_large_896_80k_cocostuff164k.zip",
        _BEIT_L,
        896,
        (52.3, None),
        _ADAPTER,
        data=COCO_STUFF,
    ),
    _backbone("beitv2_large_patch16_224_pt1k_ft21k.pth", _BEIT_L, 224, _BEIT),
    _file("eva_sem_seg_mask2former_ade_relpos_layerscale_9dec_ss61p5_ms62p3.pth", _EVA_G, 896, (61.5, 62.3), _EVA),
    _file("eva_sem_seg_mask2former_ade_ss61p5_ms62p3.pth", _EVA_G_8, 896, (61.5, 62.3), _EVA),
    _file(
        "eva_sem_seg_mask2former_cocostuff_relpos_layerscale_9dec_53p2.pth",
        _EVA_G,
        896,
        (53.2, None),
        _EVA,
        data=COCO_STUFF,
    ),
    _file("eva_sem_seg_mask2former_cocostuff_53p4.pth", _EVA_G_8, 896, (53.4, None), _EVA, data=COCO_STUFF),
    _backbone("eva_psz14to16.pt", _EVA_G, 224, _EVA, data=("merged-30M", 0)),
    _backbone("eva_psz14to16.pt", _EVA_G_8, 224, _EVA, data=("merged-30M", 0)),
)


def released_for(network: str) -> tuple[ReleasedFile, ...]:
    """Return the files that a network takes, the one it is known for first.

    >>> [file.miou_ss for file in released_for("upernet_swin_t")]
    [44.41, 44.51]
    """
    return tuple(entry for entry in RELEASED if entry.network == network)


def networks_of(file: str) -> tuple[str, ...]:
    """Return the networks that a file of this name was released for; none for a name that is not known.

    >>> networks_of("upernet_internimage_h_896_160k_ade20k.pth")
    ('upernet_internimage_h',)
    """
    return tuple(entry.network for entry in RELEASED if entry.file == file)
