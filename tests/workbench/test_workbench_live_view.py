"""The live view on clips of random fields: what it shows at first, what a link restores, what two views share."""

import numpy as np
import pytest

from tests.workbench.live_clip import Clip
from tests.workbench.live_tab import Tab, assert_drawn
from vspwlib.labels import CLASS_NAMES

pytestmark = pytest.mark.browser


def test_one_run_is_shown_against_the_truth(tab: Tab) -> None:
    clip = Clip("single", runs=1)
    tab.open(clip, state={"opacity": 1})
    assert tab.panes() == ["frame", "truth", "a", "error"]
    assert_drawn(tab.pixels("a", clip), clip.contents[0])
    assert_drawn(tab.pixels("truth", clip), clip.truths[0])
    assert np.abs(tab.pixels("truth", clip)[clip.truths[0] == 255]).max() <= 2  # void shows the frame, which is black
    assert tab.value("miou-value") == pytest.approx(clip.miou(clip.contents[0], 0), abs=1e-12)
    assert tab.get("split-miou-value").count() == 0
    assert tab.get("tau-slider").count() == 0
    errors = tab.pixels("error", clip)
    wrong = (clip.contents[0] != clip.truths[0]) & (clip.truths[0] != 255)
    orange = errors[..., 0] > 150
    assert np.array_equal(orange, wrong)


def test_a_link_restores_the_view_and_changes_are_told_once(tab: Tab) -> None:
    clip = Clip("pair")
    state = {
        "frame": "00000013", "tau": 0.123, "panes": ["truth", "fused"], "opacity": 0.35, "focus": 3,
        "palette": "dataset", "errors": "runs",
    }  # fmt: skip
    tab.open(clip, frame=3, state={**state, "nonsense": 1})
    assert tab.state() == state
    assert tab.panes() == ["truth", "fused"]
    assert tab.get("play").get_attribute("title") == "Play (space)"  # links open paused
    tab.page.wait_for_timeout(300)
    assert tab.page.evaluate("() => window.states") == []
    for k in range(200, 260, 5):
        tab.tau(k)
    tab.page.wait_for_function("() => window.states.length > 0")
    tab.page.wait_for_timeout(300)
    assert tab.page.evaluate("() => window.states") == [{**state, "tau": 0.255}]
    tab.get("live-view").evaluate("view => view.__live.view.setState({ tau: 0.5 })")
    tab.page.wait_for_timeout(300)
    assert len(tab.page.evaluate("() => window.states")) == 1
    assert tab.state() == {**state, "tau": 0.5}


@pytest.mark.parametrize(
    "state",
    [
        None,
        {"frame": "no such", "tau": 7, "panes": ["nothing"], "opacity": "1", "focus": 900, "palette": "x", "errors": 3},
        {"panes": "frame", "weights": [1], "runs": [5, 6]},
    ],
)
def test_a_state_that_makes_no_sense_gives_the_first_view(tab: Tab, state: dict | None) -> None:
    clip = Clip("pair")
    tab.open(clip, state=state)
    found = tab.state()
    assert found["frame"] == "00000010"
    assert found["tau"] == pytest.approx(clip.curve.best()[0], abs=5.1e-4)
    assert (found["focus"], found["palette"], found["opacity"]) == (None, "glasbey", 0.6)
    assert found["panes"] == ["frame", "truth", "a", "b", "fused", "error"]


def test_two_views_on_a_page_share_nothing(tab: Tab) -> None:
    first, second = Clip("pair", seed=1), Clip("single", runs=1, seed=2)
    tab.open(first, state={"tau": 0.2, "opacity": 1})
    tab.open(second, at=1, state={"opacity": 1})
    tab.get("live-view").nth(1).focus()
    tab.press("ArrowRight", "ArrowRight", "1")
    tab.shown(2, at=1)
    assert tab.state()["frame"] == "00000010"
    assert tab.state(at=1)["frame"] == "00000012"
    assert tab.state(at=1)["panes"] == ["truth", "a", "error"]
    assert len(tab.state()["panes"]) == 6
    assert_drawn(tab.pixels("fused", first), first.labels(0, 0.2))
    assert_drawn(tab.pixels("a", second, at=1), second.contents[2])
    tab.get("live-view").nth(0).evaluate("view => view.__live.view.close()")
    tab.get("live-view").first.focus()
    tab.press("ArrowLeft")
    tab.shown(1)


def test_a_clip_without_any_truth_shows_no_pane_for_it(tab: Tab) -> None:
    tab.open(Clip("single", count=2, runs=1, truth_missing=(0, 1)))
    assert tab.panes() == ["frame", "a"]


def test_the_colour_blind_mode_uses_eight_colours_lines_and_names(tab: Tab) -> None:
    clip = Clip("single", runs=1, size=(120, 200))
    clip.contents[0][20:80, 30:90] = 3
    tab.open(clip, state={"opacity": 1, "palette": "safe", "panes": ["frame", "truth", "a"]})
    found = {tuple(pixel) for pixel in tab.pixels("a", clip).reshape(-1, 3).tolist()}
    safe = tab.page.evaluate("async () => { const c = await import('/src/colours.js'); return [...c.SAFE, c.REST]; }")
    allowed = {tuple(bytes.fromhex(colour)) for colour in safe}
    assert 3 <= len(found & allowed) <= 9
    assert any(max(colour) < 40 for colour in found)  # lines between classes
    names = tab.get("live-view").evaluate("v => v.__live.view.stage.panes.get('a').names.map(n => n.text)")
    assert names == [CLASS_NAMES[3]]  # the only region of some size


def test_a_class_in_focus_has_an_outline(tab: Tab) -> None:
    clip = Clip("single", runs=1, size=(120, 200))
    number = int(np.bincount(clip.contents[0].ravel()).argmax())
    tab.open(clip, state={"opacity": 1, "focus": number, "panes": ["frame", "truth", "a"]})
    white = (tab.pixels("a", clip) == 255).all(axis=2)
    inside = clip.contents[0] == number
    edge = np.zeros(inside.shape, bool)
    edge[:, :-1] |= inside[:, 1:] != inside[:, :-1]
    edge[:-1] |= inside[1:] != inside[:-1]
    assert np.array_equal(white, edge)


@pytest.mark.parametrize("width", [1280, 820, 420])
def test_nothing_is_cut_off_at_any_width(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 720})
    tab.open(Clip("pair"))
    script = """() => {
        const view = document.querySelector('[data-testid=live-view]'), box = view.getBoundingClientRect();
        const parts = [...view.querySelectorAll('.lv-pane:not([hidden]), input, button, select')];
        return parts.filter(part => part.offsetParent && part.getBoundingClientRect().right > box.right + 1)
            .map(part => part.outerHTML.slice(0, 80));
    }"""
    assert tab.page.evaluate(script) == []
    sizes = tab.page.evaluate("() => [...document.querySelectorAll('.lv-pane:not([hidden])')].map(p => p.clientWidth)")
    assert min(sizes) > 100


def test_on_a_narrow_screen_controls_come_before_the_list_of_classes(tab: Tab) -> None:
    tab.open(Clip("pair"))
    order = """() => {
        const view = document.querySelector('[data-testid=live-view]').__live.view;
        return Boolean(view.legend.element.compareDocumentPosition(view.dock) & Node.DOCUMENT_POSITION_PRECEDING);
    }"""
    for width in (700, 1200, 700):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_function(f"() => ({order})() === {str(width < 860).lower()}")
    grid = tab.get("live-view").evaluate("v => v.__live.view.stage.grid.style.gridTemplateColumns")
    assert grid.startswith("repeat(2,")
