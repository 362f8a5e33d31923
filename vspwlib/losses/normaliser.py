"""Sums over the pixels of one process or of all of them.

A loss of the form f(sums) can be normalised per process (``local``, what Mask2Former's official code does with its
class loss) or over the whole batch of all processes (``global``, what one large GPU would compute).
"""

from typing import Literal

import torch.distributed as dist
from torch import Tensor

from vspwlib.checks import check_choice

Normaliser = Literal["local", "global"]


def world_size() -> int:
    """Return the number of processes that train together (1 without torch.distributed)."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def total(value: Tensor, normaliser: Normaliser) -> Tensor:
    """Sum ``value`` over processes when ``normaliser`` is ``global``.

    The gradient flows through this process's share only and is scaled by the number of processes, because DDP averages
    gradients: the averaged gradient then equals that of one process holding the whole batch.

    Args:
        value: Any shape; every process must call with the same shape.
        normaliser: ``local`` returns ``value`` as it is.
    """
    check_choice("normalizer", normaliser, ("local", "global"))
    world = world_size()
    if normaliser == "local" or world == 1:
        return value
    everywhere = value.detach().clone()
    dist.all_reduce(everywhere)
    return everywhere + world * (value - value.detach())
