"""One pair of files: its counts against a loop, every fault, and values that should not be there."""

import numpy as np
import pytest
from PIL import Image

from vspwlib.data.mask_counts import count_mask, strange_ids
from vspwlib.labels.mapping import load_mapping
from vspwlib.labels.sources import SOURCE_SETS


@pytest.fixture
def pair(tmp_path):
    image, mask = tmp_path / "a.jpg", tmp_path / "a.png"
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(image)
    Image.fromarray(rng.choice(np.array([0, 7, 255], np.uint8), (30, 40))).save(mask)
    return image, mask


def test_counts_are_those_of_a_loop(pair):
    counts = {}
    for value in np.asarray(Image.open(pair[1])).ravel().tolist():
        counts[value] = counts.get(value, 0) + 1
    found = count_mask(*pair)
    assert (found.size, dict(found.counts), found.fault) == ((30, 40), counts, None)


def test_an_image_lying_on_its_side_fits_a_mask_drawn_on_its_stored_pixels(pair):
    image = Image.open(pair[0])
    exif = image.getexif()
    exif[0x0112] = 6  # turn by 90 degrees when shown
    image.save(pair[0], exif=exif)
    assert count_mask(*pair).fault is None


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("no image", "unreadable image", "nothing there"),
        ("half an image", "unreadable image", "breaks off"),
        ("no mask", "unreadable mask", "nothing there"),
        ("colours", "unreadable mask", "3 of mode RGB"),
        ("wide", "unreadable mask", "300"),
        ("size", "mask size", "39x30, its image 40x30"),
    ],
)
def test_faults(pair, fault, kind, message):
    image, mask = pair
    match fault:
        case "no image":
            image.unlink()
        case "half an image":
            image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
        case "no mask":
            mask.unlink()
        case "colours":
            Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(mask)
        case "wide":
            Image.fromarray(np.full((30, 40), 300, np.uint16)).save(mask)
        case "size":
            Image.fromarray(np.zeros((30, 39), np.uint8)).save(mask)
    found = count_mask(image, mask)
    assert found.counts == {}
    assert found.fault is not None
    assert found.fault[0] == kind
    assert message in found.fault[1]


def test_strange_values_are_named():
    coco, known = SOURCE_SETS["cocostuff"], load_mapping("cocostuff").known
    assert strange_ids({0: 9, 255: 3}, known, coco) == []
    assert strange_ids({0: 9, 182: 3, 200: 1, 11: 4}, known, coco) == [
        ("unknown ids", "182 (3 pixels), 200 (1 pixels); counted as void"),
        ("unused ids", "11 (4 pixels); never drawn in COCO-Stuff: is the mask in another numbering?"),
    ]
