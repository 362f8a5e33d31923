"""Overlays and error maps, pixel by pixel."""

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import VOID, palette
from vspwlib.report.figures import BLUE, ORANGE
from vspwlib.report.pictures import BOTH_WRONG, enlarge, error_map, overlay


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def colour(code: str) -> np.ndarray:
    return np.array([int(code[start : start + 2], 16) for start in (1, 3, 5)])


@pytest.mark.parametrize("name", ["glasbey", "dataset"])
@pytest.mark.parametrize("opacity", [0.0, 0.3, 1.0])
def test_overlay_mixes_frame_and_colour(image: np.ndarray, name: str, opacity: float) -> None:
    ids = np.random.default_rng(1).integers(0, 124, (4, 5)).astype(np.uint8)
    ids[1, 2] = VOID
    found = overlay(image, ids, opacity=opacity, palette=name)
    for row, column in np.ndindex(4, 5):
        share = 0 if ids[row, column] == VOID else opacity
        wanted = image[row, column] * (1 - share) + palette(name)[ids[row, column]] * share
        np.testing.assert_allclose(found[row, column], wanted, atol=0.51)
    assert found.dtype == np.uint8


def test_overlay_refuses_a_map_of_another_size(image: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"label map: expected shape \(4, 5\), got \(5, 4\)"):
        overlay(image, np.zeros((5, 4), np.uint8))
    with pytest.raises(InputError, match="opacity"):
        overlay(image, np.zeros((4, 5), np.uint8), opacity=1.5)


def nearest(pixel: np.ndarray) -> str:
    """Name the colour that a pixel of an error map is nearest to; dim grey counts as right."""
    stains = {"orange": colour(ORANGE), "blue": colour(BLUE), "grey": colour(BOTH_WRONG)}
    distances = {name: np.abs(0.8 * stain - pixel).max() for name, stain in stains.items()}
    name = min(distances, key=lambda key: distances[key])
    return name if distances[name] < 1 else "right"


def test_error_map_tells_who_is_right() -> None:
    black = np.zeros((1, 6, 3), np.uint8)
    truth = np.array([[1, 1, 1, 1, 1, VOID]], np.uint8)
    first = np.array([[1, 2, 1, 2, 2, 2]], np.uint8)
    second = np.array([[1, 1, 2, 2, 3, 3]], np.uint8)
    both = error_map(black, truth, first, second)[0]
    assert [nearest(pixel) for pixel in both] == ["right", "orange", "blue", "grey", "grey", "right"]
    alone = error_map(black, truth, first)[0]
    assert [nearest(pixel) for pixel in alone] == ["right", "orange", "right", "orange", "orange", "right"]


def test_error_map_shows_the_frame_in_dim_grey_where_all_is_right(image: np.ndarray) -> None:
    truth = np.zeros((4, 5), np.uint8)
    found = error_map(image, truth, truth).astype(float)
    assert (found == found[..., :1]).all()
    np.testing.assert_allclose(found[..., 0], 0.45 * image.mean(axis=2), atol=0.51)


def test_enlarging_repeats_pixels_and_leaves_large_pictures_alone(image: np.ndarray) -> None:
    large = enlarge(image, 11)
    assert large.shape == (12, 15, 3)
    np.testing.assert_array_equal(large[::3, ::3], image)
    np.testing.assert_array_equal(large[2::3, 2::3], image)
    assert enlarge(image, 5) is image
