"""Random points that are a function of a key and a counter: the same bits on any device, in any process, in any order.

A generator with a state gives numbers by the order in which they are asked for, and that order changes with the number
of processes. Here key and counter say all: the n-th output of SplitMix64 started from the key, computed at once for
every row and point by integer operations that wrap around at 64 bits.

Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011 (counters instead of states); Steele et al.,
Fast splittable pseudorandom number generators, OOPSLA 2014, figure 14 (SplitMix64, which passes BigCrush).
"""

import torch
from torch import Tensor

_SLAB, _CPU_SLAB = 2**22, 2**17  # points mixed at once: bounds the memory; on a CPU they stay in its cache


def _signed(bits: int) -> int:
    return bits - (bits >> 63 << 64)


_GAMMA, _FIRST, _SECOND = (_signed(bits) for bits in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def fold_in(key: Tensor | int, *data: Tensor | int) -> Tensor:
    """Derive keys from a key and whole numbers that say what they are for; the order of the numbers counts.

    Args:
        key: int64, of any shape.
        data: int64, of shapes that broadcast with it.

    Returns:
        int64, of the broadcast shape.

    >>> fold_in(7, torch.arange(3)[:, None], torch.arange(2)).unique().numel()
    6
    """
    folded = _mix(torch.as_tensor(key) + _GAMMA)  # mixed as well: seed 1, frame 0 is not seed 0, frame 1
    for number in data:
        folded = _mix(folded + _GAMMA + number)
    return folded


def uniform_points(keys: Tensor, count: int, *, first: int = 0) -> Tensor:
    """Draw points of the unit square, each its own function of a key and a counter.

    Args:
        keys: int64, of any shape.
        count: Points per key.
        first: Counter of the first one.

    Returns:
        ``(*keys.shape, count, 2)`` float32, multiples of 2^-24 from 0 to below 1.
    """
    steps = torch.arange(first + 1, first + count + 1, device=keys.device) * _GAMMA
    rows = keys.reshape(-1, 1)
    points = torch.empty(len(rows), 2 * count, device=keys.device)
    slab = max(1, (_CPU_SLAB if keys.device.type == "cpu" else _SLAB) // max(1, count))
    for start in range(0, len(rows), slab):
        halves = _mix(rows[start : start + slab] + steps).view(torch.int32)  # x from the low 32 bits, y from the high
        halves.bitwise_right_shift_(8).bitwise_and_(2**24 - 1)
        points[start : start + slab] = halves
    return points.mul_(2.0**-24).view(*keys.shape, count, 2)


def _mix(bits: Tensor) -> Tensor:
    """Mix int64 bits in place so that each depends on all; one to one."""
    for shift, factor in ((30, _FIRST), (27, _SECOND)):
        bits.bitwise_xor_(_shifted(bits, shift)).mul_(factor)
    return bits.bitwise_xor_(_shifted(bits, 31))


def _shifted(bits: Tensor, shift: int) -> Tensor:
    """Shift to the right as if there were no sign."""
    return (bits >> shift).bitwise_and_(2 ** (64 - shift) - 1)
