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
from vspwlib.predict.video import frame_rate, frame_source, overlay, write_mp4
from vspwlib.runs import Run

#: Frames per second of VSPW, for folders of frames, which state none.
VSPW_RATE = 15.0


def colour_video(
    run: Run,
    source: Path,
    target: Path,
    *,
    settings: PredictConfig | None = None,
    which: str = "best",
    device: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Predict every frame of a video and write it with the classes laid over in colour, at the rate of the source.

    Args:
        run: Whose weights to use.
        source: mp4 (or another container that PyAV reads) or folder of frames.
        target: mp4 to write.
        settings: Test-time settings in place of the recipe's.
        which: ``best`` or ``last`` weights.
        device: ``auto``, ``cpu`` or ``cuda``.
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

    write_mp4(target, coloured(), frame_rate(source) or VSPW_RATE)
    return count
