"""UperNet's head with the contrastive loss on its fused map, for mmseg's EncoderDecoder."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from mmseg.models.decode_heads import UPerHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from vspwlib.checks import require


class VSPWContrastUPerHead(UPerHead):
    """mmseg's UPerHead, trained with a contrastive term as well; it predicts as UPerHead does.

    Parameter names are UPerHead's, and ``projection`` beside them. Frames whose data samples carry the same
    ``clip_id`` make a clip; a frame without one is a clip of its own, so that single images are contrasted within
    themselves.

    Args:
        loss_contrast: Config of the contrastive loss; None takes :class:`VSPWPixelContrast` as it is.
        projection_channels: Width of a 1x1 convolution between the fused map and the loss; None contrasts the map
            itself. The paper does not say whether it has one.
        kwargs: What UPerHead takes.

    Raises:
        InputError: when the contrastive loss goes by the name of one of ``loss_decode``.
    """

    def __init__(
        self,
        *,
        loss_contrast: Mapping[str, Any] | None = None,
        projection_channels: int | None = 256,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.loss_contrast = MODELS.build(loss_contrast or {"type": "VSPWPixelContrast"})
        decode = self.loss_decode if isinstance(self.loss_decode, nn.ModuleList) else [self.loss_decode]
        taken, name = [str(loss.loss_name) for loss in decode], self.loss_contrast.loss_name
        require(name not in taken, "loss_contrast", expected=f"a loss_name besides {', '.join(taken)}", got=name)
        self.projection = nn.Conv2d(self.channels, projection_channels, 1) if projection_channels else nn.Identity()

    def loss(
        self,
        inputs: Sequence[Tensor],
        batch_data_samples: Sequence[Any],
        train_cfg: Any,  # noqa: ARG002
    ) -> dict[str, Tensor]:
        """Return UPerHead's losses and the contrastive one.

        Args:
            inputs: The backbone's maps ``(N, C_i, h_i, w_i)``.
            batch_data_samples: N SegDataSamples with ``gt_sem_seg`` ``(1, H, W)``.
            train_cfg: Not read, as in UPerHead.
        """
        fused = self._forward_feature(inputs)  # (N, channels, h_0, w_0)
        losses: dict[str, Tensor] = self.loss_by_feat(self.cls_seg(fused), batch_data_samples)
        labels = self._stack_batch_gt(batch_data_samples).squeeze(1)
        losses[self.loss_contrast.loss_name] = self.loss_contrast(
            self.projection(fused), labels, clip_ids=clip_numbers(batch_data_samples), ignore_index=self.ignore_index
        )
        return losses


def clip_numbers(samples: Sequence[Any]) -> list[int]:
    """Number the clips of a batch.

    Args:
        samples: SegDataSamples; those with equal ``clip_id`` (anything hashable) make a clip, one without is alone.

    Returns:
        The clip of each sample, counted from 0.

    >>> from mmseg.structures import SegDataSample
    >>> clips = [{"clip_id": 7}, {}, {"clip_id": "b"}, {"clip_id": 7}, {}]
    >>> clip_numbers([SegDataSample(metainfo=clip) for clip in clips])
    [0, 1, 2, 0, 3]
    """
    keys: list[tuple[str, Hashable]] = [
        ("clip", sample.metainfo["clip_id"]) if "clip_id" in sample.metainfo else ("alone", place)
        for place, sample in enumerate(samples)
    ]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return [numbers[key] for key in keys]
