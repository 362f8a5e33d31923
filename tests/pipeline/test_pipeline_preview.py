"""A fused frame is dense fusion at full resolution."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vspwlib.checks import InputError
from vspwlib.pipeline.preview import fused_frame
from vspwlib.predict.store import ScoreStore

SIZE, TAUS = (38, 30), (0.0, 0.3, 0.5, 1.0)


@pytest.fixture
def stores(tmp_path: Path) -> tuple[ScoreStore, ScoreStore]:
    made = []
    for seed in range(2):
        scores = np.random.default_rng(seed).normal(0, 2, (6, 10, 8))
        store = ScoreStore.create(tmp_path / f"{seed}.zarr", {"run": str(seed), "num_classes": 6})
        store.write_video("walk", ["00000001"], [SIZE], [scores])
        made.append(store)
    return made[0], made[1]


def dense(store: ScoreStore) -> np.ndarray:
    """P by PyTorch's own resize and softmax, in float64."""
    scores = torch.from_numpy(store.scores("walk", "00000001").copy()).double()[None]
    resized = torch.nn.functional.interpolate(scores, size=SIZE, mode="bilinear", align_corners=False)[0]
    return resized.softmax(0).numpy()


def test_fused_labels_are_those_of_dense_fusion(stores: tuple[ScoreStore, ScoreStore]) -> None:
    p1, p2 = map(dense, stores)
    found = fused_frame(*stores, "walk", "00000001")
    for tau in TAUS:
        labels = found.labels(tau)
        assert labels.shape == SIZE
        assert (labels != (tau * p1 + (1 - tau) * p2).argmax(0)).mean() < 1e-3  # float32 against float64
    assert (found.labels(0) != found.labels(1)).any()


def test_an_unknown_frame_is_named(stores: tuple[ScoreStore, ScoreStore]) -> None:
    with pytest.raises(InputError, match="00000009"):
        fused_frame(*stores, "walk", "00000009")
