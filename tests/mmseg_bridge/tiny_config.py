"""Small models of mmseg as users have them: a config file and a checkpoint; and mmseg's own inference with them."""

import json
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import torch

from vspwlib.labels import CLASS_NAMES

with warnings.catch_warnings():  # mmcv warns about compiled ops that nothing here uses
    warnings.simplefilter("ignore", UserWarning)
    from mmengine.config import ConfigDict
    from mmengine.registry import init_default_scope
    from mmseg.apis import inference_model, init_model
    from mmseg.registry import MODELS

IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
PREPROCESSOR = {"type": "SegDataPreProcessor", **IMAGENET, "bgr_to_rgb": True, "pad_val": 0, "seg_pad_val": 255}
WHOLE = {"mode": "whole"}
PIPELINE = [{"type": "LoadImageFromFile"}, {"type": "LoadAnnotations"}, {"type": "PackSegInputs"}]

BN = {"type": "SyncBN", "requires_grad": True}  # as the configs of mmseg have it
HEADS = {
    "uper": {  # logits at stride 4
        "type": "UPerHead",
        "in_channels": [8, 16, 32, 64],
        "in_index": [0, 1, 2, 3],
        "pool_scales": [1, 2],
    },
    "fcn": {"type": "FCNHead", "in_channels": 64, "in_index": 3, "num_convs": 1, "concat_input": False},
}
AUXILIARY = {**HEADS["fcn"], "in_channels": 32, "in_index": 2, "channels": 4, "num_classes": 124, "norm_cfg": BN}


def tiny_config(head: str = "uper", *, pipeline=PIPELINE, preprocessor=PREPROCESSOR, test_cfg=WHOLE, **changes) -> dict:
    """A ResNet with 8 channels under a head of mmseg; ``changes`` go to the head. FCN's logits are at stride 8."""
    dilated = {"strides": [1, 2, 1, 1], "dilations": [1, 1, 2, 4]} if head == "fcn" else {}
    model = {
        "type": "EncoderDecoder",
        "data_preprocessor": preprocessor,
        "pretrained": "open-mmlab://resnet18_v1c",  # never fetched
        "backbone": {
            "type": "ResNetV1c",
            "depth": 18,
            "base_channels": 8,
            "stem_channels": 8,
            "norm_cfg": BN,
            **dilated,
        },
        "decode_head": {**HEADS[head], "channels": 8, "num_classes": 124, "norm_cfg": BN, **changes},
        "auxiliary_head": AUXILIARY,
        "train_cfg": {},
        "test_cfg": test_cfg,
    }
    tested = {"batch_size": 1, "dataset": {"type": "BaseSegDataset", "pipeline": pipeline}}
    return {"default_scope": "mmseg", "model": model, "test_pipeline": pipeline, "test_dataloader": tested}


def save(folder: Path, config: dict, *, seed: int = 0, notes: dict | None = None, **changes) -> tuple[Path, Path]:
    """Write a config and a checkpoint; ``changes`` replace entries of the state, or drop them where None."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "their.py", folder / "iter_9.pth"
    files[0].write_text("".join(f"{name} = {value!r}\n" for name, value in config.items()))
    settings = json.dumps({**config["model"], "pretrained": None}).replace("SyncBN", "BN")
    state = {name: value for name, value in {**lively(settings, seed), **changes}.items() if value is not None}
    notes = notes or {"dataset_meta": {"classes": CLASS_NAMES, "palette": None}}
    torch.save({"meta": notes, "state_dict": state}, files[1])
    return files


@cache
def lively(settings: str, seed: int) -> dict[str, torch.Tensor]:
    """Random weights under which features vary and scores differ by several units, as those of trained models do."""
    init_default_scope("mmseg")
    torch.manual_seed(seed)
    model = MODELS.build(ConfigDict(json.loads(settings)))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # so that one batch makes its statistics
    with torch.no_grad():
        model.train().encode_decode(torch.randn(8, 3, 64, 64).cumsum(2) / 4, [{"img_shape": (64, 64)}] * 8)
        model.decode_head.conv_seg.weight.normal_(0, 2)
    return model.state_dict()


def mmseg_logits(config: Path, checkpoint: Path, image: Path) -> np.ndarray:
    """What mmseg's own test code makes of an image: logits (124, H, W) at the size of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = init_model(str(config), str(checkpoint), device="cpu")
        return inference_model(model, str(image)).seg_logits.data.numpy()
