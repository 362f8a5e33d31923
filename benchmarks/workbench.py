"""The live view in a real browser, and beside it the same with ``st.slider`` and ``st.image``.

    python benchmarks/workbench.py                     two clips of random fields at 480x854, 124 classes, 70 frames
    python benchmarks/workbench.py --frames 30 --switches 20

Times are those of Debian's Chromium without a GPU, on a server on the same machine. From event to paint: from the event
to the first task after the next frame has been handed over, as a page can measure it.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from app_server import RUNS, VIDEOS, make_workspace, memory_mb, served
from playwright.sync_api import Page, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]

SIMPLE = """
import numpy as np, streamlit as st
from vspwlib.labels import colourise
from workbench import data
from vspwlib.runs import Workspace

place = Workspace.locate()
stores = [place.predictions(run, "data", "val") for run in ("first", "second")]

@st.cache_resource
def envelope():
    from vspwlib.ensemble.sweep import envelope_of_scores
    from vspwlib.predict.store import ScoreStore
    first, second = (ScoreStore.open(path) for path in stores)
    frame = first.frames("walk")[0]
    scores = [store.scores("walk", frame) for store in (first, second)]
    return envelope_of_scores(*scores, first.size("walk", frame))

@st.fragment
def show():
    tau = st.slider("tau", 0.0, 1.0, 0.5, 0.01)
    st.image(colourise(envelope().labels(tau)), output_format="JPEG")

show()
"""

WATCH = """([name, event]) => {
    const roots = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)];
    const find = id => roots.map(root => root.querySelector(`[data-testid=${id}]`)).find(Boolean);
    const view = find('live-view');
    window.taken = [];
    window.live = view.__live;
    find(name).addEventListener(event, () => {
        const began = performance.now();
        const settle = () => requestAnimationFrame(() => {
            if (event === 'keydown' && view.__live.view.shown !== view.__live.view.target) return settle();
            const {port1, port2} = new MessageChannel();
            port1.onmessage = () => window.taken.push(performance.now() - began);
            port2.postMessage(0);
        });
        settle();
    });
}"""


def quantiles(page: Page) -> str:
    """Say the median and the 95th percentile of what was taken, in milliseconds."""
    taken = np.array(page.evaluate("window.taken"))
    return f"p50 {np.median(taken):6.1f}  p95 {np.quantile(taken, 0.95):6.1f} ms  (n = {len(taken)})"


def wait_for_view(page: Page) -> None:
    """Wait until a frame is on show."""
    page.get_by_test_id("live-view").wait_for()
    page.wait_for_function(
        """() => [...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)
            .some(root => root.querySelector('[data-testid=live-view]')?.__live?.view.shown >= 0)"""
    )


def drag_tau(page: Page) -> None:
    """Drag tau to and fro, as fast as the browser takes it."""
    box = page.get_by_test_id("tau-slider").bounding_box()
    assert box is not None
    across = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 10, across)
    page.mouse.down()
    for step in range(300):
        page.mouse.move(box["x"] + 10 + (box["width"] - 20) * (0.5 + 0.5 * np.sin(step / 20)), across)
    page.mouse.up()


def measure_view(page: Page, address: str, frames: int) -> None:
    """Drag tau, step through frames, play."""
    began = time.perf_counter()
    page.goto(f"{address}/ensemble?split=data-val&first={RUNS[0]}&second={RUNS[1]}&video={VIDEOS[0]}")
    wait_for_view(page)
    print(f"{'page with its first frame':38s} {time.perf_counter() - began:6.2f} s")
    page.wait_for_timeout(1000)
    page.evaluate(WATCH, ["tau-slider", "input"])
    drag_tau(page)
    print(f"{'tau: event to paint, clip streaming in':38s} {quantiles(page)}")
    page.wait_for_function("() => window.live.view.cache.loading.size === 0")
    page.wait_for_timeout(1000)
    page.evaluate("window.taken = []")
    drag_tau(page)
    print(f"{'tau: event to paint':38s} {quantiles(page)}")
    page.evaluate(WATCH, ["live-view", "keydown"])
    page.get_by_test_id("live-view").focus()
    for _ in range(frames - 1):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(40)
    print(f"{'frame step: key to paint':38s} {quantiles(page)}")
    page.keyboard.press("Home")
    page.wait_for_timeout(500)
    page.keyboard.press("Space")
    page.wait_for_timeout(10_000)
    page.keyboard.press("Space")
    counted = page.evaluate("window.live.counters")
    played = ", ".join(f"{name} {counted[name]}" for name in ("shown", "dropped", "waits"))
    print(f"{'10 s of play, 6 panes':38s} {played}")
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    print(f"{'heap of the page':38s} {heap:6.0f} MB")


def measure_pages(page: Page, address: str, process: int, switches: int) -> None:
    """Switch pages and clips, and watch the server's memory."""
    taken = []
    for name in ("Overview", "Clips", "Classes", "Clips", "Overview", "Clips"):
        began = time.perf_counter()
        page.get_by_test_id("stTopNav").get_by_role("link", name=name).click()
        if name == "Clips":
            wait_for_view(page)
        else:
            page.get_by_test_id("stDataFrame").or_(page.get_by_test_id("stAlert")).first.wait_for()
        taken.append(time.perf_counter() - began)
    print(f"{'page switch':38s} median {np.median(taken):.2f}, longest {max(taken):.2f} s")
    levels = []
    for index in range(switches):
        page.goto(f"{address}/clips?split=data-val&run={RUNS[0]}&video={VIDEOS[index % 2]}")
        wait_for_view(page)
        levels.append(memory_mb(process))
    half = switches // 2
    text = f"{levels[0]:.0f} MB at first, {levels[half]:.0f} after {half}, {levels[-1]:.0f} after {switches} clips"
    print(f"{'memory of the server':38s} {text}")


def measure_simple(page: Page, address: str) -> None:
    """Move ``st.slider`` by keys and wait for ``st.image``."""
    page.goto(address)
    image = page.get_by_test_id("stImage").locator("img")
    image.wait_for()
    page.wait_for_timeout(1000)
    page.get_by_role("slider").focus()
    taken = []
    for _ in range(30):
        before = image.get_attribute("src")
        began = time.perf_counter()
        page.keyboard.press("ArrowRight")
        script = "before => { const i = document.querySelector('[data-testid=stImage] img');"
        page.wait_for_function(f"{script} return i && i.src !== before && i.complete; }}", arg=_absolute(page, before))
        taken.append(1000 * (time.perf_counter() - began))
    text = f"p50 {np.median(taken):6.1f}  p95 {np.quantile(taken, 0.95):6.1f} ms"
    print(f"{'st.slider and st.image: key to picture':38s} {text}  (one pane, nothing while dragging)")


def _absolute(page: Page, source: str | None) -> str:
    return str(page.evaluate("source => new URL(source, location).href", source))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=70)
    parser.add_argument("--switches", type=int, default=200)
    arguments = parser.parse_args()
    chromium: Any = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium: expected an installed one, got none. Fix: apt-get install chromium.")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = make_workspace(Path(folder), arguments.frames)
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(120_000)
        with served("app.py", workspace) as (address, process):
            measure_view(page, address, arguments.frames)
            measure_pages(page, address, process, arguments.switches)
        simple = Path(folder) / "simple.py"
        simple.write_text(SIMPLE, encoding="utf-8")
        with served(str(simple), workspace) as (address, _):
            measure_simple(page, address)
        browser.close()


if __name__ == "__main__":
    main()
