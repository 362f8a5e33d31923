"""Score stores of six classes: random scores, and what is made of them."""

import numpy as np
import numpy.typing as npt

from vspwlib.predict.store import ScoreStore

K = 6
MANIFEST = {"run": "a", "dataset": "d", "split": "val", "weights": "w", "predict": {"flip": True}, "num_classes": K}


def field(size: tuple[int, int], seed: int = 0) -> npt.NDArray[np.float32]:
    grid = (-(-size[0] // 4), -(-size[1] // 4))
    return np.random.default_rng(seed).normal(20, 4, (K, *grid)).astype(np.float32)


def write(store: ScoreStore, video: str, sizes: list[tuple[int, int]], seed: int = 0) -> None:
    frames = [f"{170 + index:08d}" for index in range(len(sizes))]
    store.write_video(video, frames, sizes, (field(size, seed + index) for index, size in enumerate(sizes)))


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    power = np.exp(scores.astype(np.float64) - scores.max(axis=0))
    return power / power.sum(axis=0)
