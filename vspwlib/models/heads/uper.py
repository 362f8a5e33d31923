"""UperNet's decode head and its auxiliary head: mmseg's classes, plus the fused map as an embedding.

Source: Xiao et al., Unified Perceptual Parsing, ECCV 2018 (UPerHead); Long et al., FCN, CVPR 2015 (auxiliary head);
implementations by mmsegmentation.
"""

import warnings
from collections.abc import Sequence

from torch import Tensor, nn

from vspwlib.models.ops.resample import AveragePool
from vspwlib.models.segmenter import SegOutput

with warnings.catch_warnings():  # mmcv warns about compiled ops that these heads do not use
    warnings.simplefilter("ignore", UserWarning)
    from mmseg.models.decode_heads import FCNHead, UPerHead

warnings.filterwarnings("ignore", message="Default ``avg_non_ignore``")  # of a loss that the heads hold, but never call

#: Plain batch norm: released files say SyncBN, whose keys are the same; it is converted where several GPUs train.
_NORM = {"type": "BN", "requires_grad": True}
_POOL_SCALES = (1, 2, 3, 6)


class UperHead(UPerHead):
    """mmseg's UPerHead that also hands out the fused stride-4 map its classifier reads."""

    @property
    def embedding_channels(self) -> int:
        """Channels of the embedding."""
        return int(self.channels)

    def forward(self, inputs: Sequence[Tensor]) -> SegOutput:
        """Decode the four maps of a backbone.

        Args:
            inputs: Four maps ``(B, C_i, h_i, w_i)``, strides 4 to 32.

        Returns:
            Logits ``(B, K, h_0, w_0)`` and the fused map ``(B, channels, h_0, w_0)``, which serves as embedding.
        """
        fused = self._forward_feature(inputs)
        return SegOutput(logits=self.cls_seg(fused), embedding=fused)


def build_uper_head(in_channels: Sequence[int], *, channels: int, num_classes: int, dropout: float) -> nn.Module:
    """Build UperNet's head with the official pooling scales 1, 2, 3, 6.

    Args:
        in_channels: Channels of the four backbone maps.
        channels: Channels inside the head and of the fused map (512 officially).
        num_classes: Classes K of the classifier.
        dropout: Dropout rate before the classifier, over whole channels.
    """
    head = UperHead(
        in_channels=list(in_channels),
        in_index=[0, 1, 2, 3],
        pool_scales=_POOL_SCALES,
        channels=channels,
        dropout_ratio=dropout,
        num_classes=num_classes,
        norm_cfg=_NORM,
        align_corners=False,
    )
    for scale, branch in zip(_POOL_SCALES, head.psp_modules, strict=True):
        branch[0] = AveragePool((scale, scale))  # mmseg's own cannot be deterministic on CUDA
    return _initialise_classifier(head)


def build_fcn_head(in_channels: Sequence[int], *, channels: int, num_classes: int, dropout: float) -> nn.Module:
    """Build the auxiliary head on the stride-16 map: one 3x3 convolution and a classifier (training only).

    Args:
        in_channels: Channels of the four backbone maps; the third is read.
        channels: Channels of the convolution (256 officially).
        num_classes: Classes K of the classifier.
        dropout: Dropout rate before the classifier.
    """
    head = FCNHead(
        in_channels=in_channels[2],
        in_index=2,
        channels=channels,
        num_convs=1,
        concat_input=False,
        dropout_ratio=dropout,
        num_classes=num_classes,
        norm_cfg=_NORM,
        align_corners=False,
    )
    return _initialise_classifier(head)


def _initialise_classifier(head: nn.Module) -> nn.Module:
    """Do what mmseg's ``init_weights`` would still do: the convolutions have initialised themselves."""
    classifier = head.get_submodule("conv_seg")
    for name, parameter in classifier.named_parameters():
        nn.init.normal_(parameter, std=0.01 if name == "weight" else 0.0)
    return head
