"""Confusion counts and their scores against loops over single pixels, and against mmseg's metric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vspwlib.checks import InputError
from vspwlib.labels import NUM_CLASSES, VOID
from vspwlib.metrics import iou
from vspwlib.metrics.iou import ClassCounts, confusion


def confusion_by_pixel(pred, truth, num_classes):
    matrix = [[0] * num_classes for _ in range(num_classes)]
    for p, t in zip(pred.ravel().tolist(), truth.ravel().tolist(), strict=True):
        if t != 255:
            matrix[t][p] += 1
    return matrix


def iou_by_pixel(pred, truth, num_classes):
    """IoU of each class from sets of pixel positions; None for a class that is nowhere true."""
    valid = {i for i, t in enumerate(truth.ravel().tolist()) if t != 255}
    scores = []
    for c in range(num_classes):
        true = {i for i in valid if truth.ravel()[i] == c}
        found = {i for i in valid if pred.ravel()[i] == c}
        scores.append(len(true & found) / len(true | found) if true else None)
    return scores


@st.composite
def maps(draw, num_classes=5):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=7))
    pred = draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, num_classes - 1)))
    truth = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([*range(num_classes), VOID])))
    return pred, truth


@given(maps())
def test_confusion_equals_a_loop_over_pixels(pair):
    pred, truth = pair
    matrix = confusion(pred, truth, num_classes=5)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == confusion_by_pixel(pred, truth, 5)


@given(maps())
def test_scores_equal_sets_of_pixels(pair):
    pred, truth = pair
    matrix = confusion(pred, truth, num_classes=5)
    want = iou_by_pixel(pred, truth, 5)
    there = [score for score in want if score is not None]
    for counts in (matrix, ClassCounts.of(matrix)):
        np.testing.assert_allclose(iou.iou_per_class(counts), [np.nan if s is None else s for s in want])
        np.testing.assert_allclose(iou.miou(counts), np.mean(there) if there else np.nan)


@given(maps())
def test_accuracies_equal_sums_over_pixels(pair):
    pred, truth = pair
    matrix = confusion(pred, truth, num_classes=5)
    valid = truth != VOID
    right = (pred == truth) & valid
    if not valid.any():
        assert np.isnan(
            [iou.pixel_accuracy(matrix), iou.class_accuracy(matrix), iou.frequency_weighted_iou(matrix)]
        ).all()
        return
    np.testing.assert_allclose(iou.pixel_accuracy(matrix), right.sum() / valid.sum())
    recalls = [right[truth == c].mean() for c in range(5) if (truth == c).any()]
    np.testing.assert_allclose(iou.class_accuracy(matrix), np.mean(recalls))
    scores = iou_by_pixel(pred, truth, 5)
    weighted = [scores[t] for t in truth[valid].tolist()]  # one term a pixel: weights by frequency
    np.testing.assert_allclose(iou.frequency_weighted_iou(matrix), np.mean(weighted))


@given(maps(), st.data())
def test_counts_of_parts_add_up_to_counts_of_the_whole(pair, data):
    pred, truth = pair
    rows = data.draw(st.integers(0, len(pred)))
    whole = confusion(pred, truth, num_classes=5)
    top, bottom = (confusion(pred[s], truth[s], num_classes=5) for s in (slice(rows), slice(rows, None)))
    assert np.array_equal(top + bottom, whole)
    added = ClassCounts.of(top) + ClassCounts.of(bottom)
    for name in ("intersection", "truth", "predicted"):
        assert np.array_equal(getattr(added, name), getattr(ClassCounts.of(whole), name))


def test_a_class_that_is_only_predicted_is_left_out_of_the_mean_but_costs_the_true_class():
    assert iou.miou(np.array([[6, 0, 2], [0, 4, 0], [0, 0, 0]])) == (6 / 8 + 1) / 2


def test_void_pixels_do_not_count_whatever_was_predicted_there():
    matrix = confusion([[0, 200, 255]], [[0, 255, 255]], num_classes=2)
    assert matrix.tolist() == [[1, 0], [0, 0]]
    assert np.array_equal(confusion(np.array([0, -7, 9999]), np.array([0, 255, 255]), num_classes=2), matrix)


def test_no_pixel_gives_nan_and_no_warning(recwarn):
    matrix = confusion([[0]], [[VOID]])
    assert matrix.shape == (NUM_CLASSES, NUM_CLASSES)
    assert matrix.sum() == 0
    assert np.isnan(iou.miou(matrix))
    assert not recwarn.list


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64])
def test_every_integer_type_counts_alike(dtype):
    rng = np.random.default_rng(0)
    pred, truth = rng.integers(0, NUM_CLASSES, (2, 9, 11))
    truth[0] = VOID
    expected = confusion_by_pixel(pred, truth, NUM_CLASSES)
    assert confusion(pred.astype(dtype), truth.astype(dtype)).tolist() == expected


@pytest.mark.parametrize(
    ("pred", "truth", "message"),
    [
        (
            [[255, 255, 0]],
            [[0, 1, 1]],
            r"prediction: expected ids 0\.\.1 at valid pixels, got 255 \(2 pixels\) \(v/1\)",
        ),
        ([[2, 0, 0]], [[0, 1, 1]], r"prediction: .* got 2 \(1 pixel\)"),
        ([[-1, 300, 0]], [[0, 1, 1]], r"prediction: .* got -1 \(1 pixel\), 300 \(1 pixel\)"),
        ([[2, 3, 4, 5, 6]], [[0, 0, 0, 0, 0]], r"got 2 \(1 pixel\), 3 \(1 pixel\), 4 \(1 pixel\) and 2 more values"),
        ([[0, 0, 0]], [[2, 1, 1]], r"truth: expected ids 0\.\.1 or 255 for void, got 2 \(1 pixel\)"),
        ([[0, 0, 0]], [[254, 254, 1]], r"truth: .* got 254 \(2 pixels\)"),
        ([[0, 0, 0]], [[-1, 256, 1]], r"truth: .* got -1 \(1 pixel\), 256 \(1 pixel\)"),
        ([[0, 0]], [[0, 0, 0]], r"prediction: expected shape \(1, 3\), as the truth, got \(1, 2\)"),
        ([[0.0, 1.0]], [[0, 1]], r"prediction: expected integer ids, got float64"),
        ([[0, 1]], [[True, False]], r"truth: expected integer ids, got bool"),
    ],
)
def test_wrong_input_is_named(pred, truth, message):
    with pytest.raises(InputError, match=message):
        confusion(pred, truth, num_classes=2, where="v/1")


def test_more_classes_than_a_byte_holds_are_refused():
    with pytest.raises(InputError, match="num_classes"):
        confusion([[0]], [[0]], num_classes=256)


def test_equals_mmseg_where_every_class_occurs():
    torch = pytest.importorskip("torch")
    metric = pytest.importorskip("mmseg.evaluation.metrics.iou_metric").IoUMetric
    rng = np.random.default_rng(1)
    totals, matrix = None, np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    for _ in range(3):
        truth = rng.integers(0, NUM_CLASSES, (60, 80), dtype=np.uint8)
        truth[rng.random(truth.shape) < 0.1] = VOID
        pred = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, NUM_CLASSES, truth.shape)).astype(
            np.uint8
        )
        pred[truth == VOID] = 3
        areas = metric.intersect_and_union(torch.from_numpy(pred), torch.from_numpy(truth), NUM_CLASSES, VOID)
        totals = areas if totals is None else [total + area for total, area in zip(totals, areas, strict=True)]
        matrix += confusion(pred, truth)
    counts = ClassCounts.of(matrix)
    assert (counts.truth > 0).all()
    union = counts.truth + counts.predicted - counts.intersection
    for ours, theirs in zip((counts.intersection, union, counts.predicted, counts.truth), totals, strict=True):
        assert np.array_equal(ours, theirs.numpy())
    scores = metric.total_area_to_metrics(*totals, metrics=["mIoU"])
    np.testing.assert_allclose(iou.iou_per_class(matrix), scores["IoU"], rtol=1e-6)
    np.testing.assert_allclose(iou.accuracy_per_class(matrix), scores["Acc"], rtol=1e-6)
    np.testing.assert_allclose(iou.pixel_accuracy(matrix), scores["aAcc"], rtol=1e-6)
    np.testing.assert_allclose(iou.miou(matrix), np.mean(scores["IoU"]), rtol=1e-6)
