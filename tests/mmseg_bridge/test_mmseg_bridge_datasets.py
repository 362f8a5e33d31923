"""Clips with one draw of augmentation, frames with the labels of our own reader."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmseg.models import SegDataPreProcessor
from mmseg.registry import DATASETS
from PIL import Image

from vspwlib.checks import InputError
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.images import read_image, read_mask
from vspwlib.data.index import open_split
from vspwlib.data.transforms import ClipAugment, normalise
from vspwlib.labels import CLASS_NAMES, palette
from vspwlib.mmseg_bridge.datasets import VSPWClipDataset, VSPWDataset, VSPWLoadAnnotations, vspw_collate

PIPELINE = [
    {"type": "LoadImageFromFile", "imdecode_backend": "pillow", "color_type": "color_ignore_orientation"},
    {"type": "VSPWLoadAnnotations"},
    {"type": "Normalize", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "to_rgb": True},
    {"type": "PackSegInputs"},
]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmseg")


def clips(root, split="train", **settings):
    return VSPWClipDataset(data_root=str(root), split=split, crop=(24, 24), length=8, **settings)


def test_frames_of_a_clip_share_the_augmentation(bridge_data):
    dataset = clips(bridge_data, "still", frames=3)  # all frames of this video are alike
    items = [dataset[position] for position in range(8)]
    for item in items:
        first, *others = item["inputs"]
        assert len(others) == 2
        assert all(torch.equal(first, other) for other in others)
        masks = [sample.gt_sem_seg.data for sample in item["data_samples"]]
        assert all(torch.equal(masks[0], mask) for mask in masks[1:])
    assert len({item["inputs"][0].numpy().tobytes() for item in items}) == 8  # the clips do not share it


def test_items_are_those_of_our_own_stream(bridge_data):
    settings = {"scale": (0.8, 1.5), "flip": 0.5, "max_one_class": 0.9, "photometric": True}
    item = clips(bridge_data, frames=2, gap=3, seed=5, short_side=30, **settings)[6]
    augment = ClipAugment((24, 24), settings.pop("scale"), 30, **settings)
    own = ClipDataset(open_split(bridge_data, "train"), frames=2, gap=3, augment=augment, seed=5, length=8)[6]
    assert torch.equal(torch.stack(item["inputs"]), own["images"])
    masks = [sample.gt_sem_seg.data for sample in item["data_samples"]]
    assert torch.equal(torch.cat(masks), own["masks"])
    assert masks[0].dtype == torch.int64
    assert [sample.metainfo["position"] for sample in item["data_samples"]] == [6, 6]


def test_the_collate_function_lays_clips_end_to_end_for_mmsegs_preprocessor(bridge_data):
    two, three = clips(bridge_data, frames=2), clips(bridge_data, frames=3)
    items = [two[0], three[0], two[0]]  # a position that comes twice is two clips
    batch = vspw_collate(items)
    assert [sample.metainfo["clip_id"] for sample in batch["data_samples"]] == [0, 0, 1, 1, 1, 2, 2]
    images = torch.stack(batch["inputs"]).clone()
    done = SegDataPreProcessor(mean=None, std=None, size_divisor=1)(batch, training=True)
    assert torch.equal(done["inputs"], images)
    assert [tuple(sample.gt_sem_seg.data.shape) for sample in done["data_samples"]] == [(1, 24, 24)] * 7
    assert done["data_samples"][0].metainfo["clip_id"] == 0


def test_training_without_masks_is_refused(bridge_data):
    with pytest.raises(InputError, match="expected at least one run of 11 labelled frames"):
        clips(bridge_data, frames=11)


def test_frames_of_val_come_in_order_with_our_readers_pixels_and_labels(bridge_data):
    dataset = DATASETS.build(
        {"type": "VSPWDataset", "data_root": str(bridge_data), "split": "val", "test_mode": True, "pipeline": PIPELINE}
    )
    frames = list(open_split(bridge_data, "val").labelled())
    assert len(dataset) == len(frames) == 20
    for item, (frame, mask) in zip(dataset, frames, strict=True):
        sample = item["data_samples"]
        assert (sample.img_path, sample.seg_map_path) == (str(frame.image), str(mask))
        assert np.array_equal(sample.gt_sem_seg.data[0].numpy(), read_mask(mask))
        image = normalise(torch.from_numpy(read_image(frame.image)).permute(2, 0, 1))
        assert torch.allclose(item["inputs"], image, atol=1e-5)
    assert set(np.unique(read_mask(mask))) == {0, 48, 255}


def test_class_names_and_colours_are_ours(bridge_data):
    frames = VSPWDataset(data_root=str(bridge_data), split="val")
    for metainfo in (frames.metainfo, clips(bridge_data).metainfo):
        assert tuple(metainfo["classes"]) == CLASS_NAMES
        assert np.array_equal(metainfo["palette"], palette()[:124])


def test_a_choice_of_classes_maps_the_others_to_void(bridge_data):
    dataset = VSPWDataset(
        data_root=str(bridge_data), split="val", metainfo={"classes": ["car", "wall"]}, pipeline=PIPELINE
    )
    ids = dataset[0]["data_samples"].gt_sem_seg.data[0].numpy()
    full = read_mask(dataset.get_data_info(0)["seg_map_path"])
    names = np.array([*CLASS_NAMES, *[""] * 132])[full]
    assert np.array_equal(ids, np.select([names == "car", names == "wall"], [0, 1], 255))
    assert (ids == 0).any()


def test_a_frame_without_a_mask_passes(bridge_data):
    assert VSPWLoadAnnotations()({"img_path": "a.jpg"}) == {"img_path": "a.jpg"}


def test_a_split_without_masks_is_refused(tmp_path):
    (tmp_path / "frames").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "frames/1.jpg")
    with pytest.raises(InputError, match="at least one with a mask, got none of 1"):
        VSPWDataset(data_root=str(tmp_path / "frames"))
