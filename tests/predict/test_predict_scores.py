"""P against a float64 NumPy oracle, in whole and in bands, with odd sizes and ties."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.predict.scores import labels, probabilities, probability_bands, resize_scores

SHAPES = [
    ((5, 3, 4), (12, 16)),
    ((124, 6, 9), (21, 35)),
    ((16, 1, 5), (3, 17)),
    ((33, 7, 1), (26, 4)),
    ((3, 8, 9), (5, 6)),
]


def field(shape: tuple[int, ...], scale: float = 4.0) -> npt.NDArray[np.float32]:
    return (np.random.default_rng(sum(shape)).standard_normal(shape) * scale).astype(np.float32)


def matrix(cells: int, pixels: int) -> npt.NDArray[np.float64]:
    """The (pixels, cells) matrix of a linear resize: hat functions around the cell centres, held at the border."""
    centres = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    return np.maximum(0.0, 1.0 - np.abs(centres[:, None] - np.arange(cells)[None]))


def oracle_resized(scores: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    rows, columns = matrix(scores.shape[1], size[0]), matrix(scores.shape[2], size[1])
    return np.einsum("yi,kij,xj->kyx", rows, scores.astype(np.float64), columns)


def oracle(scores: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    resized = oracle_resized(scores, size)
    power = np.exp(resized - resized.max(axis=0))
    return power / power.sum(axis=0)


@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_probabilities_are_the_softmax_of_the_resized_scores(shape, size) -> None:
    scores = field(shape)
    found = probabilities(scores, size)
    assert found.dtype == torch.float32
    assert found.shape == (shape[0], *size)
    np.testing.assert_allclose(found.numpy(), oracle(scores, size), atol=2e-6)
    np.testing.assert_allclose(found.sum(0).numpy(), 1, atol=1e-5)


@pytest.mark.parametrize(("shape", "size"), SHAPES)
def test_labels_are_the_argmax_of_the_resized_scores(shape, size) -> None:
    for scale in (4.0, 0.01):  # in the second, neighbouring cells often agree
        scores = field(shape, scale) + np.linspace(0, 0.05, shape[0], dtype=np.float32)[:, None, None]
        found = labels(scores, size)
        assert found.dtype == np.uint8
        resized = oracle_resized(scores, size)
        top = np.sort(resized, axis=0)
        clear = top[-1] - top[-2] > 1e-5 if shape[0] > 1 else np.ones(size, bool)
        assert clear.mean() > 0.9
        np.testing.assert_array_equal(found[clear], resized.argmax(axis=0)[clear])


def test_resize_scores_equals_the_oracle() -> None:
    scores = field((4, 5, 6))
    np.testing.assert_allclose(resize_scores(scores, (19, 23)).numpy(), oracle_resized(scores, (19, 23)), atol=1e-4)


@pytest.mark.parametrize("rows", [1, 5, 21, 100])
def test_bands_are_the_whole_cut_in_rows(rows: int) -> None:
    scores, size = field((124, 6, 9)), (21, 35)
    bands = list(probability_bands(scores, size, rows=rows))
    assert [first for first, _ in bands] == list(range(0, size[0], rows))
    torch.testing.assert_close(
        torch.cat([band for _, band in bands], dim=1), probabilities(scores, size), atol=0, rtol=0
    )


def test_equal_scores_go_to_the_lowest_class() -> None:
    scores = np.zeros((6, 4, 4), np.float32)
    scores[0] = -1
    scores[2:5, :2] = 1
    found = labels(scores, (16, 16))
    assert (found[:4] == 2).all()
    assert (found[-4:] == 1).all()


def test_a_tie_between_cells_that_disagree_goes_to_the_lowest_class() -> None:
    scores = np.array([[[0.0, 2.0]], [[2.0, 0.0]]], np.float32)  # equal exactly half way
    assert labels(scores, (1, 3)).tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_a_bit(threads: int) -> None:
    scores, before = field((20, 6, 9)), torch.get_num_threads()
    whole = probabilities(scores, (23, 35)), labels(scores, (23, 35))
    try:
        torch.set_num_threads(threads)
        assert torch.equal(probabilities(scores, (23, 35)), whole[0])
        np.testing.assert_array_equal(labels(scores, (23, 35)), whole[1])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_floating_type_and_memory_order_is_taken(dtype: torch.dtype) -> None:
    scores = torch.from_numpy(field((7, 4, 5))).to(dtype)
    strided = scores.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    expected = oracle(scores.float().numpy(), (9, 11))
    for values in (scores, strided):
        np.testing.assert_allclose(probabilities(values, (9, 11)).numpy(), expected, atol=2e-6)


def test_extreme_scores_stay_a_distribution() -> None:
    scores = np.array([0.0, -6e4, -60.0, 6e4], np.float32)[:, None, None].repeat(3, 1).repeat(3, 2)
    found = probabilities(scores, (12, 12))
    np.testing.assert_allclose(found[3].numpy(), 1, atol=1e-6)
    assert float(found[:3].max()) < 1e-30
    np.testing.assert_allclose(probabilities(scores[:3], (12, 12))[2].numpy(), np.exp(-60), rtol=1e-4)


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(InputError, match=r"scores: expected shape \(K, h, w\), got \(1, 2, 3, 4\)"):
        probabilities(np.zeros((1, 2, 3, 4), np.float32), (8, 8))
    with pytest.raises(InputError, match="classes of a label map: expected 1 to 255, got 300"):
        labels(np.zeros((300, 2, 2), np.float32), (8, 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_path_agrees() -> None:
    scores, size = field((124, 6, 9)), (21, 35)
    np.testing.assert_allclose(probabilities(scores, size, "cuda").cpu().numpy(), oracle(scores, size), atol=2e-5)
    bands = torch.cat([band for _, band in probability_bands(torch.from_numpy(scores).cuda(), size)], dim=1)
    np.testing.assert_allclose(bands.cpu().numpy(), oracle(scores, size), atol=2e-5)
