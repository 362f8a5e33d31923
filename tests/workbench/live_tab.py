"""A page with live views on it, and what can be read off it."""

from typing import Any

import numpy as np

from tests.workbench.live_clip import Clip, Site
from vspwlib.labels import palette

PATIENCE = 20_000  # milliseconds; a loaded machine is slow, not broken
SHOWN = """([frame, at]) => {
    const view = document.querySelectorAll('[data-testid=live-view]')[at];
    const panes = view ? [...view.querySelectorAll('.lv-pane:not([hidden]) canvas')] : [];
    return panes.length > 0 && panes.every(pane => pane.dataset.frame === String(frame));
}"""
COMPLETE = "at => !document.querySelectorAll('[data-testid=timeline]')[at].innerText.includes('being computed')"
# The middle of every mask pixel, as RGB.
PIXELS = """([name, width, height, at]) => {
    const canvas = document.querySelectorAll(`[data-testid=pane-${name}]`)[at];
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const found = [];
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
        const column = Math.floor((x + 0.5) * canvas.width / width);
        const row = Math.floor((y + 0.5) * canvas.height / height);
        found.push(...data.slice(4 * (row * canvas.width + column), 4 * (row * canvas.width + column) + 3));
    }
    return found;
}"""

# What the sources are tried with.
PRELUDE = """
const load = (name) => import(`/src/${name}.js`);
const opened = async (text) => {
  const { unpack } = await load("container");
  return unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer, "a test");
};
"""


class Tab:
    """A page with views on it."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site = page, site

    def open(self, clip: Clip, *, at: int = 0, frame: int = 0, wait: bool = True, **options: Any) -> None:
        """Mount a view of a clip and wait until its frame is on show and nothing moves any more."""
        self.site.clips[str(at)] = clip
        self.page.evaluate("([key, options]) => { window.open_view(key, options); }", [str(at), options])
        if wait:
            self.shown(frame, at=at)
            self.page.wait_for_function(COMPLETE, arg=at)
            self.settle()

    def shown(self, frame: int, *, at: int = 0) -> None:
        self.page.wait_for_function(SHOWN, arg=[frame, at])

    def pixels(self, name: str, clip: Clip, *, at: int = 0) -> np.ndarray:
        """Return the colours of a pane at the middle of every pixel of its frame: (H, W, 3)."""
        height, width = clip.size
        return np.array(self.page.evaluate(PIXELS, [name, width, height, at])).reshape(height, width, 3)

    def tau(self, k: int) -> None:
        """Drag the slider of tau to k/1000."""
        script = "(slider, k) => { slider.value = k; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
        self.get("tau-slider").evaluate(script, k)
        self.settle()

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def get(self, test_id: str) -> Any:
        return self.page.get_by_test_id(test_id)

    def value(self, test_id: str) -> float:
        return float(self.get(test_id).get_attribute("data-value"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self) -> None:
        self.get("live-view").first.focus()

    def state(self, *, at: int = 0) -> dict:
        script = "view => view.__live.view.getState()"
        return self.get("live-view").nth(at).evaluate(script)

    def panes(self) -> list[str]:
        return self.page.locator(".lv-pane:not([hidden])").evaluate_all("panes => panes.map(p => p.dataset.pane)")


def masks(labels: np.ndarray, name: str = "glasbey") -> np.ndarray:
    """What a pane shows of a label map at full opacity, where it is not void."""
    return palette(name)[labels].astype(int)


def assert_drawn(found: np.ndarray, labels: np.ndarray, name: str = "glasbey") -> None:
    valid = labels != 255
    assert valid.any()
    assert np.array_equal(found[valid], masks(labels, name)[valid])
