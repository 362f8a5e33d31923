"""What the live view draws over time: scores of every frame of a clip, and the frames to look at first."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vspwlib.data.index import Frame
from vspwlib.ensemble.curve import tau_curve
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.joint import JointFrame
from vspwlib.labels import VOID
from vspwlib.metrics.iou import confusion, miou
from vspwlib.predict.ahead import in_order

if TYPE_CHECKING:
    from workbench.live.clip import Clip

Ids = NDArray[np.uint8]

TAUS = 101
WORKERS = 2  # frames at a time: the view asks for its pictures meanwhile
WORST = 5


def timeline(clip: "Clip") -> dict[str, Any]:
    """Score every frame of a clip.

    Args:
        clip: The clip; all its frames are read, several at a time.

    Returns:
        ``timeline.json``. Series, in 0..1 or null: mIoU of each run on the frame alone; its consistency, the share of
        the pixels with the same true class as in the frame before that also keep their label; the share of the pixels
        on which the runs differ. For a pair also the frame's mIoU at hundredths of tau. A frame's mIoU is a mean over
        the classes in it: it tells frames apart, and does not average to that of the video.
    """

    def work(frame: Frame) -> tuple[list[Ids], Ids | None, list[float] | None]:
        content, truth = clip.content(frame), clip.truth(frame)
        return _label_maps(content, len(clip.sources)), truth, _curve(content, truth)

    runs = [run["short"] for run in clip.metadata()["runs"]]
    scores: dict[str, list[float | None]] = {f"miou.{run}": [] for run in runs}
    scores |= {f"consistency.{run}": [] for run in runs}
    disagreement: list[float | None] = []
    curves: list[list[float] | None] = []
    before: tuple[list[Ids], Ids | None] | None = None
    for maps, truth, curve in in_order(work, clip.frames, WORKERS):
        for place, (run, ids) in enumerate(zip(runs, maps, strict=True)):
            scores[f"miou.{run}"].append(None if truth is None else _number(miou(confusion(ids, truth))))
            earlier = None if before is None else (before[0][place], before[1])
            scores[f"consistency.{run}"].append(None if earlier is None else _kept(ids, truth, *earlier))
        differ = np.logical_or.reduce([ids != maps[0] for ids in maps[1:]]) if len(maps) > 1 else None
        disagreement.append(None if differ is None else float(differ.mean()))
        curves.append(curve)
        before = (maps, truth)
    labels: dict[str, Callable[[str], str]] = {"miou": "mIoU of {}".format, "consistency": "consistency of {}".format}
    series = [
        {"key": key, "label": labels[key.split(".")[0]](key.split(".")[1]), "unit": "%", "values": values}
        for key, values in scores.items()
        if any(value is not None for value in values)
    ]
    if len(runs) > 1:
        series.append({"key": "disagreement", "label": "disagreement", "unit": "%", "values": disagreement})
    drawn = {"taus": TAUS, "values": curves} if any(curve is not None for curve in curves) else None
    return {"series": series, "frame_miou": drawn, "worst": {row["key"]: _lowest(row) for row in series}}


def _label_maps(content: Ids | Envelope | JointFrame, runs: int) -> list[Ids]:
    """Return the label map of every run alone."""
    if isinstance(content, Envelope):
        return [content.labels(1.0), content.labels(0.0)]
    if isinstance(content, JointFrame):
        return [content.labels([float(run == own) for run in range(runs)]) for own in range(runs)]
    return [content]


def _curve(content: Ids | Envelope | JointFrame, truth: Ids | None) -> list[float] | None:
    """Return the mIoU of a pair's frame at hundredths of tau; None where there is no pair or no true pixel."""
    if not isinstance(content, Envelope) or truth is None or not (truth != VOID).any():
        return None
    found = tau_curve([content], [truth]).at(np.linspace(0, 1, TAUS))
    return [float(value) for value in np.nanmean(found, axis=1)]


def _kept(ids: Ids, truth: Ids | None, before: Ids, true_before: Ids | None) -> float | None:
    """Return the share of pixels of one class in two frames that keep their label; of all where there is no truth."""
    if ids.shape != before.shape:
        return None
    same = ids == before
    if truth is None or true_before is None:
        return float(same.mean())
    still = (truth == true_before) & (truth != VOID)
    return float(same[still].mean()) if still.any() else None


def _lowest(row: dict[str, Any]) -> list[int]:
    """Return the frames to look at first: the lowest scores, or the most disagreement."""
    sign = -1 if row["key"] == "disagreement" else 1
    there = [(sign * value, index) for index, value in enumerate(row["values"]) if value is not None]
    return [index for _, index in sorted(there)[:WORST]]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
