"""Augmentation: images and masks stay together, one draw serves a clip, and the draws are those announced."""

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms.v2 import functional

from vspwlib.checks import InputError
from vspwlib.data.transforms import (
    MEAN,
    STD,
    ClipAugment,
    ColourDistortion,
    ScaledCrop,
    chroma_matrix,
    largest_share,
    map_colours,
    normalise,
)


def coordinates(height: int = 120, width: int = 200, frames: int = 2) -> tuple[tv_tensors.Image, tv_tensors.Mask]:
    """Return frames with row and column as red and green, and masks that hold the row (even frames) or the column."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    image = torch.stack([rows, columns, torch.full_like(rows, 90)]).to(torch.uint8)
    masks = torch.stack([rows if frame % 2 == 0 else columns for frame in range(frames)]).to(torch.uint8)
    return tv_tensors.Image(image.expand(frames, 3, height, width)), tv_tensors.Mask(masks)


def bytes_of(images: torch.Tensor) -> np.ndarray:
    """Take normalised images back to 0..255."""
    return images.numpy() * np.array(STD, np.float32)[:, None, None] + np.array(MEAN, np.float32)[:, None, None]


def test_normalise_against_numpy():
    images = torch.randint(0, 256, (2, 3, 5, 7), dtype=torch.uint8)
    expected = (images.numpy().astype(np.float64) - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(normalise(images).numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(ColourDistortion(active=False)(tv_tensors.Image(images)).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(12))
def test_masks_stay_on_their_pixels(seed):
    torch.manual_seed(seed)
    augment = ClipAugment((60, 80), flip=0.5, max_one_class=1.0, photometric=False)
    images, masks = augment(*coordinates())
    assert images.shape == (2, 3, 60, 80)
    assert images.dtype == torch.float32
    assert masks.dtype == torch.uint8
    pixels, void = bytes_of(images), masks.numpy() == 255
    assert (void[0] == void[1]).all()
    for frame, channel in ((0, 0), (1, 1)):
        inside = np.s_[2:-2, 2:-2]  # at the rim the resampling window is cut
        apart = (pixels[frame, channel] - masks[frame].numpy())[inside][~void[frame][inside]]
        assert (
            np.abs(apart).max() <= 1.5
        )  # half a pixel of the mask's grid, half a level of the image's bytes, and a bit
        assert abs(apart.mean()) < 0.2  # no shift between the two


def test_flip_mirrors_images_and_masks_alike():
    images, masks = coordinates()
    plain, flipped = (
        ClipAugment((120, 200), (1.0, 1.0), flip=flip, max_one_class=1.0, photometric=False)(images, masks)
        for flip in (0.0, 1.0)
    )
    np.testing.assert_array_equal(plain[1].numpy(), masks.numpy())
    np.testing.assert_allclose(bytes_of(plain[0]), images.numpy(), atol=1e-3)
    for one, other in zip(plain, flipped, strict=True):
        np.testing.assert_array_equal(one.numpy()[..., ::-1], other.numpy())


@pytest.mark.parametrize("seed", range(6))
def test_every_frame_of_a_clip_gets_the_same_draw(seed):
    torch.manual_seed(seed)
    noise = torch.randint(0, 256, (3, 50, 70), dtype=torch.uint8)
    ids = torch.randint(0, 124, (50, 70), dtype=torch.uint8)
    images, masks = ClipAugment((32, 40))(
        tv_tensors.Image(noise.expand(4, 3, 50, 70)), tv_tensors.Mask(ids.expand(4, 50, 70))
    )
    for frame in range(1, 4):
        np.testing.assert_array_equal(images[frame].numpy(), images[0].numpy())
        np.testing.assert_array_equal(masks[frame].numpy(), masks[0].numpy())


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7])
def test_cutting_first_equals_resizing_first(scale):
    """On a smooth picture the crop is that of the resized frame; the mask's as well, but for pixels on a border."""
    rows, columns = np.mgrid[:96, :160]
    smooth = np.stack([127 + 100 * np.sin(rows / 40 + k) * np.cos(columns / 50) for k in range(3)]).round()
    image = tv_tensors.Image(torch.from_numpy(smooth.astype(np.uint8))[None])
    mask = tv_tensors.Mask(torch.from_numpy((rows // 12 * 10 + columns // 16).astype(np.uint8))[None])
    cropper = ScaledCrop((48, 56), (scale, scale), None, max_one_class=1.0)
    torch.manual_seed(3)
    params = cropper.make_params([image, mask])
    top, left, height, width = params["box"]
    whole = functional.resize(image, [round(96 * scale), round(160 * scale)], antialias=True).numpy()[0]
    factors = params["size"][0] / height, params["size"][1] / width
    assert factors == pytest.approx((scale, scale), rel=0.02)
    down, right = round(top * factors[0]), round(left * factors[1])
    expected = whole[:, down : down + params["size"][0], right : right + params["size"][1]].astype(int)
    got = cropper.transform(image, params).numpy()[0].astype(int)
    assert np.abs(got[:, 1:-1, 1:-1] - expected[:, 1:-1, 1:-1]).max() <= 4  # a pixel is worth up to 4
    assert np.abs(got - expected).mean() < 1.5
    rows, columns = (
        np.floor(start + (np.arange(size) + 0.5) * cut / size).astype(int)
        for start, size, cut in ((top, params["size"][0], height), (left, params["size"][1], width))
    )
    np.testing.assert_array_equal(cropper.transform(mask, params).numpy()[0], mask.numpy()[0][np.ix_(rows, columns)])


def test_ratio_is_uniform_over_its_range_and_places_reach_every_edge():
    torch.manual_seed(0)
    images, masks = coordinates(120, 200, 1)
    cropper = ScaledCrop((40, 40), (0.5, 2.0), None, max_one_class=1.0)
    drawn = [cropper.make_params([images, masks]) for _ in range(2000)]
    ratios = np.array([params["size"][0] / params["box"][2] for params in drawn])
    assert 0.49 <= ratios.min() < 0.53
    assert 1.95 < ratios.max() <= 2.01
    assert np.histogram(ratios, bins=3, range=(0.5, 2.0))[0] == pytest.approx([667] * 3, rel=0.12)
    boxes = np.array([params["box"] for params in drawn])
    assert boxes[:, :2].min(axis=0).tolist() == [0, 0]
    assert (boxes[:, 0] + boxes[:, 2]).max() == 120
    assert (boxes[:, 1] + boxes[:, 3]).max() == 200


@pytest.mark.parametrize(("height", "width"), [(120, 200), (200, 90), (33, 47)])
def test_short_side_is_fitted_whatever_the_orientation(height, width):
    images, masks = coordinates(height, width, 1)
    params = ScaledCrop((1000, 1000), (1.0, 1.0), 64, max_one_class=1.0).make_params([images, masks])
    factor = 64 / min(height, width)
    assert params["size"] == [round(height * factor), round(width * factor)]
    assert params["box"] == (0, 0, height, width)


def test_small_frames_are_padded_with_mean_colour_and_void():
    images, masks = coordinates(20, 30)
    out, ids = ClipAugment((32, 40), (1.0, 1.0), flip=0.0, max_one_class=1.0)(images, masks)
    assert out.shape == (2, 3, 32, 40)
    assert (out[:, :, 20:] == 0).all()
    assert (out[:, :, :, 30:] == 0).all()
    assert (ids[:, 20:] == 255).all()
    assert (ids[:, :, 30:] == 255).all()
    np.testing.assert_array_equal(ids[:, :20, :30].numpy(), masks.numpy())


def share_by_hand(ids: np.ndarray) -> float:
    values, counts = np.unique(ids[ids != 255], return_counts=True)
    return counts.max() / counts.sum() if len(values) else np.inf


def test_crops_keep_to_the_share_of_one_class_where_they_can():
    """Class 0 fills most of the frame; a ruled crop breaks the rule only where ten free ones in a row would."""
    ids = torch.zeros(1, 100, 200, dtype=torch.uint8)
    ids[:, :, 170:] = 5
    image = tv_tensors.Image(torch.zeros(1, 3, 100, 200, dtype=torch.uint8))
    broken = {}
    for limit in (1.0, 0.75):
        torch.manual_seed(1)
        cropper = ScaledCrop((50, 50), (0.9, 1.2), None, max_one_class=limit)
        shares = [share_by_hand(cropper(image, tv_tensors.Mask(ids))[1].numpy()) for _ in range(300)]
        broken[limit] = np.mean(np.array(shares) > 0.75)
    assert broken[1.0] > 0.75
    assert broken[0.75] == pytest.approx(broken[1.0] ** 10, abs=0.06)


def test_the_rule_counts_labelled_pixels_of_all_frames_and_shuns_empty_places():
    ids = torch.full((2, 60, 300), 255, dtype=torch.uint8)
    ids[0, :, :150], ids[1, :, :150] = 3, 4  # each frame alone is one class; together they are halves
    image = tv_tensors.Image(torch.zeros(2, 3, 60, 300, dtype=torch.uint8))
    cropper = ScaledCrop((60, 60), (1.0, 1.0), None, max_one_class=0.75)
    torch.manual_seed(0)
    lefts = [cropper.make_params([image, tv_tensors.Mask(ids)])["box"][1] for _ in range(200)]
    assert max(lefts) < 150
    assert max(lefts) > 100  # and yet places without a rule against them are not given up


def test_largest_share_against_numpy():
    generator = np.random.default_rng(0)
    for _ in range(5):
        ids = generator.choice([0, 7, 123, 255], size=(3, 9, 11), p=generator.dirichlet(np.ones(4))).astype(np.uint8)
        assert largest_share(torch.from_numpy(ids)) == pytest.approx(share_by_hand(ids))
    assert largest_share(torch.full((4,), 255, dtype=torch.uint8)) == np.inf


def test_saturation_and_hue_against_their_definitions():
    rgb = np.random.default_rng(0).uniform(0, 255, (3, 50))
    luma = np.array([0.299, 0.587, 0.114])
    faded = 0.4 * rgb + 0.6 * (luma @ rgb)  # blend towards the grey of equal luma
    np.testing.assert_allclose(chroma_matrix(0.4, 0.0).numpy() @ rgb, faded, atol=1e-2)
    turned = chroma_matrix(1.0, 0.5).numpy() @ rgb
    np.testing.assert_allclose(luma @ turned, luma @ rgb, atol=1e-2)
    to_chroma = np.array([[0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
    before, after = to_chroma @ rgb, to_chroma @ turned
    angle = np.angle((after[0] + 1j * after[1]) / (before[0] + 1j * before[1]))
    np.testing.assert_allclose(angle, 0.5, atol=1e-3)


def test_colour_map_against_numpy():
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (2, 3, 6, 8), np.uint8)
    matrix = np.array([[0.9, 0.7, 0.6], [0.4, -0.8, 0.3], [-0.2, 0.1, 1.1]], np.float32)
    offset = np.array([10.0, -40.0, 90.0], np.float32)
    mapped = np.einsum("ij,tjhw->tihw", matrix.astype(np.float64), images) + offset[:, None, None]
    expected = (np.clip(mapped, 0, 255) - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    got = map_colours(torch.from_numpy(images), torch.from_numpy(matrix), torch.from_numpy(offset))
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-4)
    assert (mapped < 0).any()
    assert (mapped > 255).any()  # both clips were at work


def test_colour_draws_are_halves_within_their_ranges():
    torch.manual_seed(0)
    drawn = [ColourDistortion().make_params([]) for _ in range(1500)]
    # Chroma leaves grey alone, so a row's sum is the contrast, and the offset over it the brightness.
    contrast = np.array([params["matrix"][0].sum().item() for params in drawn])
    brightness = np.array([params["offset"][0].item() for params in drawn]) / contrast
    pure = np.array(
        [torch.allclose(p["matrix"], c * torch.eye(3), atol=1e-5) for p, c in zip(drawn, contrast, strict=True)]
    )
    for values, low, high, neutral in ((contrast, 0.5, 1.5, 1.0), (brightness, -32, 32, 0.0)):
        assert np.isclose(values, neutral, atol=1e-4).mean() == pytest.approx(0.5, abs=0.05)
        assert low - 1e-3 <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-3
    assert pure.mean() == pytest.approx(0.25, abs=0.05)  # neither saturation nor hue


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"crop": (0, 40)}, "crop"),
        ({"scale": (2.0, 0.5)}, "scale"),
        ({"scale": (0.0, 1.0)}, "scale"),
        ({"short_side": 0}, "short_side"),
        ({"max_one_class": 0.0}, "max_one_class"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        ClipAugment(**arguments)


def test_a_clip_is_the_same_with_any_number_of_threads():
    images = tv_tensors.Image(torch.randint(0, 256, (2, 3, 96, 128), dtype=torch.uint8))
    matrix, offset = torch.randn(3, 3), torch.randn(3)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(map_colours(images, matrix, offset))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0], other) for other in found[1:])
