"""The fast decoder returns what Pillow returns, and leaves to Pillow what it cannot read."""

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.decode import decode_image
from vspwlib.data.images import read_image

NOISE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpegs_equal_pillow(tmp_path, mode, subsampling):
    path = tmp_path / "a.jpg"
    Image.fromarray(NOISE).convert(mode).save(path, subsampling=subsampling, progressive=subsampling == 1)
    np.testing.assert_array_equal(decode_image(path).numpy(), read_image(path))


@pytest.mark.parametrize("name", ["a.png", "png-inside.jpg", "a.JPG"])
def test_other_files_go_to_pillow(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(NOISE).save(path, format="PNG" if "png" in name else "JPEG")
    np.testing.assert_array_equal(decode_image(path).numpy(), read_image(path))


def test_cmyk_is_near_to_pillow(tmp_path):
    smooth = np.stack(np.broadcast_arrays(*(np.linspace(0, 255, 40) for _ in range(3)), np.zeros((30, 1)))[:3], -1)
    Image.fromarray(smooth.astype(np.uint8)).convert("CMYK").save(tmp_path / "a.jpg")
    apart = decode_image(tmp_path / "a.jpg").numpy().astype(int) - read_image(tmp_path / "a.jpg")
    assert np.abs(apart).max() <= 2


def test_orientation_tags_are_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(NOISE).save(tmp_path / "a.jpg", exif=exif)
    np.testing.assert_array_equal(decode_image(tmp_path / "a.jpg").numpy(), read_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("kept", [0.0, 0.05, 0.5, 0.99])
def test_broken_files_are_refused_by_name(tmp_path, kept):
    path = tmp_path / "a.jpg"
    Image.fromarray(NOISE).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(InputError, match=r"image: expected a whole image file.*a\.jpg"):
        decode_image(path)
    with pytest.raises(InputError, match="nothing there"):
        decode_image(tmp_path / "gone.jpg")


def test_real_frames_equal_pillow(shared):
    for path in sorted((shared / "data" / "clips").glob("*/origin/*.jpg"))[::40]:
        np.testing.assert_array_equal(decode_image(path).numpy(), read_image(path))
