"""Any network of our zoo as a model of mmseg, trained with our objective by mmengine's Runner."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmseg.models.segmentors import BaseSegmentor, EncoderDecoder
from torch import Tensor, nn
from torch.nn import functional

from vspwlib.mmseg_bridge.heads import clip_numbers
from vspwlib.models.embedding import add_embedding_head
from vspwlib.models.initialise import initialise
from vspwlib.models.segmenter import SegOutput, semantic_scores
from vspwlib.models.zoo import NETWORKS, build
from vspwlib.train.contrast import ContrastTerm
from vspwlib.train.objective import Objective

_INNER = "network."
_PREPROCESSOR = {"type": "SegDataPreProcessor", "mean": None, "std": None, "size_divisor": 1}


class VSPWNetwork(EncoderDecoder):
    """A network of :mod:`vspwlib.models.zoo` behind mmseg's three modes: loss, predict, tensor.

    Of EncoderDecoder it takes over prediction: whole frames or sliding windows, resized to the frame, argmax. Keys of
    its state dict are the network's own (``backbone.…``, ``decode_head.…``), so checkpoints go from mmseg's Runner to
    ``vspw`` and back; names of its parameters, as optimiser configs match them, begin with ``network.``.

    Args:
        network: Name in the zoo (``vspw models list``), or one that you registered there.
        num_classes: Classes K.
        objective: Settings of :class:`~vspwlib.train.objective.Objective`, but for ``contrast``.
        contrast: Settings of :class:`~vspwlib.train.contrast.ContrastTerm` (weight, temperature, ...); None trains
            without the contrastive loss.
        embedding: Settings of :func:`~vspwlib.models.embedding.add_embedding_head` (level, projection, channels, ...)
            for the contrastive loss.
        init: ``none``, ``timm`` (ImageNet weights) or a file of released weights or ours, loaded strictly.
        image_size: Height and width at which position tables are stored: the crop; only ViTs have them.
        options: Further arguments of :func:`~vspwlib.models.zoo.build`: ``drop_path``, ``checkpointing``, ...
        test_cfg: ``dict(mode="whole")``, or ``dict(mode="slide", crop_size=(h, w), stride=(h, w))``.
        train_cfg: Not read; configs have it.
        data_preprocessor: None: pad to one size, and leave images as they are (they come normalised).

    Raises:
        InputError: for an unknown name, or weights that do not fit.
    """

    def __init__(
        self,
        network: str,
        *,
        num_classes: int = 124,
        objective: Mapping[str, Any] | None = None,
        contrast: Mapping[str, Any] | None = None,
        embedding: Mapping[str, Any] | None = None,
        init: str = "none",
        image_size: tuple[int, int] | None = None,
        options: Mapping[str, Any] | None = None,
        test_cfg: Mapping[str, Any] | None = None,
        train_cfg: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
    ) -> None:
        BaseSegmentor.__init__(self, data_preprocessor=data_preprocessor or _PREPROCESSOR)  # EncoderDecoder's builds
        size = None if image_size is None else (image_size[0], image_size[1])
        self.network = build(network, num_classes=num_classes, image_size=size, **(options or {}))
        if contrast is not None:
            entry = NETWORKS[network]
            widths = entry.hyper_parameters().channels if entry.family else ()
            add_embedding_head(self.network, backbone_channels=widths, **(embedding or {}))
        report = initialise(self.network, network, init, image_size=size)
        if report:
            print_log(str(report), logger="current")
        term = None if contrast is None else ContrastTerm(**contrast)
        self.objective = Objective(**(objective or {}), contrast=term)
        self.num_classes = self.out_channels = num_classes
        self.align_corners = False
        self.train_cfg, self.test_cfg = train_cfg, ConfigDict(test_cfg or {"mode": "whole"})
        self.register_state_dict_post_hook(_without_inner)
        self.register_load_state_dict_pre_hook(_with_inner)

    def loss(self, inputs: Tensor, data_samples: Sequence[Any]) -> dict[str, Tensor]:
        """Return the weighted terms of our objective; every name begins with ``loss_``.

        Args:
            inputs: ``(N, 3, H, W)``, normalised.
            data_samples: N SegDataSamples with ``gt_sem_seg`` ``(1, H, W)``; ``clip_id`` tells clips apart.
        """
        masks = torch.cat([sample.gt_sem_seg.data for sample in data_samples])
        clips = torch.tensor(clip_numbers(data_samples))
        return self.objective(self.extract_feat(inputs), masks, clips)

    def extract_feat(self, inputs: Tensor) -> SegOutput:
        """Run the network on ``(N, 3, H, W)`` images."""
        output: SegOutput = self.network(inputs)
        return output

    def encode_decode(self, inputs: Tensor, batch_img_metas: Sequence[Any]) -> Tensor:  # noqa: ARG002
        """Return class scores ``(N, K, H, W)`` at the size of the images ``(N, 3, H, W)``.

        Args:
            inputs: Images or windows.
            batch_img_metas: Not read.
        """
        scores = semantic_scores(self.extract_feat(inputs))
        return functional.interpolate(scores, size=inputs.shape[2:], mode="bilinear", align_corners=False)

    def _forward(self, inputs: Tensor, data_samples: Sequence[Any] | None = None) -> Tensor:  # noqa: ARG002
        return semantic_scores(self.extract_feat(inputs))


def _without_inner(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:  # noqa: ARG001
    """Take ``network.`` off the keys of a state dict, in place."""
    inner = prefix + _INNER
    for key in [key for key in state if key.startswith(inner)]:
        state[prefix + key.removeprefix(inner)] = state.pop(key)


def _with_inner(module: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:  # noqa: ARG001
    """Put ``network.`` before the keys of a state dict that is to be loaded, in place."""
    for key in [key for key in state if key.startswith(prefix) and not key.startswith(prefix + "data_preprocessor.")]:
        state[prefix + _INNER + key.removeprefix(prefix)] = state.pop(key)
