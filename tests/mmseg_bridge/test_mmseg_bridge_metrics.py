"""The metric: the library's scores, whatever the order of frames and the number of processes."""

import numpy as np
import pytest
import torch
from mmengine.evaluator.metric import _to_cpu
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from vspwlib.checks import InputError
from vspwlib.data.images import read_raw_mask
from vspwlib.data.index import open_split
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.consistency import clip_scores
from vspwlib.mmseg_bridge.metrics import VSPWMetric


@pytest.fixture
def predictions(bridge_data):
    """(frame, mask, predicted ids) of the val frames, in order: noisy truth, and a class that is never true."""
    rng = np.random.default_rng(0)
    made = []
    for frame, mask in open_split(bridge_data, "val").labelled():
        ids = np.where(read_raw_mask(mask) == 49, 48, 0)
        ids[rng.random(ids.shape) < 0.1] = 48
        ids[rng.random(ids.shape) < 0.01] = 123
        made.append((frame, mask, ids))
    return made


def as_samples(predictions):
    return [
        SegDataSample(
            metainfo={"img_path": str(frame.image), "seg_map_path": str(mask)},
            pred_sem_seg=PixelData(data=torch.from_numpy(ids)[None]),
        ).to_dict()
        for frame, mask, ids in predictions
    ]


def by_hand(predictions):
    """mIoU in percent by sets of pixels, VC8 by the official script's frames of a clip."""
    truth = np.concatenate([read_raw_mask(mask).ravel() for _, mask, _ in predictions]).astype(int)
    pred = np.concatenate([ids.ravel() for *_, ids in predictions])
    valid = (truth >= 1) & (truth <= 124)
    truth, pred = truth[valid] - 1, pred[valid]
    ious = [((truth == k) & (pred == k)).sum() / ((truth == k) | (pred == k)).sum() for k in np.unique(truth)]
    scores = []
    for video in sorted({frame.video for frame, *_ in predictions}):
        mine = [(read_raw_mask(mask), ids) for frame, mask, ids in predictions if frame.video == video]
        raw, ids = (np.stack(maps) for maps in zip(*mine, strict=True))
        scores += clip_scores(ids, raw, 8)
    return 100 * np.mean(ious), 100 * (truth == pred).mean(), 100 * np.mean(scores)


def test_scores_are_those_of_the_official_evaluator(predictions):
    metric = VSPWMetric()
    metric.process(None, as_samples(predictions))
    scores = metric.evaluate(size=len(predictions))
    want = by_hand(predictions)
    assert [scores[f"vspw/{name}"] for name in ("mIoU", "aAcc", "VC8")] == pytest.approx(want, rel=1e-12)
    assert want[0] < 95
    assert want[2] < 95
    assert np.isnan(scores["vspw/VC16"])  # ten frames a video
    assert scores.keys() == {f"vspw/{name}" for name in ("mIoU", "aAcc", "fwIoU", "VC8", "VC16")}
    assert metric.results == []


def test_neither_order_nor_processes_matter(predictions):
    shards = [VSPWMetric(clip_lengths=(8,)) for _ in range(3)]
    order = np.random.default_rng(1).permutation(len(predictions))
    for place, index in enumerate(order):
        shards[place % 3].process(None, as_samples([predictions[index]]))
    results = _to_cpu([result for shard in shards for result in shard.results])  # as processes hand them over
    together = VSPWMetric(clip_lengths=(8,))
    together.process(None, as_samples(predictions))
    assert shards[0].compute_metrics(results) == together.compute_metrics(together.results)


def test_what_cannot_be_scored_is_refused(predictions):
    metric = VSPWMetric()
    samples = as_samples(predictions[:1])
    with pytest.raises(InputError, match="got no seg_map_path"):
        metric.process(None, [{key: value for key, value in samples[0].items() if key != "seg_map_path"}])
    metric.process(None, samples * 2)
    with pytest.raises(InputError, match="ascending order"):
        metric.evaluate(size=2)
    metric.dataset_meta = {"classes": CLASS_NAMES[:3]}
    with pytest.raises(InputError, match="IoUMetric"):
        metric.compute_metrics([])
    wide = {"data": torch.full((1, 32, 48), 300)}
    with pytest.raises(InputError, match="expected ids below 256, got 300"):
        metric.process(None, [{**samples[0], "pred_sem_seg": wide}])
