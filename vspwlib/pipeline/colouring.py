"""Colour a video by a run's predictions: mp4 or folder of frames in, mp4 out."""

from collections.abc import Callable, Iterator
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vspwlib.config import PredictConfig
from vspwlib.labels import palette
from vspwlib.pipeline.prediction import run_predictor
from vspwlib.predict.scores import labels
from vspwlib.predict.video import frame_source, overlay, write_mp4
from vspwlib.runs import Run


def colour_video(
    run: Run,
    source: Path,
    target: Path,
    *,
    settings: PredictConfig | None = None,
    which: str = "best",
    device: str = "auto",
    fps: float = 15.0,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Predict every frame of a video and write it with the classes laid over in colour.

    Args:
        run: Whose weights to use.
        source: mp4 (or another container that PyAV reads) or folder of frames.
        target: mp4 to write.
        settings: Test-time settings in place of the recipe's.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.
        fps: Frames per second of the result (VSPW: 15).
        progress: Called with frames done, and the same number as the total, which a stream does not tell.

    Returns:
        Number of frames written.
    """
    predictor = run_predictor(run, settings=settings, which=which, device=device)
    count = 0

    def coloured() -> Iterator[NDArray[np.uint8]]:
        nonlocal count
        shown, predicted = tee(image for _, image in frame_source(source))
        for image, scores in zip(shown, predictor.predict_frames(predicted), strict=True):
            yield overlay(image, labels(scores, (image.shape[0], image.shape[1])), palette())
            count += 1
            if progress is not None:
                progress(count, count)

    write_mp4(target, coloured(), fps)
    return count
