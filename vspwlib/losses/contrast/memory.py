"""A memory of patches of other clips, which the contrastive loss reads as further positives and negatives.

Source: the queues of Wang et al., Exploring Cross-Image Pixel Contrast, ICCV 2021; here one ring holds all classes, and
empty slots are void instead of zero vectors that repel everything.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from vspwlib.checks import check_range, check_shape, fail
from vspwlib.losses.contrast.clip import Bank, count
from vspwlib.losses.normaliser import world_size


class MemoryBank:
    """The newest patches of past clips, in a ring. A class because it outlives a step; snapshots keep its state.

    Each clip leaves a few patches, drawn so that its classes have equal chances: the ring then holds rare classes too.
    Where several processes train, all of them write the patches of all, and their rings stay alike. Nothing waits for
    the device.

    Args:
        size: Patches kept, K.
        per_clip: Patches that a clip leaves.
    """

    def __init__(self, size: int, *, per_clip: int = 64) -> None:
        check_range("contrast.bank", size, 1)
        check_range("contrast.bank_patches", per_clip, 1, size)
        self.size, self.per_clip = size, per_clip
        self._bank: Bank | None = None
        self._next = 0

    def read(self) -> Bank | None:
        """Return what is kept, ``(K, C)`` and labels with -1 for empty slots; None before the first clip."""
        return self._bank

    def write(self, clips: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Keep some patches of each clip, in place of the oldest.

        Args:
            clips: Features ``(M, C)`` and labels ``(M,)`` of each clip, void negative; equally many clips a process.
        """
        drawn = [self._draw(features.detach(), labels) for features, labels in clips]
        features, labels = (_everywhere(torch.cat(part))[-self.size :] for part in zip(*drawn, strict=True))
        if self._bank is None:
            self._bank = Bank(features.new_zeros(self.size, features.shape[1]), labels.new_full((self.size,), -1))
        # A new bank and not the old one changed: the backward pass of a step may still read that.
        places = (torch.arange(len(labels), device=labels.device) + self._next) % self.size
        self._bank = Bank(
            self._bank.features.index_copy(0, places, features.to(self._bank.features.dtype)),
            self._bank.labels.index_copy(0, places, labels),
        )
        self._next = (self._next + len(labels)) % self.size

    def _draw(self, features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Draw patches without replacement: the largest of log-weight plus Gumbel noise, void last."""
        noise = -torch.empty(len(labels), device=labels.device).exponential_().log()
        chance = torch.where(labels >= 0, noise - count(labels, labels).log(), -torch.inf)
        places = chance.topk(min(self.per_clip, len(labels))).indices
        return features[places], labels[places]

    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`load_state_dict` takes; empty before the first clip."""
        if self._bank is None:
            return {}
        return {"features": self._bank.features, "labels": self._bank.labels, "next": self._next}

    def load_state_dict(self, state: dict[str, Any], *, device: torch.device | str = "cpu") -> None:
        """Take over a state.

        Raises:
            InputError: when it is of another size.
        """
        if not state:
            self._bank, self._next = None, 0
            return
        if len(state["labels"]) != self.size:
            fail(
                "contrast.bank", expected=f"a memory of {self.size}", got=len(state["labels"]), fix="keep the setting."
            )
        check_shape("contrast.bank", state["features"].shape, (self.size, "C"))
        self._bank = Bank(state["features"].to(device), state["labels"].to(device))
        self._next = int(state["next"])


def _everywhere(rows: Tensor) -> Tensor:
    """Return the rows of all processes, in their order."""
    world = world_size()
    if world == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world)]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)
