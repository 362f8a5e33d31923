"""Predict all videos of a split into a store: read ahead, resume by video, share the work by video."""

import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

from torch import Tensor

from vspwlib.checks import require
from vspwlib.data.images import read_image
from vspwlib.data.index import Split, Video
from vspwlib.predict.ahead import ahead
from vspwlib.predict.predictor import Frame, Predictor
from vspwlib.predict.scores import Size
from vspwlib.predict.store import ScoreStore

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PredictionCounts:
    """What one call of :func:`predict_split` did.

    Attributes:
        videos: Videos predicted.
        frames: Frames predicted.
        kept: Videos that were there already.
        seconds: Wall-clock time.
    """

    videos: int
    frames: int
    kept: int
    seconds: float

    @property
    def frames_per_second(self) -> float:
        """Frames predicted per second of wall-clock time."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def summary(self) -> dict[str, float]:
        """Return the counts and the speed under their names, as JSON values."""
        return {
            **asdict(self),
            "seconds": round(self.seconds, 2),
            "frames_per_second": round(self.frames_per_second, 2),
        }


def predict_split(
    predictor: Predictor,
    split: Split,
    store: ScoreStore,
    *,
    shard: tuple[int, int] = (0, 1),
    progress: Callable[[int, int], None] | None = None,
) -> PredictionCounts:
    """Predict the videos of a split that the store lacks.

    Reading, predicting and writing run side by side, and windows of neighbouring videos share batches.

    Args:
        predictor: Gives the scores of frames.
        split: Videos to predict.
        store: Where the scores go. A finished video of the same frames is kept.
        shard: ``(index, count)``: every ``count``-th video from ``index`` on, so that several processes share a split.
        progress: Called with frames done, kept ones included, and frames in all.

    Returns:
        Counts and time.

    Raises:
        InputError: a frame cannot be read, or the store cannot be written. Finished videos stay.
    """
    index, count = shard
    require(0 <= index < count, "shard", expected="an index from 0 to below the count", got=f"{index} of {count}")
    start = time.perf_counter()
    mine = split.videos[index::count]
    todo = [video for video in mine if not _is_there(video, store)]
    total = sum(len(video.frames) for video in mine)
    frames = sum(len(video.frames) for video in todo)
    done = total - frames
    logger.info("%d of %d videos are to be predicted", len(todo), len(mine), extra={"shard": f"{index}/{count}"})
    with closing(ahead(_scores(predictor, todo))) as results:
        for video in todo:
            writer = store.writer(video.name, [frame.name for frame in video.frames])
            for _ in video.frames:
                writer.add(*next(results))
                done += 1
                if progress is not None:
                    progress(done, total)
            writer.close()
            logger.info("predicted %s: %d of %d frames", video.name, done, total, extra={"video": video.name})
    return PredictionCounts(len(todo), frames, len(mine) - len(todo), time.perf_counter() - start)


def _is_there(video: Video, store: ScoreStore) -> bool:
    """Say whether the store holds a finished video of exactly these frames."""
    return store.finished(video.name) and store.frames(video.name) == [frame.name for frame in video.frames]


def _scores(predictor: Predictor, videos: Sequence[Video]) -> Generator[tuple[Size, Tensor], None, None]:
    """Yield size and scores of every frame, in order; images are decoded in a thread of their own."""
    sizes: deque[Size] = deque()

    def noted() -> Iterator[Frame]:
        for image in images:
            sizes.append((image.shape[0], image.shape[1]))
            yield image

    with closing(ahead(read_image(frame.image) for video in videos for frame in video.frames)) as images:
        for scores in predictor.predict_frames(noted()):
            yield sizes.popleft(), scores
