"""Frames of the live view: whole or not at all, ahead of the playhead, within a budget; errors at their frame."""

import numpy as np
import pytest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import Tab, assert_drawn, masks

pytestmark = pytest.mark.browser


def test_a_missing_pack_shows_a_message_and_the_rest_goes_on(tab: Tab) -> None:
    clip = Clip("pair")
    tab.site.broken["0/1.bin"] = None
    tab.open(clip)
    tab.focus()
    tab.press("ArrowRight")
    alert = tab.page.get_by_role("alert")
    alert.wait_for()
    for text in ("Frame 2, 00000011", "expected a stored frame", "got nothing", "where 1.bin", "fix predict it again"):
        assert text in alert.inner_text()
    assert tab.get("miou-value").get_attribute("data-value") is None
    tab.press("ArrowRight")
    tab.shown(2)
    assert not alert.is_visible()
    assert tab.value("miou-value") == pytest.approx(clip.miou(clip.labels(2, tab.state()["tau"]), 2), abs=1e-12)
    tab.press("ArrowLeft")
    alert.wait_for()
    tab.site.broken.clear()
    alert.get_by_role("button", name="Retry").click()
    tab.shown(1)
    assert not alert.is_visible()


@pytest.mark.parametrize("name", ["2.bin", "2.jpg"])
@pytest.mark.parametrize("data", [b"", b"rubbish that is no pack and no picture"])
def test_a_broken_pack_is_not_drawn(tab: Tab, name: str, data: bytes) -> None:
    tab.site.broken[f"0/{name}"] = data
    tab.open(Clip("pair"), state={"frame": "00000012"}, wait=False)
    alert = tab.page.get_by_role("alert")
    alert.wait_for()
    assert "Frame 3, 00000012" in alert.inner_text()
    assert f"{len(data)} bytes" in alert.inner_text() or "something else" in alert.inner_text()
    tab.focus()
    tab.press("ArrowRight")
    tab.shown(3)


def test_a_pack_of_another_size_is_not_drawn(tab: Tab) -> None:
    other = Clip("pair", size=(12, 20))
    tab.site.broken |= {f"0/{name}": other.resource(name)[0] for name in ("0.bin", "1.jpg")}
    tab.open(Clip("pair"), wait=False)
    alert = tab.page.get_by_role("alert")
    alert.wait_for()
    assert "expected labels of 40x24" in alert.inner_text()
    tab.focus()
    tab.press("ArrowRight")
    tab.page.get_by_text("an image of 40x24").wait_for()


def test_a_clip_that_cannot_be_read_says_so_and_can_be_tried_again(tab: Tab) -> None:
    tab.site.broken["0/clip.json"] = None
    tab.open(Clip("single", runs=1), wait=False)
    tab.page.get_by_text("expected a stored frame, got nothing (clip.json). Fix: predict it again").wait_for()
    tab.site.broken["0/clip.json"] = b'{"version": 2}'
    tab.page.get_by_role("button", name="Retry").click()
    tab.page.get_by_text("expected clip.json of version 1, got 2").wait_for()
    tab.site.broken.clear()
    tab.page.get_by_role("button", name="Retry").click()
    tab.shown(0)


def test_a_timeline_that_cannot_be_read_leaves_the_rest(tab: Tab) -> None:
    tab.site.broken["0/timeline.json"] = None
    tab.open(Clip("pair"))
    message = tab.get("timeline").get_by_text("Timeline: expected a stored frame")
    message.wait_for()
    tab.site.broken.clear()
    tab.get("timeline").get_by_role("button", name="Retry").click()
    tab.get("timeline").get_by_role("button", name="mIoU A").wait_for()
    assert not message.is_visible()


def test_playing_never_lays_a_mask_on_another_frame(tab: Tab) -> None:
    """Every frame has its grey and its class; packs and images come late and out of step."""
    clip = Clip("single", count=8, runs=1)
    for index in range(8):
        clip.contents[index][:] = clip.truths[index][:] = index
    for index in range(8):
        tab.site.delays[f"{index}.jpg"] = index % 3 / 20 + 0.4 * (index == 5)
        tab.site.delays[f"{index}.bin"] = index % 2 / 10 + 0.4 * (index == 4)
    tab.open(clip, state={"opacity": 1, "panes": ["frame", "truth", "a"]})
    colours = masks(np.arange(8, dtype=np.uint8)).tolist()
    script = """async ([colours, budget]) => {
        const seen = new Set(), wrong = [];
        const read = (name) => {
            const canvas = document.querySelector(`[data-testid=pane-${name}]`);
            const middle = canvas.getContext('2d').getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1);
            return [...middle.data.slice(0, 3)];
        };
        document.querySelector('[data-testid=play]').click();
        for (let tick = 0; tick < budget; tick++) {
            await new Promise(requestAnimationFrame);
            const grey = Math.round(read('frame')[0] / 10);
            const shown = ['a', 'truth'].map(name => colours.findIndex(c => c.every((v, at) => v === read(name)[at])));
            seen.add(grey);
            if (shown.some(index => index !== grey)) wrong.push([grey, ...shown]);
            if (seen.size === 8 && tick > 60) break;
        }
        document.querySelector('[data-testid=play]').click();
        return [[...seen], wrong, document.querySelector('[data-testid=live-view]').__live.counters];
    }"""
    seen, wrong, counters = tab.page.evaluate(script, [colours, 600])
    assert wrong == []
    assert sorted(seen) == list(range(8))
    assert counters["shown"] >= 7
    assert counters["waits"] > 0


def test_playing_goes_past_a_missing_frame_and_stops_at_the_end_without_loop(tab: Tab) -> None:
    tab.site.broken["0/2.bin"] = None
    tab.open(Clip("single", count=5, runs=1, size=(8, 12)))
    tab.page.get_by_role("button", name="Begin again").click()
    tab.focus()
    tab.press(" ")
    tab.page.get_by_title("Pause (space)").wait_for()
    tab.shown(4)
    tab.page.get_by_title("Play (space)").wait_for()
    assert tab.state()["frame"] == "00000014"
    tab.page.wait_for_function("() => window.states.length === 1")  # told when it stopped, not before


def test_a_small_budget_bounds_what_is_kept_and_frames_stay_right(tab: Tab) -> None:
    clip = Clip("single", count=30, runs=1, size=(8, 12))
    tab.open(clip, state={"opacity": 1}, budget=8000)
    tab.focus()
    for index in [*range(1, 30), *range(28, 0, -4)]:
        tab.get("frame-slider").fill(str(index))
        tab.shown(index)
        assert_drawn(tab.pixels("a", clip), clip.contents[index])
    kept = tab.get("live-view").evaluate("v => [v.__live.view.cache.bytes, v.__live.view.cache.frames.size]")
    assert kept[0] <= 8000
    assert 2 <= kept[1] < 20


@pytest.mark.parametrize("budget", [8000, 2000, 1])
def test_a_full_cache_comes_to_rest(tab: Tab, budget: int) -> None:
    tab.open(Clip("single", count=30, runs=1, size=(8, 12)), budget=budget)
    tab.focus()
    tab.press("ArrowRight")
    tab.shown(1)
    cache = "document.querySelector('[data-testid=live-view]').__live.view.cache"
    tab.page.wait_for_function(f"() => {cache}.loading.size === 0")
    asked = len(tab.site.asked)
    tab.page.wait_for_timeout(300)
    assert len(tab.site.asked) == asked
    assert tab.page.evaluate(f"() => {cache}.frames.has(1) && {cache}.frames.has(2)")


def test_frames_ahead_are_fetched_before_they_are_asked_for(tab: Tab) -> None:
    tab.open(Clip("single", count=6, runs=1))
    ready = "() => document.querySelector('[data-testid=live-view]').__live.view.cache.frames.size === 6"
    tab.page.wait_for_function(ready)
    packs = [name for name in tab.site.asked if name.endswith(".bin")]
    assert {f"0/{i}.bin" for i in range(6)} <= set(packs)
