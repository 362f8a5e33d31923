"""Read single pixels of stored predictions, to be looked at."""

import numpy as np
import numpy.typing as npt
import torch

from vspwlib.predict.scores import scores_at
from vspwlib.predict.store import ScoreStore


def probabilities_at(store: ScoreStore, video: str, frame: str, x: int, y: int) -> npt.NDArray[np.float32]:
    """Return P at one pixel of a frame.

    Args:
        store: Predictions of a run.
        video: Name of the video.
        frame: Name of the frame.
        x: Column of the pixel.
        y: Row of the pixel.

    Returns:
        ``(K,)`` float32, as :func:`vspwlib.predict.scores.probabilities` has it there.
    """
    row, column = torch.tensor([float(y)]), torch.tensor([float(x)])
    at = scores_at(store.scores(video, frame), store.size(video, frame), row, column)
    return at[0].softmax(-1).numpy()
