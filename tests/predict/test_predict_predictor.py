"""The predictor with a network small enough to compute by hand."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.checks import InputError
from vspwlib.data.transforms import normalise
from vspwlib.predict.predictor import Predictor, resized_size


class TinyNet(nn.Module):
    """Mean colour of each 4x4 block through a fixed linear layer, so that scores follow the pixels exactly."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.linear = nn.Conv2d(3, classes, 1)
        generator = torch.Generator().manual_seed(0)
        nn.init.normal_(self.linear.weight, generator=generator)
        nn.init.normal_(self.linear.bias, generator=generator)
        self.batches: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.batches.append(tuple(images.shape))
        return self.linear(functional.avg_pool2d(images, 4))


def picture(height: int, width: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """A smooth picture with some noise."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows / (9 + c) + c) + np.cos(columns / (13 - c)) for c in range(3)]
    noise = generator.normal(0, 8, (height, width, 3))
    return np.clip(128 + 50 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)


def build(score_fn: Callable[[Tensor], Tensor] | None = None, **settings: object) -> Predictor:
    defaults = {"num_classes": 5, "window": (64, 64), "stride": (43, 43)}
    return Predictor(score_fn or TinyNet(), **{**defaults, **settings})


def test_one_window_gives_the_scores_of_the_network() -> None:
    image, net = picture(64, 64), TinyNet()
    with torch.no_grad():
        expected = net(normalise(torch.from_numpy(image).permute(2, 0, 1))[None])[0]
    assert torch.equal(build(net).scores(image), expected)


def test_resizing_leaves_pixels_out_where_it_is_asked_to() -> None:
    image = picture(64, 96)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = normalise(functional.interpolate(pixels, (32, 48), mode="bilinear", antialias=False)[0].round())
    plain, careful = (build(short_side=32, antialias=antialias) for antialias in (False, True))
    torch.testing.assert_close(plain.prepare(image), expected, atol=0.03, rtol=0)  # a grey level
    assert (careful.prepare(image) - expected).abs().max() > 0.1
    assert plain.settings == {**careful.settings, "antialias": False}


def test_colours_can_be_another_systems() -> None:
    image = picture(64, 64)

    def halves(pixels: Tensor) -> Tensor:
        assert pixels.dtype == torch.uint8
        return pixels.float() / 2

    with torch.no_grad():
        expected = TinyNet()(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 2)[0]
    assert torch.equal(build(normalise=halves).scores(image), expected)


def test_a_frame_smaller_than_the_window_is_padded_with_the_mean_colour_to_the_divisor() -> None:
    seen: list[Tensor] = []

    def look(images: Tensor) -> Tensor:
        seen.append(images)
        return torch.zeros(len(images), 5, images.shape[2] // 4, images.shape[3] // 4)

    assert build(look).scores(picture(45, 61)).shape == (5, 12, 16)
    (images,) = seen
    assert images.shape == (1, 3, 64, 64)
    assert images[..., :45, :61].abs().min() > 0
    assert images[..., 45:, :].abs().max() == 0
    assert images[..., :, 61:].abs().max() == 0


@pytest.mark.parametrize(
    ("size", "short_side"), [((96, 171), None), ((60, 107), 120), ((171, 96), 64), ((90, 131), 90)]
)
def test_scores_stand_where_the_pixels_are(size: tuple[int, int], short_side: int | None) -> None:
    """With a ramp as the picture, full-resolution scores must be the ramp: any shift would show."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    image = np.stack((rows, columns, 0 * rows), axis=-1).astype(np.uint8)
    predictor = build(lambda images: functional.avg_pool2d(images, 4), num_classes=3, short_side=short_side)
    grid = predictor.scores(image)
    found = functional.interpolate(grid[None], size=size, mode="bilinear", align_corners=False)[0]
    expected = normalise(torch.from_numpy(image).permute(2, 0, 1))
    inner = (slice(None), slice(12, -12), slice(12, -12))  # bilinear values are held constant at the border
    step = float(expected[0, 1, 0] - expected[0, 0, 0])  # one pixel
    assert float((found - expected)[inner].abs().max()) < 0.3 * step + 0.012  # resized bytes are rounded


@pytest.mark.parametrize("flip", [False, True])
def test_batches_across_windows_and_frames_change_nothing(flip: bool) -> None:
    frames = [picture(70, 100, 0), picture(70, 100, 1), picture(40, 50, 2), picture(90, 64, 3), picture(70, 100, 4)]
    alone = [build(flip=flip, batch_windows=1).scores(frame) for frame in frames]
    net = TinyNet()
    together = list(build(net, flip=flip, batch_windows=7).predict_frames(frames))
    assert len(together) == len(frames)
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert max(shape[0] for shape in net.batches) == 7
    windows = 2 * 2 * 3 + 1 + 2  # 70x100: two by two, three times; 40x50: one; 90x64: two
    assert sum(shape[0] for shape in net.batches) == windows * (1 + flip)


def test_frames_are_not_read_far_ahead() -> None:
    read = 0

    def frames():
        nonlocal read
        for seed in range(20):
            read += 1
            yield picture(64, 64, seed)

    for done, _ in enumerate(build(batch_windows=4).predict_frames(frames()), start=1):
        assert read <= done + 4


@pytest.mark.parametrize("size", [(64, 64), (70, 100), (171, 96), (65, 200)])
def test_the_network_sees_the_official_windows_in_the_official_order(size: tuple[int, int]) -> None:
    from mmseg.models.segmentors import EncoderDecoder

    official, ours = [], []

    def encode_decode(crop: Tensor, _metas: object) -> Tensor:
        official.append(crop[0])
        return crop

    def look(images: Tensor) -> Tensor:
        ours.extend(images)
        return functional.avg_pool2d(images, 4)

    image = picture(*size)
    fake = SimpleNamespace(
        test_cfg=SimpleNamespace(stride=(43, 40), crop_size=(64, 64)), out_channels=3, encode_decode=encode_decode
    )
    pixels = normalise(torch.from_numpy(image).permute(2, 0, 1))[None]
    blended = EncoderDecoder.slide_inference(fake, pixels, [{"ori_shape": size, "img_shape": size}])
    torch.testing.assert_close(blended, pixels)  # or the stand-in would not be the official code at work
    build(look, num_classes=3, stride=(43, 40), batch_windows=3).scores(image)
    assert len(ours) == len(official) > 0
    for mine, theirs in zip(ours, official, strict=True):
        assert torch.equal(mine, theirs)


def test_flip_is_the_mean_of_both_softmaxes_and_blind_to_mirroring() -> None:
    image = picture(64, 107)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    plain, other = build().scores(image), build().scores(mirrored).flip(-1)
    flipped = build(flip=True).scores(image)
    mean = (plain.double().softmax(0) + other.double().softmax(0)) / 2
    np.testing.assert_allclose(flipped.double().exp().numpy(), mean.numpy(), atol=1e-6)
    torch.testing.assert_close(flipped.softmax(0).double(), mean, atol=1e-6, rtol=0)
    torch.testing.assert_close(build(flip=True).scores(mirrored).flip(-1), flipped, atol=1e-5, rtol=0)


def test_scale_one_is_what_it_was_before_there_were_scales() -> None:
    """Bit by bit: stores that were begun then go on now."""
    image = picture(70, 107)
    plain = build(batch_windows=1).scores(image)
    mirrored = build(batch_windows=1).scores(np.ascontiguousarray(image[:, ::-1])).flip(-1)
    one, other = (scores.movedim(0, -1).softmax(dim=-1) for scores in (plain, mirrored))
    before = one.add_(other).mul_(0.5).log_().clamp_(min=-60).movedim(-1, 0)
    for average in ("probabilities", "scores"):
        assert torch.equal(build(batch_windows=1, scales=(1.0,), average=average).scores(image), plain)
    assert torch.equal(build(batch_windows=1, scales=(1.0,), flip=True).scores(image), before)


def one_view(net: TinyNet, image: npt.NDArray[np.uint8], scale: float, mirrored: bool) -> npt.NDArray[np.float64]:
    """Scores of one view on the frame's grid (h, w, K), by a loop over windows and points; short side 60, window 64."""
    height, width = image.shape[:2]
    ratio = 60 * scale / min(height, width)
    size = (round(height * ratio), round(width * ratio))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None]
    pixels = functional.interpolate(pixels, size=size, mode="bilinear", antialias=True)[0]
    pixels = normalise(pixels.flip(-1) if mirrored else pixels)
    rows, columns = -(-height // 4), -(-width // 4)
    total, count = np.zeros((rows, columns, 5)), np.zeros((rows, columns, 1))
    tops = [min(top, max(size[0] - 64, 0)) for top in range(0, max(size[0] - 64, 0) + 43, 43)]
    lefts = [min(left, max(size[1] - 64, 0)) for left in range(0, max(size[1] - 64, 0) + 43, 43)]
    for top, left in {(top, left) for top in tops for left in lefts}:
        crop = pixels[:, top : top + 64, left : left + 64]
        across, down = -crop.shape[2] % 32, -crop.shape[1] % 32
        with torch.no_grad():
            cells = net(functional.pad(crop, (0, across, 0, down))[None])[0].double().numpy()
        for row in range(rows):
            for column in range(columns):
                y, x = (row + 0.5) * size[0] / rows - top, (column + 0.5) * size[1] / columns - left
                if 0 <= y < crop.shape[1] and 0 <= x < crop.shape[2]:
                    y, x = (min(max(at / 4 - 0.5, 0), end - 1) for at, end in zip((y, x), cells.shape[1:], strict=True))
                    y0, x0 = int(y), int(x)
                    y1, x1 = min(y0 + 1, cells.shape[1] - 1), min(x0 + 1, cells.shape[2] - 1)
                    above = cells[:, y0, x0] * (1 - x + x0) + cells[:, y0, x1] * (x - x0)
                    below = cells[:, y1, x0] * (1 - x + x0) + cells[:, y1, x1] * (x - x0)
                    total[row, column] += above * (1 - y + y0) + below * (y - y0)
                    count[row, column] += 1
    scores = total / count
    return scores[:, ::-1] if mirrored else scores


@pytest.mark.parametrize("average", ["probabilities", "scores"])
@pytest.mark.parametrize("flip", [False, True])
def test_scales_are_averaged_as_a_plain_loop_over_the_views_does(average: str, flip: bool) -> None:
    image, net, scales = picture(48, 81), TinyNet(), (0.75, 1.0, 1.5)
    views = np.stack([one_view(net, image, scale, side) for scale in scales for side in ((False, True)[: 1 + flip])])
    if average == "probabilities":
        shares = np.exp(views - views.max(-1, keepdims=True))
        expected = np.log((shares / shares.sum(-1, keepdims=True)).mean(0))
    else:
        expected = views.mean(0)
    predictor = build(net, short_side=60, scales=scales, flip=flip, average=average, batch_windows=3)
    np.testing.assert_allclose(predictor.scores(image).permute(1, 2, 0).numpy(), expected, atol=2e-5)


def test_views_of_several_frames_share_batches_and_finish_in_order() -> None:
    frames = [picture(70, 100, 0), picture(40, 50, 1), picture(90, 64, 2)]
    settings = {"scales": (1.0, 0.5), "flip": True}
    alone = [build(batch_windows=1, **settings).scores(frame) for frame in frames]
    net = TinyNet()
    for one, other in zip(alone, build(net, batch_windows=5, **settings).predict_frames(iter(frames)), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert sum(shape[0] for shape in net.batches) == 2 * (2 * 2 + 1 + 1 + 1 + 2 + 1)


def test_bf16_runs_the_network_under_autocast_and_returns_float32() -> None:
    seen: list[torch.dtype] = []

    def look(images: Tensor) -> Tensor:
        out = functional.conv2d(images, torch.ones(5, 3, 4, 4), stride=4)
        seen.append(out.dtype)
        return out

    assert build(look, precision="bf16").scores(picture(64, 64)).dtype == torch.float32
    build(look).scores(picture(64, 64))
    assert seen == [torch.bfloat16, torch.float32]


def test_the_resized_size_keeps_the_ratio() -> None:
    assert resized_size(480, 853, None) == (480, 853)
    assert resized_size(853, 480, 240) == (426, 240)
    assert resized_size(1, 1000, 2) == (2, 2000)
    assert resized_size(480, 853, None, 0.5) == (240, 426)
    assert resized_size(144, 256, 100, 1.25) == (125, 222)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stride": (65, 32)}, "stride: expected 1 to the window"),
        ({"batch_windows": 0}, "batch_windows: expected 1"),
        ({"precision": "bf61"}, "did you mean 'bf16'"),
        ({"short_side": 0}, "short_side: expected 1"),
        ({"scales": ()}, r"scales: expected different ratios above 0 and up to 4, at least one, got \(\)"),
        ({"scales": (1.0, 0.0)}, "scales: expected different ratios"),
        ({"scales": (1.0, 1.0)}, "scales: expected different ratios"),
        ({"scales": (4.1,)}, "scales: expected different ratios"),
        ({"average": "score"}, "did you mean 'scores'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(**settings)


def test_wrong_frames_and_networks_are_named() -> None:
    with pytest.raises(InputError, match=r"frame: expected shape \(H, W, 3\), got \(8, 8\)"):
        build().scores(np.zeros((8, 8), np.uint8))
    with pytest.raises(InputError, match="frame: expected uint8 RGB"):
        build().scores(np.zeros((8, 8, 3), np.float32))
    with pytest.raises(InputError, match=r"scores of the network: expected shape \(1, 7, h, w\)"):
        build(num_classes=7).scores(picture(64, 64))


def test_settings_are_what_decides_the_scores() -> None:
    settings = build(short_side=64, flip=True, batch_windows=3).settings
    assert settings == build(short_side=64, flip=True, batch_windows=9).settings
    assert settings["window"] == [64, 64]
    assert (settings["scales"], settings["average"]) == ([1.0], "probabilities")
    assert build(scales=(0.5, 1.0)).settings["scales"] == [0.5, 1.0]
    assert "batch_windows" not in settings
