"""The probabilities of one pixel are those of the whole frame."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.pipeline.preview import probabilities_at
from vspwlib.predict.store import ScoreStore

SIZE = (38, 30)


@pytest.fixture
def store(tmp_path: Path) -> ScoreStore:
    scores = np.random.default_rng(0).normal(0, 2, (6, 10, 8))
    made = ScoreStore.create(tmp_path / "a.zarr", {"run": "a", "num_classes": 6})
    made.write_video("walk", ["00000001"], [SIZE], [scores])
    return made


def dense(store: ScoreStore) -> np.ndarray:
    """P by PyTorch's own resize and softmax, in float64."""
    scores = torch.from_numpy(store.scores("walk", "00000001").copy()).double()[None]
    resized = torch.nn.functional.interpolate(scores, size=SIZE, mode="bilinear", align_corners=False)[0]
    return resized.softmax(0).numpy()


def test_a_pixel_is_that_of_dense_resizing(store: ScoreStore) -> None:
    whole = dense(store)
    for x, y in ((0, 0), (29, 37), (13, 0), (7, 20)):
        np.testing.assert_allclose(probabilities_at(store, "walk", "00000001", x, y), whole[:, y, x], atol=1e-6)


def test_an_unknown_frame_is_named(store: ScoreStore) -> None:
    with pytest.raises(InputError, match="00000009"):
        probabilities_at(store, "walk", "00000009", 0, 0)
