"""The stored form of scores, and the writing of a video."""

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.predict.writer import VideoWriter, pack


def test_packing_takes_off_the_highest_score_and_keeps_the_softmax() -> None:
    scores = np.random.default_rng(0).normal(100, 5, (7, 3, 4))
    packed = pack(scores, (12, 16), 7)
    assert packed.dtype == np.float16
    assert packed.shape == (3, 4, 7)
    assert (packed.max(axis=-1) == 0).all()
    expected = np.exp(scores - scores.max(axis=0))
    expected /= expected.sum(axis=0)
    found = np.exp(packed.astype(float))
    found /= found.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(found.transpose(2, 0, 1), expected, atol=5e-4)


def test_scores_far_below_the_highest_are_clipped() -> None:
    scores = torch.tensor([9.0, -1e9, -torch.inf]).view(3, 1, 1)
    assert pack(scores, (4, 4), 3).flatten().tolist() == [0, -60000, -60000]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused_by_name(bad: float) -> None:
    scores = np.zeros((3, 2, 2), np.float32)
    scores[1, 1, 0] = bad
    with pytest.raises(InputError, match=r"scores: expected finite numbers, got inf or NaN \(v/0007\)"):
        pack(scores, (8, 8), 3, where="v/0007")


def test_scores_of_another_grid_are_refused() -> None:
    with pytest.raises(InputError, match=r"scores: expected shape \(3, 2, 3\), got \(3, 2, 2\)"):
        pack(np.zeros((3, 2, 2), np.float32), (8, 9), 3)


@pytest.fixture
def root(tmp_path):
    import zarr

    return zarr.create_group(tmp_path / "a.zarr", zarr_format=3)


def test_a_video_is_complete_only_after_the_last_frame(root) -> None:
    writer = VideoWriter(root, "a.zarr", "v", ["0", "1"], 3)
    writer.add((8, 8), np.zeros((3, 2, 2), np.float32))
    with pytest.raises(InputError, match="video: expected 2 frames, got 1"):
        writer.close()
    assert "complete" not in root["v"].attrs
    writer.add((8, 8), np.zeros((3, 2, 2), np.float32))
    with pytest.raises(InputError, match="video: expected 2 frames, got more"):
        writer.add((8, 8), np.zeros((3, 2, 2), np.float32))
    writer.close()
    assert root["v"].attrs["complete"] is True


@pytest.mark.parametrize("frames", [[], ["0", "1", "0"]])
def test_frames_must_have_names_of_their_own(root, frames: list[str]) -> None:
    with pytest.raises(InputError, match="frames: expected distinct names, at least one"):
        VideoWriter(root, "a.zarr", "v", frames, 3)
