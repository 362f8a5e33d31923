"""The envelope in plain PyTorch, for other devices than the CPU: the same steps for all disputed pixels at once."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vspwlib.ensemble.kernels import AFTER_ZERO, NEAR, STEPS

_BLOCK = 65536  # disputed pixels at a time: 124 classes of them are 65 MB in float64


def trace(
    p1: Tensor, p2: Tensor
) -> tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.float64], NDArray[np.uint8]]:
    """Trace the label of every pixel from tau = 0 to 1.

    Args:
        p1: (K, H, W) floating-point, on any device.
        p2: Likewise.

    Returns:
        Labels at 0, (H, W) uint8; pixel, tau and label of each change, as
        :class:`~vspwlib.ensemble.envelope.Envelope` has them.
    """
    at_0, at_1 = p2.max(0).indices, p1.max(0).indices  # the first of several
    disputed = (at_0 != at_1).flatten().nonzero().squeeze(1)
    pixels, times, labels = [], [], []
    for begin in range(0, len(disputed), _BLOCK):
        at = disputed[begin : begin + _BLOCK]
        one, two = (p.flatten(1).index_select(1, at).double() for p in (p1, p2))
        which, time, label = _walk(one, two, at_0.flatten()[at], at_1.flatten()[at])
        pixels.append(at[which].int().cpu())
        times.append(time.cpu())
        labels.append(label.to(torch.uint8).cpu())
    start = at_0.to(torch.uint8).cpu().numpy()
    if not pixels:
        return start, np.empty(0, np.int32), np.empty(0), np.empty(0, np.uint8)
    return start, torch.cat(pixels).numpy(), torch.cat(times).numpy(), torch.cat(labels).numpy()


def _walk(p1: Tensor, p2: Tensor, at_0: Tensor, at_1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return column, tau and label of each change of (K, D) float64 columns, by column and then by tau."""
    current, last = _steepest(p2, p1), _steepest(p1, p2)
    shown, moment = at_0.clone(), torch.zeros_like(p1[0])
    changes: list[tuple[Tensor, Tensor, Tensor]] = []

    def change(where: Tensor, columns: Tensor, time: Tensor, label: Tensor) -> None:
        changes.append((columns[where], time[where], label[where]))
        shown[columns[where]] = label[where]

    every = torch.arange(len(at_0), device=p1.device)
    differs = current != shown
    change(differs, every, torch.full_like(moment, AFTER_ZERO), current)
    moment[differs] = AFTER_ZERO
    going = (current != last).nonzero().squeeze(1)
    while len(going):
        one, two, now = p1[:, going], p2[:, going], current[going]
        tau, following = _crossing(one, two, now)
        still = (following >= 0) & (tau < 1)
        going, now, tau, following = going[still], now[still], tau[still], following[still]
        one, two = one[:, still], two[:, still]
        if not len(going):
            break
        tau = torch.maximum(tau, moment[going])
        at = _lowest(one, two, tau, now, following)
        change(at != shown[going], going, tau, at)
        after = torch.nextafter(tau, torch.full_like(tau, 2.0))
        change(at != following, going, after, following)
        moment[going] = torch.where(at != following, after, tau)
        current[going] = following
        going = going[following != last[going]]
    change(shown != at_1, every, torch.ones_like(moment), at_1)
    column, time, label = (torch.cat(parts) for parts in zip(*changes, strict=True))
    order = column.argsort(stable=True)
    return column[order], time[order], label[order]


def _steepest(values: Tensor, ties: Tensor) -> Tensor:
    """Return the class with the highest value, of several the one highest in ``ties``, of those the lowest."""
    return torch.where(values == values.amax(0), ties, float("-inf")).max(0).indices


def _crossing(p1: Tensor, p2: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the line of each column's class is first crossed by a steeper one and by which, -1 where by none."""
    low, high = p2.gather(0, now[None]), p1.gather(0, now[None])
    lead = low - p2
    gain = lead + (p1 - high)
    taus = torch.where(gain > 0, lead / gain, 2.0)
    soonest = taus.amin(0)
    following = torch.where(taus == soonest, gain, float("-inf")).max(0).indices
    step = (soonest * STEPS).round() / STEPS
    ours = step * high[0] + (1 - step) * low[0]
    theirs = step * p1.gather(0, following[None])[0] + (1 - step) * p2.gather(0, following[None])[0]
    soonest = torch.where(((step - soonest).abs() < NEAR) & (ours == theirs), step, soonest)
    return soonest, torch.where(soonest < 2, following, -1)


def _lowest(p1: Tensor, p2: Tensor, tau: Tensor, now: Tensor, following: Tensor) -> Tensor:
    """Return the lowest class of the two that meet at ``tau`` and of all that reach them there."""
    fused = tau * p1 + (1 - tau) * p2
    reach = fused >= fused.gather(0, now[None])
    reach.scatter_(0, now[None], True)
    reach.scatter_(0, following[None], True)
    return reach.to(torch.uint8).max(0).indices
