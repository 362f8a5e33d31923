"""VSPW's scores as a metric of mmengine: mIoU as the official evaluator counts it, VC8 and VC16."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric

from vspwlib.checks import check_keys, require
from vspwlib.data.images import read_raw_mask
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.consistency import CLIP_LENGTHS
from vspwlib.metrics.iou import frequency_weighted_iou, pixel_accuracy
from vspwlib.metrics.scoring import ScoredFrame, score_split


class _Prediction(NamedTuple):
    """A frame's predicted ids, compressed: consistency needs whole videos, whose frames many processes may hold."""

    video: str
    frame: str
    mask: str
    shape: tuple[int, int]
    ids: bytes


class VSPWMetric(BaseMetric):
    """mIoU, pixel accuracy, frequency-weighted IoU and video consistency, by :mod:`vspwlib.metrics`; in percent.

    Truth is read from the mask files in raw values, since consistency tells "others" (0) from void (255) and mmseg's
    ``gt_sem_seg`` does not. Frames are put in order by name, so any sampler will do that gives every frame once; frames
    in one folder are one video. Predictions are kept compressed and scored at the end, on the first process.

    mIoU averages the classes that have true pixels; mmseg's IoUMetric also averages those that are only predicted, as
    0. VC is nan where no video has more than n frames.

    Args:
        clip_lengths: The n of VC_n; none for splits that were not filmed at VSPW's 15 frames a second.
        kwargs: What mmengine's BaseMetric takes: ``prefix``, ``collect_device``, ``collect_dir``.

    Source: :mod:`vspwlib.metrics.iou` and :mod:`vspwlib.metrics.consistency` name the official code.
    """

    default_prefix = "vspw"

    def __init__(self, *, clip_lengths: Sequence[int] = CLIP_LENGTHS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.clip_lengths = tuple(clip_lengths)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:  # noqa: ARG002
        """Keep the predictions of a batch.

        Args:
            data_batch: Not read.
            data_samples: SegDataSamples as dicts, with ``pred_sem_seg``, ``img_path`` and ``seg_map_path``.

        Raises:
            InputError: for a sample without paths, or ids that are no bytes.
        """
        for sample in data_samples:
            fix = "use VSPWDataset, and leave both to PackSegInputs' meta_keys."
            check_keys("data sample", dict(sample), ("img_path", "seg_map_path"), fix=fix)
            image = Path(sample["img_path"])
            ids = sample["pred_sem_seg"]["data"].squeeze(0).cpu().numpy()
            require(ids.max() < 256, "prediction", expected="ids below 256", got=ids.max(), where=image)
            packed = zlib.compress(ids.astype(np.uint8).tobytes(), level=1)
            self.results.append(_Prediction(str(image.parent), image.stem, sample["seg_map_path"], ids.shape, packed))

    def compute_metrics(self, results: Sequence[tuple[Any, ...]]) -> dict[str, float]:
        """Score all frames.

        Args:
            results: What :meth:`process` kept, of all processes.

        Returns:
            ``mIoU``, ``aAcc``, ``fwIoU`` (mmseg's names where it has one) and ``VC8``, ``VC16``; percent.

        Raises:
            InputError: when the data set has other classes than VSPW's, or a frame comes twice.
        """
        classes = (self.dataset_meta or {}).get("classes", CLASS_NAMES)
        fix = "score other classes with mmseg's IoUMetric."
        require(tuple(classes) == CLASS_NAMES, "classes", expected="VSPW's 124", got=f"{len(classes)} others", fix=fix)
        frames = sorted(_Prediction(*result) for result in results)
        videos = ((video, _frames(members)) for video, members in groupby(frames, key=lambda frame: frame.video))
        score = score_split(videos, clip_lengths=self.clip_lengths)
        return {
            "mIoU": 100 * score.miou,
            "aAcc": 100 * pixel_accuracy(score.confusion),
            "fwIoU": 100 * frequency_weighted_iou(score.confusion),
            **{f"VC{n}": 100 * score.consistency(n) for n in self.clip_lengths},
        }


def _frames(predictions: Iterator[_Prediction]) -> Iterator[ScoredFrame]:
    """Unpack the frames of a video and read their truth, one at a time."""
    for frame in predictions:
        ids = np.frombuffer(zlib.decompress(frame.ids), np.uint8).reshape(frame.shape)
        yield frame.frame, ids, read_raw_mask(frame.mask)
