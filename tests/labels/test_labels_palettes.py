"""Palettes: distinct, far apart, equal to the published ones."""

import csv

import numpy as np
import pytest

from vspwlib.checks import InputError
from vspwlib.labels import colourise, palette


def smallest_distance(colours: np.ndarray) -> float:
    """Smallest Euclidean RGB distance between two rows, pair by pair."""
    points = colours.astype(np.int64)
    return min(np.sqrt(((points[:i] - points[i]) ** 2).sum(1)).min() for i in range(1, len(points)))


# The published dataset palette gives Playground_slide and car the same grey.
@pytest.mark.parametrize(("name", "distinct"), [("glasbey", 124), ("dataset", 123), ("baseline", 124)])
def test_palette_is_a_read_only_table_of_class_colours(name, distinct):
    colours = palette(name)
    assert colours.shape == (256, 3)
    assert colours.dtype == np.uint8
    assert len({tuple(row) for row in colours[:124].tolist()}) == distinct
    with pytest.raises(ValueError, match="read-only"):
        colours[0] = 1


def test_glasbey_keeps_classes_further_apart_than_the_dataset_palette():
    assert smallest_distance(palette("glasbey")[:124]) > 20
    assert smallest_distance(palette("dataset")[:124]) == 0


def test_void_is_no_class_colour_of_glasbey():
    colours = palette("glasbey").astype(int)
    assert np.abs(colours[:124] - colours[255]).sum(1).min() > 30


def test_dataset_and_baseline_palettes_are_the_published_ones(shared):
    with (shared / "reference" / "vspw_palette.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, prefix in (("dataset", "mmseg"), ("baseline", "baseline")):
        facts = [[int(row[f"{prefix}_{channel}"]) for channel in "rgb"] for row in rows]
        np.testing.assert_array_equal(palette(name)[:124], facts)


def test_baseline_is_grey_after_its_22_colours():
    np.testing.assert_array_equal(palette("baseline")[22:], np.arange(22, 256)[:, None].repeat(3, axis=1))


def test_colourise_paints_every_pixel_with_its_row():
    ids = np.random.default_rng(0).integers(0, 256, (5, 7)).astype(np.uint8)
    painted = colourise(ids, "dataset")
    for y, x in np.ndindex(ids.shape):
        assert painted[y, x].tolist() == palette("dataset")[ids[y, x]].tolist()


def test_wrong_palette_and_wrong_dtype_are_refused():
    with pytest.raises(InputError, match="did you mean 'glasbey'"):
        palette("glasby")
    with pytest.raises(InputError, match="dtype uint8"):
        colourise(np.zeros((2, 2), np.int64))
