"""Anchors sampled as ContrastiveSeg samples them: the peer that the exact loss is compared with.

Of every image and class with more than ``max_views`` patches the same few are drawn, half of them where the prediction
is wrong, half where it is right; classes with fewer are left out. The loss is then the same, over the sample alone and
across the whole batch. It is another quantity than the loss over all patches: smaller by two nats and more, since fewer
negatives are summed and classes weigh alike.

Source: Wang et al., Exploring Cross-Image Pixel Contrast, ICCV 2021; tfzhou/ContrastiveSeg@287e5d3. Theirs fails where
no class has enough patches or a class is drawn once; here nothing is drawn then, and a lone patch is no anchor.
"""

import torch
from torch import Tensor

from vspwlib.checks import check_range, check_shape


def sample_anchors(
    labels: Tensor,
    predictions: Tensor,
    *,
    max_samples: int = 1024,
    max_views: int = 100,
    ignore_index: int = 255,
) -> Tensor:
    """Draw anchors from torch's global generator; how many there are is read from the device.

    Args:
        labels: ``(N, P)`` integer class ids of the P patches of N images.
        predictions: ``(N, P)`` the classes predicted there.
        max_samples: Most anchors of the batch.
        max_views: Most anchors of a class in an image.
        ignore_index: Label of void; negative labels are void as well.

    Returns:
        ``(A,)`` int64, their places among the N·P patches, image by image and class by class.

    Raises:
        InputError: when shapes differ.

    >>> labels = torch.tensor([[1, 1, 1, 2, 2, 255]])
    >>> sample_anchors(labels, labels, max_samples=4, max_views=2).shape  # class 2 has two patches, not more
    torch.Size([2])
    """
    check_shape("predictions", predictions.shape, tuple(labels.shape))
    check_range("max_samples", max_samples, 1)
    check_range("max_views", max_views, 1)
    right = predictions == labels
    groups = [
        (image, label)
        for image, row in enumerate(labels)
        for label, number in zip(*(values.tolist() for values in row.unique(return_counts=True)), strict=True)
        if number > max_views and label >= 0 and label != ignore_index
    ]
    views = min(max_samples // len(groups), max_views) if groups else 0
    drawn = [_draw(labels[image] == label, right[image], views) + image * labels.shape[1] for image, label in groups]
    return torch.cat(drawn) if drawn else labels.new_zeros(0, dtype=torch.long)


def _draw(of_class: Tensor, right: Tensor, views: int) -> Tensor:
    """Draw places of a class: half hard and half easy, more of one where there are too few of the other."""
    hard, easy = (of_class & ~right).nonzero()[:, 0], (of_class & right).nonzero()[:, 0]
    from_hard = min(len(hard), max(views // 2, views - len(easy)))
    return torch.cat([_some(hard, from_hard), _some(easy, views - from_hard)])


def _some(places: Tensor, number: int) -> Tensor:
    return places[torch.randperm(len(places), device=places.device)[:number]]
