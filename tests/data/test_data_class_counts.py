"""Counts of classes against a loop over pixels, and weights against their equations."""

import numpy as np
import pytest
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.class_counts import RULES, ClassCounts, balancing_weights, count_classes
from vspwlib.data.index import open_split

MASKS = {  # raw values: 0 and 255 are void, 1 is class 0
    ("1_aaaaaaaaaaa", "00000017"): np.array([[1, 1, 1, 2], [0, 2, 255, 1]], np.uint8),
    ("1_aaaaaaaaaaa", "00000018"): np.array([[124, 1], [124, 124]], np.uint8),
    ("2_bbbbbbbbbbb", "00000005"): np.zeros((3, 3), np.uint8),
}


@pytest.fixture
def root(tmp_path):
    for (video, frame), mask in MASKS.items():
        for part in ("origin", "mask"):
            (tmp_path / "data" / video / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((*mask.shape, 3), np.uint8)).save(tmp_path / f"data/{video}/origin/{frame}.jpg")
        Image.fromarray(mask).save(tmp_path / f"data/{video}/mask/{frame}.png")
    (tmp_path / "train.txt").write_text("1_aaaaaaaaaaa\n2_bbbbbbbbbbb")
    return tmp_path


def loop():
    """Pixels, frames and surrounding pixels of each class, mask by mask and pixel by pixel."""
    pixels, frames, around = np.zeros(124), np.zeros(124), np.zeros(124)
    for mask in MASKS.values():
        labelled = [int(value) - 1 for value in mask.ravel() if 1 <= value <= 124]
        for kind in labelled:
            pixels[kind] += 1
        for kind in set(labelled):
            frames[kind] += 1
            around[kind] += len(labelled)
    return pixels, frames, around


def test_counts_equal_a_loop(root):
    reports = []
    counts = count_classes(open_split(root, "train"), progress=lambda *done: reports.append(done))
    pixels, frames, around = loop()
    np.testing.assert_array_equal(counts.pixels, pixels)
    np.testing.assert_array_equal(counts.frames, frames)
    np.testing.assert_array_equal(counts.around, around)
    assert counts.images == 3
    assert reports[-1] == (3, 3)
    assert (counts.pixels[0], counts.frames[0], counts.around[0]) == (5, 2, 10)


def test_counts_survive_json_and_add_up(root):
    counts = count_classes(open_split(root, "train"))
    again = ClassCounts.from_json(counts.to_json())
    twice = counts.scaled(0.5) + again.scaled(1.5)
    assert twice.images == 6
    for name in ("pixels", "frames", "around"):
        np.testing.assert_array_equal(getattr(again, name), getattr(counts, name))
        np.testing.assert_array_equal(getattr(twice, name), 2 * getattr(counts, name))
    with pytest.raises(InputError, match=r"class counts, frames: expected shape \(124\), got \(3,\)"):
        ClassCounts.from_json(counts.to_json() | {"frames": [1, 2, 3]})


def test_masks_that_cannot_be_read_are_left_out(root):
    (root / "data/1_aaaaaaaaaaa/mask/00000018.png").write_bytes(b"")
    counts = count_classes(open_split(root, "train"))
    assert (counts.images, counts.pixels[0], counts.pixels[123]) == (2, 4, 0)
    for path in root.glob("data/*/mask/*.png"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="class counts: expected frames with masks, got none"):
        count_classes(open_split(root, "train"))


def equation(rule, pixels, frames, around, beta):
    """The weight of one class up to a common factor."""
    if rule == "inverse_frequency":
        return 1 / pixels
    if rule == "median_frequency":
        return 1 / (pixels / around)
    return 1 / sum(beta**power for power in range(int(frames)))  # (1 - beta^n) / (1 - beta) is this sum


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999])
@pytest.mark.parametrize("rule", RULES)
def test_weights_equal_their_equations(rule, beta):
    rng = np.random.default_rng(0)
    masks = rng.integers(0, 500, (30, 124)) * (rng.random((30, 124)) < 0.3)
    masks[:, 7] = 0
    counts = ClassCounts.of(masks)
    weights = balancing_weights(counts, rule, beta=beta)
    found = np.flatnonzero(counts.frames)
    raw = [equation(rule, counts.pixels[k], counts.frames[k], counts.around[k], beta) for k in found]
    np.testing.assert_allclose(weights[found] / weights[found[0]], np.array(raw) / raw[0], rtol=1e-10)
    assert np.average(weights[found], weights=counts.frames[found]) == pytest.approx(1)
    assert weights[7] == 1
    if (rule, beta) == ("effective_number", 0.0):
        np.testing.assert_array_equal(weights, 1)
    else:
        assert weights.max() > 1.01 * weights.min()


@pytest.mark.parametrize(("rule", "beta"), [("inverse", 0.9), ("effective_number", 1.0), ("effective_number", -0.1)])
def test_other_rules_and_betas_are_refused(rule, beta):
    with pytest.raises(InputError, match=r"class weights: expected one of|beta: expected 0 to"):
        balancing_weights(ClassCounts.of([np.ones(124)]), rule, beta=beta)
