"""Reading images and masks: every mode a file may have, and one message for every fault."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.images import check_same_size, image_size, read_image, read_image_size, read_mask, read_raw_mask

RAW = np.arange(256, dtype=np.uint8).reshape(16, 16)


def oracle_ids(raw: np.ndarray) -> np.ndarray:
    """Return ids pixel by pixel, from the sentence in the data set's description."""
    return np.array([[value - 1 if 1 <= value <= 124 else 255 for value in row] for row in raw.tolist()], np.uint8)


def save_palette(path: Path, raw: np.ndarray) -> None:
    """Save raw values with colours attached, in an order unlike that of the values."""
    image = Image.fromarray(raw).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([(7 * value) % 256 for value in range(768)])
    image.save(path)


def photo(height: int = 24, width: int = 32) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 8 % 256, columns * 6 % 256, (rows + columns) * 3 % 256], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("form", ["grey", "palette", "16 bit"])
def test_masks_keep_the_values_of_the_file(tmp_path, form):
    path = tmp_path / "mask.png"
    if form == "grey":
        Image.fromarray(RAW).save(path)
    elif form == "palette":
        save_palette(path, RAW)
        assert Image.open(path).mode == "P"
    else:
        Image.fromarray(RAW.astype(np.uint16)).save(path)
    assert read_raw_mask(path).dtype == np.uint8
    np.testing.assert_array_equal(read_raw_mask(path), RAW)
    np.testing.assert_array_equal(read_mask(path), oracle_ids(RAW))


def test_narrow_masks(tmp_path):
    bits = np.eye(16, dtype=bool)
    Image.fromarray(bits).save(tmp_path / "one-bit.png")
    np.testing.assert_array_equal(read_raw_mask(tmp_path / "one-bit.png"), bits.astype(np.uint8))
    save_palette(tmp_path / "few.png", RAW % 3)  # Pillow stores small palettes in 2 bits
    np.testing.assert_array_equal(read_raw_mask(tmp_path / "few.png"), RAW % 3)


def test_values_beyond_a_byte_can_be_refused(tmp_path):
    Image.fromarray(RAW.astype(np.uint16)).save(tmp_path / "fits.png")
    np.testing.assert_array_equal(read_raw_mask(tmp_path / "fits.png", clip=False), RAW)
    Image.fromarray(np.array([[0, 256]], np.uint16)).save(tmp_path / "wide.png")
    with pytest.raises(InputError, match=r"mask: expected values 0..255, got 256"):
        read_raw_mask(tmp_path / "wide.png", clip=False)


def test_the_size_is_read_from_whole_files_alone(tmp_path):
    for name in ("a.jpg", "b.png"):
        path = tmp_path / name
        Image.fromarray(photo(41, 67)).save(path)
        assert image_size(path) == read_image_size(path) == read_image(path).shape[:2] == (41, 67)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        for read in (read_image_size, read_image):
            with pytest.raises(InputError, match="breaks off or is damaged"):
                read(path)
    Image.fromarray(photo(400, 300)).save(tmp_path / "c.jpg", progressive=True)
    assert read_image_size(tmp_path / "c.jpg") == image_size(tmp_path / "c.jpg") == (400, 300)
    with pytest.raises(InputError, match="expected an image file, got nothing there"):
        image_size(tmp_path / "absent.jpg")


def test_values_beyond_a_byte_are_void(tmp_path):
    wide = np.array([[0, 124, 255], [256, 300, 65535]], np.uint16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert read_raw_mask(tmp_path / "wide.png").tolist() == [[0, 124, 255], [255, 255, 255]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_coloured_masks_are_refused(tmp_path, mode):
    Image.fromarray(photo()).convert(mode).save(tmp_path / "mask.png")
    with pytest.raises(InputError, match=rf"mask: expected one channel.*mode {mode}.*mask\.png.*Fix: save it as"):
        read_mask(tmp_path / "mask.png")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK"])
def test_images_of_every_mode_become_rgb(tmp_path, mode):
    source = Image.fromarray(photo()).convert(mode)
    path = tmp_path / ("image.jpg" if mode == "CMYK" else "image.png")
    source.save(path)
    image = read_image(path)
    assert image.shape == (24, 32, 3)
    assert image.dtype == np.uint8
    if mode in {"RGB", "RGBA"}:
        np.testing.assert_array_equal(image, photo())
    elif mode in {"L", "LA"}:
        assert (image == image[..., :1]).all()
        np.testing.assert_array_equal(image[..., 0], np.asarray(source)[..., 0] if mode == "LA" else np.asarray(source))
    else:
        assert np.abs(image.astype(int) - np.asarray(source.convert("RGB"))).mean() < 12  # JPEG, or 256 colours


def test_16_bit_grey_is_scaled_not_clipped(tmp_path):
    Image.fromarray((np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png")[..., 1], RAW)


def test_images_can_be_written_to(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "image.png")
    read_image(tmp_path / "image.png")[0, 0] = 0
    Image.fromarray(RAW).save(tmp_path / "mask.png")
    read_raw_mask(tmp_path / "mask.png")[0, 0] = 0


def test_orientation_tags_are_ignored(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    Image.fromarray(photo(24, 32)).save(tmp_path / "turned.jpg", exif=exif)
    assert read_image(tmp_path / "turned.jpg").shape == (24, 32, 3)


@pytest.mark.parametrize("name", ["frame.jpg", "frame.png"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 0.7, 0.97])
def test_empty_and_truncated_files_are_named(tmp_path, name, kept):
    path = tmp_path / name
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    got = r"an empty file \(0 bytes\)" if kept == 0 else "(breaks off|no known image format)"
    with pytest.raises(InputError, match=rf"image: expected a whole image file, got .*{got}.*frame.*Fix: restore"):
        read_image(path)


def test_truncated_mask_missing_file_folder_and_text(tmp_path):
    noise = np.random.default_rng(0).integers(0, 125, (64, 96), np.uint8)
    Image.fromarray(noise).save(tmp_path / "mask.png")
    (tmp_path / "mask.png").write_bytes((tmp_path / "mask.png").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"mask: .*breaks off.*mask\.png"):
        read_mask(tmp_path / "mask.png")
    with pytest.raises(InputError, match="nothing there"):
        read_image(tmp_path / "gone.jpg")
    with pytest.raises(InputError, match="a folder"):
        read_image(tmp_path)
    (tmp_path / "note.jpg").write_text("not an image")
    with pytest.raises(InputError, match="no known image format"):
        read_image(tmp_path / "note.jpg")


def test_sizes_must_agree():
    check_same_size((480, 853, 3), (480, 853), where="a.png")
    with pytest.raises(InputError, match=r"size of its image, 853x480, got 854x480 \(a\.png\)"):
        check_same_size((480, 853, 3), (480, 854), where="a.png")


def test_camvid_masks_read_as_the_published_table_says(shared):
    """CamVid's own ids, taken through its table, must equal what mask_vspw reads as."""
    root = shared / "data" / "camvid"
    rows = [line.split(",") for line in (root / "camvid_to_vspw.csv").read_text().splitlines()[1:]]
    table = np.full(256, 255, np.uint8)
    for row in rows:
        table[int(row[0])] = int(row[2]) - 1 if int(row[2]) != 255 else 255
    video = root / "data" / "0016E5_val"
    for name in ("00007959", "00008159"):
        own = np.asarray(Image.open(video / "mask" / f"{name}.png"))
        np.testing.assert_array_equal(read_mask(video / "mask_vspw" / f"{name}.png"), table[own])
        assert read_image(video / "origin" / f"{name}.jpg").shape == (360, 480, 3)
