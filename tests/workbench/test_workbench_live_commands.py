"""What a user does to the live view: keys, pointer, legend, timeline, buttons."""

import re
from typing import Any

import numpy as np
import pytest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import Tab, assert_drawn, masks
from vspwlib.labels import CLASS_NAMES

pytestmark = pytest.mark.browser


def test_keys_work_while_the_view_has_the_focus_and_not_otherwise(tab: Tab) -> None:
    clip = Clip("pair", count=25, size=(8, 12))
    tab.open(clip, state={"tau": 0.5})
    tab.page.locator("#outside").focus()
    tab.press("ArrowRight", "End", "o", "1")
    assert tab.state()["frame"] == "00000010"
    assert len(tab.panes()) == 6
    tab.focus()
    for key, frame in [
        ("ArrowRight", 1), (".", 2), (",", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 24),
        ("ArrowRight", 24), ("Shift+ArrowLeft", 14), ("Home", 0), ("ArrowLeft", 0),
    ]:  # fmt: skip
        tab.press(key)
        assert tab.state()["frame"] == f"{10 + frame:08d}", key
    tab.press("]", "]", "[")
    assert tab.state()["tau"] == pytest.approx(0.51)
    tab.press("1", "d")
    assert tab.panes() == ["truth", "a", "b", "fused"]
    tab.press("6", "9")
    assert tab.panes() == ["truth", "a", "b", "fused", "error"]
    before = tab.pixels("fused", clip)
    tab.press("o")
    tab.settle()
    assert not np.array_equal(tab.pixels("fused", clip), before)
    assert np.ptp(tab.pixels("fused", clip)) <= 2  # the frame alone
    tab.press("?")
    assert tab.page.get_by_role("dialog").is_visible()
    tab.press("Escape")
    assert not tab.page.get_by_role("dialog").is_visible()


def test_sliders_and_lists_keep_their_own_keys(tab: Tab) -> None:
    tab.open(Clip("pair"), state={"tau": 0.5})
    tab.get("tau-slider").focus()
    tab.press("ArrowRight", "ArrowRight")
    assert tab.state()["tau"] == pytest.approx(0.502)
    assert tab.state()["frame"] == "00000010"
    tab.press("]")
    assert tab.state()["tau"] == pytest.approx(0.512)
    tab.get("frame-slider").focus()
    tab.press("ArrowRight", "Shift+ArrowRight")
    assert tab.state()["frame"] == "00000015"
    assert tab.get("frame-slider").get_attribute("aria-valuetext") == "frame 6 of 6"
    tab.page.get_by_label("colours").focus()
    tab.press("ArrowLeft", "3")
    assert tab.state()["frame"] == "00000015"
    assert len(tab.panes()) == 6


def test_the_card_names_what_is_under_the_cursor_and_fetches_scores(tab: Tab) -> None:
    clip = Clip("pair", seed=3)
    tab.open(clip, state={"tau": 0.4})
    x, y = 17, 11
    box = tab.get("pane-fused").bounding_box()
    tab.page.mouse.move(box["x"] + (x + 0.5) / 40 * box["width"], box["y"] + (y + 0.5) / 24 * box["height"])
    card = tab.get("hover-card")
    rows = card.locator(".lv-card-row")
    ids = [clip.truths[0], clip.labels(0, 1.0), clip.labels(0, 0.0), clip.labels(0, 0.4)]
    for row, title, labels in zip(rows.all(), ("Truth", "A", "B", "Fused"), ids, strict=True):
        name = CLASS_NAMES[labels[y, x]]
        wrong = title != "Truth" and labels[y, x] != clip.truths[0][y, x]
        assert row.inner_text().split() == [title, name, *["✗"] * int(wrong)]
    scores = card.locator(".lv-card-class")
    scores.first.wait_for()
    fused = 0.4 * clip.fields[0][0][:, y, x] + 0.6 * clip.fields[0][1][:, y, x]
    order = np.argsort(-fused, kind="stable")[:5]
    assert [row.locator(".lv-ellipsis").inner_text() for row in scores.all()] == [CLASS_NAMES[c] for c in order]
    numbers = [f"{100 * p[order[0], y, x]:.1f} %" for p in clip.fields[0]]
    assert scores.first.locator(".lv-number").all_inner_texts() == numbers
    crosses = tab.page.locator(".lv-pane:not([hidden]) .lv-cross-x")
    assert {cross.evaluate("line => line.style.left") for cross in crosses.all()} == {
        crosses.first.evaluate("line => line.style.left")
    }
    asked = [name for name in tab.site.asked if "scores" in name]
    assert asked == [f"0/scores/0/{x}/{y}"]
    tab.page.mouse.move(2, 2)
    assert not card.is_visible()


def test_scores_are_asked_for_once_the_cursor_rests(tab: Tab) -> None:
    tab.open(Clip("pair"))
    box = tab.get("pane-truth").bounding_box()
    for step in range(30):
        tab.page.mouse.move(box["x"] + 10 + 5 * step, box["y"] + 60)
    tab.get("hover-card").locator(".lv-card-class").first.wait_for()
    tab.page.mouse.move(box["x"] + 20, box["y"] + 30)
    tab.get("hover-card").locator(".lv-card-class").first.wait_for()
    tab.page.mouse.move(box["x"] + 10 + 5 * 29, box["y"] + 60)  # known already
    tab.get("hover-card").locator(".lv-card-class").first.wait_for()
    assert len([name for name in tab.site.asked if "scores" in name]) <= 8


def test_a_click_puts_a_class_in_focus_and_escape_ends_it(tab: Tab) -> None:
    clip = Clip("single", runs=1)
    tab.open(clip, state={"opacity": 1})
    labels = clip.contents[0]
    legend = tab.get("legend")
    there = np.bincount(clip.truths[0][clip.truths[0] != 255])
    largest = int(there.argmax())
    first = legend.get_by_role("button").first
    assert CLASS_NAMES[largest] in first.inner_text()
    first.click()
    tab.page.mouse.move(2, 2)
    tab.settle()
    assert tab.state()["focus"] == largest
    found = tab.pixels("a", clip)
    assert np.array_equal((found == masks(labels)).all(axis=2), labels == largest)
    tab.focus()
    tab.press("Escape")
    tab.settle()
    assert tab.state()["focus"] is None
    assert_drawn(tab.pixels("a", clip), labels)
    box = tab.get("pane-a").bounding_box()
    y, x = np.argwhere(labels != largest)[0]
    place = (box["x"] + (x + 0.5) / 40 * box["width"], box["y"] + (y + 0.5) / 24 * box["height"])
    tab.page.mouse.click(*place)
    assert tab.state()["focus"] == labels[y, x]
    tab.page.mouse.click(*place)
    assert tab.state()["focus"] is None


def test_the_timeline_goes_to_frames_and_follows_tau(tab: Tab) -> None:
    tab.open(Clip("pair", count=11), state={"tau": 0})
    timeline = tab.get("timeline")
    timeline.get_by_role("button", name="mIoU fused").wait_for()
    assert timeline.locator("path.lv-line").count() == 4
    box = timeline.locator(".lv-lanes").bounding_box()
    tab.page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 20)
    tab.shown(7)
    worst = timeline.locator(".lv-worst")
    assert worst.count() == 2
    worst.nth(1).click()
    tab.shown(1)
    values = dict(re.findall(r"(mIoU \w+|disagreement)\s*([\d.]+)", timeline.inner_text()))
    assert values == {"mIoU A": "5.0", "mIoU B": "10.0", "disagreement": "25.0", "mIoU fused": "10.0"}
    for k, shown in ((240, "10.0"), (260, "12.0"), (760, "14.0")):  # the nearest of three tau
        tab.tau(k)
        assert timeline.get_by_role("button", name="mIoU fused").inner_text().split()[-1] == shown
    key = timeline.get_by_role("button", name="mIoU B")
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert timeline.locator("path.lv-line").nth(1).get_attribute("d") == ""


def test_zoom_and_pan_are_linked_and_a_double_click_ends_them(tab: Tab) -> None:
    clip = Clip("single", runs=1)
    tab.open(clip, state={"opacity": 1})
    box = tab.get("pane-a").bounding_box()
    corner = (box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
    whole = tab.pixels("a", clip)
    tab.page.mouse.move(*corner)
    tab.page.mouse.wheel(0, -600)
    tab.settle()
    assert np.array_equal(tab.pixels("a", clip), whole)  # without the focus the page is scrolled
    tab.page.locator(".lv-zoom").click()
    tab.focus()
    tab.page.mouse.move(*corner)
    tab.page.mouse.wheel(0, -277.26)  # doubled
    tab.page.wait_for_function("() => document.querySelector('.lv-zoom').textContent === '200%'")
    tab.settle()
    zoomed = clip.contents[0][12:, 20:].repeat(2, 0).repeat(2, 1)
    assert (tab.pixels("a", clip) == masks(zoomed)).all(axis=2).mean() > 0.9
    truth = clip.truths[0][12:, 20:].repeat(2, 0).repeat(2, 1)
    valid = truth != 255
    assert (tab.pixels("truth", clip) == masks(truth)).all(axis=2)[valid].mean() > 0.9
    tab.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 20)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 20, steps=4)
    tab.page.mouse.up()
    tab.settle()
    moved = clip.contents[0][12:, 10:30].repeat(2, 0).repeat(2, 1)
    assert (tab.pixels("a", clip) == masks(moved)).all(axis=2).mean() > 0.9
    assert tab.state()["focus"] is None  # a drag is no click
    tab.page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.settle()
    assert np.array_equal(tab.pixels("a", clip), whole)


def test_a_pane_is_saved_as_png_of_the_frame(tab: Tab, tmp_path: Any) -> None:
    from PIL import Image

    clip = Clip("single", runs=1)
    tab.open(clip, state={"opacity": 1})
    tab.page.locator("[data-pane=a]").hover()
    with tab.page.expect_download() as download:
        tab.page.locator("[data-pane=a] .lv-save").click()
    assert download.value.suggested_filename == "walk-00000010-a.png"
    download.value.save_as(tmp_path / "a.png")
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert np.array_equal(picture, masks(clip.contents[0]))


def test_buttons_for_python_call_back(tab: Tab) -> None:
    tab.open(Clip("single", runs=1), actions=[{"name": "mp4", "label": "MP4"}])
    tab.get("live-actions").get_by_role("button", name="MP4").click()
    assert tab.page.evaluate("() => window.actions") == ["mp4"]
