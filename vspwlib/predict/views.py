"""The views of a frame at test time, and their mean: the frame at several scales, each perhaps with its mirror image.

Source: the multi-scale and flip tests of mmsegmentation (``aug_test``; ``SegTTAModel.merge_preds`` since 1.0), which
average the softmaxes of all views.
"""

from torch import Tensor

from vspwlib.checks import check_choice, check_range, fail

LOWEST = -60.0  # e^-60 is nothing beside any other share, and in fp16 -60 still has a step of 1/32
AVERAGES = ("probabilities", "scores")


class ViewMean:
    """The running mean of a frame's views.

    A class because views finish one by one: each is summed as it does, so that one sum is held and not all views.

    The scores of a single view come back as they are.

    Args:
        views: Number of views that the mean is of.
        average: ``probabilities`` for the mean of the softmaxes, as the official code; it comes back as its logarithm,
            at least -60, and its softmax is that mean again. ``scores`` for the mean of the scores before the softmax.

    >>> import torch
    >>> mean = ViewMean(2)
    >>> for scores in ([0.0, 0.0], [0.0, 900.0]):
    ...     mean.add(torch.tensor(scores).view(2, 1, 1))
    >>> mean.result().softmax(dim=0).flatten()
    tensor([0.2500, 0.7500])
    """

    def __init__(self, views: int, average: str = "probabilities") -> None:
        check_range("views", views, low=1)
        check_choice("average", average, AVERAGES)
        self.views, self.average = views, average
        self._added = 0
        self._sum: Tensor | None = None  # (h, w, K), or the scores of the only view

    @property
    def is_complete(self) -> bool:
        """Whether every view has been added."""
        return self._added == self.views

    def add(self, scores: Tensor) -> None:
        """Add a view, turned back where it was mirrored.

        Args:
            scores: ``(K, h, w)`` float32 on the frame's grid, the same for every view.
        """
        self._added += 1
        if self.views == 1:
            self._sum = scores
            return
        view = scores.movedim(0, -1)  # pixel-major
        view = view.softmax(dim=-1) if self.average == "probabilities" else view.clone()
        self._sum = view if self._sum is None else self._sum.add_(view)

    def result(self) -> Tensor:
        """Return the mean of all views as scores: ``(K, h, w)`` float32, whose softmax on the grid is P there.

        Raises:
            InputError: views are missing.
        """
        if self._sum is None or not self.is_complete:
            fail("views", expected=f"all {self.views} of the frame", got=self._added)
        if self.views == 1:
            return self._sum
        mean = self._sum / self.views
        return (mean.log_().clamp_(min=LOWEST) if self.average == "probabilities" else mean).movedim(-1, 0)
