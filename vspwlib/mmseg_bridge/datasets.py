"""VSPW for mmseg: clips to train on, frames to test on, both read by our own reader.

Training clips leave :class:`VSPWClipDataset` augmented and normalised. So the ``data_preprocessor`` that goes with them
neither normalises nor swaps channels: ``dict(type="SegDataPreProcessor", mean=None, std=None, size_divisor=1)``. A
model has one preprocessor for training and testing; so test pipelines normalise, too, with mmcv's ``Normalize`` and
``to_rgb=True``. ``docs/mmseg_config.py`` has both.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.datasets import BaseSegDataset
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import Dataset

from vspwlib.checks import require
from vspwlib.data.dataset import ClipDataset
from vspwlib.data.images import read_mask
from vspwlib.data.index import open_split
from vspwlib.data.transforms import ClipAugment
from vspwlib.labels import CLASS_NAMES, NUM_CLASSES, palette

METAINFO = {"classes": CLASS_NAMES, "palette": palette()[:NUM_CLASSES].tolist()}


class VSPWClipDataset(Dataset[dict[str, list[Any]]]):
    """Training clips of consecutive labelled frames, one augmentation draw for all frames of a clip.

    An item is a clip: ``inputs``, a list of T float32 tensors (3, h, w), RGB and normalised, and ``data_samples``, a
    list of T SegDataSamples with ``gt_sem_seg`` (1, h, w). :func:`vspw_collate` lays the clips of a batch end to end.

    The items are :class:`~vspwlib.data.dataset.ClipDataset`'s endless shuffled stream: what stands at a position is
    always the same, augmentation included. So shuffle no more (``InfiniteSampler`` with ``shuffle=False``), and make it
    as long as the training: iterations times clips an iteration, over all processes. What comes after that repeats.

    Args:
        data_root: A tree in VSPW's layout, or whatever :func:`~vspwlib.data.index.open_split` opens.
        split: Name of the split; None where there is only one.
        length: Number of positions.
        frames: Frames of a clip; 1 for stills.
        gap: Steps between them.
        crop: Height and width of the crops.
        scale: Range of the random ratio of resizing.
        short_side: Shorter side at ratio 1, pixels; None keeps the size of the file.
        flip: Probability of a mirror image.
        max_one_class: Largest share of labelled pixels that one class may hold in a crop.
        photometric: Whether to distort colours.
        seed: Seed of order and augmentation.

    Raises:
        InputError: when there is no such split, or no clip of that length in it.
    """

    METAINFO = METAINFO

    def __init__(
        self,
        *,
        data_root: str,
        split: str | None = None,
        length: int,
        frames: int = 2,
        gap: int = 1,
        crop: tuple[int, int] = (480, 480),
        scale: tuple[float, float] = (0.5, 2.0),
        short_side: int | None = None,
        flip: float = 0.5,
        max_one_class: float = 0.75,
        photometric: bool = True,
        seed: int = 0,
    ) -> None:
        augment = ClipAugment(
            (crop[0], crop[1]),
            (scale[0], scale[1]),
            short_side,
            flip=flip,
            max_one_class=max_one_class,
            photometric=photometric,
        )
        self.clips = ClipDataset(
            open_split(data_root, split), frames=frames, gap=gap, augment=augment, seed=seed, length=length
        )

    @property
    def metainfo(self) -> dict[str, Any]:
        """Class names and colours, as mmseg's data sets give them."""
        return dict(self.METAINFO)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, position: int) -> dict[str, list[Any]]:
        clip = self.clips[position]
        shape = tuple(clip["images"].shape[-2:])
        info = {"img_shape": shape, "ori_shape": shape, "position": position}
        samples = [SegDataSample(metainfo=info, gt_sem_seg=PixelData(data=mask[None])) for mask in clip["masks"]]
        return {"inputs": list(clip["images"]), "data_samples": samples}


def vspw_collate(items: Sequence[Mapping[str, list[Any]]]) -> dict[str, list[Any]]:
    """Lay the clips of a batch end to end, as mmseg's preprocessors expect single images.

    Args:
        items: Clips of :class:`VSPWClipDataset`, of any number of frames each.

    Returns:
        ``inputs`` and ``data_samples`` of all frames; ``clip_id`` in each sample's metainfo counts the clips of the
        batch.
    """
    inputs: list[Tensor] = []
    samples: list[Any] = []
    for clip_id, item in enumerate(items):
        inputs += item["inputs"]
        samples += item["data_samples"]
        for sample in item["data_samples"]:
            sample.set_metainfo({"clip_id": clip_id})
    return {"inputs": inputs, "data_samples": samples}


class VSPWDataset(BaseSegDataset):
    """The labelled frames of a split, video after video in the order of the frames, for mmseg's pipelines.

    Load masks with :class:`VSPWLoadAnnotations`: mmseg's ``LoadAnnotations`` would leave raw values above 124 standing
    as classes.

    Args:
        data_root: A tree in VSPW's layout, or whatever :func:`~vspwlib.data.index.open_split` opens.
        split: Name of the split; None where there is only one.
        kwargs: What mmseg's BaseSegDataset takes: ``pipeline``, ``test_mode``, ``indices``, ...

    Raises:
        InputError: when there is no such split, or no mask in it.
    """

    METAINFO = METAINFO

    def __init__(self, *, data_root: str, split: str | None = None, **kwargs: Any) -> None:
        self.split = split
        super().__init__(data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict[str, Any]]:
        """List the frames: paths, and what mmseg's transforms want beside them."""
        split = open_split(self.data_root, self.split)
        where = f"{split.root}, split {split.name}"
        frames = [
            {
                "img_path": str(frame.image),
                "seg_map_path": str(mask),
                "label_map": self.label_map,
                "reduce_zero_label": False,
                "seg_fields": [],
            }
            for frame, mask in split.labelled()
        ]
        require(
            bool(frames), "frames", expected="at least one with a mask", got=f"none of {split.num_frames}", where=where
        )
        return frames


class VSPWLoadAnnotations(BaseTransform):
    """Load a mask as :func:`vspwlib.data.images.read_mask` does: raw 1..124 to ids 0..123, all else to 255 (void).

    Reads ``seg_map_path`` and ``label_map``; adds ``gt_seg_map``, uint8 (H, W). A frame without ``seg_map_path`` passes
    unchanged.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add the mask to the results.

        Args:
            results: What the pipeline has so far.

        Raises:
            InputError: when the mask cannot be read.
        """
        if results.get("seg_map_path") is None:
            return results
        ids = read_mask(results["seg_map_path"])
        if results.get("label_map"):  # of a data set told to use some classes only
            before = ids.copy()
            for old, new in results["label_map"].items():
                ids[before == old] = new
        results["gt_seg_map"] = ids
        results.setdefault("seg_fields", []).append("gt_seg_map")
        return results
