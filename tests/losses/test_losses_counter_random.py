"""Random points by key and counter, against plain whole numbers, a published stream and the laws of chance."""

import numpy as np
import pytest
import torch
from scipy import stats

from vspwlib.losses import counter_random
from vspwlib.losses.counter_random import fold_in, uniform_points

WHOLE = 2**64
#: The first numbers of SplitMix64 from 1234567, as its authors' C code gives them.
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]


def mixed(bits: int) -> int:
    """SplitMix64's finaliser in whole numbers without a size."""
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % WHOLE
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % WHOLE
    return bits ^ bits >> 31


def folded(*numbers: int) -> int:
    key = 0
    for number in numbers:
        key = mixed((key + 0x9E3779B97F4A7C15 + number) % WHOLE)
    return key


def point(bits: int) -> tuple[float, float]:
    return (bits % 2**32 >> 8) / 2**24, (bits >> 40) / 2**24


@pytest.fixture(scope="module")
def neighbours() -> np.ndarray:
    """4000 points of each of 256 keys of neighbouring seeds, positions, frames, layers and classes."""
    axes = [torch.arange(count).reshape([-1] + [1] * place) for place, count in enumerate((2, 16, 2, 2, 2))]
    keys = fold_in(*axes)
    return uniform_points(keys.flatten(), 4000).double().numpy()


def test_the_published_stream():
    points = uniform_points(torch.tensor([1234567]), 5)
    assert points[0].tolist() == [list(point(bits)) for bits in PUBLISHED]


def test_equals_whole_numbers():
    keys = fold_in(11, torch.tensor([[0], [2**62], [-5]]), torch.tensor([3, 124]))
    wanted = [[folded(11, first % WHOLE, second) for second in (3, 124)] for first in (0, 2**62, -5)]
    assert [[number % WHOLE for number in row] for row in keys.tolist()] == wanted
    points = uniform_points(keys, 4, first=6)
    assert points.shape == (3, 2, 4, 2)
    for row, column in np.ndindex(3, 2):
        bits = [mixed((wanted[row][column] + counter * 0x9E3779B97F4A7C15) % WHOLE) for counter in (7, 8, 9, 10)]
        assert points[row, column].tolist() == [list(point(number)) for number in bits]


def test_what_is_drawn_at_once_changes_nothing(monkeypatch):
    keys = torch.arange(7)
    whole = uniform_points(keys, 10)
    assert torch.equal(uniform_points(keys, 4, first=6), whole[:, 6:])
    assert torch.equal(uniform_points(keys[5:], 10), whole[5:])
    monkeypatch.setattr(counter_random, "_CPU_SLAB", 20)  # two keys at a time
    assert torch.equal(uniform_points(keys, 10), whole)
    assert uniform_points(keys[:0], 3).shape == (0, 3, 2)
    assert uniform_points(keys, 0).shape == (7, 0, 2)


def test_every_number_of_a_key_counts():
    keys = fold_in(*(torch.arange(10).reshape([-1] + [1] * place) for place in range(4)))
    assert keys.unique().numel() == 10**4


def test_points_fill_the_square_evenly(neighbours):
    assert neighbours.min() >= 0
    assert neighbours.max() < 1
    cells = np.histogram2d(*neighbours.reshape(-1, 2).T, bins=32, range=[[0, 1], [0, 1]])[0]
    assert 0.001 < stats.chisquare(cells.ravel()).pvalue < 0.999
    for axis in (0, 1):
        assert stats.kstest(neighbours[..., axis].ravel(), "uniform").pvalue > 0.001
    # and key by key: the tests of 256 keys are themselves spread evenly
    each = [stats.kstest(row[:, 0], "uniform").pvalue for row in neighbours]
    assert stats.kstest(each, "uniform").pvalue > 0.001


def test_neighbouring_keys_and_counters_are_strangers(neighbours):
    """Correlations of what should be independent are themselves normal, with a variance of one over the number."""
    rows = neighbours.transpose(0, 2, 1).reshape(-1, neighbours.shape[1])  # x and y of every key
    between = np.corrcoef(rows)[np.triu_indices(len(rows), 1)] * np.sqrt(rows.shape[1])
    assert abs(between).max() < 6  # of 130 816 pairs
    assert between.std() == pytest.approx(1, abs=0.02)
    for lag in (1, 2, 3):
        following = [np.corrcoef(row[:-lag], row[lag:])[0, 1] for row in rows]
        assert np.std(following) * np.sqrt(rows.shape[1]) == pytest.approx(1, abs=0.15)
        assert abs(np.mean(following)) < 5 / np.sqrt(rows.size)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_points_are_the_same_on_a_gpu():
    keys = torch.arange(500)
    assert torch.equal(uniform_points(fold_in(3, keys.cuda()), 20000).cpu(), uniform_points(fold_in(3, keys), 20000))
