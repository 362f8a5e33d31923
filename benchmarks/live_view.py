"""The live view in headless Chromium: from an event to the frame that shows it, playback, memory.

A pair of random networks at 480x854 and 124 classes, 70 frames (ten different ones over and over), five panes at
1280x720. Wall time of a real browser without a GPU, so figures are those of a machine and its other jobs:

    python benchmarks/live_view.py
"""

import io
import json
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from vspwlib.ensemble.curve import tau_curve
from vspwlib.ensemble.envelope import Envelope, envelope
from vspwlib.labels import CLASS_NAMES, palette
from workbench.live.container import frame_pack

CLASSES, SIZE, FRAMES, DIFFERENT, SECONDS = 124, (480, 854), 70, 10, 10
IN_VIEW = 14  # classes that most pixels are of, as in a frame of VSPW
LIVE = Path(__file__).resolve().parents[1] / "workbench" / "live"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
PAGE = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/live_view.css"><div id="place"></div>
<script type="module">
import { LiveView, httpSource } from "/live_view.js";
const panes = ["frame", "truth", "a", "fused", "error"];
new LiveView(document.getElementById("place"), httpSource("/packs"), { state: { panes, tau: 0.5 } });
// From an event to the task after the frame that it asked for: that frame has been handed to the screen.
window.times = [];
window.watch = (type) => document.addEventListener(type, (event) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => window.times.push(performance.now() - event.timeStamp);
  channel.port2.postMessage(null);
}), true);
</script>"""


def make_frame(seed: int) -> tuple[Envelope, np.ndarray, bytes]:
    """Return the envelope of two random networks, a truth that both are near to, and a picture of some texture."""
    generator = torch.Generator().manual_seed(seed)
    shared = 4 * torch.randn(1, CLASSES, 12, 21, generator=generator)
    shared[:, torch.randperm(CLASSES, generator=generator)[IN_VIEW:]] -= 8
    fields = [shared + 0.6 * torch.randn(shared.shape, generator=generator) for _ in range(3)]
    large = [torch.nn.functional.interpolate(one, size=SIZE, mode="bicubic")[0] for one in fields]
    texture = torch.rand(1, 3, 60, 107, generator=generator)
    smooth = torch.nn.functional.interpolate(texture, size=SIZE, mode="bicubic")[0].clamp(0, 1)
    file = io.BytesIO()
    Image.fromarray((255 * smooth).byte().permute(1, 2, 0).numpy()).save(file, "JPEG", quality=90)
    found = envelope(large[0].softmax(0), large[1].softmax(0))
    return found, large[2].argmax(0).to(torch.uint8).numpy(), file.getvalue()


def make_clip() -> tuple[dict[str, bytes], float]:
    """Return the resources of the clip by name, and the changes a pixel."""
    made = [make_frame(seed) for seed in range(DIFFERENT)]
    curve = tau_curve([one[0] for one in made], [one[1] for one in made])
    tau, best = curve.best()
    frames = [{"name": f"{i:08d}", "width": SIZE[1], "height": SIZE[0], "truth": True} for i in range(FRAMES)]
    colours = {name: bytes(palette(name)[:CLASSES].reshape(-1)).hex() for name in ("glasbey", "dataset")}
    clip = {
        "version": 1, "video": "random", "split": "benchmark", "key": "0", "fps": 15, "frames": frames,
        "classes": list(CLASS_NAMES), "palettes": colours, "kind": "pair", "grid": 1000, "approximate": False,
        "runs": [{"name": "first", "short": "A"}, {"name": "second", "short": "B"}],
        "curve": {"miou": [curve.miou(k / 1000) for k in range(1001)], "best": {"tau": tau, "miou": best}},
    }  # fmt: skip
    resources = {"clip.json": json.dumps(clip).encode(), "timeline.json": b'{"series": []}'}
    for index, (found, truth, image) in enumerate(made):
        pack = frame_pack(found, truth)
        for at in range(index, FRAMES, DIFFERENT):
            resources |= {f"{at}.jpg": image, f"{at}.bin": pack}
    return resources, float(np.mean([found.breakpoints / found.start.size for found, *_ in made]))


def serve(resources: dict[str, bytes]) -> str:
    """Serve the page and the clip on a free port; return the address."""
    kinds = {"js": "text/javascript", "css": "text/css", "json": "application/json", "jpg": "image/jpeg"}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name = self.path.removeprefix("/packs/").lstrip("/")
            own = {"live_view.js", "live_view.css"}
            body = (
                PAGE.encode() if not name else (LIVE / name).read_bytes() if name in own else resources.get(name, b"")
            )
            self.send_response(200 if body else 404)
            kind = kinds.get(name.rpartition(".")[2], "application/octet-stream") if name else "text/html"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Keep quiet: a browser that leaves drops its connections."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def show(name: str, times: list[float]) -> None:
    p50, p95 = np.percentile(times, [50, 95])
    print(f"{name:44s} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   of {len(times)}")


def measure(page: Any) -> None:
    """Drag tau, step, play, and weigh."""
    loaded = "n => document.querySelector('.lv').__live.view.cache.frames.size >= n"
    held = page.evaluate("() => document.querySelector('.lv').__live.view.cache.capacity()")
    page.wait_for_function(loaded, arg=min(FRAMES, held) - 6)
    view = page.get_by_test_id("live-view")
    box = page.get_by_test_id("tau-slider").bounding_box()
    page.evaluate("() => window.watch('input')")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(240):
        share = 0.5 + 0.45 * np.sin(step / 12)
        page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
        page.wait_for_timeout(10)
    page.mouse.up()
    show("tau: drag to frame", page.evaluate("() => window.times.splice(0)"))
    work = view.evaluate("v => v.__live.counters.work")
    print(f"{'  work of the last update':44s}     {work:6.1f} ms")

    page.evaluate("() => window.watch('keydown')")
    view.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(40)
    show("frame: key to frame", page.evaluate("() => window.times.splice(0)"))

    before = view.evaluate("v => ({ ...v.__live.counters })")
    page.get_by_test_id("play").click()
    page.wait_for_timeout(1000 * SECONDS)
    page.get_by_test_id("play").click()
    after = view.evaluate("v => ({ ...v.__live.counters })")
    shown, dropped, waits = (after[name] - before[name] for name in ("shown", "dropped", "waits"))
    print(f"{SECONDS} s of playback at 15 fps, five panes: {shown} frames shown, {dropped} dropped, {waits} waits")

    heap = page.context.new_cdp_session(page).send("Runtime.getHeapUsage")
    cache = view.evaluate("v => [v.__live.view.cache.frames.size, v.__live.view.cache.bytes / 1e6]")
    arrays = heap.get("backingStorageSize", 0) / 1e6
    print(
        f"heap {heap['usedSize'] / 1e6:.0f} MB and arrays {arrays:.0f} MB; cache: {cache[0]} frames, {cache[1]:.0f} MB"
    )


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed (Debian: apt-get install chromium): nothing measured", file=sys.stderr)
        return
    from playwright.sync_api import sync_playwright

    torch.set_num_threads(1)
    resources, changes = make_clip()
    size = np.mean([len(resources[f"{i}.bin"]) for i in range(DIFFERENT)]) / 1e3
    print(
        f"{CLASSES} classes at {SIZE[0]}x{SIZE[1]}, {changes:.2f} changes a pixel, packs of {size:.0f} KB before gzip"
    )
    address = serve(resources)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(address)
        page.wait_for_selector("canvas[data-frame]")
        measure(page)
        browser.close()


if __name__ == "__main__":
    main()
