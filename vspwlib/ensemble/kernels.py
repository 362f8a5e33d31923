"""CPU kernels of envelopes and joint frames: pixel-major, one pixel's classes at a time.

Plain Python as it stands; :func:`vspwlib.predict.kernels.compiled` hands out the machine code. What decides a label is
computed in float64 in the order in which it is written; only the search for third classes, which a margin makes safe,
may be in float32.
"""

from typing import Any

import numpy as np

FAST = frozenset({"nnan", "nsz"})  # no NaN occurs; sums keep their order
AFTER_ZERO = float(np.nextafter(0.0, 1.0))  # the first tau after 0
ROUGH = np.float32(1e-5)  # relative; above the rounding of float32 sums
STEPS = 1024  # a crossing this near to a multiple of 1/1024 is one, if the two classes tie there exactly
NEAR = 1e-12


def ends(p1: Any, p2: Any, out: Any) -> None:  # noqa: C901 - one kernel
    """Find the classes on top at both ends of tau.

    Args:
        p1: ``(N, K)`` float32 or float64, pixel-major probabilities of the first run.
        p2: Likewise of the second.
        out: ``(4, N)`` uint8, written: label at 0, class on top right after 0, label at 1, class on top right before 1.
            A label is the lowest id of several; between ends the class of several that is higher at the other end.
    """
    classes = p1.shape[1]
    for n in range(p1.shape[0]):
        top_1, top_2 = p1[n, 0], p2[n, 0]
        for k in range(classes):
            top_1 = max(top_1, p1[n, k])
            top_2 = max(top_2, p2[n, k])
        many_1, many_2, sum_1, sum_2 = np.int32(0), np.int32(0), np.int32(0), np.int32(0)
        for k in range(classes):  # without a branch, so that it runs over whole vectors
            hit_1, hit_2 = np.int32(p1[n, k] == top_1), np.int32(p2[n, k] == top_2)
            many_1 += hit_1
            many_2 += hit_2
            sum_1 += hit_1 * np.int32(k)
            sum_2 += hit_2 * np.int32(k)
        if many_1 == 1 and many_2 == 1:
            out[0, n], out[1, n], out[2, n], out[3, n] = sum_2, sum_2, sum_1, sum_1
            continue
        at_0, at_1, after, before = -1, -1, 0, 0
        for k in range(classes):
            if p2[n, k] == top_2:
                if at_0 < 0:
                    at_0, after = k, k
                elif p1[n, k] > p1[n, after]:
                    after = k
            if p1[n, k] == top_1:
                if at_1 < 0:
                    at_1, before = k, k
                elif p2[n, k] > p2[n, before]:
                    before = k
        out[0, n], out[1, n], out[2, n], out[3, n] = at_0, after, at_1, before


def rivals(p1: Any, p2: Any, ends: Any, out: Any) -> None:
    """Find the classes that may be on top somewhere in between.

    Any line that is ever above the two which win at the ends is above them where they cross, since it is below at the
    ends and they are straight on either side.

    Args:
        p1: As for :func:`ends`.
        p2: As for :func:`ends`.
        ends: From :func:`ends`.
        out: ``(N, K)`` bool, written where the label at 0 is not the label at 1: whether a class is one of them.
    """
    classes = p1.shape[1]
    for n in range(p1.shape[0]):
        if ends[0, n] == ends[2, n]:
            continue
        a, b = ends[1, n], ends[3, n]
        lead = np.float64(p2[n, a]) - np.float64(p2[n, b])
        tau = lead / (lead + (np.float64(p1[n, b]) - np.float64(p1[n, a]))) if a != b else 0.0
        one, other = np.float32(tau), np.float32(1) - np.float32(tau)
        least = (one * p1[n, a] + other * p2[n, a]) * (np.float32(1) - ROUGH)
        for k in range(classes):
            out[n, k] = one * p1[n, k] + other * p2[n, k] >= least
        out[n, a] = out[n, b] = True


def walk(p1: Any, p2: Any, ends: Any, rivals: Any, first: int, pixel: Any, time: Any, label: Any) -> int:  # noqa: C901, PLR0912, PLR0917 - one kernel
    """Follow the class on top of every pixel from tau = 0 to 1.

    Args:
        p1: As for :func:`ends`.
        p2: As for :func:`ends`.
        ends: From :func:`ends`.
        rivals: From :func:`rivals`.
        first: Index of the first of these pixels in its frame.
        pixel: ``(M,)`` int32, written: pixel of each change, ascending.
        time: ``(M,)`` float64, written: the tau from which on the label is another, ascending within a pixel.
        label: ``(M,)`` uint8, written: that label.

    Returns:
        Number of changes; -1 where there may be more than M.
    """
    classes, count = p1.shape[1], 0
    for n in range(p1.shape[0]):
        if ends[0, n] == ends[2, n]:
            continue
        if count + 2 * classes + 2 > pixel.shape[0]:
            return -1
        shown: Any = np.int64(ends[0, n])
        current: Any = np.int64(ends[1, n])
        moment = 0.0
        if current != shown:
            pixel[count], time[count], label[count] = first + n, AFTER_ZERO, current
            count += 1
            shown, moment = current, AFTER_ZERO
        while current != ends[3, n]:
            soonest, steepest = 2.0, 0.0
            following: Any = -1
            low, high = np.float64(p2[n, current]), np.float64(p1[n, current])
            for k in range(classes):
                if rivals[n, k]:
                    lead = low - np.float64(p2[n, k])
                    gain = lead + (np.float64(p1[n, k]) - high)
                    tau = lead / gain if gain > 0 else 2.0
                    if tau < soonest or (tau == soonest and gain > steepest):
                        soonest, steepest, following = tau, gain, k
            if following < 0 or soonest >= 1:
                break
            step = np.round(soonest * STEPS) / STEPS
            if abs(step - soonest) < NEAR:
                a = step * high + (1 - step) * low
                b = step * np.float64(p1[n, following]) + (1 - step) * np.float64(p2[n, following])
                soonest = step if a == b else soonest
            soonest = max(soonest, moment)
            height = soonest * high + (1 - soonest) * low
            at: Any = min(current, following)
            for k in range(at):  # at the crossing itself the lowest id of all that meet there
                if rivals[n, k] and soonest * np.float64(p1[n, k]) + (1 - soonest) * np.float64(p2[n, k]) >= height:
                    at = k
                    break
            if at != shown:
                pixel[count], time[count], label[count] = first + n, soonest, at
                count += 1
            if at != following:
                soonest = np.nextafter(soonest, 2.0)
                pixel[count], time[count], label[count] = first + n, soonest, following
                count += 1
            shown, current, moment = following, following, soonest
        if shown != ends[2, n]:
            pixel[count], time[count], label[count] = first + n, 1.0, ends[2, n]
            count += 1
    return count


def fronts(p: Any, agreed: Any, keep: Any) -> None:  # noqa: C901, PLR0912 - one kernel
    """Find the classes that win a pixel under some weights of several runs, and perhaps a few more.

    A class is left out where a lower id has at least its probability in every run, or a higher one has more in every
    run. First the runs' own winners leave out nearly all; those that remain are compared with each other.

    Args:
        p: ``(N, M, K)`` float32 probabilities of N runs at M pixels.
        agreed: ``(M,)`` uint8, written: the label in the first run.
        keep: ``(M, K)`` bool, all False; written where runs have different labels.
    """
    runs, classes = p.shape[0], p.shape[2]
    winner = np.empty(runs, np.int64)
    equalled, beaten = np.empty(classes, np.bool_), np.empty(classes, np.bool_)
    for n in range(p.shape[1]):
        for i in range(runs):
            top = p[i, n, 0]
            best: Any = np.int64(classes)
            for k in range(classes):
                top = max(top, p[i, n, k])
            for k in range(classes):
                best = min(best, np.int64(k) if p[i, n, k] == top else np.int64(classes))
            winner[i] = best
        agreed[n] = winner[0]
        if (winner == winner[0]).all():
            continue
        keep[n] = True
        for c in winner:
            equalled[:], beaten[:] = True, True
            for i in range(runs):
                for k in range(classes):
                    equalled[k] &= p[i, n, c] >= p[i, n, k]
                    beaten[k] &= p[i, n, c] > p[i, n, k]
            for k in range(classes):
                keep[n, k] &= not (beaten[k] or (equalled[k] and c < k))
        left = np.flatnonzero(keep[n])
        for weaker in left:
            for other in left:
                equal, more = other < weaker, True
                for i in range(runs):
                    equal &= p[i, n, other] >= p[i, n, weaker]
                    more &= p[i, n, other] > p[i, n, weaker]
                if equal or more:
                    keep[n, weaker] = False
                    break


def contenders(p: Any, agreed: Any, keep: Any) -> None:
    """Find the classes that win a pixel under some weights of every class.

    Args:
        p: As for :func:`fronts`.
        agreed: ``(M,)`` uint8, written: the only such class, or the label in the first run.
        keep: ``(M, K)`` bool, all False; written where there are several.
    """
    runs, classes = p.shape[0], p.shape[2]
    for n in range(p.shape[1]):
        floor = np.float32(-1.0)
        for k in range(classes):
            least = p[0, n, k]
            for i in range(1, runs):
                least = min(least, p[i, n, k])
            floor = max(floor, least)
        count, top, label = 0, np.float32(-1.0), 0
        for k in range(classes):
            most = p[0, n, k]
            for i in range(1, runs):
                most = max(most, p[i, n, k])
            if p[0, n, k] > top:
                top, label = p[0, n, k], k
            keep[n, k] = most >= floor
            count += most >= floor
        agreed[n] = label
        if count == 1:
            keep[n] = False


def best_others(places: Any, owner: Any, first: Any, number: Any, values: Any, out: Any, out_number: Any) -> None:  # noqa: PLR0917 - one kernel
    """Find the best of a pixel's other open classes.

    Args:
        places: ``(D,)`` int64, places of one class among all open classes.
        owner: ``(E,)`` int64, pixel of each open class.
        first: ``(M + 1,)`` int64, where each pixel's open classes begin.
        number: ``(E,)`` uint8, the open classes, ascending within a pixel.
        values: ``(E,)`` float64.
        out: ``(D,)`` float64, written: the highest value among the others.
        out_number: ``(D,)`` uint8, written: the lowest class that has it.
    """
    for d in range(places.shape[0]):
        place = places[d]
        pixel = owner[place]
        most = -1.0
        best: Any = number[place]
        for e in range(first[pixel], first[pixel + 1]):
            if e != place and values[e] > most:
                most, best = values[e], number[e]
        out[d], out_number[d] = most, best
