"""mmseg's models in our predictor, held against mmseg's own test code on the same files."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import MODELS
from PIL import Image
from torch.nn import functional

from tests.mmseg_bridge.tiny_config import IMAGENET, PIPELINE, PREPROCESSOR, mmseg_logits, save, tiny_config
from vspwlib.checks import InputError
from vspwlib.data.images import read_image
from vspwlib.labels import CLASS_NAMES
from vspwlib.mmseg_bridge.config_file import load_model, read_config
from vspwlib.mmseg_bridge.inference import (
    WHOLE,
    find_pipeline,
    normalisation,
    padding_divisor,
    score_function,
    short_side,
    windows,
)
from vspwlib.predict.predictor import Predictor

LOAD, ANNOTATE, PACK = PIPELINE
SLIDE = {"mode": "slide", "crop_size": (64, 64), "stride": (40, 40)}


def picture(folder, height, width):
    """A PNG of smooth colours and some noise, so that every reader gives the same pixels."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:height, :width]
    waves = np.stack([np.sin(rows / (9 + c)) + np.cos(columns / (7 + 3 * c)) for c in range(3)], axis=-1)
    pixels = np.clip(128 + 50 * waves + rng.normal(0, 8, waves.shape), 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "frame.png")
    return folder / "frame.png"


def predictor(files, size):
    """Our predictor as the config says, for frames of a size."""
    config = read_config(files[0])
    pipeline = find_pipeline(config)
    model = load_model(config, files[1], CLASS_NAMES).model
    window, stride = windows(model)
    return Predictor(
        score_function(model),
        window=window,
        stride=stride,
        short_side=short_side(pipeline, [size]),
        size_divisor=padding_divisor(model),
        antialias=False,
        normalise=normalisation(pipeline, model),
    )


def handed(files, image):
    """What mmseg's pipeline and preprocessor hand the network of an image: (3, H, W)."""
    config = Config.fromfile(files[0])
    steps = [step for step in config.test_pipeline if step.type != "LoadAnnotations"]
    packed = Compose(steps)({"img_path": str(image)})
    batch = {"inputs": [packed["inputs"]], "data_samples": [packed["data_samples"]]}
    return MODELS.build(config.model.data_preprocessor)(batch, training=False)["inputs"][0]


def on_frame(scores, size):
    return functional.interpolate(scores[None], size=size, mode="bilinear", align_corners=False)[0].numpy()


def probs(logits):
    return torch.from_numpy(logits).softmax(0).numpy()


COLOURS = {
    "as usual": {},
    "BGR": {
        "preprocessor": {**PREPROCESSOR, "bgr_to_rgb": False, "mean": [104.0, 117.0, 124.0], "std": [1.0, 2.0, 3.0]}
    },
    "other numbers": {"preprocessor": {**PREPROCESSOR, "mean": [127.5] * 3, "std": [127.5] * 3}},
    "one number": {"preprocessor": {**PREPROCESSOR, "mean": [127.5], "std": [127.5]}},
    "in the pipeline": {
        "preprocessor": {"type": "SegDataPreProcessor"},
        "pipeline": [LOAD, ANNOTATE, {"type": "Normalize", **IMAGENET, "to_rgb": True}, PACK],
    },
    "in both places": {
        "preprocessor": {**PREPROCESSOR, "mean": [0.1, 0.2, 0.3], "std": [2.0, 3.0, 4.0]},
        "pipeline": [LOAD, {"type": "Normalize", **IMAGENET, "to_rgb": False}, PACK],
    },
    "not at all": {"preprocessor": {"type": "SegDataPreProcessor"}},
}


@pytest.mark.parametrize("kind", COLOURS)
def test_the_network_is_handed_what_mmseg_hands_it(tmp_path, kind):
    image, files = picture(tmp_path, 24, 40), save(tmp_path, tiny_config(**COLOURS[kind]))
    wanted, found = handed(files, image), predictor(files, (24, 40)).prepare(read_image(image))
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-5)
    assert not torch.allclose(found, wanted.flip(0), atol=0.01)  # channels in another order would show


@pytest.mark.parametrize("size", [(64, 96), (50, 71)])
def test_a_head_of_stride_4_gives_mmsegs_logits_on_whole_frames(tmp_path, size):
    image, files = picture(tmp_path, *size), save(tmp_path, tiny_config())
    scores = predictor(files, size).scores(read_image(image))
    assert scores.shape == (124, -(-size[0] // 4), -(-size[1] // 4))
    found, wanted = on_frame(scores, size), mmseg_logits(*files, image)
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    np.testing.assert_allclose(probs(found), probs(wanted), atol=1e-4)
    assert probs(wanted).max() > 0.9  # not a map on which everything is equal


@pytest.mark.parametrize("align_corners", [False, True])
def test_other_heads_give_the_middle_of_mmsegs_pixels_at_every_point_of_the_grid(tmp_path, align_corners):
    size = (64, 96)
    image, files = picture(tmp_path, *size), save(tmp_path, tiny_config("fcn", align_corners=align_corners))
    scores = predictor(files, size).scores(read_image(image))
    logits = mmseg_logits(*files, image)
    middle = sum(logits[:, row::4, column::4] for row in (1, 2) for column in (1, 2)) / 4
    np.testing.assert_allclose(scores.numpy(), middle, atol=2e-4)


def test_a_frame_that_the_preprocessor_pads_is_padded_alike(tmp_path):
    size = (52, 72)
    padding = {**PREPROCESSOR, "test_cfg": {"size_divisor": 32}, "mean": [100.0, 110.0, 120.0]}
    image, files = picture(tmp_path, *size), save(tmp_path, tiny_config(preprocessor=padding))
    found, wanted = on_frame(predictor(files, size).scores(read_image(image)), size), mmseg_logits(*files, image)
    inner = np.s_[:, :-2, :-2]  # beyond the last points of the grid mmseg's scores lean towards those of the padding
    np.testing.assert_allclose(found[inner], wanted[inner], atol=5e-4)


def test_windows_are_mmsegs_and_blend_alike_but_at_their_borders(tmp_path):
    size = (96, 136)
    image, files = picture(tmp_path, *size), save(tmp_path, tiny_config(test_cfg=SLIDE))
    found, wanted = on_frame(predictor(files, size).scores(read_image(image)), size), mmseg_logits(*files, image)
    away = [np.ones(length, bool) for length in size]
    for axis, borders in zip(away, ((32, 64), (40, 64, 72, 104)), strict=True):
        for border in borders:
            axis[border - 2 : border + 2] = False
    inner = np.s_[:, *np.ix_(*away)]
    np.testing.assert_allclose(found[inner], wanted[inner], atol=5e-4)
    assert (found.argmax(0) == wanted.argmax(0)).mean() > 0.97


@pytest.mark.parametrize("side", [80, 20])
def test_frames_are_resized_as_the_pipeline_does_it(tmp_path, side):
    resize = {"type": "Resize", "scale": (512, side), "keep_ratio": True}
    image, files = picture(tmp_path, 48, 72), save(tmp_path, tiny_config(pipeline=[LOAD, resize, ANNOTATE, PACK]))
    ours = predictor(files, (48, 72))
    assert ours.short_side == side
    off = (ours.prepare(read_image(image)) - handed(files, image)).abs() * 58  # grey levels: cv2 rounds otherwise
    assert off.shape == (3, side, side * 3 // 2)
    assert off.max() < 1.5


RATIO = {"keep_ratio": True}


@pytest.mark.parametrize(
    ("step", "sizes", "side"),
    [
        ({"type": "Resize", "scale": (2048, 512), **RATIO}, [(480, 853), (480, 854), (478, 853)], 512),
        ({"type": "Resize", "scale": (512, 512), **RATIO}, [(480, 853), (853, 480)], 288),
        ({"type": "Resize", "scale": (640, 480), "keep_ratio": False}, [(240, 320), (480, 640)], 480),
        ({"type": "Resize", "scale_factor": 0.5}, [(64, 96), (64, 100)], 32),
        ({"type": "ResizeShortestEdge", "scale": 448, "max_size": 2048}, [(480, 853)], 448),
        ({"type": "ResizeToMultiple", "size_divisor": 32}, [(480, 640)], None),
        ({"type": "Normalize", **IMAGENET}, [(480, 640)], None),
    ],
)
def test_a_resizing_transform_becomes_a_short_side(step, sizes, side):
    assert short_side([step], sizes) == side


@pytest.mark.parametrize(
    ("step", "sizes", "message"),
    [
        (
            {"type": "Resize", "scale": (512, 512), **RATIO},
            [(480, 640), (480, 853)],
            "expected 682x384 for frames of 853x480, at short side 384 as for others, got 512x288.*--set short_side",
        ),
        ({"type": "Resize", "scale": (512, 512)}, [(480, 853)], "expected 910x512 .* got 512x512"),
        ({"type": "Resize", "scale": [512, 512], **RATIO}, [(480, 853)], "transforms that run, got TypeError"),
    ],
)
def test_resizing_that_is_no_short_side_is_refused(step, sizes, message):
    with pytest.raises(InputError, match=message):
        short_side([step], sizes)


CROP = {"type": "CenterCrop", "crop_size": 8}
GREY = {"type": "LoadImageFromFile", "color_type": "grayscale"}
DIVISOR = {**PREPROCESSOR, "test_cfg": {"size_divisor": 32}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pipeline": [LOAD, CROP, PACK]}, r"test pipeline: expected .*Resize.*, got CenterCrop \(.*their.py"),
        ({"pipeline": [GREY, PACK]}, "color_type: expected color, got grayscale"),
        ({"test_cfg": {"mode": "slide_flip"}}, "test_cfg.mode: expected one of slide, whole, got 'slide_flip'"),
        ({"test_cfg": {"mode": "slide", "stride": (8, 8)}}, "test_cfg.crop_size: expected height and width, got None"),
        ({"test_cfg": {"mode": "slide", "crop_size": 64, "stride": 8}}, "test_cfg.crop_size: .* got 64"),
        ({"preprocessor": {"type": "ImgDataPreprocessor"}}, "expected SegDataPreProcessor, got ImgDataPreprocessor"),
        ({"preprocessor": {**PREPROCESSOR, "test_cfg": {"size": (64, 64)}}}, "size_divisor alone.* got {'size': "),
        ({"preprocessor": {**DIVISOR, "pad_val": 9}}, "with pad_val 0"),
        ({"preprocessor": DIVISOR, "test_cfg": SLIDE}, "test_cfg.mode whole"),
    ],
)
def test_what_our_predictor_does_not_do_is_refused(tmp_path, changes, message):
    files = save(tmp_path, tiny_config(**changes))
    with pytest.raises(InputError, match=message):
        predictor(files, (64, 64))


def test_a_pipeline_is_found_where_mmseg_looks_for_it():
    inner = {"dataset": {"type": "RepeatDataset", "dataset": {"pipeline": [PACK]}}}
    assert find_pipeline(Config({"test_pipeline": [LOAD], "test_dataloader": inner})) == [PACK]
    assert find_pipeline(Config({"test_pipeline": [LOAD], "val_dataloader": inner, "test_dataloader": None})) == [PACK]
    assert find_pipeline(Config({"test_pipeline": [LOAD]})) == [LOAD]
    assert find_pipeline(Config({"model": {}})) is None


def test_modes_become_windows(tmp_path):
    model = load_model(read_config(save(tmp_path, tiny_config())[0]), tmp_path / "iter_9.pth", CLASS_NAMES).model
    assert windows(model) == (WHOLE, WHOLE)
    model.test_cfg = None
    assert windows(model) == (WHOLE, WHOLE)
    model.test_cfg = {"mode": "slide", "crop_size": (64, 48), "stride": [40, 30]}
    assert windows(model) == ((64, 48), (40, 30))
