"""How an mmseg config tests, as far as our predictor can do the same; what it cannot is refused by name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmseg.models import SegDataPreProcessor
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import TRANSFORMS
from torch import Tensor
from torch.nn import functional

from vspwlib.checks import check_choice, fail, require
from vspwlib.mmseg_bridge.config_file import type_name
from vspwlib.mmseg_bridge.networks import VSPWNetwork
from vspwlib.predict.blend import grid_size
from vspwlib.predict.predictor import resized_size

WHOLE = (65_536, 65_536)  # pixels; a window that holds any frame

RESIZING = ("Resize", "ResizeShortestEdge", "ResizeToMultiple")
READING = ("LoadImageFromFile", "LoadAnnotations", "VSPWLoadAnnotations", "PackSegInputs")

Size = tuple[int, int]
Pipeline = Sequence[Mapping[str, Any]]


def find_pipeline(config: Config) -> Pipeline | None:
    """Return the transforms that a config tests with, else those it validates with; None where it names none.

    Raises:
        InputError: one of them is not known to be done by our predictor as well: it might change sizes or colours.
    """
    found = config.get("test_pipeline")
    for loader in ("val_dataloader", "test_dataloader"):  # the last one that names some
        data: Mapping[str, Any] = (config.get(loader) or {}).get("dataset") or {}
        while "pipeline" not in data and isinstance(data.get("dataset"), Mapping):
            data = data["dataset"]  # within RepeatDataset and the like
        found = data.get("pipeline", found)
    known = (*READING, *RESIZING, "Normalize")
    for step in found or ():
        name, fix = type_name(step["type"]), "give the config a test pipeline that only reads, resizes and normalises."
        place, expected = config.filename, f"of {', '.join(known)}"
        require(name in known, "test pipeline", expected=expected, got=name, where=place, fix=fix)
        colour = step.get("color_type", "color") if name == "LoadImageFromFile" else "color"
        is_colour = str(colour).startswith("color")
        require(is_colour, "color_type", expected="color", got=colour, where=place, fix=fix)
    return found


def windows(model: EncoderDecoder) -> tuple[Size, Size]:
    """Return window and stride of a model's ``test_cfg``: those of mode ``slide``, or one window for mode ``whole``.

    Raises:
        InputError: another mode, or windows that are not two numbers each.
    """
    settings = model.test_cfg or {}
    mode = check_choice("test_cfg.mode", str(settings.get("mode", "whole")), ("slide", "whole"))
    if mode == "whole":
        return WHOLE, WHOLE
    pairs = []
    for name in ("crop_size", "stride"):
        value: Any = settings.get(name)
        fits = isinstance(value, Sequence) and len(value) == 2 and all(isinstance(side, int) for side in value)
        require(fits, f"test_cfg.{name}", expected="height and width", got=value)
        pairs.append((value[0], value[1]))
    return pairs[0], pairs[1]


def short_side(pipeline: Pipeline, sizes: Iterable[Size]) -> int | None:
    """Return the short side to which a test pipeline resizes frames; None where it keeps their sizes.

    The transforms themselves are asked, on empty frames. A pixel more or less is let pass: they round sides otherwise.

    Args:
        pipeline: From :func:`find_pipeline`.
        sizes: ``(H, W)`` of the frames that are to be predicted.

    Raises:
        InputError: frames of these sizes do not all come out as resizing to one short side would have them.
    """
    steps = [step for step in pipeline if type_name(step["type"]) in RESIZING]
    targets = {size: _resized(steps, size) for size in sorted(set(sizes))}
    if all(size == target for size, target in targets.items()):
        return None
    side = min(next(iter(targets.values())))
    for size, target in targets.items():
        ours = resized_size(*size, side)
        same = all(abs(one - other) <= 1 for one, other in zip(ours, target, strict=True))
        expected = f"{_pixels(ours)} for frames of {_pixels(size)}, at short side {side} as for others"
        fix = "choose one for all frames with --set short_side=480; none keeps their sizes."
        require(same, "resizing in the test pipeline", expected=expected, got=_pixels(target), fix=fix)
    return side


def padding_divisor(model: EncoderDecoder) -> int:
    """Return the divisor to which a model's preprocessor pads frames in testing; 1 where it does not pad.

    Raises:
        InputError: padding that our predictor does not do: to a size, with another value, or before windows are cut.
    """
    preprocessor = model.data_preprocessor
    padding = dict(preprocessor.test_cfg or {}) if isinstance(preprocessor, SegDataPreProcessor) else {}
    if not padding:
        return 1
    divisor = padding.get("size_divisor")
    fits = padding.keys() == {"size_divisor"} and isinstance(divisor, int) and preprocessor.pad_val == 0
    expected = "size_divisor alone, with pad_val 0 and test_cfg.mode whole"
    fix = "leave it out of the config: frames are then predicted as they are."
    fits = fits and windows(model)[0] == WHOLE
    require(fits, "data_preprocessor.test_cfg", expected=expected, got=padding, fix=fix)
    return int(padding["size_divisor"])


def normalisation(pipeline: Pipeline, model: EncoderDecoder) -> Callable[[Tensor], Tensor]:
    """Return what a test pipeline and the model's own ``data_preprocessor`` do to colours, as a function.

    It maps RGB ``(3, H, W)`` uint8 to float32 of the same shape. They are handed BGR, as which mmcv reads files.

    Args:
        pipeline: From :func:`find_pipeline`.
        model: Padding is taken from its preprocessor: :func:`padding_divisor` says what the predictor shall do.

    Raises:
        InputError: the preprocessor is not mmseg's.
    """
    preprocessor = model.data_preprocessor
    is_known, got = isinstance(preprocessor, SegDataPreProcessor), type(preprocessor).__name__
    require(is_known, "data_preprocessor", expected="SegDataPreProcessor", got=got)
    preprocessor.test_cfg = None
    steps = [step for step in pipeline if type_name(step["type"]) == "Normalize"]

    def normalise(pixels: Tensor) -> Tensor:
        values = pixels.flip(-3)
        for step in steps:
            values = values.flip(-3) if step.get("to_rgb", True) else values
            mean, std = (torch.tensor(step[name], device=values.device).view(-1, 1, 1) for name in ("mean", "std"))
            values = (values.float() - mean) / std
        inputs: Tensor = preprocessor({"inputs": [values]})["inputs"]
        return inputs[0]

    return normalise


def score_function(model: EncoderDecoder) -> Callable[[Tensor], Tensor]:
    """Return class scores ``(B, K, ceil(h/4), ceil(w/4))`` as a function of normalised images ``(B, 3, h, w)``.

    mmseg resizes what its head gives, at whatever stride, to the size ``img_shape``, where that is a torch.Size, which
    its own sliding windows see to. Told the grid instead of the pixels, it hands over the scores of a stride-4 head as
    they are. Under ``align_corners`` the cells of a grid lie elsewhere: such scores go by way of the pixels.
    """
    if isinstance(model, VSPWNetwork):
        return model  # called without a mode, it gives its stride-4 scores

    def score(images: Tensor) -> Tensor:
        grid = torch.Size(grid_size(images.shape[-2], images.shape[-1]))
        wanted = images.shape[-2:] if model.align_corners else grid
        scores: Tensor = model.encode_decode(images, [{"img_shape": wanted} for _ in images])
        if scores.shape[-2:] == grid:
            return scores
        return functional.interpolate(scores, size=grid, mode="bilinear", align_corners=False)

    return score


def _resized(steps: Pipeline, size: Size) -> Size:
    """Return the size of a frame after resizing transforms."""
    results: dict[str, Any] = {"img": np.zeros((*size, 3), np.uint8), "img_shape": size}
    try:
        for step in steps:
            results = TRANSFORMS.build(step)(results)
    except Exception as error:  # noqa: BLE001  transforms raise whatever their arguments make them
        fix = "give the config a test pipeline that mmseg runs, or the short side with --set short_side=480."
        fail(
            "resizing in the test pipeline",
            expected="transforms that run",
            got=f"{type(error).__name__}: {error}",
            fix=fix,
        )
    height, width = results["img"].shape[:2]
    return height, width


def _pixels(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
