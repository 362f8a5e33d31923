"""Fusing in the browser: labels, scores, errors and curves under tau and weights are those that Python computes."""

import re

import numpy as np
import pytest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import Tab, assert_drawn, masks
from vspwlib.labels import CLASS_NAMES
from vspwlib.metrics.iou import confusion, iou_per_class

pytestmark = pytest.mark.browser


def test_dragging_tau_recolours_and_scores_every_frame_as_python_does(tab: Tab) -> None:
    clip = Clip("pair")
    tab.open(clip, state={"opacity": 1, "tau": 0.5})
    assert tab.panes() == ["frame", "truth", "a", "b", "fused", "error"]
    seen = set()
    for index in (0, 3):
        tab.get("frame-slider").fill(str(index))
        tab.shown(index)
        assert_drawn(tab.pixels("a", clip), clip.labels(index, 1.0))
        assert_drawn(tab.pixels("b", clip), clip.labels(index, 0.0))
        for k in (0, 137, 500, 731, 1000):
            tab.tau(k)
            labels = clip.labels(index, k / 1000)
            assert_drawn(tab.pixels("fused", clip), labels)
            assert tab.value("miou-value") == pytest.approx(clip.miou(labels, index), abs=1e-12)
            assert tab.value("split-miou-value") == pytest.approx(clip.curve.miou(k / 1000), abs=1e-12)
            assert tab.get("tau-slider").get_attribute("aria-valuetext").startswith(f"tau {k / 1000:.3f}")
            seen.add(tab.value("miou-value"))
    assert len(seen) > 5


def test_errors_compare_what_is_fused_with_the_better_run(tab: Tab) -> None:
    clip = Clip("pair", seed=5)
    tab.open(clip, state={"tau": 0.45})
    better, worse = ("A", 1.0), ("B", 0.0)
    if clip.curve.miou(0.0) > clip.curve.miou(1.0):
        better, worse = worse, better
    caption = tab.page.locator("[data-pane=error] .lv-caption")
    truth, valid = clip.truths[0], clip.truths[0] != 255

    def assert_shown(first: np.ndarray, second: np.ndarray) -> None:
        colours = tab.pixels("error", clip)
        one, two = first == truth, second == truth
        blue, orange = colours[..., 2] > colours[..., 0] + 60, colours[..., 0] > colours[..., 2] + 60
        assert np.array_equal(blue, valid & one & ~two)
        assert np.array_equal(orange, valid & two & ~one)
        assert np.array_equal((colours.min(axis=2) > 120) & ~blue & ~orange, valid & ~one & ~two)

    assert caption.inner_text().split("\n") == ["only fused right", f"only {better[0]} right", "both wrong"]
    assert_shown(clip.labels(0, 0.45), clip.labels(0, better[1]))
    tab.page.get_by_label("errors compare").select_option("runs")
    tab.settle()
    assert caption.inner_text().split("\n") == ["only A right", "only B right", "both wrong"]
    assert_shown(clip.labels(0, 1.0), clip.labels(0, 0.0))


def test_the_curve_is_exact_in_every_scope_and_marks_its_best(tab: Tab) -> None:
    clip = Clip("pair", seed=2)
    tab.open(clip, state={"tau": 0.25})
    best, score = clip.curve.best()
    link = tab.page.get_by_title("Go to the best tau")
    assert link.inner_text() == f"best τ {round(best, 4):g} · {100 * score:.2f} %"
    link.click()
    assert tab.state()["tau"] == pytest.approx(best, abs=5.1e-4)
    tab.page.get_by_role("button", name="Frame", exact=True).last.click()
    scores = [clip.miou(clip.labels(0, k / 1000), 0) for k in range(1001)]
    top = int(np.argmax(scores))
    assert link.inner_text() == f"best τ {top / 1000:g} · {100 * scores[top]:.2f} %"
    path = tab.page.locator(".lv-curve path").get_attribute("d")
    assert len(re.findall(r"[ML]", path)) == 1001


def test_weights_fuse_three_runs_as_python_does(tab: Tab) -> None:
    clip = Clip("joint", runs=3, seed=1)
    tab.open(clip, state={"opacity": 1})
    assert tab.panes() == ["frame", "truth", "fused", "error"]
    assert tab.page.get_by_text("approximate").count() == 1
    assert tab.get("weight-triangle").count() == 1
    for index, value in enumerate((20, 100, 60)):
        tab.get(f"weight-slider-{index}").fill(str(value))
    tab.settle()
    labels = clip.contents[0].labels([0.2, 1.0, 0.6])
    found = tab.pixels("fused", clip)
    valid = labels != 255
    same = (found == masks(labels)).all(axis=2)
    assert same[valid].mean() > 0.995  # probabilities are rounded to 16 bits
    assert tab.value("miou-value") == pytest.approx(clip.miou(labels, 0), abs=0.02)
    assert tab.get("weight-slider-1").get_attribute("aria-valuetext").startswith("56 %")
    tab.page.get_by_role("button", name="equal weights").click()
    assert tab.state()["weights"] == [1, 1, 1]
    box = tab.get("weight-triangle").bounding_box()
    tab.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 2)
    assert tab.state()["weights"] == [1, 0, 0]
    tab.page.get_by_label("run of pane B").select_option("2")
    assert tab.state()["runs"] == [0, 2]


def test_the_legend_lists_classes_by_area_with_their_iou(tab: Tab) -> None:

    clip = Clip("pair", seed=4)
    tab.open(clip, state={"tau": 0.3})
    areas = np.bincount(clip.truths[0].ravel(), minlength=256)[:124]
    order = sorted(np.flatnonzero(areas), key=lambda c: -areas[c])
    maps = [clip.labels(0, tau) for tau in (1.0, 0.0, 0.3)]
    ious = [iou_per_class(confusion(labels, clip.truths[0])) for labels in maps]
    tab.page.wait_for_function("() => document.querySelectorAll('.lv-list .lv-class').length > 0")
    tab.page.wait_for_timeout(150)  # tables follow a moment later
    rows = tab.page.locator(".lv-list .lv-class:not([hidden])").all()
    assert len(rows) == len(order)
    for row, number in zip(rows, order, strict=True):
        name, area, *numbers = row.inner_text().split("\n")
        assert name == CLASS_NAMES[number]
        assert area == f"{100 * areas[number] / areas.sum():.1f} %"
        assert numbers == [f"{100 * iou[number]:.1f}" for iou in ious]


def test_frames_without_truth_are_not_scored(tab: Tab) -> None:
    clip = Clip("pair", count=3, truth_missing=(1,))
    tab.open(clip, state={"tau": 0.5})
    tab.focus()
    tab.press("ArrowRight")
    tab.shown(1)
    assert tab.get("miou-value").inner_text() == "–"
    assert tab.get("miou-value").get_attribute("data-value") is None
    assert tab.page.locator("[data-pane=truth] .lv-note").inner_text() == "no truth for this frame"
    differ = tab.pixels("error", clip)[..., 0] > 150
    assert np.array_equal(differ, clip.labels(1, 0.5) != clip.labels(1, 1.0 if "A" in caption_of(tab) else 0.0))
    tab.press("ArrowRight")
    tab.shown(2)
    assert tab.value("miou-value") == pytest.approx(clip.miou(clip.labels(2, 0.5), 2), abs=1e-12)


def caption_of(tab: Tab) -> str:
    return tab.page.locator("[data-pane=error] .lv-caption").inner_text()
